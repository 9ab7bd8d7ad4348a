"""Scores that say what a head does, from its weights P (Elhage et al. 2021; Olsson et al., arXiv 2209.11895)."""

import numpy as np
from jaxtyping import Float

from course_lib.config import is_whole, require


def entropy(P: Float[np.ndarray, "... n N"]) -> Float[np.ndarray, "..."] | float:
    """The mean entropy of the rows, in nats: 0 if each query looks at one key, log N if at all keys equally."""
    logs = np.log(np.where(P > 0, P, 1.0))  # 0 log 0 = 0
    return np.maximum(-(P * logs).sum(-1), 0.0).mean(-1)


def previous_token(P: Float[np.ndarray, "... n n"]) -> Float[np.ndarray, "..."] | float:
    """The mean weight on the previous token, over the n - 1 queries that have one. Raises ValueError for n = 1."""
    require(P.shape[-1] > 1, "P must have at least two tokens: the first has none before it")
    return P.diagonal(offset=-1, axis1=-2, axis2=-1).mean(-1)


def induction(P: Float[np.ndarray, "... n n"], period: int) -> Float[np.ndarray, "..."] | float:
    """The mean weight of the second copy of a text on the token that followed the current one in the first copy.

    The text has `period` tokens. Query i repeats token i - period, which token i - period + 1 followed. Raises
    ValueError unless n = 2 period.
    """
    good = is_whole(period) and P.shape[-1] == 2 * period
    require(good, f"period must be half the number of tokens, got {period!r} for {P.shape[-1]} tokens")
    return P[..., period:, :].diagonal(offset=1, axis1=-2, axis2=-1).mean(-1)


def by_turns(*scores: Float[np.ndarray, "layers h"]) -> list[tuple[int, int]]:
    """All heads (layer, head), each once: the best by each score in turn, then the second best by each, and so on."""
    orders = [np.argsort(-score, axis=None, kind="stable") for score in scores]
    ranked = dict.fromkeys(int(head) for heads in zip(*orders, strict=True) for head in heads)
    return [divmod(head, scores[0].shape[1]) for head in ranked]


def leading_layers(ranked: list[tuple[int, int]], count: int) -> list[int]:
    """The first `count` layers in a list of heads (layer, head), the best head first; in rising order."""
    return sorted(list(dict.fromkeys(layer for layer, _ in ranked))[:count])


def best_and_others(ranked: list[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    """`count` heads, sorted by layer: half of them the best, the others for comparison, evenly spaced in rank."""
    best = min(len(ranked), (count + 1) // 2)
    others = np.linspace(best, len(ranked), min(count, len(ranked)) - best, endpoint=False)
    return sorted(ranked[:best] + [ranked[int(place)] for place in others])


def distances(P: Float[np.ndarray, "h n N"]) -> Float[np.ndarray, "h h"]:
    """The distance of each two heads: the weight that one puts on other keys than the other, in the mean over rows.

    It is half the sum of the absolute differences (the total variation): 0 for equal heads, 1 where they share no key.
    """
    return np.stack([np.abs(P - head).sum(-1).mean(-1) / 2 for head in P])
