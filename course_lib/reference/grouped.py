"""Multi-head, grouped-query and multi-query attention as one class (paper, sections 3 and 6)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from course_lib.config import GroupedConfig, LatentConfig, Rope, require
from course_lib.reference.attention import attention
from course_lib.reference.checks import require_shapes, require_weights, require_window
from course_lib.reference.multi_head import join_heads
from course_lib.reference.norms import RMSNorm
from course_lib.reference.positions import require_even, rotate_last


def grouped_attention(
    Q: Float[np.ndarray, "h n e"],
    K: Float[np.ndarray, "g N e"],
    V: Float[np.ndarray, "g N v"],
    mask: Bool[np.ndarray, "n N"] | None,
    scale: float,
) -> Float[np.ndarray, "h n v"]:
    """Attention in which query head i reads key/value head i // (h / g); keys and values are never repeated.

    Raises ValueError for shapes that do not fit together, and unless h is a multiple of g.
    """
    sizes = require_shapes(Q=(Q, "h n e"), K=(K, "g N e"), V=(V, "g N v"))
    h, g = sizes["h"], sizes["g"]
    require(h % g == 0, f"the number of query heads must be a multiple of that of key/value heads, got {h} and {g}")
    Y = attention(Q.reshape(g, h // g, *Q.shape[1:]), K[:, None], V[:, None], mask, scale=scale)
    return Y.reshape(h, *Y.shape[2:])


def set_scale(layer, width: int) -> None:
    """Fill in the default scale width^{-1/2}, check a given one, and check the window."""
    if layer.scale is None:
        object.__setattr__(layer, "scale", width**-0.5)
    require(0 < layer.scale < np.inf, f"scale must be a positive finite number, got {layer.scale}")
    require_window(layer.window)


def random_weight(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Normal entries of variance 1 / fan-in, so that products keep the variance of their input."""
    return rng.normal(size=shape) / np.sqrt(shape[-2])


def random_weights(config: GroupedConfig | LatentConfig, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random weight matrices of the sizes in `config` by name, heads on an axis of their own."""
    found = {}
    for name, (rows, columns, heads) in config.weights.items():
        found[name] = random_weight(rng, *((rows, columns) if heads is None else (heads, rows, columns // heads)))
    W_O = found["W_O"]
    return found | {"W_O": W_O.reshape(config.n_heads, -1, W_O.shape[1])}


def shifted(heads: Float[np.ndarray, "h n e"], b: Float[np.ndarray, "h e"] | None) -> Float[np.ndarray, "h n e"]:
    """The rows of each head plus its bias; without a bias as they are."""
    return heads if b is None else heads + b[:, None]


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupedQueryAttention:
    """Grouped-query attention; g = h is multi-head and g = 1 multi-query attention.

    Cache rows: K (g, N, e), rotated if `rope` is given, and V (g, N, v). With `turned` only the last coordinates of
    queries and keys are rotated (partial rotation).

    With `norm_Q` and `norm_K` (QK-norm) each head is normalised before it is rotated. Biases b_Q, b_K, b_V and b_O are
    added after the projections. Raises ValueError for weights that do not fit together.
    """

    W_Q: Float[np.ndarray, "h d e"]
    W_K: Float[np.ndarray, "g d e"]
    W_V: Float[np.ndarray, "g d v"]
    W_O: Float[np.ndarray, "h v d_out"]
    b_Q: Float[np.ndarray, "h e"] | None = None
    b_K: Float[np.ndarray, "g e"] | None = None
    b_V: Float[np.ndarray, "g v"] | None = None
    b_O: Float[np.ndarray, "d_out"] | None = None
    rope: Rope | None = None
    turned: int | None = None  # how many coordinates of a head are rotated; None for all
    norm_Q: RMSNorm | None = None
    norm_K: RMSNorm | None = None
    window: int | None = None
    scale: float | None = None  # default e^{-1/2}

    def __post_init__(self):
        sizes = require_weights(self)
        h, g, e = sizes["h"], sizes["g"], sizes["e"]
        require(g > 0 and h % g == 0, f"h must be a multiple of g, got W_Q with h = {h} and W_K with g = {g}")
        if self.rope is not None:
            turned = e if self.turned is None else self.turned
            require_even("width of the rotated part of a query or key, e or turned,", turned)
            require(turned <= e, f"turned must be at most e = {e}, the width of a head, got {turned}")
        require(self.rope is not None or self.turned is None, f"turned must be None without rope, got {self.turned}")
        set_scale(self, e)

    @classmethod
    def random(cls, config: GroupedConfig, rng: np.random.Generator) -> "GroupedQueryAttention":
        """A layer of the sizes in `config` with random weights and biases, and norms with gamma = 1."""
        norm = RMSNorm(np.ones(config.d_head)) if config.qk_norm else None
        weights = random_weights(config, rng)
        shapes = {f"b_{x}": weights[f"W_{x}"].shape[::2] for x in "QKV"} | {"b_O": (config.d_model,)}
        return cls(
            **weights,
            **{name: rng.normal(size=shape) for name, shape in shapes.items() if config.bias},
            rope=config.rope,
            turned=config.turned,
            norm_Q=norm,
            norm_K=norm,
            window=config.window,
            scale=config.scale,
        )

    @property
    def d_in(self) -> int:
        """Width of a row of X."""
        return self.W_K.shape[1]

    def queries(self, X: Float[np.ndarray, "n d"], positions: Int[np.ndarray, "n"]) -> Float[np.ndarray, "h n e"]:
        return self._placed(shifted(X @ self.W_Q, self.b_Q), self.norm_Q, positions)

    def compress(self, X: Float[np.ndarray, "n d"], positions: Int[np.ndarray, "n"]) -> dict[str, np.ndarray]:
        K, V = shifted(X @ self.W_K, self.b_K), shifted(X @ self.W_V, self.b_V)
        return {"K": self._placed(K, self.norm_K, positions), "V": V}

    def read(self, rows: Mapping[str, np.ndarray]) -> tuple[Float[np.ndarray, "g N e"], Float[np.ndarray, "g N v"]]:
        return rows["K"], rows["V"]

    def output(self, Y: Float[np.ndarray, "h n v"], positions: Int[np.ndarray, "n"]) -> Float[np.ndarray, "n d_out"]:
        Y = join_heads(Y, self.W_O)
        return Y if self.b_O is None else Y + self.b_O

    def _placed(self, heads: np.ndarray, norm: RMSNorm | None, positions: np.ndarray) -> np.ndarray:
        """Heads normalised if `norm` is given, then rotated if the layer has `rope`."""
        heads = heads if norm is None else norm(heads)
        return heads if self.rope is None else rotate_last(heads, positions, self.rope, self.turned or heads.shape[-1])
