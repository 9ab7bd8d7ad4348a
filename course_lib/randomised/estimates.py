"""Estimates of one block of attention, A = exp(scale Q K^T), by the methods of this package: what each gets wrong.

    A_hat = estimate("landmarks, random pivots", Q, K, V, 32, random)
    error, _ = weight_error("landmarks, random pivots", Q, K, V, 32, random)

A block has n queries and N keys, and each query sees each key. Causal attention consists of such blocks, and of small
triangles (`block_attention`). The estimates are for measurements: all of them form (n, N) matrices, whose cost
`estimate_costs` does not count where the method itself does not need them. `estimate_bounds` says what is proved.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from course_lib.config import require
from course_lib.randomised.checks import check_random, check_whole
from course_lib.randomised.cholesky import randomly_pivoted_cholesky
from course_lib.randomised.column_sampling import draw_columns, optimal_probabilities, proportional_to
from course_lib.randomised.landmarks import centred, landmark_kernel
from course_lib.randomised.leverage import leverage_scores
from course_lib.randomised.low_rank import truncated_svd
from course_lib.randomised.lsh import colliding_pairs, hash_codes, hyperplanes
from course_lib.randomised.psd import PsdMatrix
from course_lib.randomised.random_features import orthogonal_directions, positive_features, share_scale
from course_lib.randomised.ranges import range_finder
from course_lib.randomised.scores import score_projector

Queries, Keys, Values = Float[np.ndarray, "n e"], Float[np.ndarray, "N e"], Float[np.ndarray, "N v"]
Block = Float[np.ndarray, "n N"]
BITS = 6  # of each table of `hashing`

# (Q, K, V, m, random) -> A_hat, for scores that are logits already, with m the setting of the method.
Estimate = Callable[[Queries, Keys, Values, int, np.random.Generator], Block]


class Method(NamedTuple):
    """A method: its function, what its setting counts, and whether it computes as many numbers as P has."""

    estimate: Estimate
    counts: str
    forms_all: bool = False


def exact(Q: Queries, K: Keys) -> Block:
    """A = exp(Q K^T)."""
    return np.exp(Q @ K.T)


def row_sums(A: Block) -> Float[np.ndarray, "n 1"]:
    """Z as a column."""
    return A.sum(1, keepdims=True)


def _best(Q, K, V, m, random):
    A = exact(Q, K)
    return row_sums(A) * truncated_svd(A / row_sums(A), min(m, *A.shape)).matrix()


def _range(Q, K, V, m, random):
    A = exact(Q, K)
    P = A / row_sums(A)
    basis = range_finder(P, min(m, *P.shape), 0, 0, random)
    return row_sums(A) * (basis @ (basis.T @ P))


def _scores(Q, K, V, m, random):
    gram = Q.T @ Q
    ridge = 1e-12 * np.trace(gram) * np.eye(len(gram))  # fewer queries than coordinates have a singular Gram matrix
    return np.exp(Q @ score_projector(gram + ridge, K.T @ K, min(m, Q.shape[1])) @ K.T)


def _landmarks(Q: Queries, K: Keys, chosen: np.ndarray) -> Block:
    """Landmarks among the centred keys. The mean that is taken out of the keys is put back into the scores."""
    mean, K = K.mean(0), centred(K)
    return np.exp(Q @ mean)[:, None] * landmark_kernel(Q, K, K[chosen], 1.0)


def _random_landmarks(Q, K, V, m, random):
    H = PsdMatrix.exponential(centred(K), 1.0)
    return _landmarks(Q, K, randomly_pivoted_cholesky(H, min(m, len(K)), random).pivots)


def _uniform_landmarks(Q, K, V, m, random):
    return _landmarks(Q, K, random.choice(len(K), size=min(m, len(K)), replace=False))


def _features(Q, K, V, m, random):
    W = orthogonal_directions(m, Q.shape[1], random)
    return positive_features(Q, W) @ positive_features(K, W).T


def _uniform_keys(Q, K, V, m, random):
    """Without replacement: m = N is exact."""
    A_hat, kept = np.zeros((len(Q), len(K))), random.choice(len(K), size=min(m, len(K)), replace=False)
    A_hat[:, kept] = len(K) / len(kept) * exact(Q, K[kept])
    return A_hat


def _drawn(A: Block, p: np.ndarray, m: int, random: np.random.Generator) -> Block:
    """Columns of A times the number of times that they are drawn, divided by m p."""
    times = np.bincount(draw_columns(p, len(p), m, random), minlength=len(p))
    return A * np.divide(times, m * p, out=np.zeros_like(p), where=p > 0)


def _leverage_keys(Q, K, V, m, random):
    return _drawn(exact(Q, K), proportional_to(leverage_scores(K)), m, random)


def _optimal_keys(Q, K, V, m, random):
    A = exact(Q, K)
    return _drawn(A, optimal_probabilities(A / row_sums(A), V), m, random)


def _hashing(Q, K, V, m, random):
    """m tables of BITS hyperplanes."""
    H = hyperplanes(m, BITS, Q.shape[1], random)
    found = colliding_pairs(hash_codes(Q, H), hash_codes(K, H))
    return np.where(found, exact(Q, K), 0.0)


METHODS = {
    "best rank": Method(_best, "rank", forms_all=True),
    "range finder": Method(_range, "random vectors", forms_all=True),
    "scores of low rank": Method(_scores, "rank", forms_all=True),
    "landmarks, random pivots": Method(_random_landmarks, "landmarks"),
    "landmarks, uniform": Method(_uniform_landmarks, "landmarks"),
    "random features": Method(_features, "directions"),
    "keys, uniform": Method(_uniform_keys, "keys"),
    "keys by leverage": Method(_leverage_keys, "draws"),
    "keys, optimal p": Method(_optimal_keys, "draws", forms_all=True),
    "hashing": Method(_hashing, "tables"),
}


def estimate(
    name: str, Q: Queries, K: Keys, V: Values, m: int, random: np.random.Generator, scale: float | None = None
) -> Block:
    """A_hat by the method `name` of METHODS with the setting m. Default: scale = d_QK^{-1/2}.

    Raises ValueError for another name, and as the method does.
    """
    require(name in METHODS, f"name must be one of {', '.join(map(repr, METHODS))}, got {name!r}")
    check_whole("m", m, 1)
    check_random(random)
    return METHODS[name].estimate(*share_scale(Q, K, scale), V, m, random)


def weight_error(
    name: str, Q: Queries, K: Keys, V: Values, m: int, random: np.random.Generator, scale: float | None = None
) -> tuple[float, int]:
    """||Z^{-1} (A_hat - A)||_F / ||Z^{-1} A||_F, and the number of entries of A_hat that are not 0.

    Both are divided by the exact Z, so the error is that of A_hat alone. Raises ValueError as `estimate`.
    """
    A_hat, A = estimate(name, Q, K, V, m, random, scale), exact(*share_scale(Q, K, scale))
    Z = row_sums(A)
    return float(np.linalg.norm((A_hat - A) / Z) / np.linalg.norm(A / Z)), int(np.count_nonzero(A_hat))
