"""Which key/value head each query head reads, and what sharing does to time and to FLOPs per byte."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.config import is_whole, require
from course_lib.figures import motifs, style
from course_lib.figures.blocks import ON_BLOCKS, block

SIDE = 0.8  # of a square; the middles of neighbours are 1 apart
INCH, MARGIN, WIDEST = 0.36, 0.7, 8.0  # inches: of a square, of the names of the rows, of the widest figure
METHOD = {"MHA": "multi-head", "GQA": "grouped-query", "MQA": "multi-query"}
MARKERS = "osDv"


def head_groups(n_heads: int, counts: Sequence[int]) -> Figure:
    """Draw query heads and, below them, the KV heads that they read, in one panel for each number of KV heads.

    Raises ValueError for numbers that are not positive, and for counts that do not divide n_heads.
    """
    require(is_whole(n_heads), f"n_heads must be a positive integer, got {n_heads!r}")
    good = len(counts) > 0 and all(is_whole(g) and n_heads % g == 0 for g in counts)
    require(good, f"counts must be numbers that divide n_heads = {n_heads}, got {list(counts)}")
    columns = max(1, min(len(counts), int((WIDEST - MARGIN) / (INCH * n_heads + 0.2))))
    rows = -(-len(counts) // columns)
    with style.context():
        fig = Figure(figsize=(columns * (INCH * n_heads + 0.2) + MARGIN, 1.75 * rows))
        axes = fig.subplots(rows, columns, squeeze=False)
        for ax, g in zip(axes.flat, counts, strict=False):
            draw_groups(ax, n_heads, g)
        for ax in axes.flat[len(counts) :]:
            ax.set_axis_off()
        for first in axes[:, 0]:
            for y, name in ((1.0, "query\nheads"), (-1.0, "KV\nheads")):
                first.text(-0.8, y, name, ha="right", va="center", fontsize=9)
    return fig


def draw_groups(ax: Axes, n_heads: int, n_kv_heads: int) -> None:
    """Draw heads as squares (a KV head is a key and a value), and a line from each query head to its KV head."""
    size, name = n_heads // n_kv_heads, motifs.method(n_heads, n_kv_heads)
    colour, half = motifs.METHODS[name].light, SIDE / 2
    for i in range(n_heads):
        below = centre(i // size, size)
        ax.plot((i, below), (1 - half, half - 1), color=colour, linewidth=1.4, linestyle="-", marker="", zorder=0)
        block(ax, (i - half, 1 - half), (SIDE, SIDE), str(i), thing="Q", frame=motifs.MADE_NOW)
    for k in range(n_kv_heads):
        x = centre(k, size)
        for thing, left in (("K", x - half), ("V", x)):
            block(ax, (left, -1 - half), (half, SIDE), thing=thing)
        ax.text(x, -1, str(k), ha="center", va="center", fontsize=9, bbox=ON_BLOCKS)
    ax.set_title(f"$g = {n_kv_heads}$: {METHOD[name]}", fontsize=10, color=colour)
    ax.set(xlim=(-0.7, n_heads - 0.3), ylim=(-1.6, 1.6), aspect="equal")
    ax.set_axis_off()


def centre(k: int, size: int) -> float:
    """Where KV head k stands: below the middle of its `size` query heads."""
    return k * size + (size - 1) / 2


def milliseconds_over_tokens(tokens: Sequence[int], ways: Mapping[str, Sequence[float]], title: str) -> Figure:
    """Draw measured times of several ways to compute GQA over the tokens in the cache, on logarithmic axes.

    ways: name -> milliseconds for each number of tokens.
    """
    with style.context():
        fig = Figure(figsize=(6, 3.2))
        ax = fig.add_subplot()
        for (name, values), marker, dash in zip(ways.items(), MARKERS, ("-", "--", ":"), strict=False):
            ax.plot(tokens, values, marker=marker, label=name, color=motifs.METHODS["GQA"].light, linestyle=dash)
        ax.set(xscale="log", yscale="log", xlabel="tokens in the cache", ylabel="time (ms)")
        ax.set_title(title, fontsize=10)
        ax.set_xticks(tokens, [f"{count:,}" for count in tokens])
        ax.minorticks_off()
        ax.legend()
    return fig


def intensity_over_batch(batches: Sequence[int], n_heads: int, lines: Mapping[int, Sequence[float]]) -> Figure:
    """Draw the FLOPs per byte of a decode step over the number of texts in a batch, on logarithmic axes.

    lines: number of KV heads -> a value for each batch. A thin horizontal line at n_heads / n_kv_heads is the value of
    attention alone, with 16 bits a number.
    """
    with style.context():
        fig = Figure(figsize=(6.4, 3.6))
        ax = fig.add_subplot()
        for (g, values), marker in zip(lines.items(), MARKERS, strict=False):
            name = motifs.method(n_heads, g)
            colour = motifs.METHODS[name].light
            ax.plot(batches, values, marker=marker, color=colour, linestyle="-", label=f"{name}, $g = {g}$")
            ax.axhline(n_heads / g, color=colour, linewidth=1, linestyle=":")
            ax.annotate(f"attention alone: {n_heads / g:g}", (batches[-1], n_heads / g), (0, -4), ha="right", va="top",
                        textcoords="offset points", fontsize=9, color=colour)  # fmt: skip
        ax.set(xscale="log", yscale="log", xlabel="texts at once", ylabel="FLOPs per byte moved")
        ax.set_xticks(batches[::3], [f"{batch:,}" for batch in batches[::3]])
        ax.set_ylim(0.6, None)
        ax.yaxis.set_major_formatter("{x:g}")
        ax.minorticks_off()
        fig.legend(loc="outside lower center", ncols=len(lines))
    return fig
