"""Approximate matrix products: P V from m sampled columns of P and the rows of V that belong to them.

Drineas, Kannan and Mahoney, Fast Monte Carlo Algorithms for Matrices I, SIAM J. Comput. 36 (2006), Lemmas 3 and 4.

Masks: the estimate itself works for any P, causal ones too. But probabilities are normalised over all columns, and the
norm of a column of P needs all queries. So a later token changes which columns an earlier query gets: the estimate of
a row depends on its future (see `causality`). `poisson_sampling` draws each column by itself and does not leak.
"""

import numpy as np
from jaxtyping import Float

from course_lib.config import require
from course_lib.randomised.checks import check_probabilities, check_random, check_support, check_whole
from course_lib.reference.checks import require_shapes


def proportional_to(weights: Float[np.ndarray, "N"]) -> Float[np.ndarray, "N"]:
    """Probabilities proportional to the given weights. Equal weights give uniform sampling.

    Raises ValueError for a negative weight, and when all are 0.
    """
    require_shapes(weights=(weights, "N"))
    require(bool((weights >= 0).all()), lambda: f"weights must not be negative, got {weights.min()}")
    require(bool(weights.any()), f"weights must not all be 0, got {len(weights)} zeros")
    return weights / weights.sum()


def optimal_probabilities(P: Float[np.ndarray, "n N"], V: Float[np.ndarray, "N v"]) -> Float[np.ndarray, "N"]:
    """p_j proportional to ||P_j|| ||v_j||, with P_j a column and v_j a row.

    Theorem (Lemma 4 of the source): no other p has a smaller `expected_squared_error`; it is then
    ((sum_j ||P_j|| ||v_j||)^2 - ||P V||_F^2) / m, by Cauchy and Schwarz. Cost O(N_Q N_KV + N_KV d_V), once P is there:
    forming P costs as much as exact attention.
    """
    column, row = _norms(P, V)
    return proportional_to(column * row)


def value_probabilities(V: Float[np.ndarray, "N v"]) -> Float[np.ndarray, "N"]:
    """p_j proportional to ||v_j||, which needs no weights. Cost O(N_KV d_V). Optimal if all columns have one norm."""
    require_shapes(V=(V, "N_KV d_V"))
    return proportional_to(np.linalg.norm(V, axis=1))


def sampled_product(
    P: Float[np.ndarray, "n N"],
    V: Float[np.ndarray, "N v"],
    p: Float[np.ndarray, "N"],
    m: int,
    random: np.random.Generator,
) -> Float[np.ndarray, "n v"]:
    """sum over m columns J, drawn with replacement from p, of P_J v_J^T / (m p_J).

    Theorem (Lemma 3 of the source): the mean is P V if p_j > 0 wherever P_j v_j^T is not 0. The mean squared error in
    the Frobenius norm is `expected_squared_error`. Cost O(N_Q m d_V) for columns that are there; rows of the estimate
    are not convex combinations of values. Raises ValueError unless p holds N_KV probabilities and m >= 1.
    """
    require_shapes(P=(P, "N_Q N_KV"), V=(V, "N_KV d_V"))
    J = draw_columns(p, len(V), m, random)
    return (P[:, J] / (m * p[J])) @ V[J]


def draw_columns(p: Float[np.ndarray, "N"], N: int, m: int, random: np.random.Generator) -> np.ndarray:
    """m column numbers (m,), independent and each from p. Raises ValueError unless p holds N probabilities."""
    check_probabilities(p, N)
    check_whole("m", m, 1)
    check_random(random)
    return random.choice(N, size=m, p=p)


def expected_squared_error(
    P: Float[np.ndarray, "n N"], V: Float[np.ndarray, "N v"], p: Float[np.ndarray, "N"], m: int
) -> float:
    """E ||X - P V||_F^2 = (sum_j ||P_j||^2 ||v_j||^2 / p_j - ||P V||_F^2) / m (Lemma 4 of the source).

    X is the estimate `sampled_product`. Raises ValueError when p_j = 0 for a column with P_j v_j^T other than 0: the
    estimate is then biased.
    """
    column, row = _norms(P, V)
    check_probabilities(p, len(V))
    check_whole("m", m, 1)
    squares = (column * row) ** 2
    check_support("p", p, squares > 0)
    total = np.divide(squares, p, out=np.zeros_like(p), where=squares > 0).sum()
    return float((total - ((P @ V) ** 2).sum()) / m)


def _norms(P: np.ndarray, V: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """||P_j|| and ||v_j|| of all j, after a check of the shapes."""
    require_shapes(P=(P, "N_Q N_KV"), V=(V, "N_KV d_V"))
    return np.linalg.norm(P, axis=0), np.linalg.norm(V, axis=1)
