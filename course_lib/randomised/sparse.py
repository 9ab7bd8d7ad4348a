"""What is lost when attention sees only some of the visible pairs: recall, and an exact error."""

import numpy as np
from jaxtyping import Bool, Float

from course_lib.config import require
from course_lib.randomised.checks import check_whole
from course_lib.reference.checks import require_mask, require_shapes


def recall_of_heaviest(P: Float[np.ndarray, "n N"], pairs: Bool[np.ndarray, "n N"], count: int) -> float:
    """The share of the `count` heaviest keys of each query that are among `pairs`, over all queries.

    Keys of weight 0 do not count, so that a query that sees fewer keys has fewer. Raises ValueError unless count is
    an integer from 1 to N_KV, and when all weights are 0.
    """
    require_shapes(P=(P, "N_Q N_KV"))
    require_mask(pairs, *P.shape)
    check_whole("count", count, 1, P.shape[1])
    heaviest = np.argpartition(-P, count - 1, axis=1)[:, :count]
    real = np.take_along_axis(P, heaviest, axis=1) > 0
    require(bool(real.any()), "P must hold a weight above 0, got none")
    return float(np.take_along_axis(pairs, heaviest, axis=1)[real].mean())


def found_weight(P: Float[np.ndarray, "n N"], pairs: Bool[np.ndarray, "n N"]) -> Float[np.ndarray, "n"]:
    """c_i, the sum of the weights P_ij over the pairs of row i.

    Theorem: softmax over the pairs alone has the weights P_ij / c_i there. For c_i > 0 its distance from row i of P is
    2 (1 - c_i) in the l_1 norm. So no output is off by more than 2 (1 - c_i) max_j ||v_j||.
    """
    require_shapes(P=(P, "N_Q N_KV"))
    require_mask(pairs, *P.shape)
    return np.where(pairs, P, 0.0).sum(1)
