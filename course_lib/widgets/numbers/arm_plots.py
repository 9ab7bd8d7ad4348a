"""The plots of two arms of an experiment: their descriptions, and how the still picture draws them."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from course_lib.figures import plots

LOOKS = {
    "seed": plots.points("a seed", "learnt"),
    "mean": plots.line("mean over seeds", "ink"),
    "interval": plots.line("interval of the mean", "ink"),
    "mean of all": plots.points("mean", "ink", "diamond"),
}
FAN = 0.1  # of the width of the plane, in which lines lead to names
DOT, CHOSEN = 2.5, 9  # sizes of markers in points: a document, an arm that is chosen


def described(documents: int, margin: float) -> dict[str, dict]:
    """Describe the plots of documents and of seeds; the range of y is that of the arms chosen."""
    rank = plots.axis("documents, sorted", 0, documents + 1)
    y, more = plots.axis("", -margin, margin), {"band": [-margin, margin], "legend": False}
    return {
        "documents": plots.plot("A − B by document, nats", rank, y, **more),
        "means": plots.plot("A − B by seed, nats", plots.axis("seed", 0, 1), y, **more),
    }


def seed_axis(seeds: Sequence[int]) -> dict:
    """What the axis of seeds has for these seeds: a tick for each, and one for the mean of all."""
    texts = [*map(str, seeds), "all"]
    return {"domain": [-0.6, len(seeds) + 0.6], "ticks": list(range(len(texts))), "texts": texts}


def draw_documents(ax: Axes, plot: dict, D: np.ndarray, axis: Mapping) -> None:
    """Draw differences (S, M) of documents by rising mean: a dot for each seed, and a line for the mean."""
    order = np.argsort(D.mean(axis=0), kind="stable")
    rank = np.arange(1, D.shape[1] + 1)
    looks = [*[LOOKS["seed"]] * len(D), LOOKS["mean"]]
    series = [{"x": rank, "y": row[order]} for row in [*D, D.mean(axis=0)]]
    plots.draw_plot(ax, plot | {"series": looks}, series, [{"y": 0}], y=axis)
    for line in ax.lines[: len(D)]:
        line.set_markersize(DOT)


def draw_means(ax: Axes, plot: dict, D: np.ndarray, seeds: Sequence[int], pair: Mapping) -> None:
    """Draw the mean of each seed, and that of all with its interval."""
    S = len(seeds)
    drawn = [(LOOKS["seed"], range(S), D.mean(axis=1)), (LOOKS["mean of all"], [S], [pair["mean"]])]
    if pair["interval"]:
        drawn.append((LOOKS["interval"], [S, S], pair["interval"]))
    series = [{"x": x, "y": y} for _, x, y in drawn]
    described = plot | {"series": [look for look, _, _ in drawn]}
    axes = {"x": seed_axis(seeds), "y": pair["axis of means"]}
    plots.draw_plot(ax, described, series, [{"y": 0}], **axes)


def draw_plane(
    ax: Axes, plot: dict, cost: Mapping, losses: Sequence[float], chosen: Mapping[str, str], named: Collection[str]
) -> None:
    """Draw the arms whose cost is known. chosen: arm -> what stands before its name; named: arms that get a name."""
    known = [i for i, value in enumerate(cost["values"]) if value is not None]
    looks = [plot["series"][i] for i in known]
    series = [{"x": [cost["values"][i]], "y": [losses[i]]} for i in known]
    for look, each in zip(looks, series, strict=True):
        arm = look["name"]
        each |= {"name": chosen.get(arm, "") + arm} | ({"end": arm} if arm in named else {})
    rules = [{"y": losses[i]} for i in known if plot["series"][i]["name"] in chosen]
    plots.draw_plot(ax, plot | {"series": looks, "legend": False}, series, rules, x=cost["axis"])
    points = ax.lines[: len(known)]
    for line, look in zip(points, looks, strict=True):
        if look["name"] in chosen:
            line.set(markersize=CHOSEN, markeredgecolor="black", markeredgewidth=1.5, zorder=3)
    lead_to_names(ax, [line for line, each in zip(points, series, strict=True) if "end" in each])


def lead_to_names(ax: Axes, points: Sequence) -> None:
    """Draw a thin line from each point to the right, and from there to its name, which may stand higher or lower."""
    to_axes = ax.transData + ax.transAxes.inverted()
    for line, text in zip(points, ax.texts, strict=True):
        (x, y), (end, height) = to_axes.transform(line.get_xydata()[0]), text.get_position()
        look = {"color": line.get_color(), "linewidth": 0.6, "linestyle": "-", "marker": "", "clip_on": False}
        ax.plot([x, 1.0, end + FAN], [y, y, height], transform=ax.transAxes, alpha=0.6, zorder=1, **look)
        text.set_position((end + FAN + 0.02, height))
        text.set(fontsize=9, fontweight="bold" if line.get_markersize() == CHOSEN else "normal")
