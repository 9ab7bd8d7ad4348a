"""Find the range of a matrix by multiplying it with random vectors, and compute its SVD there.

Halko, Martinsson and Tropp, "Finding structure with randomness", SIAM Review 53(2), 2011 (HMT below); also arXiv
0909.4061. `range_bounds` states what they prove about the error.
"""

import numpy as np
from jaxtyping import Float

from course_lib.randomised.checks import check_matrix, check_random, check_whole
from course_lib.randomised.low_rank import LowRank


def range_finder(
    M: Float[np.ndarray, "m n"], k: int, oversampling: int, powers: int, random: np.random.Generator
) -> Float[np.ndarray, "m l"]:
    """An orthonormal basis Q of the range of (M M^T)^q M Omega, for Gaussian Omega in R^{n x l} with l = k + p.

    p is `oversampling` and q is `powers`. Without powers this is HMT Algorithm 4.1. With powers it is Algorithm 4.4,
    subspace iteration: each product with M or M^T is followed by a QR factorisation. Without these factorisations
    rounding would lose the directions whose singular values are below eps^{1/(2q+1)} sigma_1. The range is the same in
    exact arithmetic.
    Cost: 2 q + 1 products with M or M^T of 2 m n l FLOPs each, and 2 q + 1 QR factorisations of O((m + n) l^2).
    Raises ValueError unless M is a finite matrix, 1 <= k, 0 <= p and 0 <= q are integers with k + p <= min(m, n), and
    `random` is a numpy Generator.
    """
    M = check_matrix("M", M)
    _check_ranks(M.shape, k, oversampling)
    check_whole("powers", powers, 0)
    check_random(random)
    Q, _ = np.linalg.qr(M @ random.standard_normal((M.shape[1], k + oversampling)))
    for _ in range(powers):
        W, _ = np.linalg.qr(M.T @ Q)
        Q, _ = np.linalg.qr(M @ W)
    return Q


def randomized_svd(
    M: Float[np.ndarray, "m n"], k: int, oversampling: int, powers: int, random: np.random.Generator
) -> LowRank:
    """An approximate SVD of rank k: the SVD of the small matrix Q^T M, truncated to rank k (HMT Algorithm 5.1).

    With l = k + p and Q from `range_finder`, the squared Frobenius error is exactly
    ||M - Q Q^T M||_F^2 + sum_{j > k} sigma_j(Q^T M)^2. It is exact for a matrix of rank at most k.
    Cost: as `range_finder`, one more product of 2 m n l FLOPs, and O(n l^2 + m l k).
    Raises ValueError as `range_finder` does.
    """
    Q = range_finder(M, k, oversampling, powers, random)
    U, sigma, Vt = np.linalg.svd(Q.T @ np.asarray(M, dtype=np.float64), full_matrices=False)
    return LowRank(Q @ U[:, :k], sigma[:k], Vt[:k])


def range_error(M: Float[np.ndarray, "m n"], Q: Float[np.ndarray, "m l"]) -> float:
    """||M - Q Q^T M||_F for Q with orthonormal columns, from ||M||_F^2 - ||Q^T M||_F^2 (Pythagoras).

    The difference needs no second product of the size of M. It has an absolute error of about eps ||M||_F^2, so errors
    below 1e-8 ||M||_F are not resolved; the result is then anything from 0 to that size.
    Cost: 2 m n l FLOPs. Raises ValueError for matrices that are not finite or do not fit, and unless Q^T Q is the
    identity to 1e-10.
    """
    M, Q = check_matrix("M", M), check_matrix("Q", Q)
    _check_basis(Q, len(M))
    return float(np.sqrt(max(np.linalg.norm(M) ** 2 - np.linalg.norm(Q.T @ M) ** 2, 0.0)))


def _check_basis(Q: np.ndarray, rows: int) -> None:
    """Raise ValueError unless Q has this many rows, and orthonormal columns to 1e-10."""
    if len(Q) != rows:
        raise ValueError(f"Q must have the {rows} rows of M, got shape {Q.shape}")
    off = np.abs(Q.T @ Q - np.eye(Q.shape[1])).max()
    if off > 1e-10:
        raise ValueError(f"Q must have orthonormal columns, but Q^T Q differs from the identity by {off:.3g}")


def _check_ranks(shape: tuple[int, ...], k: int, oversampling: int) -> None:
    """Raise ValueError unless k >= 1 and oversampling >= 0 are integers with k + oversampling <= min(shape)."""
    check_whole("k", k, 1, min(shape))
    check_whole("oversampling", oversampling, 0, min(shape) - k)
