"""Random features phi with E <phi(q), phi(k)> = exp(<q, k>): positive ones (Performer), and trigonometric ones.

Choromanski and others, Rethinking Attention with Performers, arXiv 2009.14794, Lemma 1 and section 2.4. Attention needs
exp(scale <q, k>): give the features the rows that `share_scale` returns. The kernel estimate Phi_Q Phi_K^T has rank at
most m, so products with it cost O(N m d) instead of O(N^2 d); see `feature_attention`.

Masks: the features of a token depend on that token alone. They are causal, also when tokens come one by one.
"""

import numpy as np
from jaxtyping import Float

from course_lib.config import require
from course_lib.randomised.checks import check_random, check_scale, check_sizes
from course_lib.reference.checks import require_shapes

LARGEST_EXPONENT = np.log(np.finfo(np.float64).max)  # exp overflows above it: 709.78


def share_scale(
    Q: Float[np.ndarray, "n d"], K: Float[np.ndarray, "N d"], scale: float | None = None
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "N d"]]:
    """sqrt(scale) Q and sqrt(scale) K, whose products are the logits scale <q, k>. Default: scale = d_QK^{-1/2}."""
    sizes = require_shapes(Q=(Q, "N_Q d_QK"), K=(K, "N_KV d_QK"))
    scale = check_scale(scale, sizes["d_QK"])
    return np.sqrt(scale) * Q, np.sqrt(scale) * K


def gaussian_directions(m: int, d: int, random: np.random.Generator) -> Float[np.ndarray, "m d"]:
    """Directions w_1, ..., w_m in R^d, independent and each from N(0, I)."""
    _require_sizes(m, d, random)
    return random.standard_normal((m, d))


def orthogonal_directions(m: int, d: int, random: np.random.Generator) -> Float[np.ndarray, "m d"]:
    """Directions in blocks of d, orthogonal within a block; each is from N(0, I).

    A block is a Haar-distributed orthogonal matrix (QR of a Gaussian matrix, columns multiplied by the signs of
    R's diagonal; Mezzadri, math-ph/0609050) whose rows get independent chi_d lengths. Cost O(m d^2).
    """
    _require_sizes(m, d, random)
    blocks, R = np.linalg.qr(random.standard_normal((-(-m // d), d, d)))
    blocks = blocks * np.sign(np.diagonal(R, axis1=-2, axis2=-1))[:, None, :]
    lengths = np.sqrt(random.chisquare(d, size=m))
    return lengths[:, None] * blocks.reshape(-1, d)[:m]


def positive_features(X: Float[np.ndarray, "n d"], W: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "n m"]:
    """phi(x) = exp(W x - ||x||^2 / 2) / sqrt(m) for each row x of X, with directions W (m, d). Cost O(n m d).

    Theorem (arXiv 2009.14794, Lemma 1): E <phi(q), phi(k)> = exp(<q, k>) if each direction is from N(0, I), since
    E exp(<w, q + k>) = exp(||q + k||^2 / 2). All entries are positive, so every estimate of a weight is, too.
    The exponent is at most ||w||^2 / 2, reached at x = w, so large x cannot overflow. They can underflow to 0.
    Raises ValueError for widths that differ, and for directions with ||w||^2 / 2 above 709.
    """
    exponent = _require_features(X, W)
    require(
        bool((_halved_squares(W) <= LARGEST_EXPONENT).all()),
        lambda: f"W must have rows with ||w||^2 / 2 below {LARGEST_EXPONENT:.0f}, got {_halved_squares(W).max():.0f}",
    )
    return np.exp(exponent - _halved_squares(X)[:, None]) / np.sqrt(len(W))


def trigonometric_features(X: Float[np.ndarray, "n d"], W: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "n 2*m"]:
    """phi(x) = exp(||x||^2 / 2) (cos(W x), sin(W x)) / sqrt(m), the baseline: its estimates may be negative.

    Theorem (Rahimi and Recht 2007): E <phi(q), phi(k)> = exp(<q, k>), since E cos(<w, q - k>) = exp(-||q - k||^2 / 2).
    A row of estimated weights may sum to 0 or less, so Z^{-1} may be large or of the wrong sign. Cost O(n m d).
    Raises ValueError for widths that differ, and for rows with ||x||^2 / 2 above 709, whose factor overflows.
    """
    angles = _require_features(X, W)
    halved = _halved_squares(X)
    require(
        bool((halved <= LARGEST_EXPONENT).all()),
        lambda: f"X must have rows with ||x||^2 / 2 below {LARGEST_EXPONENT:.0f}, got {halved.max():.0f}",
    )
    return np.exp(halved)[:, None] * np.concatenate([np.cos(angles), np.sin(angles)], axis=1) / np.sqrt(len(W))


def _require_sizes(m: int, d: int, random: np.random.Generator) -> None:
    check_sizes(m=m, d=d)
    check_random(random)


def _require_features(X: np.ndarray, W: np.ndarray) -> np.ndarray:
    """The products X W^T, after a check of both shapes."""
    sizes = require_shapes(X=(X, "n d"), W=(W, "m d"))
    require(sizes["m"] > 0, f"W must hold at least one direction, got shape {W.shape}")
    return X @ W.T


def _halved_squares(X: np.ndarray) -> np.ndarray:
    """||x||^2 / 2 of each row."""
    return (X**2).sum(1) / 2
