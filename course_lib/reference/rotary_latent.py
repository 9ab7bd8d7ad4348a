"""Latent attention with rotary positions but no rotary rows in the cache: either keys or latent rows are rotated."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from course_lib.config import Rope, require
from course_lib.reference.latent import AbsorbedLatentAttention, LatentAttention, arguments
from course_lib.reference.positions import require_even, rotate, rotate_last
from course_lib.rope import require_unit_amplitude


class RotatedKeysLatentAttention(LatentAttention):
    """RoPE on the up-projected keys: exact in relative positions, but R_{i-j} stands between W_Q and W_LK^T.

    There is no absorbed form: each step makes and rotates all keys again.
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


@dataclass(frozen=True, kw_only=True, eq=False)
class RotaryLatentAttention(AbsorbedLatentAttention):
    """Positions inside the latent: the cached row L_j turns by R_j, the absorbed query by R_i, the output by R_{-i}.

    Scores and values then see L_j turned by R_{j-i}, a relative position, and no rotary rows are needed beside L.
    Only the last `turned` = p of the r coordinates turn (partly rotary latent). The values turn as well. `expanded`
    gives the other form. Prior art: Su (kexue.fm/archives/10862), DeepSeek-V4 (arXiv 2606.19348).
    Raises ValueError for a p that is odd or larger than r.
    """

    turned: int | None = None  # p; default r, the whole row

    def __post_init__(self):
        super().__post_init__()
        r = self.W_L.shape[-1]
        if self.turned is None:
            object.__setattr__(self, "turned", r)
        require_even("latent width p = turned, which is rotated,", self.turned)
        require(self.turned <= r, f"turned must be at most r = {r}, the width of the latent, got {self.turned}")

    def _require_rope(self) -> None:
        give_rope_without_rotary_rows(self)
        require_unit_amplitude(self.rope, "mixed rows are turned back")

    def absorbed(self) -> "RotaryLatentAttention":
        """The same weights in the absorbed form."""
        return RotaryLatentAttention(**arguments(self, RotaryLatentAttention))

    def expanded(self) -> "ExpandedRotaryLatentAttention":
        """The same weights with keys and values formed per head."""
        return ExpandedRotaryLatentAttention(**arguments(self, RotaryLatentAttention))

    def queries(self, X: Float[np.ndarray, "n d"], positions: Int[np.ndarray, "n"]) -> Float[np.ndarray, "h n r"]:
        return self._turn(super().queries(X, positions), positions)

    def compress(self, X: Float[np.ndarray, "n d"], positions: Int[np.ndarray, "n"]) -> dict[str, np.ndarray]:
        return {"L": self._turn(super().compress(X, positions)["L"], positions)}

    def output(self, Y: Float[np.ndarray, "h n r"], positions: Int[np.ndarray, "n"]) -> Float[np.ndarray, "n d_out"]:
        return super().output(self._turn(Y, -positions), positions)

    def _turn(self, rows: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """The rows with their last p coordinates rotated by position."""
        return rotate_last(rows, positions, self.rope, self.turned)


class ExpandedRotaryLatentAttention(RotaryLatentAttention):
    """The expanded form: keys e + p and values v + p wide; their last p coordinates are the rotated ones of the row.

    W_LK_h has r - p rows A above and p rows B below. For a row (c, t) a score is <q, c A> + <q B^T R_i, t R_j>: the
    query brings q B^T beside q. Values are (c C, t R_j) with the first r - p rows C of W_LV_h, and the mix of their
    last p coordinates is turned back before the other rows of W_LV_h act on it.
    """

    def queries(self, X: Float[np.ndarray, "n d"], positions: Int[np.ndarray, "n"]) -> Float[np.ndarray, "h n e"]:
        Q = LatentAttention.queries(self, X, positions)
        asking = Q @ np.swapaxes(self.W_LK[:, -self.turned :], -1, -2)
        return np.concatenate([Q, rotate(asking, positions, self.rope)], axis=-1)

    def _content_queries(self, Q: np.ndarray) -> np.ndarray:
        return Q

    def read(self, rows: Mapping[str, np.ndarray]) -> tuple[Float[np.ndarray, "h N e"], Float[np.ndarray, "h N v"]]:
        still, turned = np.split(rows["L"], [rows["L"].shape[-1] - self.turned], axis=-1)
        shared = np.broadcast_to(turned, (len(self.W_LK), *turned.shape))
        up = (W[:, : still.shape[-1]] for W in (self.W_LK, self.W_LV))
        K, V = (np.concatenate([still @ W, shared], axis=-1) for W in up)
        return K, V

    def output(self, Y: Float[np.ndarray, "h n v"], positions: Int[np.ndarray, "n"]) -> Float[np.ndarray, "n d_out"]:
        content, turning = np.split(Y, [Y.shape[-1] - self.turned], axis=-1)
        back = rotate(turning, -positions, self.rope) @ self.W_LV[:, -self.turned :]
        return LatentAttention.output(self, content + back, positions)


def give_rope_without_rotary_rows(layer: LatentAttention) -> None:
    """Set the default Rope(). Raises ValueError for W_QR and W_KR, which would add a second kind of position."""
    require(layer.W_KR is None, "W_QR and W_KR must be None, since the layer rotates what it has, got both")
    object.__setattr__(layer, "rope", layer.rope or Rope())
