"""A plot that is described once: a figure's twin is drawn here, and the browser draws the same from static/plot.js.

A description is JSON, made by `plot`. What follows from a choice comes when it is drawn: most x and y of the series,
and whatever else changes with the choice.
"""

from collections.abc import Mapping, Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from course_lib.figures import motifs, style
from course_lib.figures.line_names import name_lines

OTHERS = {"first": style.PALETTE[0], "second": style.PALETTE[1], "ink": motifs.INK}
COLOURS = {name.lower(): colour.light for name, colour in (motifs.THINGS | motifs.METHODS).items()} | OTHERS
DASHES = ("solid", "dashed", "dotted", "dashdot")
MARKERS = {"circle": "o", "square": "s", "diamond": "D", "triangle": "^", "cross": "x"}
FILLS = {"hatched": {"facecolor": "white", "hatch": motifs.ROTARY}, "hollow": {"facecolor": "white"}}
PAPER = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.5}  # behind text that lines cross
BELOW = 38  # points from the axes to their legend, past ticks and label


def plot(label: str, x: dict, y: dict, *series: dict, **more) -> dict:
    """A description: two axes, and lines, points and bars. more: `legend=False` for none."""
    return {"label": label, "x": x, "y": y, "series": series, **more}


def axis(label: str, low: float, high: float, **more) -> dict:
    """An axis and its limits.

    more: `log`, 2 or 10; `ticks`, and their `texts`, or `whole` for whole numbers only; `room` at the right for names
    of lines in the browser, in pixels at a text of 12.
    """
    return {"label": label, "domain": [low, high], **more}


def line(name: str, colour: str, dash: str = "solid", **more) -> dict:
    """A line in one of COLOURS and DASHES. more: a `marker`; `end`, a short name at its end in place of a legend."""
    return {"name": name, "colour": colour, "dash": dash, **more}


def points(name: str, colour: str, marker: str = "circle") -> dict:
    """Points in one of COLOURS and MARKERS."""
    return {"name": name, "colour": colour, "marker": marker}


def bars(name: str, colour: str, fill: str = "full") -> dict:
    """Bars in one of COLOURS, full or as FILLS say."""
    return {"name": name, "colour": colour, "fill": fill}


def draw(ax: Axes, described: Mapping, series: Sequence[Mapping] = (), rules: Sequence[Mapping] = (), **axes: Mapping):
    """Draw a description on matplotlib's axes.

    series: of each what differs from its description, x and y above all; rules: reference lines, as of `draw_rule`;
    axes: what differs in the axes x and y.
    """
    for name in "xy":
        draw_axis(ax, name, described[name] | axes.get(name, {}))
    looks = [look | each for look, each in zip(described["series"], series or described["series"], strict=False)]
    drawn = [draw_series(ax, look) for look in looks]
    for rule in rules:
        draw_rule(ax, **rule)
    named = [each for look, each in zip(looks, drawn, strict=True) if "end" in look]
    if named:
        name_lines(ax, named)
    elif len(looks) > 1 and described.get("legend", True):
        below = ax.transAxes + ScaledTranslation(0, -BELOW / 72, ax.figure.dpi_scale_trans)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=below, borderaxespad=0, ncols=2)
    ax.set_title(described["label"])


def draw_axis(ax: Axes, name: str, described: Mapping) -> None:
    """Scale, limits, label and ticks of the axis "x" or "y"."""
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
    """A line, points or bars; returns them."""
    colour, place = COLOURS[look["colour"]], (look["x"], look["y"])
    if "fill" in look:
        fill = {"facecolor": colour} | FILLS.get(look["fill"], {})
        return ax.bar(*place, width=0.7, edgecolor=colour, label=look["name"], **fill)
    options = {"marker": MARKERS.get(look.get("marker")), "linestyle": look.get("dash", "none")}
    options |= {"clip_on": "marker" not in look, "linewidth": 3.5 if look.get("chosen") else 2}
    return ax.plot(*place, color=colour, label=look["name"], **options)[0]


def draw_rule(ax: Axes, x: float | None = None, y: float | None = None, label: str = "") -> None:
    """A level line at y, its label at the left, or an upright one at x, its label at the top."""
    level, line = x is None, {"color": "0.4", "linestyle": ":", "linewidth": 1}
    ax.axhline(y, **line) if level else ax.axvline(x, **line)
    place, across, up = ((0, y), ("axes fraction", "data"), 1.5) if level else ((x, 1), ("data", "axes fraction"), -10)
    before = not level and ax.transAxes.inverted().transform(ax.transData.transform((x, 1)))[0] > 0.7
    side = {"xytext": (-4, up), "ha": "right"} if before else {"xytext": (4, up), "ha": "left"}
    ax.annotate(label, place, xycoords=across, textcoords="offset points", fontsize=9, bbox=PAPER, **side)
