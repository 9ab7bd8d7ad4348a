"""What a cache saves and what it holds, as static pictures: rows computed per step, slots of a ring."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from course_lib.config import is_whole, require
from course_lib.figures import style

COMPUTED, READ = style.PALETTE[1], "#cfe0ef"  # dark and light, so that they differ without colour too


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
        fig = Figure(figsize=(0.36 * window + 2.2, 0.36 * tokens + 1.5))
        ax, ring = fig.add_subplot(), {}
        for position in range(tokens):
            slot = position % window
            ring[slot] = position
            for at, held in ring.items():
                cell(ax, at, position, COMPUTED if at == slot else READ, str(held))
        grid(ax, window, tokens, f"slot: position mod {window}", "after the token at position")
        handles = [Patch(facecolor=COMPUTED, label="just written"), Patch(facecolor=READ, label="kept")]
        fig.legend(handles=handles, loc="outside lower center", ncols=2)
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
