"""Multi-head latent attention in the two forms of the paper's section 7, expanded and absorbed.

A token leaves one row L = X W_L in the cache, shared by all heads; with decoupled RoPE also one rotary key K_R.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float, Int

from course_lib.config import LatentConfig, Rope, require
from course_lib.reference.checks import require_weights
from course_lib.reference.grouped import GroupedQueryAttention, random_weights, set_scale
from course_lib.reference.multi_head import join_heads
from course_lib.reference.norms import RMSNorm
from course_lib.reference.positions import require_even, rotate


@dataclass(frozen=True, kw_only=True, eq=False)
class QueryLatent:
    """The factors of W_Q = W_LQ W_LQQ: queries are made from the rows L_Q = X W_LQ, normalised if `norm` is given."""

    W_LQ: Float[np.ndarray, "d r_q"]
    W_LQQ: Float[np.ndarray, "h r_q e"]
    norm: RMSNorm | None = None

    def __post_init__(self):
        require_weights(self)

    def rows(self, X: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n r_q"]:
        """The rows L_Q of X, normalised if `norm` is given."""
        L_Q = X @ self.W_LQ
        return L_Q if self.norm is None else self.norm(L_Q)


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentAttention:
    """Latent attention in the expanded form: keys L W_LK and values L W_LV are made for each head.

    Cache rows: L (N, r), and K_R (N, p) with rotary positions.

    W_Q is a matrix per head, or the `QueryLatent` that factors it; W_QR then reads the query latent too. W_QR and W_KR
    belong together: without them there are no positions. `norm` is an RMSNorm on L, before it is cached.
    Raises ValueError for weights that do not fit together.
    """

    W_Q: Float[np.ndarray, "h d e"] | QueryLatent
    W_L: Float[np.ndarray, "d r"]
    W_LK: Float[np.ndarray, "h r e"]
    W_LV: Float[np.ndarray, "h r v"]
    W_O: Float[np.ndarray, "h v d_out"]
    W_QR: Float[np.ndarray, "h d_query p"] | None = None  # d_query is d, or r_q with a query latent
    W_KR: Float[np.ndarray, "d p"] | None = None
    rope: Rope | None = None  # default Rope() where W_KR is given
    norm: RMSNorm | None = None
    window: int | None = None
    scale: float | None = None  # default (e + p)^{-1/2}, in both forms: absorption does not rescale

    def __post_init__(self):
        sizes = self._sizes()
        require(
            (self.W_QR is None) == (self.W_KR is None),
            f"W_QR and W_KR must be given together, got {'W_KR' if self.W_QR is None else 'W_QR'} alone",
        )
        if self.W_KR is not None:
            require_even("rotary width p of W_QR and W_KR", sizes["p"])
            object.__setattr__(self, "rope", self.rope or Rope())
        self._require_rope()
        set_scale(self, sizes["e"] + sizes.get("p", 0))

    def _sizes(self) -> dict[str, int]:
        """The size of each letter, after the check that the weights fit together."""
        asking = self.W_Q if isinstance(self.W_Q, QueryLatent) else None
        more = {} if asking is None else {"W_LQ": (asking.W_LQ, "d r_q"), "W_LQQ": (asking.W_LQQ, "h r_q e")}
        sizes = require_weights(self, **more)
        width = sizes["d" if asking is None else "r_q"]
        require(
            self.W_QR is None or sizes["d_query"] == width,
            lambda: f"W_QR must read rows of width {width}, as W_Q does, got shape {self.W_QR.shape}",
        )
        return sizes

    def _require_rope(self) -> None:
        require(self.rope is None or self.W_KR is not None, f"rope = {self.rope} needs W_QR and W_KR, got neither")

    @classmethod
    def random(cls, config: LatentConfig, rng: np.random.Generator) -> "LatentAttention":
        """A layer of the sizes in `config` with random weights, and norms with gamma = 1."""
        weights, r_q = random_weights(config, rng), config.d_latent_q
        if r_q:
            norm = RMSNorm(np.ones(r_q)) if config.latent_norm else None
            weights["W_Q"] = QueryLatent(W_LQ=weights.pop("W_LQ"), W_LQQ=weights.pop("W_LQQ"), norm=norm)
        return cls(
            **weights,
            rope=config.rope,
            norm=RMSNorm(np.ones(config.d_latent)) if config.latent_norm else None,
            window=config.window,
            scale=config.scale,
        )

    def absorbed(self) -> "AbsorbedLatentAttention":
        """The same weights in the absorbed form."""
        return AbsorbedLatentAttention(**arguments(self, LatentAttention))

    @property
    def d_in(self) -> int:
        """Width of a row of X."""
        return self.W_L.shape[0]

    def queries(self, X: Float[np.ndarray, "n d"], positions: Int[np.ndarray, "n"]) -> Float[np.ndarray, "h n e"]:
        factored = isinstance(self.W_Q, QueryLatent)
        asking, W = (self.W_Q.rows(X), self.W_Q.W_LQQ) if factored else (X, self.W_Q)
        Q = self._content_queries(asking @ W)
        if self.W_QR is None:
            return Q
        return np.concatenate([Q, rotate(asking @ self.W_QR, positions, self.rope)], axis=-1)

    def _content_queries(self, Q: np.ndarray) -> np.ndarray:
        """Queries as the keys of `read` need them: here as they are, since each head has keys of its own."""
        return Q

    def compress(self, X: Float[np.ndarray, "n d"], positions: Int[np.ndarray, "n"]) -> dict[str, np.ndarray]:
        L = X @ self.W_L
        rows = {"L": L if self.norm is None else self.norm(L)}
        if self.W_KR is not None:
            rows["K_R"] = rotate(X @ self.W_KR, positions, self.rope)
        return rows

    def read(self, rows: Mapping[str, np.ndarray]) -> tuple[Float[np.ndarray, "h N e"], Float[np.ndarray, "h N v"]]:
        K, V = rows["L"] @ self.W_LK, rows["L"] @ self.W_LV
        if self.W_KR is None:
            return K, V
        K_R = np.broadcast_to(rows["K_R"], (len(K), *rows["K_R"].shape))
        return np.concatenate([K, K_R], axis=-1), V

    def output(self, Y: Float[np.ndarray, "h n v"], positions: Int[np.ndarray, "n"]) -> Float[np.ndarray, "n d_out"]:
        return join_heads(Y, self.W_O)


class AbsorbedLatentAttention(LatentAttention):
    """The absorbed form: Q_h K_h^T = (Q_h W_LK_h^T) L^T, so that all heads attend to L as the one key and value.

    Weights, cache and values are the same. The factors are applied one after the other; W_LQK and W_LO are not formed.
    """

    def _content_queries(self, Q: np.ndarray) -> np.ndarray:
        return Q @ np.swapaxes(self.W_LK, -1, -2)

    def read(self, rows: Mapping[str, np.ndarray]) -> tuple[Float[np.ndarray, "1 N e"], Float[np.ndarray, "1 N r"]]:
        L = rows["L"]
        K = L if self.W_KR is None else np.concatenate([L, rows["K_R"]], axis=-1)
        return K[None], L[None]

    def output(self, Y: Float[np.ndarray, "h n r"], positions: Int[np.ndarray, "n"]) -> Float[np.ndarray, "n d_out"]:
        return super().output(Y @ self.W_LV, positions)


def from_grouped(layer: GroupedQueryAttention) -> LatentAttention:
    """The latent attention that equals `layer`, with d_L = g (e + v): W_L holds its W_K and W_V side by side.

    W_LK_h and W_LV_h are selections of columns, so the values are the same to rounding. Raises ValueError for a layer
    with rotary positions or QK-norm, which act between W_K and the query, so that no W_LK can replace them.
    """
    require(layer.rope is None, f"layer must have no rotary positions to embed exactly, got rope = {layer.rope}")
    require(layer.norm_Q is None and layer.norm_K is None, "layer must have no QK-norm to embed exactly, got one")
    h, (g, _, e), v = len(layer.W_Q), layer.W_K.shape, layer.W_V.shape[-1]
    of_keys, of_values = np.split(np.eye(g * (e + v)), [g * e], axis=1)
    per_group_K, per_group_V = np.split(of_keys, g, axis=1), np.split(of_values, g, axis=1)
    group = [i // (h // g) for i in range(h)]
    return LatentAttention(
        W_Q=layer.W_Q,
        W_L=np.concatenate([*layer.W_K, *layer.W_V], axis=1),
        W_LK=np.stack([per_group_K[q] for q in group]),
        W_LV=np.stack([per_group_V[q] for q in group]),
        W_O=layer.W_O,
        window=layer.window,
        scale=layer.scale,
    )


def arguments(layer: LatentAttention, kind: type[LatentAttention]) -> dict:
    """What `layer` holds for the fields of `kind`, by name: `kind(**arguments(layer, kind))` has the same weights."""
    return {f.name: getattr(layer, f.name) for f in fields(kind)}
