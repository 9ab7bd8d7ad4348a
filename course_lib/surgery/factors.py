"""Low-rank factors for keys and values of one layer together: [W_K | W_V] ~ W_L [W_LK | W_LV] (paper, section 7)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from course_lib.config import is_whole, require


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentFactors:
    """Factors of rank r: X W_L is the latent, X W_L W_LK are the keys and X W_L W_LV the values of all KV heads."""

    W_L: Float[np.ndarray, "d r"]
    W_LK: Float[np.ndarray, "r k"]
    W_LV: Float[np.ndarray, "r v"]
    singular_values: Float[np.ndarray, "m"]  # all of X [alpha W_K | W_V], in falling order; the first r are kept
    balance: float  # alpha

    @property
    def error(self) -> float:
        """The error ||X C - X C P_r P_r^T||_F = (sum_{j > r} sigma_j^2)^{1/2}, C = [alpha W_K | W_V] (Eckart-Young)."""
        return float(np.linalg.norm(self.singular_values[self.W_L.shape[1] :]))


def joint_factors(
    W_K: Float[np.ndarray, "d k"],
    W_V: Float[np.ndarray, "d v"],
    rank: int,
    gram: Float[np.ndarray, "d d"] | None = None,
    balance: float | None = None,
) -> LatentFactors:
    """The best factors of rank r of C = [alpha W_K | W_V] for inputs X with X^T X = gram, computed in float64.

    Let P_r hold the first r right singular vectors of X C. The latent is X C P_r, and X C P_r P_r^T is computed from
    it. By Eckart and Young no matrix of rank r is nearer to X C in the Frobenius norm. Without a gram X is the
    identity; this is the SVD of the weights.
    balance: alpha > 0 weighs keys against values; W_LK is divided by alpha again. None takes
    ||X W_V||_F / ||X W_K||_F, which gives both the same share of ||X C||_F^2; 1 leaves the weights as they are.

    At rank min(d, k + v) keys and values of all inputs in the row space of X are exact, for every alpha; of other
    inputs a part may be lost.
    Raises ValueError for shapes that do not fit, a rank outside 1 ... min(d, k + v), a gram that is not symmetric and
    positive semidefinite or is zero, and alpha <= 0.
    """
    check_factors(W_K, W_V, rank, gram)
    W_K, W_V = W_K.astype(np.float64), W_V.astype(np.float64)
    S = np.eye(len(W_K)) if gram is None else square_root(gram)
    alpha = equal_shares(S @ W_K, S @ W_V) if balance is None else balance
    require(0 < alpha < np.inf, f"balance must be a positive finite number, got {alpha}")
    C = np.hstack([alpha * W_K, W_V])
    _, sigma, P = np.linalg.svd(S @ C, full_matrices=False)
    W_LK, W_LV = np.split(P[:rank], [W_K.shape[1]], axis=1)
    return LatentFactors(W_L=C @ P[:rank].T, W_LK=W_LK / alpha, W_LV=W_LV, singular_values=sigma, balance=float(alpha))


def equal_shares(K: Float[np.ndarray, "d k"], V: Float[np.ndarray, "d v"]) -> float:
    """The alpha with ||alpha K||_F = ||V||_F; 1 if K or V is zero to rounding, so that noise is not amplified."""
    keys, values = np.linalg.norm(K), np.linalg.norm(V)
    return values / keys if min(keys, values) > 1e-12 * max(keys, values) else 1.0


def square_root(gram: Float[np.ndarray, "d d"]) -> Float[np.ndarray, "d d"]:
    """The symmetric positive semidefinite S with S S = gram = X^T X.

    So S W has the Frobenius norm, the singular values and the right singular vectors of X W.
    Raises ValueError unless the gram is symmetric, finite, not zero, and positive semidefinite to rounding.
    """
    require(bool(np.isfinite(gram).all()), "gram must be finite, got NaN or infinity")
    largest = np.abs(gram).max()
    require(largest > 0 and np.abs(gram - gram.T).max() <= 1e-9 * largest, "gram must be symmetric and not zero")
    values, vectors = np.linalg.eigh(gram)
    require(values[0] >= -1e-9 * values[-1], f"gram must have no negative eigenvalues, got {values[0]:.3g}")
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T


def check_factors(W_K: np.ndarray, W_V: np.ndarray, rank: int, gram: np.ndarray | None) -> None:
    """Raise ValueError unless the shapes fit and 1 <= rank <= min(d, k + v)."""
    good = W_K.ndim == W_V.ndim == 2 and len(W_K) == len(W_V)
    require(good, f"W_K and W_V must be matrices with the same rows, got shapes {W_K.shape} and {W_V.shape}")
    d, most = len(W_K), min(len(W_K), W_K.shape[1] + W_V.shape[1])
    require(is_whole(rank) and rank <= most, f"rank must be a whole number from 1 to {most}, got {rank!r}")
    require(gram is None or np.shape(gram) == (d, d), f"gram must have shape {(d, d)}, got {np.shape(gram)}")
