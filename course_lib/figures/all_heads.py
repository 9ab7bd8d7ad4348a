"""All heads of a model in one picture: their weights as small maps, or a number for each."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from course_lib.figures import style
from course_lib.figures.motifs import INK

COLUMNS = 8
MOST_NUMBERS = 12  # heads in a layer up to which each cell carries its number


def small_maps(P: np.ndarray, titles: Sequence[str], title: str = "", scale: str = "weight") -> Figure:
    """Draw heat maps of P (h, n, N) on the fixed scale [0, 1], hatched where P is NaN, eight in a row.

    titles: one for each head. title: above all maps. scale: the label of the colour bar.
    """
    rows, columns = -(-len(P) // COLUMNS), min(COLUMNS, len(P))
    with style.context():
        fig = Figure(figsize=(8.2, 0.7 + 1.25 * rows))
        axes = fig.subplots(rows, columns, squeeze=False).ravel()
        for ax, weights, name in zip(axes, P, titles, strict=False):
            ax.patch.set(**style.HIDDEN)
            image = ax.imshow(weights, cmap=style.WEIGHTS, vmin=0, vmax=1, interpolation="nearest")
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            ax.set_title(name, fontsize=9, fontweight="normal", pad=4)
        for ax in axes[len(P) :]:
            ax.set_axis_off()
        fig.colorbar(image, ax=list(axes), label=scale, shrink=min(1.0, 1.6 / rows), aspect=12, pad=0.01)
        fig.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return fig


def head_tables(
    tables: Mapping[str, np.ndarray], title: str, *, signed: bool = False, framed: Sequence[tuple[int, int]] = ()
) -> Figure:
    """Draw tables of numbers side by side, one cell for each head; a colour bar ends at the largest absolute value.

    tables: name -> (layers, heads); cells that hold NaN stay empty. signed: whether colours tell the sign.
    framed: pairs (layer, head) of heads that get a frame in ink.
    """
    layers = max(len(values) for values in tables.values())
    with style.context():
        fig = Figure(figsize=(8.2 if len(tables) > 1 else 6.4, 1.6 + 0.36 * layers))
        for ax, (name, values) in zip(fig.subplots(1, len(tables), squeeze=False)[0], tables.items(), strict=True):
            head_table(ax, values, signed=signed, largest=float(np.nanmax(np.abs(values))) or 1.0)
            for layer, head in framed:
                for colour, width in (("white", 4.5), (INK, 2.2)):  # ink alone would not be seen on dark cells
                    look = {"fill": False, "edgecolor": colour, "linewidth": width, "zorder": 3}
                    ax.add_patch(Rectangle((head - 0.45, layer - 0.45), 0.9, 0.9, **look))
            fig.colorbar(ax.images[0], ax=ax, pad=0.02, ticks=MaxNLocator(4))
            ax.set_title(name, fontsize=10)
        fig.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return fig


def head_table(
    ax: Axes,
    values: np.ndarray,
    *,
    signed: bool,
    removed: Sequence[tuple[int, int]] = (),
    largest: float | None = None,
) -> None:
    """Draw values (layers, heads) as numbers on coloured cells; cells that hold NaN stay empty.

    signed: colours run from -largest to largest instead of from 0 to largest. largest: by default 1, or for signed
    values the largest absolute one. removed: pairs (layer, head) of heads that are marked with the word "removed".
    Layers of more than MOST_NUMBERS heads have colours without numbers.
    """
    if largest is None:
        largest = float(np.nanmax(np.abs(values))) or 1.0 if signed else 1.0
    colours = style.SIGNED if signed else style.WEIGHTS
    image = ax.imshow(np.ma.masked_invalid(values), cmap=colours, vmin=-largest if signed else 0, vmax=largest)
    for (layer, head), value in np.ndenumerate(values):
        if np.isnan(value) or values.shape[1] > MOST_NUMBERS:
            continue
        red, green, blue, _ = image.to_rgba(value)
        ink = "black" if 0.21 * red**2.2 + 0.72 * green**2.2 + 0.07 * blue**2.2 > 0.18 else "white"
        text = f"{round(float(value), 2) + 0.0:.2f}" + ("\nremoved" if (layer, head) in removed else "")
        ax.text(head, layer, text, ha="center", va="center", fontsize=9, color=ink)
    ax.set(xlabel="head", ylabel="layer", xticks=range(values.shape[1]), yticks=range(values.shape[0]), aspect="auto")
    ax.grid(False)


def leading(values: np.ndarray, count: int = 2) -> str:
    """Name the heads with the `count` largest of the values (layers, heads), for alternative text. NaN is left out."""
    known = np.where(np.isnan(values), -np.inf, values)
    places = [np.unravel_index(k, values.shape) for k in known.argsort(axis=None, kind="stable")[::-1][: count + 1]]
    said = " and ".join(f"{values[layer, head]:.2f} in head {head} of layer {layer}" for layer, head in places[:count])
    return f"the largest values are {said}; all others are at most {known[places[count]]:.2f}."
