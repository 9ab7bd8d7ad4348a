"""A picture of what a mean of heads keeps: two heads of width 2, their mean, and the mean after one was turned."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.config import require
from course_lib.exercises.nb07_head_pooling import kept_by_mean
from course_lib.figures import motifs, style
from course_lib.figures.blocks import TINT


def two_heads(first: np.ndarray, second: np.ndarray) -> Figure:
    """Draw two heads (d, 2) as polygons of their d rows: above, both and their mean; below, after the second is turned.

    The turn is the orthogonal matrix that brings the second nearest to the first: U V^T from the SVD of second^T first.
    Raises ValueError for heads of other shapes.
    """
    good = first.shape == second.shape and first.ndim == 2 and first.shape[1] == 2
    require(good, f"first and second must both be (d, 2), got {first.shape} and {second.shape}")
    U, _, Vt = np.linalg.svd(second.T @ first)
    turned = second @ U @ Vt
    reach = 1.15 * max(np.abs(head).max() for head in (first, second, turned))
    with style.context():
        fig = Figure(figsize=(8, 4.5))
        for axes, other, name in zip(fig.subplots(2, 3), (second, turned), ("head 1", "head 1, turned"), strict=True):
            draw_pair(axes, np.stack([first, other]), ("head 0", name), reach)
    return fig


def draw_pair(axes: np.ndarray, heads: np.ndarray, names: tuple[str, str], reach: float) -> None:
    """Draw two heads with their rows numbered, and their mean, with a line between the two rows of each number."""
    for ax, head, name in zip(axes, heads, names, strict=False):
        polygon(ax, head, name, reach)
        for number, place in enumerate(head):
            ax.annotate(str(number), place, (3, 3), textcoords="offset points", fontsize=9)
    polygon(axes[2], heads.mean(0), f"their mean keeps {kept_by_mean(heads):.2f}", reach)
    for a, b in zip(*heads, strict=True):
        axes[2].plot(*zip(a, b, strict=True), color="0.6", linestyle="-", linewidth=0.8, marker="", zorder=0)


def polygon(ax: Axes, head: np.ndarray, title: str, reach: float) -> None:
    """Draw the rows of a head (d, 2) as points of the plane, joined in order."""
    colour = motifs.THINGS["K"].light
    ax.fill(*head.T, facecolor=(colour, TINT), edgecolor=colour, linewidth=1.6)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[0], yticks=[0])
    ax.set_title(title, fontsize=10)
