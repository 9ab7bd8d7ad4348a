"""Multi-head attention in its two equal forms (paper, section 3): per head, and concatenated."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from course_lib.config import require
from course_lib.reference.attention import attention
from course_lib.reference.checks import require_shapes, require_weights


def join_heads(Y: Float[np.ndarray, "h n v"], W_O: Float[np.ndarray, "h v d"]) -> Float[np.ndarray, "n d"]:
    """concat(Y_1, ..., Y_h) W_O as the sum over heads of Y_h W_O_h."""
    return np.einsum("hnv,hvd->nd", Y, W_O)


def split_heads(M: Float[np.ndarray, "n columns"], h: int) -> Float[np.ndarray, "h n e"]:
    """Columns of h heads side by side, (n, h e), to (h, n, e): the head is the slow axis of the columns."""
    columns = M.shape[1]
    require(h > 0 and columns % h == 0, f"the columns of M must divide into h = {h} heads, got shape {M.shape}")
    return M.reshape(len(M), h, columns // h).transpose(1, 0, 2)


def concatenate_heads(Y: Float[np.ndarray, "h n e"]) -> Float[np.ndarray, "n columns"]:
    """concat_col(Y_1, ..., Y_h), (n, h e). On weights (h, d, e) it gives the bold W (d, h e) of all heads."""
    h, n, e = Y.shape
    return Y.transpose(1, 0, 2).reshape(n, h * e)


@dataclass(frozen=True, kw_only=True, eq=False)
class MultiHeadAttention:
    """Self- or cross-attention with h heads. A call computes the concatenated form, which equals `per_head`.

    Raises ValueError for weights that differ in h, e or v.
    """

    W_Q: Float[np.ndarray, "h d_Q e"]
    W_K: Float[np.ndarray, "h d_KV e"]
    W_V: Float[np.ndarray, "h d_KV v"]
    W_O: Float[np.ndarray, "h v d_out"]

    def __post_init__(self):
        require_weights(self)

    def per_head(
        self,
        X_Q: Float[np.ndarray, "n d_Q"],
        X_KV: Float[np.ndarray, "N d_KV"],
        mask: Bool[np.ndarray, "n N"] | None = None,
    ) -> Float[np.ndarray, "n d_out"]:
        """Y_h = Z_h^{-1} A_h V_h one head after the other, then concat(Y_1, ..., Y_h) W_O."""
        self._require_widths(X_Q, X_KV)
        heads = zip(self.W_Q, self.W_K, self.W_V, strict=True)
        Y = [attention(X_Q @ W_Q, X_KV @ W_K, X_KV @ W_V, mask) for W_Q, W_K, W_V in heads]
        return np.concatenate(Y, axis=1) @ np.concatenate(list(self.W_O))

    def __call__(
        self,
        X_Q: Float[np.ndarray, "n d_Q"],
        X_KV: Float[np.ndarray, "N d_KV"],
        mask: Bool[np.ndarray, "n N"] | None = None,
    ) -> Float[np.ndarray, "n d_out"]:
        """Bold Q = X^Q W^{bold Q} and likewise K and V: all heads in one product each."""
        self._require_widths(X_Q, X_KV)
        h, v, d_out = self.W_O.shape
        Q = split_heads(X_Q @ concatenate_heads(self.W_Q), h)
        K, V = (split_heads(X_KV @ concatenate_heads(W), h) for W in (self.W_K, self.W_V))
        return concatenate_heads(attention(Q, K, V, mask)) @ self.W_O.reshape(h * v, d_out)

    def _require_widths(self, X_Q: np.ndarray, X_KV: np.ndarray) -> None:
        require_shapes(X_Q=(X_Q, "n d_Q"), W_Q=(self.W_Q, "h d_Q e"))
        require_shapes(X_KV=(X_KV, "N d_KV"), W_K=(self.W_K, "h d_KV e"))
