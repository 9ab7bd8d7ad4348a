"""Pictures of matrix products to scale: an attention layer, its numbers, kinds of attention, blocks of heads.

In an aligned picture the product stands to the right of its left factor and below its right factor: row i of the
product continues row i of the left factor, and column j continues column j of the right one.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.figures import motifs, style
from course_lib.figures.matrices import PAIRS, PLAIN, Matrix, canvas, draw_formula, draw_matrix, frame, lighter, width
from course_lib.figures.motifs import INK

Q, K, V, LEARNT = (motifs.THINGS[name].light for name in ("Q", "K", "V", "learnt"))
MEANS = lighter(V, 0.55)  # outputs are means of values


def attention_layer(N: int, d_in: int, d_QK: int, d_V: int) -> Figure:
    """Draw one attention layer: from X to Q, K and V, then to A, P and Y. The arguments are its sizes, in cells."""
    query, value, pair = r"$N \times d_{QK}$", r"$N \times d_V$", r"$N \times N$"
    X = Matrix("$X$", N, d_in, shape=r"$N \times d_{in}$")
    W = [
        Matrix(f"$W^{name}$", d_in, columns, LEARNT, rf"$d_{{in}} \times {size}$")
        for name, size, columns in (("Q", "d_{QK}", d_QK), ("K", "d_{QK}", d_QK), ("V", "d_V", d_V))
    ]
    queries, keys = Matrix("$Q$", N, d_QK, Q, query), Matrix("$K$", N, d_QK, K, query)
    values, Y = Matrix("$V$", N, d_V, V, value), Matrix("$Y$", N, d_V, MEANS, value)
    K_T = Matrix(r"$K^\top$", d_QK, N, K, r"$d_{QK} \times N$")
    A, P = (Matrix(f"${name}$", N, N, PAIRS, pair) for name in "AP")
    lines = (
        [X, "(", *W, ")", "=", "(", queries, keys, values, ")"],
        [r"$f_\kappa\,($", queries, K_T, ")", "=", A, r"$\overset{Z^{-1}}{\longrightarrow}$", P, values, "=", Y],
    )
    gap, height = 2, max(N, d_in, d_QK) + 5  # in cells: between two parts, and of a line with its names
    with style.context():
        fig, ax = canvas(max(sum(map(width, parts)) + gap * (len(parts) + 1) for parts in lines), height * len(lines))
        for number, parts in enumerate(lines):
            draw_formula(ax, parts, gap, height * (number + 0.5), gap=gap, name_at="above")
    return fig


def attention_by_hand(matrices: dict[str, np.ndarray], tokens: list[str], marked: int) -> Figure:
    """Draw attention with its numbers: Q, A, Z, P and Y in a line, K transposed above A, and V above Y.

    matrices: "Q", "K", "V", "A", "Z" (n, 1), "P" and "Y" of n tokens. tokens: the n names. marked: the row that has a
    frame in the matrices of the line.
    """
    M, n = matrices, len(tokens)
    blocks = {  # the lower line, from left to right: name, colour, the matrix
        "Q": ("$Q$", Q),
        "A": ("$A = f(QK^T)$", PAIRS),
        "Z": ("$Z_{ii}$", PLAIN),
        "P": ("$P = Z^{-1}A$", PAIRS),
        "Y": ("$Y = PV$", MEANS),
    }
    with style.context():
        fig, ax = canvas(1.8 + sum(M[name].shape[1] + 1.0 for name in blocks), 2 * n + 3.4)
        x, below = 1.8, n + 2.2
        for name, (title, colour) in blocks.items():
            draw_matrix(ax, Matrix(title, *M[name].shape, colour, entries=M[name]), x, below)
            frame(ax, x, below + marked, M[name].shape[1], 1)
            if name == "A":
                K_T = Matrix("$K^T$", *M["K"].T.shape, K, entries=M["K"].T)
                draw_matrix(ax, K_T, x, below - 0.7 - K_T.rows, name_at="left")
                label(ax, tokens, x + 0.5 + np.arange(n), [below - 0.9 - K_T.rows] * n, va="bottom", ha="center")
            if name == "Y":
                draw_matrix(ax, Matrix("$V$", *M["V"].shape, V, entries=M["V"]), x, below - 0.7 - n, name_at="above")
                label(ax, tokens, [x - 0.2] * n, below - 0.2 - n + np.arange(n), va="center", ha="right")
            x += M[name].shape[1] + 1.0
        label(ax, tokens, [1.6] * n, below + 0.5 + np.arange(n), va="center", ha="right")
    return fig


def label(ax: Axes, texts, xs, ys, **look) -> None:
    """One text for each point."""
    for text, x, y in zip(texts, xs, ys, strict=True):
        ax.text(x, y, text, fontsize=9.5, color=INK, **look)


def kinds_of_attention() -> Figure:
    """Draw self-, cross- and streaming attention by shapes; in the last, frames are solid (kept) or dashed (new)."""
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
    """Draw Q, K^T, P, V and Y for five keys. With `cached` > 0 frames tell so many cached keys from the new ones."""
    y, keys, values, new = 9.0, x + 3, x + 9, 5 - cached
    q, k, v = (lighter(colour) if cached else colour for colour in (Q, K, V))
    draw_matrix(ax, Matrix("$Q$", queries, 2, q), x, y)
    draw_matrix(ax, Matrix("$K^T$", 2, 5, k), keys, y - 3, name_at="above")
    draw_matrix(ax, Matrix("$P$", queries, 5, PAIRS, hidden=hidden), keys, y)
    draw_matrix(ax, Matrix("$V$", 5, 2, v), values, y - 6, name_at="left")
    draw_matrix(ax, Matrix("$Y$", queries, 2, MEANS), values, y)
    if cached:
        frame(ax, keys, y - 3, cached, 2, edgecolor=K, **motifs.CACHED)
        frame(ax, values, y - 6, 2, cached, edgecolor=V, **motifs.CACHED)
        frame(ax, keys + cached, y - 3, new, 2, edgecolor=K, **motifs.MADE_NOW)
        frame(ax, values, y - 6 + cached, 2, new, edgecolor=V, **motifs.MADE_NOW)
        frame(ax, x, y, 2, queries, edgecolor=Q, **motifs.MADE_NOW)
        ax.text(x, y + queries + 2.6, "solid frame: kept\ndashed frame: computed now", va="top", fontsize=9.5)


def column_blocks() -> Figure:
    """Draw one product for three heads: X times their W_Q side by side gives their queries side by side, then cut."""
    tokens, d_in, d_qk, heads = 4, 4, 2, 3
    with style.context():
        fig, ax = canvas(28.0, 11.2)
        left, below = 6.0, 6.0
        draw_matrix(ax, Matrix("$X$", tokens, d_in, PLAIN), 1, below)
        ax.text(15.6, below + 1.6, "cut\n$\\longrightarrow$", ha="center", va="center", fontsize=11)
        for h in range(heads):
            grey, green = shades(h)
            at = left + h * d_qk
            draw_matrix(ax, Matrix(f"$W^Q_{h}$", d_in, d_qk, grey), at, below - 0.6 - d_in, name_at="above")
            draw_matrix(ax, Matrix(f"$Q_{h}$", tokens, d_qk, green), at, below)
            draw_matrix(ax, Matrix(f"$Q_{h}$", tokens, d_qk, green), 17.4 + h * (d_qk + 1.2), below)
        ax.text(left + heads * d_qk + 0.4, below - 2.6, r"$\mathbf{W}^Q$", va="center", fontsize=11)
        ax.text(left + heads * d_qk + 0.4, below + 2.0, r"$\mathbf{Q}$", va="center", fontsize=11)
    return fig


def shades(head: int) -> tuple[str, str]:
    """The fills of a head's weight matrix and of its queries; those of neighbouring heads differ."""
    share = 0.0 if head % 2 == 0 else 0.3
    return lighter(LEARNT, share), lighter(Q, share)


def row_blocks() -> Figure:
    """Draw that three heads side by side, times W_O, equal the sum of each head times its rows of W_O."""
    tokens, d_v, d_out, heads = 4, 2, 4, 3
    with style.context():
        fig, ax = canvas(38.5, 13.4)
        below, right = 7.9, 1 + heads * d_v + 0.6
        for h in range(heads):
            grey, _ = shades(h)
            fill = MEANS if h % 2 == 0 else lighter(MEANS, 0.4)
            draw_matrix(ax, Matrix(f"$Y_{h}$", tokens, d_v, fill), 1 + h * d_v, below)
            draw_matrix(ax, Matrix("", d_v, d_out, grey), right, below - 0.6 - (heads - h) * d_v)
            ax.text(right + d_out + 0.3, below - 0.6 - (heads - h - 0.5) * d_v, f"$W^O_{h}$", va="center", fontsize=11)
            x = 15.6 + h * 7.9
            draw_matrix(ax, Matrix(f"$Y_{h}$", tokens, d_v, fill), x, below)
            draw_matrix(ax, Matrix(f"$W^O_{h}$", d_v, d_out, grey), x + d_v + 0.6, below - 0.6 - d_v, name_at="above")
            draw_matrix(ax, Matrix(f"$Y_{h} W^O_{h}$", tokens, d_out, PLAIN), x + d_v + 0.6, below)
            ax.text(x - 0.65, below + 2, "=" if h == 0 else "+", ha="center", va="center", fontsize=15)
        draw_matrix(ax, Matrix("$Y$", tokens, d_out, PLAIN), right, below)
    return fig
