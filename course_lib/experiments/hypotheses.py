"""The hypotheses that were fixed before their runs, each as a region in which a difference of losses should lie.

A hypothesis holds if the interval of its difference lies within the region, fails if it lies outside, and is undecided
if it straddles an end. The difference is the loss of the first arm minus that of the second: negative is better.
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
class Hypothesis:
    """What was expected of two arms."""

    name: str
    text: str
    first: str
    second: str
    region: Interval

    def outcome(self, interval: Interval) -> str:
        """ "holds", "fails" or "undecided" for an interval of the difference."""
        if interval.within(self.region):
            return "holds"
        return "fails" if interval.apart(self.region) else "undecided"


HYPOTHESES = (
    Hypothesis("H1", f"tuned MLA-16 is within {MARGIN} nats of GQA2", "MLA-16", "GQA2", CLOSE),
    Hypothesis("H2", "MQA-64 beats GQA2", "MQA-64", "GQA2", BETTER),
    Hypothesis("H3a", f"MLA-4 is within {MARGIN} nats of MLA-16", "MLA-4", "MLA-16", CLOSE),
    Hypothesis("H3b", "NoPE is at least 0.1 nats worse than MLA-16", "NoPE latent", "MLA-16", Interval(0.1, math.inf)),
    Hypothesis("H4", "partly rotary beats MLA-16", "partly rotary 16", "MLA-16", BETTER),
    Hypothesis(
        "H5",
        f"RoPE on keys is at most {MARGIN} nats better than {BEST}",
        "RoPE on up-projected keys",
        BEST,
        Interval(-MARGIN, math.inf),
    ),
)
SINUSOIDS, ALIBI, NOPE = "NoPE latent, sinusoids", "ALiBi on latents", "NoPE latent"
MUCH_BETTER, AS_GOOD = Interval(-math.inf, -0.1), Interval(-math.inf, MARGIN)
# Registered after the results of the others and before the runs of these arms, for runs at the common rate.
OF_POSITIONS = (
    Hypothesis("P1", "sinusoids beat the NoPE latent by at least 0.1 nats", SINUSOIDS, NOPE, MUCH_BETTER),
    Hypothesis("P2", "ALiBi beats the NoPE latent by at least 0.1 nats", ALIBI, NOPE, MUCH_BETTER),
    Hypothesis("P3", f"sinusoids are at most {MARGIN} nats worse than MLA-16", SINUSOIDS, "MLA-16", AS_GOOD),
    Hypothesis("P4", f"ALiBi is at most {MARGIN} nats worse than MLA-16", ALIBI, "MLA-16", AS_GOOD),
    Hypothesis("P5", "partly rotary 32 beats partly rotary 16", "partly rotary 32", "partly rotary 16", BETTER),
    Hypothesis("P6", "MLA-32 beats MLA-16", "MLA-32", "MLA-16", BETTER),
)
# Its difference is that after fewer steps minus that after all steps.
H7 = Hypothesis("H7", "the lead of MQA-64 over MHA is larger after fewer steps", "MQA-64", "MHA", BETTER)


def resolved(arm: str, view: View) -> str | None:
    """The arm itself, or the one that BEST stands for; None if the view has no such arm."""
    if arm != BEST:
        return arm if arm in view.arms else None
    candidates = [each for each in in_group(ABSORBABLE) if each in view.arms]
    return min(candidates, key=lambda each: view.losses(each, "tune").mean(), default=None)
