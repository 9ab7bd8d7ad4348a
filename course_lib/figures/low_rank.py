"""Pictures of low rank in trained attention: errors over the rank, ranks by head, and the loss over the error."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from course_lib.figures import style

GREY = "#93a0ad"  # an untrained model
MARKERS = "os^Dv"


class Rise(NamedTuple):
    """One approximation in one layer: its relative error, and the rise of the loss in nats per token."""

    method: str
    layer: int
    error: float
    rise: float


def errors_over_ranks(panels: Mapping[str, Mapping[str, Float[np.ndarray, "texts ranks"]]], tolerance: float) -> Figure:
    """Draw relative errors over the rank, from 0 on: a panel for each model, and in it a line for each matrix.

    The line is the median over the texts, and the band goes from the least to the largest. A dotted line marks the
    tolerance. The title of the legend says so.
    """
    with style.context():
        fig = Figure(figsize=(8.2, 3.6), layout="constrained")
        axes = fig.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
        for ax, (title, curves) in zip(axes, panels.items(), strict=True):
            for (name, errors), colour in zip(curves.items(), style.PALETTE, strict=False):
                ranks = np.arange(errors.shape[1])
                ax.fill_between(ranks, errors.min(0), errors.max(0), color=colour, alpha=0.2, linewidth=0)
                ax.plot(ranks, np.median(errors, axis=0), color=colour, label=name)
            ax.axhline(tolerance, color="0.4", linewidth=1, linestyle=":")
            ax.set(yscale="log", ylim=(1e-3, 1.3), xlabel="rank $r$", title=title)
        axes[0].set_ylabel("relative error, Frobenius norm")
        said = f"lines: medians over the texts; bands: least to largest; dotted: {tolerance:g}"
        fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, title=said)
    return fig


def ranks_by_head(
    trained: Mapping[str, Float[np.ndarray, "layers texts heads"]],
    untrained: Mapping[str, Float[np.ndarray, "layers texts heads"]],
) -> Figure:
    """Draw ranks over layers and heads, a panel for each matrix: a dot at the median over texts, a line to both ends.

    The grey bands go from the least to the largest rank of the untrained heads of the layer. A legend says so.
    """
    with style.context():
        fig = Figure(figsize=(8.2, 1.1 + 1.5 * len(trained)), layout="constrained")
        axes = fig.subplots(len(trained), 1, sharex=True, squeeze=False)[:, 0]
        for ax, (name, ranks) in zip(axes, trained.items(), strict=True):
            layers, _, heads = ranks.shape
            for layer, (ours, control) in enumerate(zip(ranks, untrained[name], strict=True)):
                x = layer * (heads + 1) + np.arange(heads)
                colour = style.PALETTE[layer % len(style.PALETTE)]
                ends = [x[0] - 0.4, x[-1] + 0.4]
                ax.fill_between(ends, control.min(), control.max(), color=GREY, alpha=0.5, linewidth=0)
                ax.vlines(x, ours.min(0), ours.max(0), color=colour, linewidth=1.2)
                ax.plot(x, np.median(ours, axis=0), "o", color=colour, markersize=4, linestyle="")
            ax.set(ylabel="rank", ylim=(0, None), title=name)
        for ax in axes:
            _name_heads(ax, layers, heads)
        dot = Line2D(
            [], [], color="0.3", marker="o", markersize=4, label="trained: median of the texts, least to largest"
        )
        band = Patch(color=GREY, alpha=0.5, linewidth=0, label="untrained: least to largest of all heads and texts")
        fig.legend(handles=[dot, band], loc="outside lower center", ncols=2)
    return fig


def _name_heads(ax: Axes, layers: int, heads: int) -> None:
    """Number the heads of each layer from 0 below the axis, and put the layer in front of head 0."""
    places = [(layer * (heads + 1) + head, head) for layer in range(layers) for head in range(heads)]
    ax.set_xticks([at for at, _ in places], [str(head) for _, head in places])
    ax.tick_params(axis="x", labelbottom=True, labelsize=8)
    middles = [layer * (heads + 1) + (heads - 1) / 2 for layer in range(layers)]
    layer_axis = ax.secondary_xaxis("bottom")
    layer_axis.set_xticks(middles, [f"\nhead of layer {layer}" for layer in range(layers)])
    layer_axis.tick_params(length=0)


def rises_over_errors(panels: Mapping[str, Sequence[Rise]], least: float = 1e-3, from_error: float = 0.0) -> Figure:
    """Draw the rise of the loss over an error, one point for each `Rise`; a panel for each kind of error.

    Colours are layers and markers are methods. The vertical axis is linear between -least and least, and logarithmic
    beyond; dotted lines mark the two ends. Each panel says how many points have errors below `from_error`, which are
    left out.
    """
    methods = list(dict.fromkeys(point.method for points in panels.values() for point in points))
    layers = sorted({point.layer for points in panels.values() for point in points})
    colours, markers = dict(zip(layers, style.PALETTE, strict=False)), dict(zip(methods, MARKERS, strict=False))
    with style.context():
        fig = Figure(figsize=(8.2, 4.0), layout="constrained")
        axes = fig.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for ax, (name, points) in zip(axes, panels.items(), strict=True):
            shown = [point for point in points if point.error >= from_error]
            for point in shown:
                look = {"marker": markers[point.method], "color": colours[point.layer], "markersize": 5}
                ax.plot(point.error, point.rise, linestyle="", alpha=0.8, **look)
            ax.axhline(0, color="0.6", linewidth=1)
            for end in (-least, least):
                ax.axhline(end, color="0.6", linewidth=0.8, linestyle=":")
            ax.set(xscale="log", xlabel=name)
            ax.set_yscale("symlog", linthresh=least)
            if hidden := len(points) - len(shown):
                corner = {"xy": (0.98, 0.02), "xycoords": "axes fraction", "ha": "right", "va": "bottom", "fontsize": 8}
                ax.annotate(f"{hidden} with errors below {from_error:g} not shown", **corner)
        axes[0].set_ylabel("rise of the loss, nats per token\n(linear between the dotted lines)")
        of_methods = [Line2D([], [], color="0.3", linestyle="", marker=markers[name], label=name) for name in methods]
        of_layers = [
            Line2D([], [], color=colours[layer], linestyle="", marker="s", label=f"layer {layer}") for layer in layers
        ]
        axes[0].legend(handles=of_layers, loc="upper left")
        fig.legend(handles=of_methods, loc="outside lower center", ncols=5)
    return fig
