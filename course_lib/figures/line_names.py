"""Names at the ends of lines, in place of a legend."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

GAP = 0.05  # the least distance between two names, as a part of the axes' height


def name_lines(ax: Axes, lines: Sequence[Line2D]) -> None:
    """Write the label of each line at its end, to the right of the axes. Set the limits of the axes before."""
    ends = [ax.transData.transform((line.get_xdata()[-1], line.get_ydata()[-1])) for line in lines]
    heights = ax.transAxes.inverted().transform(ends)[:, 1]
    for line, height in zip(lines, inside(apart(heights, GAP), GAP), strict=True):
        ax.text(1.015, height, line.get_label(), color=line.get_color(), transform=ax.transAxes, va="center")


def apart(wanted: Sequence[float], gap: float) -> np.ndarray:
    """Move places so that neighbours are at least `gap` apart: in the same order, and as little as possible.

    "As little" in the sum of squares: names that touch form a group around the mean of the places that they want.
    """
    wanted = np.asarray(wanted, dtype=float)
    groups: list[list[int]] = []
    for i in np.argsort(wanted, kind="stable"):
        group = [int(i)]
        while groups and wanted[group].mean() - wanted[groups[-1]].mean() < gap * (len(group) + len(groups[-1])) / 2:
            group = groups.pop() + group
        groups.append(group)
    places = np.empty(len(wanted))
    for group in groups:
        places[group] = wanted[group].mean() + gap * (np.arange(len(group)) - (len(group) - 1) / 2)
    return places


def inside(places: np.ndarray, gap: float) -> np.ndarray:
    """Move places that are `gap` apart into [0, 1], as little as possible; those that do not all fit go above 1."""
    rank = np.argsort(np.argsort(places, kind="stable"))
    lowered = np.minimum(places, 1 - gap * (len(places) - 1 - rank))
    return np.maximum(lowered, gap * rank)
