"""Mean squared errors of random-feature estimates of s = exp(<q, k>), in closed form, for all pairs at once.

Each function takes Q (N_Q, d) and K (N_KV, d), scaled as by `share_scale`, and returns (N_Q, N_KV). An entry is inf
where it exceeds float64. Cost O(N_Q N_KV d), so this is for the analysis and not for the method.
"""

import numpy as np
from jaxtyping import Float

from course_lib.config import require
from course_lib.randomised.checks import check_whole
from course_lib.reference.checks import require_shapes

Queries = Float[np.ndarray, "n d"]
Keys = Float[np.ndarray, "N d"]
Pairs = Float[np.ndarray, "n N"]


def positive_mse(Q: Queries, K: Keys, m: int) -> Pairs:
    """Error of m positive features with independent directions: s^2 e^z (1 - e^{-z}) / m with z = ||q + k||^2.

    arXiv 2009.14794, Lemma 2. The error is below s^2 only for m > e^z - 1: a large logit needs exponentially many
    features. Where q + k = 0 the error is 0.
    """
    squares, scores = _sums_and_scores(Q, K, m)
    with np.errstate(over="ignore"):
        return np.exp(squares + 2 * scores) * -np.expm1(-squares) / m


def trigonometric_mse(Q: Queries, K: Keys, m: int) -> Pairs:
    """Error of m pairs (cos, sin): e^z s^{-2} (1 - e^{-y})^2 / (2 m) with z = ||q + k||^2 and y = ||q - k||^2.

    arXiv 2009.14794, Lemma 2. Relative to s^2 it grows without bound as s -> 0, so small weights are estimated badly.
    """
    squares, scores = _sums_and_scores(Q, K, m)
    with np.errstate(over="ignore"):
        return np.exp(squares - 2 * scores) * np.expm1(4 * scores - squares) ** 2 / (2 * m)


def orthogonal_mse(Q: Queries, K: Keys, m: int) -> Pairs:
    """Error of m positive features with `orthogonal_directions`: `positive_mse` plus s^2 n c(z) / m^2.

    z is ||q + k||^2, and n the number of ordered pairs of directions that share a block. c(z) <= 0 is the covariance of
    the estimates by two such directions, relative to s^2. Two orthogonal directions with chi_d lengths have a sum of
    uniform direction and chi_{2d} length, so
        1 + c(z) = e^{-z} sum_k z^k / k! prod_{i<k} (d + i) / (d + 2 i),
    a mean over a Poisson variable k of products that are at most 1 (in closed form e^{-z} 1F1(d; d/2; z/2)). Hence
    orthogonal directions never have a larger error; Theorem 2 of arXiv 2009.14794 bounds the gain from below. The gain
    is less than s^2, so it does not help where the error of independent directions is many times s^2.
    Raises ValueError as `block_covariance`.
    """
    squares, scores = _sums_and_scores(Q, K, m)
    d = Q.shape[1]
    full, rest = divmod(m, d)
    n = full * d * (d - 1) + rest * (rest - 1)
    with np.errstate(over="ignore"):
        return positive_mse(Q, K, m) + np.exp(2 * scores) * n / m**2 * block_covariance(squares, d)


def block_covariance(z: Float[np.ndarray, "..."], d: int) -> Float[np.ndarray, "..."]:
    """c(z) of `orthogonal_mse` for z >= 0: it is 0 at z = 0 and falls to -1, the slower the larger d is.

    The sum of -(Poisson weight) (1 - product), all of one sign, is cut where the weights left are below 1e-16.
    Raises ValueError for z above 700, where the first weight e^{-z} is no longer accurate.
    """
    check_whole("d", d, 1)
    largest = z.max(initial=0.0)
    require(bool((z >= 0).all()) and largest <= 700, f"z must lie between 0 and 700, got up to {largest}")
    weight, product, covariance = np.exp(-z), 1.0, np.zeros_like(z)
    for k in range(int(largest + 12 * np.sqrt(largest)) + 40):
        covariance -= weight * (1 - product)
        weight, product = weight * z / (k + 1), product * (d + k) / (d + 2 * k)
    return covariance


def _sums_and_scores(Q: np.ndarray, K: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    """||q + k||^2 and <q, k> of all pairs, after a check of the arguments."""
    require_shapes(Q=(Q, "N_Q d"), K=(K, "N_KV d"))
    check_whole("m", m, 1)
    scores = Q @ K.T
    squares = (Q**2).sum(1)[:, None] + (K**2).sum(1) + 2 * scores
    return np.maximum(squares, 0.0), scores
