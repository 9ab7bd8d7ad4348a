"""Attention whose kernel is a product of features: A = Phi_Q Phi_K^T, so Y = Z^{-1} Phi_Q (Phi_K^T V).

Katharopoulos and others, Transformers are RNNs, arXiv 2006.16236. The brackets decide the cost. Phi_K^T V is a sum over
all keys and has the size m x d_V, whatever N is.

Masks: the product in this order uses every key for every query. Under a causal mask A becomes A * M~, which has full
rank, and the brackets can no longer be moved; `recurrent.causal_linear_attention` keeps a running sum instead.
"""

import numpy as np
from jaxtyping import Bool, Float

from course_lib.config import require
from course_lib.reference.attention import normalise, visible_entries
from course_lib.reference.checks import require_shapes


def feature_weights(
    Phi_Q: Float[np.ndarray, "n m"], Phi_K: Float[np.ndarray, "N m"], mask: Bool[np.ndarray, "n N"] | None = None
) -> Float[np.ndarray, "n N"]:
    """The weights P = Z^{-1} A of A = Phi_Q Phi_K^T, where visible; a row that sees nothing is zero.

    Cost O(N_Q N_KV m): for the analysis, since this is more than exact attention. Any mask is allowed. Raises
    ValueError when a row that sees keys sums to 0, which happens when its features underflow.
    """
    require_shapes(Phi_Q=(Phi_Q, "N_Q m"), Phi_K=(Phi_K, "N_KV m"))
    A = Phi_Q @ Phi_K.T
    visible = visible_entries(mask, A.shape)
    return normalise(np.where(visible, A, 0.0), seen=visible.any(-1))


def linear_attention(
    Phi_Q: Float[np.ndarray, "n m"], Phi_K: Float[np.ndarray, "N m"], V: Float[np.ndarray, "N v"]
) -> Float[np.ndarray, "n v"]:
    """Y = Z^{-1} Phi_Q (Phi_K^T V) with Z = diag(Phi_Q (Phi_K^T 1)), without a mask: every query sees every key.

    Equal to `feature_weights(Phi_Q, Phi_K) @ V` up to rounding. Cost O((N_Q + N_KV) m d_V). Raises ValueError for a
    query whose normaliser is 0.
    """
    require_shapes(Phi_Q=(Phi_Q, "N_Q m"), Phi_K=(Phi_K, "N_KV m"), V=(V, "N_KV d_V"))
    return divide(Phi_Q @ (Phi_K.T @ V), Phi_Q @ Phi_K.sum(0))


def divide(Y: Float[np.ndarray, "n v"], Z: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n v"]:
    """Row i of Y divided by Z_i. Raises ValueError for Z_i = 0: the features of query i have underflowed."""
    zeros = np.flatnonzero(Z == 0)
    require(
        len(zeros) == 0,
        lambda: f"Phi_Q and Phi_K must give each query a normaliser other than 0, got 0 for query {zeros[0]}",
    )
    return Y / Z[:, None]
