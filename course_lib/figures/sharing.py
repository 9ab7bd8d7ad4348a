"""Which key/value head each query head reads, as a picture: from multi-head to multi-query attention."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.config import is_whole, require
from course_lib.figures import style

QUERY, ALONE = style.PALETTE[-1], "#68727d"  # colours of a query head, and of a KV head that one alone reads
SIDE = 0.8  # of a square, whose neighbours are 1 apart


def head_groups(n_heads: int, counts: Sequence[int]) -> Figure:
    """One panel for each number of KV heads: query heads above, the KV heads that they read below.

    Raises ValueError for numbers that are not positive, or do not divide n_heads.
    """
    require(is_whole(n_heads), f"n_heads must be a positive integer, got {n_heads!r}")
    good = len(counts) > 0 and all(is_whole(g) and n_heads % g == 0 for g in counts)
    require(good, f"counts must be numbers that divide n_heads = {n_heads}, got {list(counts)}")
    with style.context():
        fig = Figure(figsize=(0.34 * n_heads * len(counts) + 1.4, 1.9))
        axes = fig.subplots(1, len(counts), squeeze=False)[0]
        for ax, g in zip(axes, counts, strict=True):
            draw(ax, n_heads, g)
        for y, rows in ((1.0, "query\nheads"), (-1.0, "KV\nheads")):
            axes[0].text(-0.8, y, rows, ha="right", va="center", fontsize=9)
    return fig


def draw(ax: Axes, n_heads: int, n_kv_heads: int) -> None:
    """The heads as squares, a line from each query head to what it reads, one colour for each group of several."""
    size = n_heads // n_kv_heads
    for i in range(n_heads):
        k = i // size
        colour, below = style.PALETTE[k % (len(style.PALETTE) - 1)], centre(k, size)
        line = ALONE if size == 1 else colour
        ax.plot((i, below), (1.0 - SIDE / 2, SIDE / 2 - 1.0), color=line, linewidth=1.4, linestyle="-", marker="")
        square(ax, i, 1.0, str(i), QUERY)
        square(ax, below, -1.0, str(k), line)
    name = {n_heads: "multi-head", 1: "multi-query"}.get(n_kv_heads, "grouped-query")
    ax.set_title(f"$g = {n_kv_heads}$: {name}", fontsize=10)
    ax.set(xlim=(-0.7, n_heads - 0.3), ylim=(-1.6, 1.6), aspect="equal")
    ax.set_axis_off()


def centre(k: int, size: int) -> float:
    """Below the middle of group k."""
    return k * size + (size - 1) / 2


def square(ax: Axes, x: float, y: float, text: str, colour: str) -> None:
    ax.add_patch(Rectangle((x - SIDE / 2, y - SIDE / 2), SIDE, SIDE, facecolor=colour, edgecolor="white"))
    ax.text(x, y, text, ha="center", va="center", fontsize=8, color="white")
