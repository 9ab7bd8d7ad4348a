"""Leverage scores of the rows of K: how much of a query's squared scores one key can have.

With a thin SVD K = U diag(sigma) W^T of rank r, l_j = ||U_j||^2 (Mahoney, Randomized Algorithms for Matrices and Data,
arXiv 1104.5557, section 4). LevAttention (Kannan and others, arXiv 2410.05462) keeps the keys of large leverage.

Masks: l_j depends on all keys, so a later token changes the scores of earlier ones. They can only fall: each score is
a maximum (see `extreme_query`) whose denominator grows. `prefix_leverage_scores` scores each key when it comes.
"""

import numpy as np
from jaxtyping import Bool, Float

from course_lib.config import require
from course_lib.randomised.checks import check_positive, check_whole
from course_lib.reference.checks import require_shapes


def leverage_scores(K: Float[np.ndarray, "N d"]) -> Float[np.ndarray, "N"]:
    """l_j = ||U_j||^2 = k_j^T (K^T K)^{+} k_j, from 0 to 1; their sum is the rank of K. Cost O(N d^2).

    Singular values below max(N, d) eps sigma_1 count as 0, as in `numpy.linalg.matrix_rank`.
    """
    U, sigma = _svd(K)
    cut = sigma.max(initial=0.0) * max(K.shape) * np.finfo(np.float64).eps
    return (U[:, sigma > cut] ** 2).sum(1)


def ridge_leverage_scores(K: Float[np.ndarray, "N d"], ridge: float) -> Float[np.ndarray, "N"]:
    """k_j^T (K^T K + ridge I)^{-1} k_j, below `leverage_scores`; the sum is sum_i sigma_i^2 / (sigma_i^2 + ridge).

    The sum is the effective dimension (Alaoui and Mahoney, arXiv 1411.0306). Cost O(N d^2). Raises ValueError unless
    ridge is a positive finite number.
    """
    check_positive("ridge", ridge)
    U, sigma = _svd(K)
    return U**2 @ (sigma**2 / (sigma**2 + ridge))


def prefix_leverage_scores(K: Float[np.ndarray, "N d"], ridge: float) -> Float[np.ndarray, "N"]:
    """The ridge leverage score of each key among the keys up to itself: causal, and not below the final score.

    The sum is at most log det(I + K^T K / ridge): by the determinant lemma, key j multiplies the determinant by
    1 / (1 - l_j), and l <= -log(1 - l) (online row sampling, Cohen, Musco and Pachocki, arXiv 1604.05448).
    The inverse is updated by Sherman and Morrison. Cost O(N d^2).
    """
    require_shapes(K=(K, "N d_QK"))
    check_positive("ridge", ridge)
    inverse, scores = np.eye(K.shape[1]) / ridge, np.empty(len(K))
    for j, key in enumerate(K):
        direction = inverse @ key
        growth = 1 + key @ direction
        inverse = inverse - np.outer(direction, direction) / growth
        scores[j] = 1 - 1 / growth
    return scores


def column_bounds(Q: Float[np.ndarray, "n d"], K: Float[np.ndarray, "N d"]) -> Float[np.ndarray, "N"]:
    """sqrt(l_j) ||Q K^T||_F, an upper bound of the norm of column j of the scores Q K^T.

    Theorem: <q, k_j>^2 <= l_j sum_i <q, k_i>^2 for every q (Cauchy and Schwarz for K q = U x, whose entry j is
    <U_j, x>). The bound of one query is attained by `extreme_query`. It says nothing about exponentials of scores.
    Cost O(N_Q N_KV d + N_KV d^2).
    """
    require_shapes(Q=(Q, "N_Q d_QK"), K=(K, "N_KV d_QK"))
    return np.sqrt(leverage_scores(K)) * np.linalg.norm(Q @ K.T)


def extreme_query(K: Float[np.ndarray, "N d"], j: int) -> Float[np.ndarray, "d"]:
    """q = (K^T K)^{+} k_j, for which <q, k_j>^2 = l_j sum_i <q, k_i>^2: the query for which key j has its largest
    share. Cost O(N d^2).

    Raises ValueError unless j is an integer from 0 to N - 1.
    """
    require_shapes(K=(K, "N d_QK"))
    check_whole("j", j, 0, len(K) - 1)
    return np.linalg.pinv(K) @ np.eye(len(K))[j]  # K^+ e_j = (K^T K)^{+} K^T e_j


def heavy_keys(K: Float[np.ndarray, "N d"], share: float) -> Bool[np.ndarray, "N"]:
    """The keys with l_j >= share: at most rank / share of them.

    Theorem: for every query, they include each key with <q, k_j>^2 >= share sum_i <q, k_i>^2 (arXiv 2410.05462). This
    is about squared scores; a softmax weight can be large for a key outside. Raises ValueError unless 0 < share <= 1.
    """
    check_positive("share", share)
    require(share <= 1, f"share must be at most 1, got {share}")
    return leverage_scores(K) >= share * (1 - 1e-12)  # a score equal to the share up to rounding counts


def _svd(K: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """U and the singular values of K, after a check of its shape."""
    require_shapes(K=(K, "N d_QK"))
    U, sigma, _ = np.linalg.svd(K, full_matrices=False)
    return U, sigma
