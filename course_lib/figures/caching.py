"""What a cache saves and what it holds, as static pictures: rows computed per step, slots of a ring, bytes."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from course_lib.accounting import Model
from course_lib.config import is_whole, require
from course_lib.figures import style

COMPUTED, READ = "#c04d00", "#cfe0ef"  # dark and light, so that they differ without colour too
GIB = 2**30


def rows_per_step(steps: int) -> Figure:
    """Which rows each step of a generation computes without a cache, and computes or reads with one."""
    require(is_whole(steps), f"steps must be a positive integer, got {steps!r}")
    with style.context():
        fig = Figure(figsize=(7.2, 3.9))
        for ax, cached in zip(fig.subplots(1, 2, sharey=True), (False, True), strict=True):
            for step in range(steps):
                for token in range(step + 1):
                    computed = token == step or not cached
                    cell(ax, token, step, COMPUTED if computed else READ)
            count = steps if cached else steps * (steps + 1) // 2
            ax.set_title(f"{'with' if cached else 'no'} cache: {count} rows computed")
            grid(ax, steps, steps, "token", "" if cached else "step")
        handles = [Patch(facecolor=COMPUTED, label="computed"), Patch(facecolor=READ, label="read from the cache")]
        fig.legend(handles=handles, loc="outside lower center", ncols=2)
    return fig


def ring_table(tokens: int, window: int) -> Figure:
    """Slots of a ring after each of `tokens` tokens: the position in each, the row just written in colour."""
    for name, value in (("tokens", tokens), ("window", window)):
        require(is_whole(value), f"{name} must be a positive integer, got {value!r}")
    with style.context():
        fig = Figure(figsize=(0.55 * window + 3.2, 0.32 * tokens + 1.4))
        ax, ring = fig.add_subplot(), {}
        for position in range(tokens):
            slot = position % window
            ring[slot] = position
            for at, held in ring.items():
                cell(ax, at, position, COMPUTED if at == slot else READ, str(held))
        grid(ax, window, tokens, f"slot: position mod {window}", "after the token at position")
        handles = [Patch(facecolor=COMPUTED, label="just written"), Patch(facecolor=READ, label="kept")]
        fig.legend(handles=handles, loc="outside right upper")
    return fig


def cell(ax: Axes, x: int, y: int, colour: str, text: str = "") -> None:
    """One square of a table, with a number in it that can be read on its colour."""
    ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor="white", linewidth=1.5))
    ax.text(x, y, text, ha="center", va="center", fontsize=9, color="white" if colour == COMPUTED else "black")


def grid(ax: Axes, columns: int, rows: int, x_label: str, y_label: str) -> None:
    """The frame of a table: columns across, rows downwards, both counted from 0."""
    ax.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), xlabel=x_label, ylabel=y_label)
    ax.set_xticks(range(columns))
    ax.set_yticks(range(rows))
    ax.grid(False)
    ax.set_aspect("equal")


def cache_growth(models: Sequence[Model], longest: int, *, memory: int | None = None, dtype="bfloat16") -> Figure:
    """Size of the caches over the length of the text, 2^8 to `longest` tokens; `memory` bytes as a level line.

    Raises ValueError for more models than there are line colours, for `longest` below 2^9 and `memory` below 1.
    """
    most = len(style.PALETTE)
    require(1 <= len(models) <= most, f"models must be 1 to {most}, one line colour each, got {len(models)}")
    require(is_whole(longest, 512), f"longest must be an integer of at least 512, got {longest!r}")
    require(memory is None or memory > 0, f"memory must be a positive number of bytes, got {memory}")
    lengths = [2**k for k in range(8, longest.bit_length()) if 2**k < longest] + [longest]
    with style.context():
        fig = Figure(figsize=(7.2, 4.0))
        ax = fig.add_subplot()
        for model in models:
            ax.plot(lengths, [model.cache_bytes(n, dtype=dtype) / GIB for n in lengths], label=model.name)
        if memory is not None:
            ax.axhline(memory / GIB, color="0.4", linewidth=1)
            ax.annotate(f"{memory / 1e9:g} GB", (lengths[0], memory / GIB), (2, 3), textcoords="offset points")
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ax.set(xlabel="tokens in the text", ylabel="cache of one text (GiB)")
        ax.set_xticks(lengths[::2], [f"{n:,}" for n in lengths[::2]])
        ax.set_ylim(top=2 * max(ax.get_ylim()[1], (memory or 0) / GIB))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.legend(loc="lower right")
    return fig
