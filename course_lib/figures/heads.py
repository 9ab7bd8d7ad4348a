"""The weights of many heads as small pictures beside each other."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from course_lib.figures import style

COLUMNS = 8


def small_maps(P: np.ndarray, titles: Sequence[str]) -> Figure:
    """Heat maps of P (h, n, N) on the fixed scale [0, 1], hatched where P is NaN, eight in a row."""
    rows, columns = -(-len(P) // COLUMNS), min(COLUMNS, len(P))
    with style.context():
        fig = Figure(figsize=(9.2, 0.4 + 1.35 * rows))
        axes = fig.subplots(rows, columns, squeeze=False).ravel()
        for ax, weights, title in zip(axes, P, titles, strict=False):
            ax.patch.set(hatch="////", edgecolor="#6b7785", linewidth=0)
            ax.imshow(weights, cmap=style.WEIGHTS, vmin=0, vmax=1, interpolation="nearest")
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            ax.set_title(title, fontsize=9)
        for ax in axes[len(P) :]:
            ax.set_axis_off()
    return fig
