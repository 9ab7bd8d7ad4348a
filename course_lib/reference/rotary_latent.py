"""Two other ways to give latent attention positions, which the paper leaves open (sections 7 and 9)."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int

from course_lib.config import Rope, require
from course_lib.reference.latent import AbsorbedLatentAttention, LatentAttention
from course_lib.reference.positions import require_even, rotate


class RotatedKeysLatentAttention(LatentAttention):
    """RoPE on the up-projected keys: exact in relative positions, but R_{i-j} stands between W_Q and W_LK^T.

    There is no absorbed reading: each step forms and rotates all keys again.
    """

    def __post_init__(self):
        super().__post_init__()
        require_even("width e of the up-projected keys", self.W_LK.shape[-1])

    def _require_rope(self) -> None:
        give_rope_without_rotary_rows(self)

    def absorbed(self):
        raise ValueError("layer must not rotate its up-projected keys to be absorbed: R_{i-j} differs for each pair")

    def queries(self, X: Float[np.ndarray, "n d"], positions: Int[np.ndarray, "n"]) -> Float[np.ndarray, "h n e"]:
        return rotate(super().queries(X, positions), positions, self.rope)

    def read(self, rows: Mapping[str, np.ndarray]) -> tuple[Float[np.ndarray, "h N e"], Float[np.ndarray, "h N v"]]:
        K, V = super().read(rows)
        return rotate(K, np.arange(K.shape[-2]), self.rope), V


class RotaryLatentAttention(AbsorbedLatentAttention):
    """Positions inside the latent: R_j L_j is cached, the absorbed query turned by R_i, the output back by R_{-i}.

    Scores and values then see R_{j-i} L_j, a relative position, and no rotary rows are needed beside L. The price: no
    cheap expanded reading, so prefill works in width r per head, and the values are rotated as well.
    """

    def __post_init__(self):
        super().__post_init__()
        require_even("latent width r, which is rotated,", self.W_L.shape[-1])

    def _require_rope(self) -> None:
        give_rope_without_rotary_rows(self)

    def absorbed(self):
        """The layer itself: it has no other reading."""
        return self

    def queries(self, X: Float[np.ndarray, "n d"], positions: Int[np.ndarray, "n"]) -> Float[np.ndarray, "h n r"]:
        return rotate(super().queries(X, positions), positions, self.rope)

    def compress(self, X: Float[np.ndarray, "n d"], positions: Int[np.ndarray, "n"]) -> dict[str, np.ndarray]:
        return {"L": rotate(super().compress(X, positions)["L"], positions, self.rope)}

    def output(self, Y: Float[np.ndarray, "h n r"], positions: Int[np.ndarray, "n"]) -> Float[np.ndarray, "n d_out"]:
        return super().output(rotate(Y, -positions, self.rope), positions)


def give_rope_without_rotary_rows(layer: LatentAttention) -> None:
    """The default Rope(); ValueError where W_QR and W_KR would add a second kind of position."""
    require(layer.W_KR is None, "W_QR and W_KR must be None, since the layer rotates what it has, got both")
    object.__setattr__(layer, "rope", layer.rope or Rope())
