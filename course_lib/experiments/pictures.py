"""The pictures of a report, as PNG: the same numbers give the same bytes."""

import base64
import math
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from course_lib.experiments.arms import ARMS
from course_lib.experiments.hypotheses import MARGIN
from course_lib.experiments.results import Finished, View
from course_lib.figures import style
from course_lib.figures.comparison import intervals
from course_lib.figures.line_names import GAP, apart

INK = style.PALETTE[4]


def draw(found: dict, view: View) -> dict[str, tuple[bytes, str]]:
    """File name -> (PNG, alternative text) of each picture that the results suffice for.

    found: from `report.numbers`. view: the runs at tuned learning rates, for the curves.
    """
    rows, arms = found["tuned"]["differences"], found["tuned"]["arms"]
    drawn = {}
    with style.context():
        for reference in dict.fromkeys(row["second"] for row in rows):
            own = [row for row in rows if row["second"] == reference]
            name = f"differences-{reference.lower().replace(' ', '-')}.png"
            drawn[name] = differences(own, reference), f"Differences of losses from {reference}, with intervals"
        if arms:
            drawn["plane.png"] = plane(arms), "Loss of each arm against the FLOPs of a decode step"
            drawn["curves.png"] = curves(view), "Loss during training, by tokens and by seconds"
    return drawn


def stored(fig: Figure) -> bytes:
    return base64.b64decode(style.png(fig))


def differences(rows: Sequence[dict], reference: str) -> bytes:
    """Each arm's difference from the reference with its interval, the best at the top; the margin is shaded."""
    cells = [(row["first"], row["mean"], tuple(row["interval"])) for row in rows]
    return stored(intervals(cells, MARGIN, f"loss minus that of {reference}, nats per token"))


def plane(arms: Sequence[dict]) -> bytes:
    """Loss against FLOPs of a decode step per cached token; the size of a point is that of the cache.

    An arm that repeats another one is left out.
    """
    fig = Figure(figsize=(7.5, 4.4))
    ax = fig.subplots()
    arms = [row for row in arms if row["arm"] not in ARMS or ARMS[row["arm"]].repeats is None]
    for row in arms:
        ax.scatter(row["decode FLOPs"], row["loss"], s=row["cached"] / 2, color=style.PALETTE[3], alpha=0.6)
    ax.set_xscale("log", base=2)
    ax.margins(x=0.25, y=0.1)
    ax.autoscale_view()
    for column in columns(arms).values():
        ends = [ax.transData.transform((row["decode FLOPs"], row["loss"])) for row in column]
        x, heights = ax.transAxes.inverted().transform(ends).T
        for row, place, height in zip(column, x, apart(heights, GAP), strict=True):
            ax.text(place + 0.025, height, row["arm"], color=INK, transform=ax.transAxes, va="center")
    ax.set_xlabel("FLOPs of a decode step per cached token and layer (area: numbers cached)")
    ax.set_ylabel("loss, nats per token")
    return stored(fig)


def columns(arms: Sequence[dict]) -> dict[int, list[dict]]:
    """Arms in columns: within one their FLOPs are so close that their names may overlap."""
    found: dict[int, list[dict]] = {}
    for row in arms:
        found.setdefault(round(2 * math.log2(row["decode FLOPs"])), []).append(row)
    return found


def curves(view: View) -> bytes:
    """The loss on windows of the tune split during training, as a mean over seeds: by tokens, and by seconds."""
    fig = Figure(figsize=(8.2, 4.8))
    left, right = fig.subplots(1, 2, sharey=True)
    for (arm, runs), colour in zip(view.arms.items(), colours(len(view.arms)), strict=True):
        tokens, seconds, losses = np.mean([curve(run) for run in runs], axis=0)
        left.plot(tokens / 1e6, losses, color=colour, label=arm)
        right.plot(seconds, losses, color=colour, label=arm)
    left.set_xlabel("million tokens")
    right.set_xlabel("seconds, with evaluations")
    left.set_ylabel("loss, nats per token")
    fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return stored(fig)


def curve(run: Finished) -> list[list[float]]:
    """Tokens, seconds and loss at each evaluation of a run but the first, which is before training."""
    per_step = run.result["training"]["tokens"] / run.labels.steps
    rows = [row for row in run.log if "validation" in row and row["step"] > 0]
    losses = [row["validation"]["nats_per_token"] for row in rows]
    return [[row["step"] * per_step for row in rows], [row["seconds"] for row in rows], losses]


def colours(count: int) -> list:
    """Colours of so many lines, from dark to light but not so light that they vanish on white."""
    return [colormaps["viridis"](place) for place in np.linspace(0, 0.85, count)]
