"""Latent attention with QK-norm on its keys: one cached number per token and head keeps absorption exact.

k / rms(k) is not linear in the latent row, but it is linear up to one factor per token and head. That factor is cached
(QK-normed MLA, arXiv 2606.16310).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from course_lib.config import require
from course_lib.reference.latent import LatentAttention, arguments
from course_lib.reference.norms import RMSNorm, require_width


@dataclass(frozen=True, kw_only=True, eq=False)
class NormalisedKeysLatentAttention(LatentAttention):
    """Keys norm_K(L W_LK_h). Cache rows: L (N, r) and sigma (N, h), the inverse root mean squares of the keys.

    This is the expanded form. Raises ValueError for a norm_K that does not fit, and for rotary rows.
    """

    norm_K: RMSNorm

    def __post_init__(self):
        super().__post_init__()
        require_width(self.W_LK, self.norm_K.gamma)
        require(self.W_KR is None, "W_QR and W_KR must be None: a norm over content and rotary part is not implemented")

    def absorbed(self) -> "AbsorbedNormalisedKeysLatentAttention":
        """The same weights in the absorbed form."""
        return AbsorbedNormalisedKeysLatentAttention(**arguments(self, NormalisedKeysLatentAttention))

    def compress(self, X: Float[np.ndarray, "n d"], positions: Int[np.ndarray, "n"]) -> dict[str, np.ndarray]:
        rows = super().compress(X, positions)
        squares = np.square(rows["L"] @ self.W_LK).mean(-1)
        return rows | {"sigma": (1 / np.sqrt(squares + self.norm_K.eps)).T}

    def read(self, rows: Mapping[str, np.ndarray]) -> tuple[Float[np.ndarray, "h N e"], Float[np.ndarray, "h N v"]]:
        K, V = super().read(rows)
        return self.norm_K(K), V


class AbsorbedNormalisedKeysLatentAttention(NormalisedKeysLatentAttention):
    """The absorbed form: the score of query q and row l is sigma <W_LK_h (gamma * q), l>.

    Here gamma is the gain of norm_K, and sigma the cached number of this token and head.
    """

    def _content_queries(self, Q: np.ndarray) -> np.ndarray:
        return (Q * self.norm_K.gamma) @ np.swapaxes(self.W_LK, -1, -2)

    def read(self, rows: Mapping[str, np.ndarray]) -> tuple[Float[np.ndarray, "h N r"], Float[np.ndarray, "h N r"]]:
        """Keys sigma L and values L for each head. A fast kernel would multiply the scores by sigma instead."""
        K = rows["sigma"].T[..., None] * rows["L"]
        return K, np.broadcast_to(rows["L"], K.shape)

    def output(self, Y: Float[np.ndarray, "h n r"], positions: Int[np.ndarray, "n"]) -> Float[np.ndarray, "n d_out"]:
        return super().output(Y @ self.W_LV, positions)
