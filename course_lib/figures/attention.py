"""An attention map as a static picture: rows are queries, columns keys, masked cells hatched."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from course_lib.figures import style
from course_lib.figures.inputs import as_mask, as_weights, pair_of_tokens

LARGEST_PRINTED = 12  # tokens up to which each cell carries its number
HALF_LIGHT = 0.47  # weight from which black is more legible on cividis than white; near it both have at least 4.5 : 1
INCHES = {"cell": 0.42, "smallest": 2.6, "largest": 6.3, "around": 1.9}


def attention_map(
    weights,
    tokens: Sequence[str],
    *,
    query_tokens: Sequence[str] | None = None,
    mask=None,
    title: str = "",
) -> Figure:
    """Draw attention weights (n, N) as a heat map on the fixed scale [0, 1]; keys that the mask hides are hatched.

    tokens: the N keys, and the queries as well unless query_tokens gives these. mask: boolean (n, N), true where a
    query sees a key. Raises TypeError for tokens that are no strings; ValueError for weights outside [0, 1], for a mask
    or tokens of another size, and for a mask that hides a key with weight.
    """
    weights = as_weights(weights, rank=2)
    mask = as_mask(mask, weights)
    queries, keys = pair_of_tokens(tokens, query_tokens, weights)
    n, N = weights.shape
    width, height = (min(max(size * INCHES["cell"], INCHES["smallest"]), INCHES["largest"]) for size in (N, n))
    with style.context():
        fig = Figure(figsize=(width + INCHES["around"], height + INCHES["around"] - 0.5))
        ax = fig.add_subplot()
        draw_weights(ax, weights, queries, keys, mask)
        ax.set_title(title, parse_math=False)
    return fig


def draw_weights(ax: Axes, weights: np.ndarray, queries: list[str], keys: list[str], mask: np.ndarray | None) -> None:
    """Draw checked weights (n, N) into `ax`, with labels, colour bar and hatching."""
    image = ax.imshow(np.ma.masked_array(weights, None if mask is None else ~mask), cmap=style.WEIGHTS, vmin=0, vmax=1)
    ax.figure.colorbar(image, ax=ax, label="weight", shrink=0.8)
    ax.grid(False)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    label_axis(ax.xaxis, keys, "keys", rotation=90)
    label_axis(ax.yaxis, queries, "queries", rotation=0)
    if mask is not None and not mask.all():
        hatch(ax, mask)
    if max(weights.shape) <= LARGEST_PRINTED:
        print_numbers(ax, weights, mask)


def label_axis(axis, tokens: list[str], name: str, rotation: float) -> None:
    """Write one label for each token, or for every k-th where there is no room for all."""
    step = -(-len(tokens) // 40)
    places = range(0, len(tokens), step)
    axis.set_ticks(places, [clipped(tokens[i]) for i in places], rotation=rotation, parse_math=False)
    axis.set_label_text(name if step == 1 else f"{name} (every {step} labelled)")


def clipped(token: str, longest: int = 14) -> str:
    """The token, cut to `longest` characters."""
    return token if len(token) <= longest else token[: longest - 1] + "…"


def hatch(ax: Axes, mask: np.ndarray) -> None:
    """Hatch the hidden cells, one rectangle for each run of them in a row, and say what the hatching means."""
    look = style.HIDDEN | {"facecolor": "white"}
    runs = [Rectangle((start - 0.5, i - 0.5), stop - start, 1) for i, start, stop in hidden_runs(mask)]
    ax.add_collection(PatchCollection(runs, **look), autolim=False)
    ax.figure.legend(handles=[Patch(**look, label="hidden by the mask")], loc="outside lower left")


def hidden_runs(mask: np.ndarray) -> list[tuple[int, int, int]]:
    """(row, start, stop) of each run of hidden cells in mask (n, N), row by row."""
    edges = np.diff(np.pad(~mask, ((0, 0), (1, 1))).astype(np.int8))
    starts, stops = np.argwhere(edges == 1), np.argwhere(edges == -1)
    return [(int(i), int(start), int(stop)) for (i, start), (_, stop) in zip(starts, stops, strict=True)]


def print_numbers(ax: Axes, weights: np.ndarray, mask: np.ndarray | None) -> None:
    """Write each visible weight to two decimals, black on light cells and white on dark ones."""
    for (i, j), weight in np.ndenumerate(weights):
        if mask is None or mask[i, j]:
            ax.text(j, i, f"{weight:.2f}"[1:] if weight < 0.995 else "1", ha="center", va="center", fontsize=9,
                    color="white" if weight < HALF_LIGHT else "black")  # fmt: skip
