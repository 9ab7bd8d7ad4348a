"""Plots that are described once and drawn twice: in an interactive figure, and in its static twin (the still picture).

matplotlib draws the twin here; static/plot.js draws the same plot in the browser. `plot` makes the description, which
is JSON. What depends on a reader's choice, such as most x and y of the series, is given when the plot is drawn.
"""

from collections.abc import Mapping, Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from course_lib.figures import motifs, style
from course_lib.figures.level_names import PAPER, name_levels
from course_lib.figures.line_names import name_lines

OTHERS = {"first": style.PALETTE[0], "second": style.PALETTE[1], "ink": motifs.INK}
COLOURS = {name.lower(): colour.light for name, colour in (motifs.THINGS | motifs.METHODS).items()} | OTHERS
DASHES = ("solid", "dashed", "dotted", "dashdot")
MARKERS = {"circle": "o", "square": "s", "diamond": "D", "triangle": "^", "cross": "x"}
FILLS = {"hatched": {"facecolor": "white", "hatch": motifs.ROTARY}, "hollow": {"facecolor": "white"}}
BAND = "#dfe4ea"  # the colour of grid lines
BELOW = 38  # points from the axes to their legend, past ticks and label


def plot(label: str, x: dict, y: dict, *series: dict, **more) -> dict:
    """Describe a plot: its title, two axes (see `axis`), and series (see `line`, `points` and `bars`).

    more: `legend=False` for no legend; `band`, a range of y that is shaded.

        plot("Loss", axis("step", 0, 100), axis("nats", 0, 3), line("training", "first"))
    """
    return {"label": label, "x": x, "y": y, "series": series, **more}


def axis(label: str, low: float, high: float, **more) -> dict:
    """Describe an axis that runs from `low` to `high`.

    more: `log`, the base 2 or 10 of a logarithmic axis; `ticks` and their `texts`, or `whole=True` for ticks at whole
    numbers only; `room`, the pixels that the browser leaves at the right for names of lines (at a text size of 12).
    """
    return {"label": label, "domain": [low, high], **more}


def line(name: str, colour: str, dash: str = "solid", **more) -> dict:
    """Describe a line in one of COLOURS and DASHES.

    more: `marker`, one of MARKERS; `end`, a short name: the browser writes it at the line's end in place of a legend,
    and the twin writes `name` there; `x` and `y`, where no choice changes them.
    """
    return {"name": name, "colour": colour, "dash": dash, **more}


def points(name: str, colour: str, marker: str = "circle", **more) -> dict:
    """Describe points in one of COLOURS and MARKERS. more: as for a line; `end` is the name of a single point."""
    return {"name": name, "colour": colour, "marker": marker, **more}


def bars(name: str, colour: str, fill: str = "full") -> dict:
    """Describe bars in one of COLOURS. fill: "full", or one of FILLS."""
    return {"name": name, "colour": colour, "fill": fill}


def draw_plot(
    ax: Axes, described: Mapping, series: Sequence[Mapping] = (), rules: Sequence[Mapping] = (), **axes: Mapping
):
    """Draw a described plot on matplotlib's axes.

    series: for each described series, in order, what to add or change, mainly x and y. rules: reference lines, each as
    keywords of `draw_rule`. axes: what to add or change in the axes `x` and `y`.
    """
    for name in "xy":
        draw_axis(ax, name, described[name] | axes.get(name, {}))
    if "band" in described:
        ax.axhspan(*described["band"], color=BAND, zorder=0)
    looks = [look | each for look, each in zip(described["series"], series or described["series"], strict=False)]
    drawn = [draw_series(ax, look) for look in looks]
    for rule in rules:
        draw_rule(ax, **rule)
    levels = [(rule["y"], rule["label"]) for rule in rules if "y" in rule and "label" in rule]
    name_levels(ax, levels, [each for look, each in zip(looks, drawn, strict=True) if "dash" in look])
    named = [each for look, each in zip(looks, drawn, strict=True) if "end" in look]
    if named:
        name_lines(ax, named)
    elif len(looks) > 1 and described.get("legend", True):
        below = ax.transAxes + ScaledTranslation(0, -BELOW / 72, ax.figure.dpi_scale_trans)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=below, borderaxespad=0, ncols=2)
    ax.set_title(described["label"])


def draw_axis(ax: Axes, name: str, described: Mapping) -> None:
    """Set scale, limits, label and ticks of the axis `name`, "x" or "y"."""
    drawn = getattr(ax, f"{name}axis")
    if "log" in described:
        getattr(ax, f"set_{name}scale")("log", base=described["log"])
        drawn.set_major_formatter("{x:g}")
        drawn.set_minor_locator(NullLocator())
    if "whole" in described:
        drawn.set_major_locator(MaxNLocator(integer=True))
    if "ticks" in described:
        drawn.set_ticks(described["ticks"], described.get("texts"))
    ax.set(**{f"{name}lim": described["domain"], f"{name}label": described["label"]})


def draw_series(ax: Axes, look: Mapping) -> Artist:
    """Draw a line, points or bars, and return what matplotlib made of them."""
    colour, place = COLOURS[look["colour"]], (look["x"], look["y"])
    if "fill" in look:
        fill = {"facecolor": colour} | FILLS.get(look["fill"], {})
        return ax.bar(*place, width=0.7, edgecolor=colour, label=look["name"], **fill)
    options = {"marker": MARKERS.get(look.get("marker")), "linestyle": look.get("dash", "none")}
    options |= {"clip_on": "marker" not in look, "linewidth": 3.5 if look.get("chosen") else 2}
    return ax.plot(*place, color=colour, label=look["name"], **options)[0]


def draw_rule(ax: Axes, x: float | None = None, y: float | None = None, label: str = "") -> None:
    """Draw a reference line: vertical at x with its label at the top, or horizontal at y, for `name_levels` to name."""
    line = {"color": "0.4", "linestyle": ":", "linewidth": 1}
    if x is None:
        ax.axhline(y, **line)
        return
    ax.axvline(x, **line)
    before = ax.transAxes.inverted().transform(ax.transData.transform((x, 1)))[0] > 0.7
    side = {"xytext": (-4, -10), "ha": "right"} if before else {"xytext": (4, -10), "ha": "left"}
    options = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "fontsize": 9, "bbox": PAPER}
    ax.annotate(label, (x, 1), **options, **side)
