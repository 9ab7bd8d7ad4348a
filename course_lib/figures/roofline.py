"""The roofline: FLOPs per second that a machine can reach, over the FLOPs per byte of what it is asked to do."""

import math
from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.accounting import Machine
from course_lib.config import require
from course_lib.figures import style

MARKERS = "osD^v"
UNITS = ((1e12, "TFLOP/s"), (1e9, "GFLOP/s"), (1e6, "MFLOP/s"))


def roofline(machine: Machine, series: Mapping[str, Mapping[str, tuple[float, float]]]) -> Figure:
    """The machine's roof, and points (FLOPs per byte, FLOPs per second) by label, a colour and marker per series.

    Points above the roof are drawn where they are. Raises ValueError unless there are 1 to 5 series, and for points
    that are not positive and finite.
    """
    require(1 <= len(series) <= len(MARKERS), f"series must be 1 to {len(MARKERS)}, got {len(series)}")
    for label, of_one in series.items():
        require(len(of_one) > 0, f"series {label!r} must hold at least one point, got none")
    points = [point for of_one in series.values() for point in of_one.values()]
    for point in points:
        good = len(point) == 2 and all(0 < value < math.inf for value in point)
        require(good, f"points must be two positive finite numbers, FLOPs per byte and per second, got {point}")
    unit, name = next((unit for unit in UNITS if machine.flops >= unit[0]), UNITS[-1])
    low, high = (f([machine.ridge, *(x for x, _ in points)]) for f in (min, max))
    with style.context():
        fig = Figure(figsize=(7.2, 4.2))
        ax = fig.add_subplot()
        ax.set(xscale="log", yscale="log", xlabel="intensity (FLOPs per byte)", ylabel=f"rate ({name})")
        draw_roof(ax, machine, (low / 4, high * 4), unit)
        for (label, of_one), marker, colour in zip(series.items(), MARKERS, style.PALETTE, strict=False):
            xs, ys = zip(*of_one.values(), strict=True)
            ax.plot(xs, [y / unit for y in ys], marker, color=colour, markersize=7, linestyle="none", label=label)
            for text, (x, y) in of_one.items():
                above = marker == MARKERS[1] and x < machine.ridge  # two series may lie close on the slope
                ax.annotate(
                    text, (x, y / unit), (-6, 4) if above else (6, -11), textcoords="offset points",
                    ha="right" if above else "left", fontsize=9, color=colour,
                )  # fmt: skip
        bottom, top = ax.get_ylim()
        ax.set_ylim(10 ** math.floor(math.log10(bottom)), 10 ** math.ceil(math.log10(4 * top)))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.set_title(machine.name)
        fig.legend(loc="outside lower center", ncols=len(series))
    return fig


def draw_roof(ax: Axes, machine: Machine, reach: tuple[float, float], unit: float) -> None:
    """The slope of the memory's bandwidth, the level of the arithmetic, and the ridge between them."""
    corners = [reach[0], machine.ridge, reach[1]]
    ax.plot(corners, [machine.attainable(x) / unit for x in corners], color="0.25", linestyle="-")
    ax.axvline(machine.ridge, color="0.4", linestyle=":", linewidth=1)
    ax.annotate(
        f"ridge: {machine.ridge:.1f} FLOPs per byte", (machine.ridge, machine.flops / unit), (4, 6),
        textcoords="offset points", fontsize=9,
    )  # fmt: skip
    look = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "fontsize": 9, "color": "0.25"}
    ax.annotate("waits for memory", (machine.ridge, 0.93), (-6, 0), ha="right", **look)
    ax.annotate("waits for arithmetic", (machine.ridge, 0.93), (6, 0), **look)
