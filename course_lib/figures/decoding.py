"""Pictures of one decode step: the rows that it makes and those that it keeps, and what the cache saves."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from course_lib.figures import motifs, style


def draw_rows(ax: Axes, rows: np.ndarray, first: int, name: str) -> None:
    """Draw the cached rows (N, width) of a tensor: kept ones pale in a solid frame, those made now in a dashed frame.

    first: the first row that is made now. name: of the tensor; its first letter, K, V or L, gives the frames' colour.
    """
    limit = np.abs(rows).max() or 1.0
    pale = np.where(np.arange(len(rows)) < first, 0.45, 1.0)[:, None] * np.ones(rows.shape)
    options = {"cmap": style.SIGNED, "vmin": -limit, "vmax": limit, "aspect": "auto", "interpolation": "nearest"}
    ax.imshow(rows, alpha=pale, **options)
    colour = motifs.THINGS[name[0]].light
    for start, end, frame in ((0, first, motifs.CACHED), (first, len(rows), motifs.MADE_NOW)):
        if start < end:
            place = (-0.5, start - 0.5), rows.shape[1], end - start
            ax.add_patch(Rectangle(*place, fill=False, edgecolor=colour, clip_on=False, **frame))
    ax.set(title=f"{name}: {len(rows) - first} made now (dashed), {first} kept")
    ax.set(xlabel=f"coordinate of {name}", ylabel="token", ylim=(len(rows) - 0.4, -0.6))
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.grid(visible=False)


def draw_shares(ax: Axes, ratios: dict[str, float]) -> None:
    """Draw two bars for each cost: a dashed one for recomputing, a filled one for the step with a cache.

    ratios: cost -> what recomputing takes, in multiples of the step with a cache.
    """
    places = range(len(ratios))
    ax.barh(places, [1] * len(ratios), height=0.5, fill=False, edgecolor=motifs.INK, **motifs.MADE_NOW)
    ax.barh(places, [1 / ratio for ratio in ratios.values()], height=0.5, color=motifs.INK)
    for place, ratio in zip(places, ratios.values(), strict=True):
        ax.annotate(f"{ratio:.3g} \u00d7", (1.03, place), va="center", annotation_clip=False)
    ax.set_yticks(places, ratios)
    ax.set(title="With a cache; dashed: recomputed", xlim=(0, 1.25), ylim=(len(ratios) - 0.5, -0.5), xticks=[])
    ax.grid(visible=False)
