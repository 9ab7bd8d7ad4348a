"""How much of X W a latent of rank r keeps: by PCA of the activations, and by SVD of the weights.

X W holds the keys and values of calibration tokens X. A latent of rank r stores X W P_r and computes X W P_r P_r^T for
orthonormal columns P_r. By Eckart and Young the first r right singular vectors of X W are the best P_r. Those of W are
the best, too, if X^T X is a multiple of the identity, but not in general. `course_lib.surgery.factors.joint_factors`
computes the factors themselves from the Gram matrix X^T X, and balances keys against values. This module compares the
errors at all ranks.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from course_lib.config import require
from course_lib.randomised.checks import check_matrix
from course_lib.randomised.low_rank import tail_norms


@dataclass(frozen=True, eq=False)
class TruncationErrors:
    """||X W - X W P_r P_r^T||_F for r from 0 to min(d, w), with P_r from X W and with P_r from W."""

    by_activations: Float[np.ndarray, "ranks"]
    by_weights: Float[np.ndarray, "ranks"]


def truncation_errors(X: Float[np.ndarray, "n d"], W: Float[np.ndarray, "d w"]) -> TruncationErrors:
    """The errors of both truncations of X W at all ranks from 0 to min(d, w).

    by_activations is (sum_{j > r} sigma_j(X W)^2)^{1/2}, the least possible. by_weights is ||X (W - W_r)||_F for the
    truncated SVD W_r, so it is never smaller on these X; for other X either one may be.
    Cost: 2 n d w FLOPs and the SVDs of X W and W.
    Raises ValueError unless X and W are finite matrices that can be multiplied.
    """
    X, W = check_matrix("X", X), check_matrix("W", W)
    require(X.shape[1] == len(W), f"W must have the {X.shape[1]} rows that X has columns, got shape {W.shape}")
    C, most = X @ W, min(W.shape)
    R = np.linalg.qr(X, mode="r")  # R W has the singular values of X W, and is smaller for many rows
    by_activations = tail_norms(np.linalg.svd(R @ W, compute_uv=False))
    padded = np.zeros(max(most + 1, len(by_activations)))  # fewer rows of X than ranks: the others have no error
    padded[: len(by_activations)] = by_activations
    _, _, Vt = np.linalg.svd(W, full_matrices=False)
    return TruncationErrors(padded[: most + 1], tail_norms(np.linalg.norm(C @ Vt.T, axis=0)))
