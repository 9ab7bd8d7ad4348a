"""Sampling that respects a causal mask: each key is kept or dropped when it comes, by its own value and a coin.

In survey sampling this is Poisson sampling with the Horvitz-Thompson estimator (Tille, Sampling Algorithms, 2006,
chapter 5). The decision about key j uses v_j and the j-th coin alone. So later tokens change nothing, and a cache of
the kept keys can be appended to. The number of kept keys is random, with mean sum_j pi_j.
"""

import numpy as np
from jaxtyping import Bool, Float

from course_lib.config import require
from course_lib.randomised.checks import check_positive, check_random, check_support
from course_lib.reference.checks import require_shapes


def inclusion_probabilities(V: Float[np.ndarray, "N v"], threshold: float) -> Float[np.ndarray, "N"]:
    """pi_j = min(1, ||v_j|| / threshold): the larger a value, the likelier it is kept. Cost O(N d_V).

    The threshold is fixed beforehand. Raises ValueError unless it is a positive finite number.
    """
    require_shapes(V=(V, "N d_V"))
    check_positive("threshold", threshold)
    return np.minimum(1.0, np.linalg.norm(V, axis=1) / threshold)


def keep_columns(pi: Float[np.ndarray, "N"], random: np.random.Generator) -> Bool[np.ndarray, "N"]:
    """Whether each column is kept: column j with probability pi_j, by the j-th number that `random` draws."""
    _require_inclusion(pi)
    check_random(random)
    return random.random(len(pi)) < pi


def poisson_product(
    P: Float[np.ndarray, "n N"], V: Float[np.ndarray, "N v"], pi: Float[np.ndarray, "N"], random: np.random.Generator
) -> Float[np.ndarray, "n v"]:
    """sum over the kept columns j of P_j v_j^T / pi_j.

    The mean is P V if pi_j > 0 wherever P_j v_j^T is not 0. Cost O(N_Q m d_V) for m kept columns.
    """
    _require_product(P, V, pi)
    kept = keep_columns(pi, random)
    return (P[:, kept] / pi[kept]) @ V[kept]


def poisson_squared_error(
    P: Float[np.ndarray, "n N"], V: Float[np.ndarray, "N v"], pi: Float[np.ndarray, "N"]
) -> float:
    """E ||X - P V||_F^2 = sum_j ||P_j||^2 ||v_j||^2 (1 / pi_j - 1), since the coins are independent.

    X is the estimate `poisson_product`. Unlike in `expected_squared_error` nothing is subtracted for ||P V||_F^2,
    because the number of kept columns is random. Raises ValueError when pi_j = 0 for a column with P_j v_j^T other than
    0.
    """
    _require_product(P, V, pi)
    squares = (P**2).sum(0) * (V**2).sum(1)
    check_support("pi", pi, squares > 0)
    return float((np.divide(squares, pi, out=np.zeros_like(pi), where=squares > 0) - squares).sum())


def _require_inclusion(pi: np.ndarray) -> None:
    require_shapes(pi=(pi, "N"))
    good = bool(((pi >= 0) & (pi <= 1)).all())
    require(good, lambda: f"pi must hold probabilities from 0 to 1, got {pi.min()} to {pi.max()}")


def _require_product(P: np.ndarray, V: np.ndarray, pi: np.ndarray) -> None:
    require_shapes(P=(P, "N_Q N_KV"), V=(V, "N_KV d_V"), pi=(pi, "N_KV"))
    _require_inclusion(pi)
