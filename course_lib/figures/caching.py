"""Pictures of what a cache saves and what it holds: rows per step, slots of a ring, masks of chunks.

A square is what one token leaves in one layer: its key (left half) and its value. A pale square with a solid frame
comes from the cache; a strong one with a dashed frame is made now.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.patches import Patch, Rectangle

from course_lib.config import is_whole, require
from course_lib.figures import motifs, style
from course_lib.figures.blocks import ON_BLOCKS, look

CACHED = {"frame": motifs.CACHED, "fill": 0.18}
MADE_NOW = {"frame": motifs.MADE_NOW, "fill": 0.65}
GAP = 0.08  # between neighbouring squares, whose middles are 1 apart


def rows_per_step(steps: int) -> Figure:
    """Draw the rows that each step of a generation computes without a cache, and computes or reads with one.

    Raises ValueError unless steps is a positive integer.
    """
    require(is_whole(steps), f"steps must be a positive integer, got {steps!r}")
    with style.context():
        fig = Figure(figsize=(7.2, 3.9))
        for ax, cached in zip(fig.subplots(1, 2, sharey=True), (False, True), strict=True):
            for step in range(steps):
                for token in range(step + 1):
                    token_rows(ax, token, step, CACHED if cached and token < step else MADE_NOW)
            count = steps if cached else steps * (steps + 1) // 2
            ax.set_title(f"{'with' if cached else 'no'} cache: {count} rows computed")
            grid(ax, steps, steps, "token", "" if cached else "step")
        legend(fig, {"computed now": MADE_NOW, "read from the cache": CACHED})
    return fig


def ring_table(tokens: int, window: int) -> Figure:
    """Draw the slots of a ring of `window` rows after each token: the position in each, and the row just written.

    Raises ValueError unless tokens and window are positive integers.
    """
    for name, value in (("tokens", tokens), ("window", window)):
        require(is_whole(value), f"{name} must be a positive integer, got {value!r}")
    with style.context():
        fig = Figure(figsize=(max(0.36 * window + 2.2, 4.2), 0.36 * tokens + 1.5))
        ax, ring = fig.add_subplot(), {}
        for position in range(tokens):
            slot = position % window
            ring[slot] = position
            for at, held in ring.items():
                token_rows(ax, at, position, MADE_NOW if at == slot else CACHED, str(held))
        grid(ax, window, tokens, f"slot: position mod {window}", "after the token at position")
        legend(fig, {"just written": MADE_NOW, "kept": CACHED})
    return fig


def chunk_masks(masks: np.ndarray, past: Sequence[int]) -> Figure:
    """Draw, in a panel for each sequence, which positions its new tokens see and which of these the cache holds.

    masks: boolean (b, n, N), true where a new token sees a position. past: how many positions each of the b sequences
    has cached. Raises ValueError unless both have the same b.
    """
    require(masks.ndim == 3 and len(masks) == len(past), f"masks must be (b, n, N), b = {len(past)}, got {masks.shape}")
    b, n, N = masks.shape
    with style.context():
        fig = Figure(figsize=(min(0.36 * N * b + 1.6, 8), 0.36 * n + 1.7))
        for ax, mask, cached in zip(fig.subplots(1, b, squeeze=False)[0], masks, past, strict=True):
            for token, position in np.ndindex(n, N):
                if mask[token, position]:
                    token_rows(ax, position, token, CACHED if position < cached else MADE_NOW)
                else:
                    square(ax, position, token, facecolor="white", **style.HIDDEN)
            ax.set_title(f"{cached} cached, {n} new", fontsize=11)
            grid(ax, N, n, "position that is seen", "new token" if ax is fig.axes[0] else "")
        legend(fig, {"made in this call": MADE_NOW, "from the cache": CACHED}, hidden="hidden")
    return fig


def square(ax: Axes, x: float, y: float, **looks) -> None:
    """Draw a square with its middle at (x, y). looks: keywords of a matplotlib patch."""
    ax.add_patch(Rectangle((x - 0.5 + GAP / 2, y - 0.5 + GAP / 2), 1 - GAP, 1 - GAP, **looks))


def token_rows(ax: Axes, x: float, y: float, state: dict, text: str = "") -> None:
    """Draw the key and the value of one token. state: CACHED or MADE_NOW. text: a number on them."""
    half = (1 - GAP) / 2
    for left, thing in ((x - half, "K"), (x, "V")):
        ax.add_patch(Rectangle((left, y - half), half, 2 * half, **look(thing, **state) | {"linewidth": 1}))
    if text:
        ax.text(x, y, text, ha="center", va="center", fontsize=9, bbox=ON_BLOCKS)


def legend(fig: Figure, states: dict[str, dict], hidden: str = "") -> None:
    """Write a legend below the figure: what each state of a token's two rows means, and what a mask hides."""
    samples = {
        f"key and value, {name}": tuple(Patch(**look(x, **state)) for x in "KV") for name, state in states.items()
    }
    if hidden:
        samples[hidden] = Patch(facecolor="white", **style.HIDDEN)
    pairs = {tuple: HandlerTuple(ndivide=None, pad=0)}
    wide = fig.get_figwidth() > 1.2 + 2.2 * len(samples)
    fig.legend(
        samples.values(), samples, handler_map=pairs, loc="outside lower center",
        ncols=len(samples) if wide else 1, handlelength=2.4, handleheight=1.1,
    )  # fmt: skip


def grid(ax: Axes, columns: int, rows: int, x_label: str, y_label: str, every: int = 1) -> None:
    """Set up axes as a table: columns across, rows downwards, counted from 0. every: the step of column numbers."""
    ax.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), xlabel=x_label, ylabel=y_label)
    ax.set_xticks(range(0, columns, every))
    ax.set_yticks(range(rows))
    ax.grid(False)
    ax.set_aspect("equal")
