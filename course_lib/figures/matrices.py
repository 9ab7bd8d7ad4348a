"""Matrices drawn to scale, one cell for each entry: alone, or side by side as a formula. All still pictures use them.

`canvas` makes the axes: a cell is a square of side 1, and y grows downwards, as the row index does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.figures import style
from course_lib.figures.blocks import TINT
from course_lib.figures.motifs import INK

WIDTH = 8.2  # of a canvas, in inches
SIGN = 1.0  # width of a sign in a formula, in cells
PLAIN = "#dfe4ea"  # matrices without a motif: X, the output
PAIRS = "#efe3b0"  # matrices with an entry for each pair of tokens: A, P


def lighter(colour: str, share: float = 1 - TINT) -> str:
    """The colour mixed with a share of white; by default as pale as a block of `blocks`."""
    return to_hex(share + (1 - share) * np.array(to_rgb(colour)))


@dataclass(frozen=True)
class Matrix:
    """A matrix to draw: its name in TeX, its size, and the colour of its cells.

    `shape` is written below it. With a `frame`, such as `motifs.CACHED`, the frame has the colour and the cells are
    pale. `entries` are printed in the cells. Cells where `hidden` is true are hatched: a mask hides them.
    """

    name: str
    rows: int
    columns: int
    colour: str = PLAIN
    shape: str = ""
    frame: dict | None = None
    entries: np.ndarray | None = None
    hidden: np.ndarray | None = None


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of WIDTH inches with axes of `width` x `height` cells."""
    fig = Figure(figsize=(WIDTH, round(WIDTH * height / width, 2)), layout="none")
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    ax.set_axis_off()
    return fig, ax


def draw_matrix(ax: Axes, matrix: Matrix, x: float, y: float, name_at: str = "below") -> None:
    """Draw a matrix with its top left corner at (x, y) and its name above, below or left."""
    fill = lighter(matrix.colour) if matrix.frame else matrix.colour
    for i, j in np.ndindex(matrix.rows, matrix.columns):
        hidden = matrix.hidden is not None and matrix.hidden[i, j]
        look = style.HIDDEN | {"facecolor": "white"} if hidden else {"facecolor": fill, "edgecolor": "white"}
        ax.add_patch(Rectangle((x + j, y + i), 1, 1, **look))
        if matrix.entries is not None:
            number = f"{matrix.entries[i, j]:.3f}".rstrip("0").rstrip(".")
            ax.text(x + j + 0.5, y + i + 0.5, number, ha="center", va="center", color=on(fill), fontsize=9)
    if matrix.frame:
        frame(ax, x, y, matrix.columns, matrix.rows, edgecolor=matrix.colour, **matrix.frame)
    middle, bottom = x + matrix.columns / 2, y + matrix.rows + 0.35
    at, horizontal, vertical = {
        "above": ((middle, y - 0.35), "center", "bottom"),
        "below": ((middle, bottom), "center", "top"),
        "left": ((x - 0.35, y + matrix.rows / 2), "right", "center"),
    }[name_at]
    ax.text(*at, matrix.name, ha=horizontal, va=vertical, color=INK, fontsize=11)
    if matrix.shape:
        ax.text(middle, bottom, matrix.shape, ha="center", va="top", color=INK, fontsize=9)


def on(ground: str) -> str:
    """The colour, dark or white, in which a text is legible on a cell of the colour `ground`."""
    return INK if np.mean(to_rgb(ground)) > 0.5 else "white"


def frame(ax: Axes, x: float, y: float, columns: float, rows: float, **look) -> None:
    """Draw a frame around cells with their top left corner at (x, y).

    look: keywords of a matplotlib patch, such as `motifs.CACHED`; by default a thick frame in ink, which marks what is
    chosen.
    """
    look = {"edgecolor": INK, "linewidth": 2.2} | look
    ax.add_patch(Rectangle((x, y), columns, rows, fill=False, zorder=3, **look))


def draw_formula(
    ax: Axes, parts: Sequence[Matrix | str], x: float, y: float, *, gap: float, name_at: str = "below"
) -> None:
    """Draw a formula from x to the right, vertically centred at y.

    parts: matrices, and the signs between them as TeX. gap: cells between two parts.
    """
    for part in parts:
        if isinstance(part, Matrix):
            draw_matrix(ax, part, x, y - part.rows / 2, name_at)
        else:
            ax.text(x + SIGN / 2, y, part, ha="center", va="center", color=INK, fontsize=15)
        x += width(part) + gap


def width(part: Matrix | str) -> float:
    """How many cells wide a part of a formula is."""
    return part.columns if isinstance(part, Matrix) else SIGN
