"""What is known about the error of each method of `estimates`: a number from a theorem, beside the measured error.

All numbers are relative to ||P||_F, with the weights P = Z^{-1} A of the block, as in `weight_error`. GUARANTEES says
what each number is. An expected error is the root of the expected square. All need P, so they are for the analysis.
"""

from functools import cached_property

import numpy as np
from jaxtyping import Float

from course_lib.config import require
from course_lib.randomised.checks import check_whole
from course_lib.randomised.column_sampling import expected_squared_error, optimal_probabilities, proportional_to
from course_lib.randomised.estimates import BITS, METHODS, exact, row_sums
from course_lib.randomised.feature_errors import orthogonal_mse
from course_lib.randomised.leverage import leverage_scores
from course_lib.randomised.low_rank import tail_norms
from course_lib.randomised.lsh import collision_probability
from course_lib.randomised.random_features import share_scale
from course_lib.randomised.range_bounds import expected_frobenius_error
from course_lib.randomised.scores import score_projector
from course_lib.reference.checks import require_shapes

BELOW = "no matrix of this rank has an error below"
EXPECTED = "the expected error is"
GUARANTEES = {
    "best rank": BELOW,
    "range finder": "the expected error is at most",
    "scores of low rank": "the error is at most",
    "landmarks, random pivots": BELOW,
    "landmarks, uniform": BELOW,
    "random features": EXPECTED,
    "keys, uniform": EXPECTED,
    "keys by leverage": EXPECTED,
    "keys, optimal p": EXPECTED,
    "hashing": EXPECTED,
}


class Guarantees:
    """The numbers that GUARANTEES speaks of, for one block. One singular value decomposition serves all of them.

    Default: scale = d_QK^{-1/2}. Raises ValueError for shapes that do not fit.
    """

    def __init__(
        self,
        Q: Float[np.ndarray, "n e"],
        K: Float[np.ndarray, "N e"],
        V: Float[np.ndarray, "N v"],
        scale: float | None = None,
    ):
        require_shapes(Q=(Q, "N_Q d_QK"), K=(K, "N_KV d_QK"), V=(V, "N_KV d_V"))
        self.Q, self.K = share_scale(Q, K, scale)
        self.V, self.A = V, exact(self.Q, self.K)
        self.Z = row_sums(self.A)
        self.P = self.A / self.Z

    def of(self, name: str, m: int) -> float:
        """For the method `name` with the setting m. Raises ValueError for another name and for m below 1."""
        require(name in METHODS, f"name must be one of {', '.join(map(repr, METHODS))}, got {name!r}")
        check_whole("m", m, 1)
        if name == "scores of low rank":
            return self._of_scores(m)
        if GUARANTEES[name] == EXPECTED:
            return float(np.sqrt(self._expected_square(name, m)) / np.linalg.norm(self.P))
        rank = min(m, *self.P.shape)
        bound = _best_split(self._sigma, rank) if name == "range finder" else tail_norms(self._sigma)[rank]
        return float(bound / np.linalg.norm(self.P))

    @cached_property
    def _sigma(self) -> Float[np.ndarray, "r"]:
        return np.linalg.svd(self.P, compute_uv=False)

    def _of_scores(self, m: int) -> float:
        """The largest factor by which an entry of A changes, less 1. So it bounds the relative error of P, too."""
        Q, K = self.Q, self.K
        Pi = score_projector(Q.T @ Q, K.T @ K, min(m, Q.shape[1]))
        return float(np.expm1(np.abs(Q @ K.T - Q @ Pi @ K.T).max()))

    def _expected_square(self, name: str, m: int) -> float:
        """E ||Z^{-1} A_hat - P||_F^2. The errors of sampled columns of P times the identity are those of P itself."""
        if name == "random features":
            return (orthogonal_mse(self.Q, self.K, m) / self.Z**2).sum()
        if name == "hashing":
            return (self.P**2 * (1 - collision_probability(self.Q, self.K, m, BITS))).sum()
        if name == "keys, uniform":  # without replacement
            return max(len(self.K) / m - 1, 0) * (self.P**2).sum()
        optimal = name == "keys, optimal p"
        p = optimal_probabilities(self.P, self.V) if optimal else proportional_to(leverage_scores(self.K))
        return expected_squared_error(self.P, np.eye(len(self.K)), p, m)


def guarantee(name: str, Q: np.ndarray, K: np.ndarray, V: np.ndarray, m: int, scale: float | None = None) -> float:
    """`Guarantees(Q, K, V, scale).of(name, m)`."""
    return Guarantees(Q, K, V, scale).of(name, m)


def _best_split(sigma: np.ndarray, width: int) -> float:
    """The least of the bounds of HMT Theorem 10.5 over all ways to split the width into k and p, or ||P||_F."""
    bounds = [expected_frobenius_error(sigma, k, width - k) for k in range(2, width - 1)]
    return min([*bounds, np.linalg.norm(sigma)])
