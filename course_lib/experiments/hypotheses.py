"""The statements that were fixed before their runs, each as a region in which a difference of losses should lie.

A statement holds if the interval of its difference lies within the region, fails if it lies outside, and is undecided
if it straddles an end. A negative difference is better.
"""

import math
from dataclasses import dataclass

from course_lib.experiments.arms import ABSORBABLE, in_group
from course_lib.experiments.results import View
from course_lib.experiments.statistics import Interval

MARGIN = 0.02  # nats per token: a smaller difference counts as none
CLOSE = Interval(-MARGIN, MARGIN)
BETTER = Interval(-math.inf, 0.0)
BEST = "the best absorbable arm"  # chosen by its loss on the tune split


@dataclass(frozen=True)
class Statement:
    """Where a difference was expected."""

    name: str
    text: str
    region: Interval

    def outcome(self, interval: Interval) -> str:
        """ "holds", "fails" or "undecided" for an interval of the difference."""
        if interval.within(self.region):
            return "holds"
        return "fails" if interval.apart(self.region) else "undecided"


@dataclass(frozen=True)
class Hypothesis(Statement):
    """What was expected of two arms: the difference is the loss of the first minus that of the second."""

    first: str
    second: str


@dataclass(frozen=True)
class OfLength(Statement):
    """What was expected of an arm in long windows.

    The difference is its loss in windows of `times` the context of training minus that of the same tokens in windows as
    short as in training. See `probes.Extrapolation`.
    """

    arm: str
    times: int


HYPOTHESES = (
    Hypothesis("H1", f"tuned MLA-16 is within {MARGIN} nats of GQA2", CLOSE, "MLA-16", "GQA2"),
    Hypothesis("H2", "MQA-64 beats GQA2", BETTER, "MQA-64", "GQA2"),
    Hypothesis("H3a", f"MLA-4 is within {MARGIN} nats of MLA-16", CLOSE, "MLA-4", "MLA-16"),
    Hypothesis("H3b", "NoPE is at least 0.1 nats worse than MLA-16", Interval(0.1, math.inf), "NoPE latent", "MLA-16"),
    Hypothesis("H4", "partly rotary beats MLA-16", BETTER, "partly rotary 16", "MLA-16"),
    Hypothesis(
        "H5",
        f"RoPE on keys is at most {MARGIN} nats better than {BEST}",
        Interval(-MARGIN, math.inf),
        "RoPE on up-projected keys",
        BEST,
    ),
)
SINUSOIDS, ALIBI, NOPE, ROTARY = "NoPE latent, sinusoids", "ALiBi on latents", "NoPE latent", "rotary latent"
MUCH_BETTER, AS_GOOD = Interval(-math.inf, -0.1), Interval(-math.inf, MARGIN)
# Registered after the results of the others and before the runs of these arms, for runs at the common rate.
OF_POSITIONS = (
    Hypothesis("P1", "sinusoids beat the NoPE latent by at least 0.1 nats", MUCH_BETTER, SINUSOIDS, NOPE),
    Hypothesis("P2", "ALiBi beats the NoPE latent by at least 0.1 nats", MUCH_BETTER, ALIBI, NOPE),
    Hypothesis("P3", f"sinusoids are at most {MARGIN} nats worse than MLA-16", AS_GOOD, SINUSOIDS, "MLA-16"),
    Hypothesis("P4", f"ALiBi is at most {MARGIN} nats worse than MLA-16", AS_GOOD, ALIBI, "MLA-16"),
    Hypothesis("P5", "partly rotary 32 beats partly rotary 16", BETTER, "partly rotary 32", "partly rotary 16"),
    Hypothesis("P6", "MLA-32 beats MLA-16", BETTER, "MLA-32", "MLA-16"),
)
WORSE, MUCH_WORSE = Interval(MARGIN, math.inf), Interval(0.1, math.inf)
# Registered before any model had read a long window, for runs at the common rate.
OF_LENGTH = (
    OfLength("L1", "ALiBi is better in windows of twice the context", BETTER, ALIBI, 2),
    OfLength("L2", f"ALiBi is at most {MARGIN} nats worse in windows of four times the context", AS_GOOD, ALIBI, 4),
    OfLength("L3", "sinusoids are at least 0.1 nats worse in windows of twice the context", MUCH_WORSE, SINUSOIDS, 2),
    OfLength(
        "L4", f"the rotary latent is at least {MARGIN} nats worse in windows of twice the context", WORSE, ROTARY, 2
    ),
    OfLength("L5", f"MLA-16 is at least {MARGIN} nats worse in windows of twice the context", WORSE, "MLA-16", 2),
    OfLength("L6", f"the NoPE latent is at most {MARGIN} nats worse in windows of twice the context", AS_GOOD, NOPE, 2),
)
# Its difference is that after fewer steps minus that after all steps.
H7 = Hypothesis("H7", "the lead of MQA-64 over MHA is larger after fewer steps", BETTER, "MQA-64", "MHA")


def resolved(arm: str, view: View) -> str | None:
    """The arm itself, or the one that BEST stands for; None if the view has no such arm."""
    if arm != BEST:
        return arm if arm in view.arms else None
    candidates = [each for each in in_group(ABSORBABLE) if each in view.arms]
    return min(candidates, key=lambda each: view.losses(each, "tune").mean(), default=None)
