"""Pictures of kinds of attention compared: learning rates tried, differences with intervals, seeds and documents."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.figures import style
from course_lib.figures.line_names import name_lines

BAND, PALE, LINE = "#e8ebef", "#6b7785", style.PALETTE[0]


def rates_tried(losses: Mapping[str, Mapping[float, float]], emphasised: Sequence[str] = ()) -> Figure:
    """Draw the loss of each arm over the learning rates tried, with a dot at its best one.

    losses: arm -> learning rate -> loss, infinite where training diverged. emphasised: arms drawn in colour.
    """
    with style.context():
        fig = Figure(figsize=(8.2, 3.9))
        ax = fig.add_subplot()
        colours = dict(zip(emphasised, style.PALETTE, strict=False))
        for arm, by_rate in losses.items():
            rates, values = np.array(sorted((r, v) for r, v in by_rate.items() if math.isfinite(v))).T
            colour, best = colours.get(arm, "#b4bcc6"), values.argmin()
            front = 3 if arm in colours else 2
            ax.plot(rates, values, color=colour, label=arm, zorder=front)
            ax.plot(rates[best], values[best], "o", color=colour, zorder=front)
        ticks = sorted({rate for by_rate in losses.values() for rate in by_rate})
        ax.set(xscale="log", xlabel="learning rate (a dot: the best one)", ylabel="loss, nats per token")
        ax.set_xticks(ticks, [f"{rate:g}" for rate in ticks])
        ax.xaxis.minorticks_off()
        name_lines(ax, [line for line in ax.lines if line.get_label() in colours])
    return fig


def intervals(rows: Sequence[tuple[str, float, tuple[float, float]]], margin: float, xlabel: str) -> Figure:
    """Draw differences of losses with their intervals, the smallest at the top; the margin on both sides is shaded.

    rows: name, mean and interval of each. Ends of an interval may be infinite.
    """
    rows = sorted(rows, key=lambda row: row[1], reverse=True)
    with style.context():
        fig = Figure(figsize=(7.5, 1.1 + 0.31 * len(rows)))
        ax = fig.add_subplot()
        ax.axvspan(-margin, margin, color=BAND, zorder=0)
        ax.axvline(0, color=PALE, linewidth=1)
        for place, (_, mean, ends) in enumerate(rows):
            ax.plot(ends, [place, place], "-", color=LINE, linewidth=2)
            ax.plot(mean, place, "o", color=LINE)
        ax.set_yticks(range(len(rows)), [name for name, *_ in rows])
        ax.set_ylim(-0.6, len(rows) - 0.4)
        ax.set_xlabel(f"{xlabel} (shaded: within {margin})")
    return fig


def seeds_and_documents(losses: Sequence[tuple[str, Float[np.ndarray, "S M"]]]) -> Figure:
    """Draw matrices of differences beside each other: a dot for each seed and document, documents sorted by their mean.

    losses: title and matrix of each panel.
    """
    with style.context():
        fig = Figure(figsize=(8.2, 3.4))
        axes = np.atleast_1d(fig.subplots(1, len(losses), sharey=True))
        for ax, (title, D) in zip(axes, losses, strict=True):
            draw_cloud(ax, D)
            ax.set(title=title, xlabel="documents, sorted by their mean")
        axes[0].set_ylabel("nats per token")
    return fig


def recall(tests: Mapping[str, Mapping[str, Mapping[int, Sequence[float]]]], level: float) -> Figure:
    """Draw shares recalled over cached numbers, a panel for each test: a dot for each seed, a line through the means.

    tests: title of a panel -> kind of attention -> cached numbers -> share by seed. level: a share that is marked.
    """
    sizes = sorted({size for kinds in tests.values() for by_size in kinds.values() for size in by_size})
    with style.context():
        fig = Figure(figsize=(8.2, 3.2))
        axes = np.atleast_1d(fig.subplots(1, len(tests), sharey=True))
        for ax, (title, kinds) in zip(axes, tests.items(), strict=True):
            ax.axhline(100 * level, color=PALE, linewidth=1, linestyle="dotted")
            for (kind, by_size), colour, marker in zip(kinds.items(), style.PALETTE, "osD", strict=False):
                dots = [(size, 100 * share) for size, shares in by_size.items() for share in shares]
                ax.plot(*zip(*dots, strict=True), marker, markersize=4.5, color=colour, label=kind)
                ax.plot(list(by_size), [100 * np.mean(shares) for shares in by_size.values()], color=colour)
            ax.set(title=title, xscale="log", xlabel="cached numbers")
            ax.set_xticks(sizes, [f"{size}" for size in sizes])
            ax.xaxis.minorticks_off()
        axes[0].set_ylabel("values recalled, %")
        axes[0].legend(loc="lower right")
    return fig


def draw_cloud(ax: Axes, D: Float[np.ndarray, "S M"]) -> None:
    """Draw the dots of one matrix, the means by seed as lines, and zero."""
    order = D.mean(0).argsort()
    ax.axhline(0, color=PALE, linewidth=1)
    for row, colour in zip(D, np.resize(np.array(style.PALETTE[:4]), len(D)), strict=True):
        ax.plot(row[order], ".", markersize=4, linestyle="", color=colour)
        ax.axhline(row.mean(), color=colour, linewidth=1)
    ax.set_xticks([])
