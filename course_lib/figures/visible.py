"""Which query sees which key, as small squares side by side: masks, and the weights of a few words."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.figures import style
from course_lib.figures.attention import print_numbers
from course_lib.figures.motifs import INK


def masks_side_by_side(masks: Mapping[str, np.ndarray]) -> Figure:
    """Draw masks side by side under their names: visible cells filled, hidden ones hatched.

    masks: name -> boolean (n, N), true where the query sees the key.
    """
    with style.context():
        fig = Figure(figsize=(8.2, 2.6))
        axes = fig.subplots(1, len(masks), squeeze=False)[0]
        for ax, (name, mask) in zip(axes, masks.items(), strict=True):
            squares(ax, np.where(mask, 0.25, np.nan))
            n, N = mask.shape
            ax.set(xlabel="key $j$", xticks=range(0, N, 2), yticks=range(0, n, 2))
            ax.set_title(name, fontsize=10)
        axes[0].set_ylabel("query $i$")
    return fig


def weights_side_by_side(panels: Mapping[str, tuple[np.ndarray, Sequence[str]]], marked: str) -> Figure:
    """Draw weights of a few words side by side, each with its number; the row of the word `marked` has a frame.

    panels: title -> (weights (N, N), NaN where hidden; the N words).
    """
    with style.context():
        fig = Figure(figsize=(8.2, 2.3))
        for ax, (title, (P, words)) in zip(fig.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
            squares(ax, P)
            print_numbers(ax, np.nan_to_num(P), ~np.isnan(P))
            ax.set_xticks(range(len(words)), words)
            ax.set_yticks(range(len(words)), words)
            ax.set_title(title, fontsize=10)
            look = {"fill": False, "edgecolor": INK, "linewidth": 2.5, "zorder": 3, "clip_on": False}
            ax.add_patch(Rectangle((-0.5, list(words).index(marked) - 0.5), len(words), 1, **look))
    return fig


def squares(ax: Axes, P: np.ndarray) -> None:
    """Draw weights P (n, N) on the fixed scale [0, 1] as squares with white rims, hatched where NaN."""
    ax.patch.set(**style.HIDDEN)
    ax.imshow(np.ma.masked_invalid(P), cmap=style.WEIGHTS, vmin=0, vmax=1)
    n, N = P.shape
    for place in range(1, N):
        ax.axvline(place - 0.5, color="white", linewidth=1)
    for place in range(1, n):
        ax.axhline(place - 0.5, color="white", linewidth=1)
    ax.grid(False)
