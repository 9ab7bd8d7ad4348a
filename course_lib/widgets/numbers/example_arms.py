"""Made-up results of all arms, for tests and measurements of the figure that compares them."""

from collections.abc import Sequence
from functools import cache
from itertools import combinations

import numpy as np

from course_lib.experiments.arms import ARMS
from course_lib.experiments.published import Published

DOCUMENTS, MARGIN = 100, 0.02
MORE_SEEDS = ("GQA2", "MQA-64", "MLA-16", "partly rotary 16")


def made_up(tokens: Sequence[str]) -> Published:
    """Results of 20 arms with 3 or 6 seeds on 100 documents, whose names are made of the tokens. They mean nothing."""
    names = [f"{tokens[i % len(tokens)]} {i}" for i in range(DOCUMENTS)]
    return Published({"statistics": {"level": 0.95, "margin": MARGIN}}, made_up_tables() | {"documents": names})


@cache
def made_up_tables() -> dict:
    """Arms and their differences, as `loss_tables` has them."""
    from course_lib.experiments.statistics import estimate, verdict
    from course_lib.experiments.tables import described, rounded

    losses = made_up_losses()
    pairs = []
    for first, second in combinations(losses, 2):
        shared = min(len(losses[first]), len(losses[second]))
        found = estimate(losses[first][:shared] - losses[second][:shared], resamples=60)
        row = {"first": first, "second": second, **described(found), "mean, repeated documents too": found.mean}
        row |= {"verdict": verdict(found.interval, MARGIN), "verdict against 0": verdict(found.interval, 0.0)}
        pairs.append(row)
    return rounded({"arms": [arm_row(i, arm, losses[arm]) for i, arm in enumerate(losses)], "differences": pairs})


def made_up_losses() -> dict[str, np.ndarray]:
    """Arm -> losses by seed and document, with effects of arms, documents, and seeds of an arm."""
    rng = np.random.default_rng(11)
    documents = rng.normal(2.6, 0.4, DOCUMENTS)
    found = {}
    for i, arm in enumerate(ARMS):
        effect = 0.3 if arm == "NoPE latent" else 0.008 * (i % 9)
        of_documents = documents + effect + rng.normal(0, 0.03, DOCUMENTS)
        seeds = rng.normal(0, 0.01, 6 if arm in MORE_SEEDS else 3)
        found[arm] = of_documents + seeds[:, None] + rng.normal(0, 0.03, (len(seeds), DOCUMENTS))
    return found


def arm_row(place: int, arm: str, losses: np.ndarray) -> dict:
    """The row of an arm; its costs are of the right size."""
    cached = {"MHA": 512, "MHA again": 512, "MQA 8x32": 64, "MLA 48+16": 64}.get(arm, 128)
    flops = 65_536 if arm == "RoPE on up-projected keys" else 4_096 if "latent" in arm or "MLA" in arm else 1_024
    sizes = {"cached": cached, "decode FLOPs": flops, "parameters": 1_316_000 + place, "d_ff": 344 + place}
    return {"arm": arm, **sizes, "rate": 0.006, "seeds": list(range(len(losses))), "losses": losses.tolist()}
