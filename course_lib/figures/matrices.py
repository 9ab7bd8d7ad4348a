"""Matrices drawn to scale, one square for each entry: what is multiplied with what, and which sizes must agree."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.figures import motifs, style

PAIRS = "#efe3b0"  # an entry for each pair of tokens
PLAIN = "#ffffff"  # what has no motif: the text, the output
WIDTH = 8.2  # inches
GAP, SIGN, LABELS = 2, 1, 5  # squares between two things, of a sign's width, and for names and shapes in a line


class Matrix(NamedTuple):
    """A matrix to draw: its name and its shape in TeX, its size, and the colour of its entries."""

    name: str
    shape: str
    rows: int
    columns: int
    colour: str = PLAIN


def draw_matrix(ax: Axes, matrix: Matrix, x: float, y: float) -> None:
    """Draw a matrix with its left edge at x and its middle at height y; the name above, the shape below."""
    for i in range(matrix.rows):
        for j in range(matrix.columns):
            corner = (x + j, y + matrix.rows / 2 - i - 1)
            ax.add_patch(Rectangle(corner, 1, 1, facecolor=matrix.colour, edgecolor=motifs.INK, linewidth=0.5))
    middle, half = x + matrix.columns / 2, matrix.rows / 2
    ax.text(middle, y + half + 0.3, matrix.name, ha="center", va="bottom", fontsize=12)
    ax.text(middle, y - half - 0.3, matrix.shape, ha="center", va="top", fontsize=9)


def width(part: Matrix | str) -> int:
    return part.columns if isinstance(part, Matrix) else SIGN


def draw_formula(ax: Axes, parts: Sequence[Matrix | str], y: float) -> None:
    """Draw matrices and the signs between them from left to right, their middles at height y."""
    x = 0.0
    for part in parts:
        if isinstance(part, Matrix):
            draw_matrix(ax, part, x, y)
        else:
            ax.text(x + SIGN / 2, y, part, ha="center", va="center", fontsize=14)
        x += width(part) + GAP


def formulas(lines: Sequence[Sequence[Matrix | str]]) -> Figure:
    """One formula a line, all to one scale; a part is a Matrix or a sign in TeX."""
    across = max(sum(map(width, parts)) + GAP * (len(parts) - 1) for parts in lines) + 2 * GAP
    down = LABELS + max(part.rows for parts in lines for part in parts if isinstance(part, Matrix))
    with style.context():
        fig = Figure(figsize=(WIDTH, WIDTH * down * len(lines) / across), layout="none")
        ax = fig.add_axes((0, 0, 1, 1))
        ax.set(xlim=(-GAP, across - GAP), ylim=(-down * len(lines), 0))
        ax.axis("off")
        for number, parts in enumerate(lines):
            draw_formula(ax, parts, -down * (number + 0.5))
    return fig


def attention_layer(N: int, d_in: int, d_QK: int, d_V: int) -> Figure:
    """One attention layer: from X to Q, K and V, then to A, P and Y, each matrix to scale."""
    colours = {name: colour.light for name, colour in motifs.THINGS.items()}
    query, value, pair = r"$N \times d_{QK}$", r"$N \times d_V$", r"$N \times N$"
    X = Matrix("$X$", r"$N \times d_{in}$", N, d_in)
    W = [
        Matrix(f"$W^{name}$", rf"$d_{{in}} \times {width}$", d_in, columns, colours["learnt"])
        for name, width, columns in (("Q", "d_{QK}", d_QK), ("K", "d_{QK}", d_QK), ("V", "d_V", d_V))
    ]
    Q, K = (Matrix(f"${name}$", query, N, d_QK, colours[name]) for name in "QK")
    V = Matrix("$V$", value, N, d_V, colours["V"])
    K_T = Matrix(r"$K^\top$", r"$d_{QK} \times N$", d_QK, N, colours["K"])
    A, P = (Matrix(f"${name}$", pair, N, N, PAIRS) for name in "AP")
    Y = Matrix("$Y$", value, N, d_V)
    return formulas(
        [
            [X, "(", *W, ")", "=", "(", Q, K, V, ")"],
            [r"$f_\kappa\,($", Q, K_T, ")", "=", A, r"$\overset{Z^{-1}}{\longrightarrow}$", P, V, "=", Y],
        ]
    )
