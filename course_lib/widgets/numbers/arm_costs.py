"""What the arms of an experiment cost: the plane of costs and losses, and a table of all arms."""

from collections.abc import Mapping, Sequence

import numpy as np

from course_lib.config import require
from course_lib.experiments.arms import ARMS
from course_lib.experiments.published import Published
from course_lib.figures import motifs, plots

CACHED, FLOPS, MS = "cached numbers", "decode FLOPs", "decode ms"
LABELS = {
    CACHED: "numbers cached per token",
    FLOPS: "FLOPs per cached token",
    MS: "ms of a decode step",
}
LOGARITHMS = {CACHED: 2, FLOPS: 10}  # bases of axes; an axis without one begins at 0
AIR = 1.35  # factor by which a logarithmic axis exceeds its values on both sides
MARKERS = {"MHA": "circle", "GQA": "square", "MQA": "diamond", "MLA": "triangle"}
NAME = {"letter": 6.7, "rest": 52}  # pixels at a text size of 12: an average letter, and what stands around a name


def costs_of(results: Published, arms: Sequence[str], ms: Mapping[str, float] | None) -> dict[str, list[float | None]]:
    """Name of a cost -> its value for each arm; None for an arm whose time was not measured.

    Raises ValueError for times of unknown arms, and for those that are not positive.
    """
    found = {
        CACHED: [float(results.costs(arm)["cached"]) for arm in arms],
        FLOPS: [float(results.costs(arm)["decode FLOPs"]) for arm in arms],
    }
    for arm, time in (ms or {}).items():
        require(arm in arms, f"ms must be of the arms {', '.join(arms)}, got {arm!r}")
        require(bool(np.isfinite(time)) and time > 0, f"ms must be positive and finite, got {time} for {arm}")
    return found | {MS: [float(ms[arm]) if arm in ms else None for arm in arms]} if ms else found


def plane(losses: Sequence[float], arms: Sequence[str]) -> dict:
    """Describe the plane of costs and losses: a point for each arm, by falling loss. The axis of costs is chosen."""
    air = 0.06 * (max(losses) - min(losses)) or 0.01
    room = NAME["letter"] * max(map(len, arms)) + NAME["rest"]
    y = plots.axis("loss, nats", min(losses) - air, max(losses) + air)
    return plots.plot("Cost and loss", {"room": room}, y, *(point(arm) for arm in arms))


def point(arm: str) -> dict:
    """Describe the point of an arm, in the colour and with the marker of its method."""
    name = method_of(arm)
    return plots.points(arm, name.lower(), MARKERS[name]) if name else plots.points(arm, "ink", "cross")


def method_of(arm: str) -> str | None:
    """MHA, GQA, MQA or MLA, which stands for all that cache a latent; None for an unknown arm."""
    if arm not in ARMS:
        return None
    fields = ARMS[arm].fields
    return "MLA" if "d_latent" in fields else motifs.method(fields["n_heads"], fields["n_kv_heads"])


def cost_axis(name: str, values: Sequence[float | None]) -> dict:
    """Describe the axis of a cost."""
    known = sorted({value for value in values if value is not None})
    if name in LOGARITHMS:
        ticks = (
            {"ticks": known, "texts": [f"{value:g}" for value in known]} if name == CACHED and len(known) < 5 else {}
        )
        return plots.axis(LABELS[name], known[0] / AIR, AIR * known[-1], log=LOGARITHMS[name], **ticks)
    return plots.axis(LABELS[name], 0, 1.08 * known[-1])


def arm_table(results: Published, arms: Sequence[str], costs: Mapping[str, Sequence]) -> tuple[list[str], list]:
    """The heads and the rows of a table of all arms, as texts."""
    columns = {"cached": costs[CACHED], "FLOPs": costs[FLOPS]} | ({"ms": costs[MS]} if MS in costs else {})
    rows = []
    for i, arm in enumerate(arms):
        losses, known = results.losses(arm), results.costs(arm)
        spent = ["" if values[i] is None else f"{values[i]:,.6g}" for values in columns.values()]
        sizes = [f"{known['parameters']:,}", f"{known['d_ff']}", f"{results.rate(arm):g}"]
        rows.append([arm, f"{losses.mean():.4f}", f"{len(losses)}", *spent, *sizes])
    return ["arm", "loss", "seeds", *columns, "parameters", "d_ff", "learning rate"], rows
