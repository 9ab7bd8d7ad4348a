"""Names of level lines, at the left of the axes: near their lines, but above all curves and clear of each other.

static/level_names.js does the same in the browser.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

GAP, ABOVE, MOVED = 0.055, 0.015, 0.03  # parts of the axes' height
LETTER, INDENT = 0.0145, 0.015  # parts of the axes' width
PAPER = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.5}  # background of a text that lines cross


def name_levels(ax: Axes, levels: Sequence[tuple[float, str]], curves: Sequence[Line2D]) -> None:
    """Write a name for each level (y, name). Where a curve is in the way, it stands higher, and a line leads down.

    Set the limits of the axes before.
    """
    to_axes, left = ax.transData + ax.transAxes.inverted(), ax.get_xlim()[0]
    levels = sorted(levels, reverse=True)  # the highest first
    heights = [to_axes.transform((left, y))[1] for y, _ in levels]
    ends = [INDENT * len(levels) + LETTER * len(name) for _, name in levels]
    drawn = [to_axes.transform(curve.get_xydata()) for curve in curves]
    tops = [max((highest(points, end) for points in drawn), default=-np.inf) for end in ends]
    x = INDENT / 2
    for (_, name), height, base in zip(levels, heights, places(heights, tops), strict=True):
        if base - height > MOVED:  # lines from names further up pass the left ends of those further down
            ax.plot([x, x], [height, base + ABOVE], color="0.4", linestyle="-", linewidth=0.8, transform=ax.transAxes)
            x += INDENT
        ax.text(x, base, name, fontsize=9, transform=ax.transAxes, bbox=PAPER)


def highest(points: np.ndarray, end: float) -> float:
    """The largest height of a curve from its first point to the place `end`; points (n, 2), from left to right."""
    x, y = points.T
    return max(y[x <= end].max(initial=-np.inf), np.interp(end, x, y) if x[0] <= end else -np.inf)


def places(levels: Sequence[float], tops: Sequence[float]) -> list[float]:
    """The heights of names on [0, 1]: at least ABOVE their levels and the tops of curves, and GAP apart.

    levels: from the highest to the lowest, as are the results. Names that would leave the axes move down together.
    """
    found, least = [], -np.inf
    for level, top in zip(reversed(levels), reversed(tops), strict=True):
        found.append(max(level + ABOVE, top + ABOVE, least))
        least = found[-1] + GAP
    return [height - max(0.0, least - 1) for height in reversed(found)]
