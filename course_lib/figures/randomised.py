"""Pictures of randomised attention: which part of a causal matrix is estimated, and errors over settings."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from matplotlib.ticker import LogLocator, NullFormatter

from course_lib.figures import motifs, style

EXACT, ESTIMATED = motifs.THINGS["learnt"].light, style.PALETTE[0]


def partition(N: int, leaf: int) -> Figure:
    """Draw the parts of a causal matrix for `block_attention`: exact triangles, and a rectangle for each block.

    The side of each block stands in it.
    """
    with style.context():
        fig = Figure(figsize=(3.6, 3.4), layout="constrained")
        ax = fig.subplots()
        _draw(ax, 0, N, leaf)
        ax.set(xlim=(0, N), ylim=(N, 0), aspect="equal", xlabel="key", ylabel="query")
        ticks = range(0, N + 1, max(leaf, N // 4))
        ax.set_xticks(ticks)
        ax.set_yticks(ticks)
        ax.grid(False)
    return fig


def _draw(ax: Axes, start: int, stop: int, leaf: int) -> None:
    """Draw the part of the tokens from `start` to `stop`, and what it consists of."""
    half = (start + stop) // 2
    if stop - start <= leaf:
        ax.add_patch(Polygon([(start, start), (start, stop), (stop, stop)], facecolor=EXACT, edgecolor="white"))
        return
    box = Rectangle((start, half), half - start, stop - half, facecolor=ESTIMATED, edgecolor="white", alpha=0.75)
    ax.add_patch(box)
    ax.text((start + half) / 2, (half + stop) / 2, str(half - start), ha="center", va="center", color="white")
    _draw(ax, start, half, leaf)
    _draw(ax, half, stop, leaf)


def errors_over_settings(
    panels: Mapping[str, tuple[Sequence[int], Mapping[str, Sequence[float]]]], labels: Mapping[str, str]
) -> Figure:
    """Draw relative errors over a setting m on logarithmic axes: for each panel the values of m, and lines by name.

    labels: the panel's title -> what m counts.
    """
    with style.context():
        fig = Figure(figsize=(8.2, 3.4), layout="constrained")
        axes = fig.subplots(1, len(panels), squeeze=False)[0]
        for ax, (title, (settings, lines)) in zip(axes, panels.items(), strict=True):
            for i, (name, errors) in enumerate(lines.items()):
                look = {"color": style.PALETTE[i % 3], "linestyle": ("-", "--")[i // 3]}
                ax.plot(settings, errors, marker="os^Dv"[i % 5], markersize=4, label=name, **look)
            ax.axhline(1, color="0.4", linewidth=1, linestyle=":")
            ax.set(xscale="log", yscale="log", xlabel=labels[title], title=title)
            ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            for axis in (ax.xaxis, ax.yaxis):
                axis.set_major_formatter("{x:g}")
                axis.set_minor_formatter(NullFormatter())
            ax.legend()
        axes[0].set_ylabel("relative error of $P$")
    return fig
