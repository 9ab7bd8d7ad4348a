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
    """Draw a machine's roofline with labelled points.

    series: name -> label -> (FLOPs per byte, FLOPs per second); each series has its colour and marker. Points above the
    roof are drawn where they are. Raises ValueError unless there are 1 to 5 series, and for points that are not
    positive and finite.
    """
    require_series(series)
    unit, name = next((unit for unit in UNITS if machine.flops >= unit[0]), UNITS[-1])
    intensities = [machine.ridge, *(x for of_one in series.values() for x, _ in of_one.values())]
    with style.context():
        fig = Figure(figsize=(7.2, 3.8))
        ax = fig.add_subplot()
        ax.set(xscale="log", yscale="log", xlabel="intensity (FLOPs per byte)", ylabel=f"rate ({name})")
        draw_roof(ax, machine, (min(intensities) / 4, max(intensities) * 4), unit)
        for (label, points), marker, colour in zip(series.items(), MARKERS, style.PALETTE, strict=False):
            xs, ys = zip(*points.values(), strict=True)
            ax.plot(xs, [y / unit for y in ys], marker, color=colour, markersize=7, linestyle="none", label=label)
            write_labels(ax, points, unit, colour, above=machine.ridge if marker == MARKERS[1] else 0)
        bottom, top = ax.get_ylim()
        ax.set_ylim(10 ** math.floor(math.log10(bottom)), 10 ** math.ceil(math.log10(4 * top)))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.set_title(machine.name)
        fig.legend(loc="outside lower center", ncols=len(series))
    return fig


def require_series(series: Mapping[str, Mapping[str, tuple[float, float]]]) -> None:
    """Raise ValueError unless there are 1 to 5 series of positive finite points."""
    require(1 <= len(series) <= len(MARKERS), f"series must be 1 to {len(MARKERS)}, got {len(series)}")
    for label, points in series.items():
        require(len(points) > 0, f"series {label!r} must hold at least one point, got none")
        for point in points.values():
            good = len(point) == 2 and all(0 < value < math.inf for value in point)
            require(good, f"points must be two positive finite numbers, FLOPs per byte and per second, got {point}")


def write_labels(ax: Axes, points: Mapping[str, tuple[float, float]], unit: float, colour: str, above: float) -> None:
    """Write each label below its point at the right; above it at the left for points of less intensity than `above`.

    There another series lies close below.
    """
    for text, (x, y) in points.items():
        place = {"xytext": (-6, 4), "ha": "right"} if x < above else {"xytext": (6, -11), "ha": "left"}
        ax.annotate(text, (x, y / unit), textcoords="offset points", fontsize=9, color=colour, **place)


def draw_roof(ax: Axes, machine: Machine, reach: tuple[float, float], unit: float) -> None:
    """Draw the slope of the memory's bandwidth, the level of the arithmetic, and the ridge between them.

    reach: the smallest and the largest intensity. unit: the FLOPs per second that are 1 on the vertical axis.
    """
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
