"""All heads of a model in one picture: their weights as small maps, or a number for each."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.figures import style

COLUMNS = 8


def small_maps(P: np.ndarray, titles: Sequence[str]) -> Figure:
    """Heat maps of P (h, n, N) on the fixed scale [0, 1], hatched where P is NaN, eight in a row."""
    rows, columns = -(-len(P) // COLUMNS), min(COLUMNS, len(P))
    with style.context():
        fig = Figure(figsize=(8.2, 0.4 + 1.35 * rows))
        axes = fig.subplots(rows, columns, squeeze=False).ravel()
        for ax, weights, title in zip(axes, P, titles, strict=False):
            ax.patch.set(**style.HIDDEN)
            ax.imshow(weights, cmap=style.WEIGHTS, vmin=0, vmax=1, interpolation="nearest")
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            ax.set_title(title, fontsize=9)
        for ax in axes[len(P) :]:
            ax.set_axis_off()
    return fig


def head_table(ax: Axes, values: np.ndarray, *, signed: bool, removed: Sequence[tuple[int, int]] = ()) -> None:
    """Values (layers, heads) as numbers on colours: on [0, 1], or signed, then as far as the largest on both sides.

    A word stands under those of removed heads, pairs (layer, head).
    """
    limit = float(np.abs(values).max()) or 1.0 if signed else 1.0
    image = ax.imshow(values, cmap=style.SIGNED if signed else style.WEIGHTS, vmin=-limit if signed else 0, vmax=limit)
    for (layer, head), value in np.ndenumerate(values):
        red, green, blue, _ = image.to_rgba(value)
        ink = "black" if 0.21 * red**2.2 + 0.72 * green**2.2 + 0.07 * blue**2.2 > 0.18 else "white"
        text = f"{round(float(value), 2) + 0.0:.2f}" + ("\nremoved" if (layer, head) in removed else "")
        ax.text(head, layer, text, ha="center", va="center", fontsize=8, color=ink)
    ax.set(xlabel="head", ylabel="layer", xticks=range(values.shape[1]), yticks=range(values.shape[0]), aspect="auto")
    ax.grid(False)
