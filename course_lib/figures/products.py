"""Products of matrices, drawn to scale: a product stands to the right of its left factor and below its right factor.

So row i of the product continues row i of the left factor, and column j continues column j of the right one.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.figures import motifs, style
from course_lib.figures.motifs import INK

PLAIN = "#dfe4ea"  # what has no motif: X, A, P, the output
Q, K, V, LEARNT = (motifs.THINGS[name].light for name in ("Q", "K", "V", "learnt"))


def lighter(colour: str, share: float = 0.55) -> str:
    """The colour mixed with that share of white."""
    return to_hex(share + (1 - share) * np.array(to_rgb(colour)))


MEANS = lighter(V)  # outputs are means of values


@dataclass(frozen=True)
class Block:
    """A matrix: rows and columns, fill, and its name in TeX. `entries` are printed in the cells.

    Cells where `hidden` is true are hatched: a mask hides them.
    """

    name: str
    rows: int
    columns: int
    colour: str
    entries: np.ndarray | None = None
    hidden: np.ndarray | None = None


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of 8.2 inches with axes of `width` x `height` cells; y grows downwards, as rows do."""
    fig = Figure(figsize=(8.2, round(8.2 * height / width, 2)), layout="none")
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    ax.set_axis_off()
    return fig, ax


def draw(ax: Axes, block: Block, x: float, y: float, name_at: str = "below") -> None:
    """Draw a block with its top left corner at (x, y) and its name above, below or left."""
    for i, j in np.ndindex(block.rows, block.columns):
        hidden = block.hidden is not None and block.hidden[i, j]
        look = style.HIDDEN | {"facecolor": "white"} if hidden else {"facecolor": block.colour, "edgecolor": "white"}
        ax.add_patch(Rectangle((x + j, y + i), 1, 1, **look))
        if block.entries is not None:
            text_colour = INK if block.colour in (PLAIN, MEANS, "white") else "white"
            number = f"{block.entries[i, j]:.3f}".rstrip("0").rstrip(".")
            ax.text(x + j + 0.5, y + i + 0.5, number, ha="center", va="center", color=text_colour, fontsize=9)
    middle = x + block.columns / 2
    at, horizontal, vertical = {
        "above": ((middle, y - 0.25), "center", "bottom"),
        "below": ((middle, y + block.rows + 0.25), "center", "top"),
        "left": ((x - 0.25, y + block.rows / 2), "right", "center"),
    }[name_at]
    ax.text(*at, block.name, ha=horizontal, va=vertical, color=INK, fontsize=11)


def frame(ax: Axes, x: float, y: float, columns: float, rows: float, **look) -> None:
    """A frame around cells: ink for what is chosen, or the keywords of a motif such as `motifs.CACHED`."""
    look = {"edgecolor": INK, "linewidth": 2.2} | look
    ax.add_patch(Rectangle((x, y), columns, rows, fill=False, zorder=3, **look))


def attention_by_hand(matrices: dict[str, np.ndarray], tokens: list[str], marked: int) -> Figure:
    """The seven matrices "Q", "K", "V", "A", "Z" (n, 1), "P", "Y" of attention, one row of which is marked.

    K is drawn transposed above A, and V above Y.
    """
    M, n = matrices, len(tokens)
    blocks = {  # the lower line, from left to right: name, colour, the matrix
        "Q": ("$Q$", Q),
        "A": ("$A = f(QK^T)$", PLAIN),
        "Z": ("$Z_{ii}$", PLAIN),
        "P": ("$P = Z^{-1}A$", PLAIN),
        "Y": ("$Y = PV$", MEANS),
    }
    with style.context():
        width = 1.8 + sum(M[name].shape[1] for name in blocks) + 1.0 * len(blocks)
        fig, ax = canvas(width, 2 * n + 3.4)
        x, below = 1.8, n + 2.2
        for name, (title, colour) in blocks.items():
            draw(ax, Block(title, *M[name].shape, colour, M[name]), x, below)
            frame(ax, x, below + marked, M[name].shape[1], 1)
            if name == "A":
                draw(ax, Block("$K^T$", *M["K"].T.shape, K, M["K"].T), x, below - 0.7 - len(M["K"].T), name_at="left")
                label(ax, tokens, x + 0.5 + np.arange(n), [below - 0.9 - len(M["K"].T)] * n, va="bottom", ha="center")
            if name == "Y":
                draw(ax, Block("$V$", *M["V"].shape, V, M["V"]), x, below - 0.7 - n, name_at="above")
                label(ax, tokens, [x - 0.2] * n, below - 0.2 - n + np.arange(n), va="center", ha="right")
            x += M[name].shape[1] + 1.0
        label(ax, tokens, [1.6] * n, below + 0.5 + np.arange(n), va="center", ha="right")
    return fig


def label(ax: Axes, texts, xs, ys, **look) -> None:
    """One text for each point."""
    for text, x, y in zip(texts, xs, ys, strict=True):
        ax.text(x, y, text, fontsize=9.5, color=INK, **look)


def kinds_of_attention() -> Figure:
    """Shapes of self-, cross- and streaming attention; in the last, kept rows have solid frames, new rows dashed."""
    with style.context():
        fig, ax = canvas(38.0, 15.8)
        kinds = {"self-attention": (5, 0), "cross-attention": (3, 0), "streaming attention": (2, 3)}
        for x, (title, (queries, cached)) in zip((0.4, 13.2, 26.0), kinds.items(), strict=True):
            ax.text(x, 0.9, title, fontweight="bold", va="center", fontsize=11)
            ax.text(x, 2.2, f"$N_Q = {queries},\\ N_{{KV}} = 5$", va="center", fontsize=10)
            hidden = np.arange(5) > np.arange(queries)[:, None] + cached if cached else None
            draw_kind(ax, x, queries, cached, hidden)
    return fig


def draw_kind(ax: Axes, x: float, queries: int, cached: int, hidden: np.ndarray | None) -> None:
    """Draw Q, K^T, P, V and Y for five keys. The cache holds the first `cached` of them; if any, frames say so."""
    y, keys, values = 9.0, x + 3, x + 9
    draw(ax, Block("$Q$", queries, 2, Q), x, y)
    draw(ax, Block("$K^T$", 2, 5, K), keys, y - 3, name_at="above")
    draw(ax, Block("$P$", queries, 5, PLAIN, hidden=hidden), keys, y)
    draw(ax, Block("$V$", 5, 2, V), values, y - 6, name_at="left")
    draw(ax, Block("$Y$", queries, 2, MEANS), values, y)
    if cached:
        frame(ax, keys, y - 3, cached, 2, **motifs.CACHED)
        frame(ax, values, y - 6, 2, cached, **motifs.CACHED)
        frame(ax, keys + cached, y - 3, 5 - cached, 2, **motifs.MADE_NOW)
        frame(ax, values, y - 6 + cached, 2, 5 - cached, **motifs.MADE_NOW)
        frame(ax, x, y, 2, queries, **motifs.MADE_NOW)
        ax.text(x, y + queries + 2.6, "solid frame: kept\ndashed frame: computed now", va="top", fontsize=9.5)


def column_blocks() -> Figure:
    """X times the weight matrices of three heads side by side gives their queries side by side; then they are cut."""
    tokens, d_in, d_qk, heads = 4, 4, 2, 3
    with style.context():
        fig, ax = canvas(28.0, 11.2)
        left, below = 6.0, 6.0
        draw(ax, Block("$X$", tokens, d_in, PLAIN), 1, below)
        ax.text(15.6, below + 1.6, "cut\n$\\longrightarrow$", ha="center", va="center", fontsize=11)
        for h in range(heads):
            grey, green = shades(h)
            at = left + h * d_qk
            draw(ax, Block(f"$W^Q_{h}$", d_in, d_qk, grey), at, below - 0.6 - d_in, name_at="above")
            draw(ax, Block(f"$Q_{h}$", tokens, d_qk, green), at, below)
            draw(ax, Block(f"$Q_{h}$", tokens, d_qk, green), 17.4 + h * (d_qk + 1.2), below)
        ax.text(left + heads * d_qk + 0.4, below - 2.6, r"$\mathbf{W}^Q$", va="center", fontsize=11)
        ax.text(left + heads * d_qk + 0.4, below + 2.0, r"$\mathbf{Q}$", va="center", fontsize=11)
    return fig


def shades(head: int) -> tuple[str, str]:
    """Fills of the head's learnt matrix and of its queries; neighbours differ."""
    share = 0.0 if head % 2 == 0 else 0.3
    return lighter(LEARNT, share), lighter(Q, share)


def row_blocks() -> Figure:
    """The outputs of three heads side by side times W_O is the sum of each head's output times its rows of W_O."""
    tokens, d_v, d_out, heads = 4, 2, 4, 3
    with style.context():
        fig, ax = canvas(38.5, 13.4)
        below, right = 7.9, 1 + heads * d_v + 0.6
        for h in range(heads):
            grey, _ = shades(h)
            fill = MEANS if h % 2 == 0 else lighter(MEANS, 0.4)
            draw(ax, Block(f"$Y_{h}$", tokens, d_v, fill), 1 + h * d_v, below)
            draw(ax, Block("", d_v, d_out, grey), right, below - 0.6 - (heads - h) * d_v)
            ax.text(right + d_out + 0.3, below - 0.6 - (heads - h - 0.5) * d_v, f"$W^O_{h}$", va="center", fontsize=11)
            x = 15.6 + h * 7.9
            draw(ax, Block(f"$Y_{h}$", tokens, d_v, fill), x, below)
            draw(ax, Block(f"$W^O_{h}$", d_v, d_out, grey), x + d_v + 0.6, below - 0.6 - d_v, name_at="above")
            draw(ax, Block(f"$Y_{h} W^O_{h}$", tokens, d_out, PLAIN), x + d_v + 0.6, below)
            ax.text(x - 0.65, below + 2, "=" if h == 0 else "+", ha="center", va="center", fontsize=15)
        draw(ax, Block("$Y$", tokens, d_out, PLAIN), right, below)
    return fig
