"""Mixture of experts in place of one feed-forward network: each token passes a few of many small networks."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from course_lib.config import require
from course_lib.experts_config import ExpertsConfig, SigmoidExperts
from course_lib.reference.feedforward import SwiGLU


def route(
    x: Float[np.ndarray, "d"], W_R: Float[np.ndarray, "d E"], b_R: Float[np.ndarray, "E"] | None, config: ExpertsConfig
) -> Float[np.ndarray, "E"]:
    """The weight of each expert for the row x of one token; 0 for those that are not chosen.

    b_R: added to scores where experts are chosen, with sigmoid scores only.
    """
    logits = x @ W_R
    by_sigmoid = isinstance(config, SigmoidExperts)
    scores = 1 / (1 + np.exp(-logits)) if by_sigmoid else np.exp(logits - logits.max())
    scores = scores if by_sigmoid else scores / scores.sum()
    asked = scores + b_R if by_sigmoid else scores
    counted = 2 if by_sigmoid else 1  # of the largest scores in a group, added up
    by_group = asked.reshape(config.groups, -1)
    of_group = np.sort(by_group, axis=1)[:, -counted:].sum(1)
    dropped = np.argsort(of_group)[: config.groups - config.chosen_groups]
    by_group[dropped] = -np.inf
    chosen = np.argsort(by_group.reshape(-1))[-config.chosen :]
    weights = np.zeros_like(scores)
    weights[chosen] = scores[chosen]
    if by_sigmoid and config.normalised:
        weights /= weights.sum()
    return config.scale * weights


@dataclass(frozen=True, kw_only=True, eq=False)
class Experts:
    """shared(x) + sum_j w_j(x) expert_j(x), with the weights w of `route`."""

    config: ExpertsConfig
    W_R: Float[np.ndarray, "d E"]
    b_R: Float[np.ndarray, "E"] | None
    experts: list[SwiGLU]
    shared: SwiGLU | None

    def __post_init__(self):
        found, wanted = len(self.experts), self.config.routed
        require(found == wanted, f"experts must be {wanted}, the columns of W_R, got {found}")

    def __call__(self, X: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
        return np.stack([self.row(x) for x in X])

    def row(self, x: Float[np.ndarray, "d"]) -> Float[np.ndarray, "d"]:
        """The output for one token."""
        weights = route(x, self.W_R, self.b_R, self.config)
        y = np.zeros_like(x) if self.shared is None else self.shared(x[None])[0]
        for j in np.flatnonzero(weights):
            y = y + weights[j] * self.experts[j](x[None])[0]
        return y
