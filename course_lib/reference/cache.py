"""The cache as a value, and `step`: prefill, chunked prefill and decoding are this one function (paper, section 5).

Every attention variant is a layer with four verbs, the methods queries, compress, read and output. Variants differ only
in the rows that a token leaves in the cache and in how these are read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from course_lib.config import require
from course_lib.reference.checks import require_mask, require_real
from course_lib.reference.grouped import grouped_attention
from course_lib.reference.masks import window_mask


@runtime_checkable
class AttentionLayer(Protocol):
    """The methods that `step` needs of a variant; h query heads, g key/value heads, n new tokens of N in all."""

    scale: float
    window: int | None

    @property
    def d_in(self) -> int:
        """Width of a row of X."""

    def queries(self, X: Float[np.ndarray, "n d"], positions: Int[np.ndarray, "n"]) -> Float[np.ndarray, "h n e"]:
        """The queries of the new tokens."""

    def compress(self, X: Float[np.ndarray, "n d"], positions: Int[np.ndarray, "n"]) -> dict[str, np.ndarray]:
        """The rows that new tokens leave in the cache: named arrays with tokens along axis -2."""

    def read(self, rows: Mapping[str, np.ndarray]) -> tuple[Float[np.ndarray, "g N e"], Float[np.ndarray, "g N v"]]:
        """The keys and values that the cache stands for."""

    def output(self, Y: Float[np.ndarray, "h n v"], positions: Int[np.ndarray, "n"]) -> Float[np.ndarray, "n d"]:
        """Heads mapped back to the width of the model."""


@dataclass(frozen=True)
class Cache:
    """The rows that earlier tokens left: named arrays with tokens along axis -2. Appending returns a new cache."""

    rows: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        lengths = {name: array.shape[-2] for name, array in self.rows.items()}
        require(len(set(lengths.values())) <= 1, f"rows must all hold the same number of tokens, got {lengths}")
        kept = {name: array.view() for name, array in self.rows.items()}
        for array in kept.values():
            array.flags.writeable = False
        object.__setattr__(self, "rows", MappingProxyType(kept))

    @property
    def length(self) -> int:
        """Tokens seen so far; the next one has this position."""
        return next((array.shape[-2] for array in self.rows.values()), 0)

    @property
    def floats_per_token(self) -> int:
        """Numbers that one token occupies. Raises ValueError for an empty cache, which holds none."""
        require(self.length > 0, "floats_per_token needs at least one token in the cache, got an empty one")
        return sum(array.size for array in self.rows.values()) // self.length

    def append(self, new: Mapping[str, np.ndarray]) -> "Cache":
        """A cache with the rows of `new` behind those of this one. Raises ValueError for other names or shapes."""
        if not self.rows:
            return Cache(dict(new))
        require(set(new) == set(self.rows), f"new must hold the rows {sorted(self.rows)}, got {sorted(new)}")
        for name, old in self.rows.items():
            want, got = (array.shape[:-2] + array.shape[-1:] for array in (old, new[name]))
            require(want == got, f"new rows {name} must fit shape {old.shape} but for axis -2, got {new[name].shape}")
        return Cache({name: np.concatenate([old, new[name]], axis=-2) for name, old in self.rows.items()})


def step(layer: AttentionLayer, X: Float[np.ndarray, "n d"], cache: Cache | None = None) -> tuple[np.ndarray, Cache]:
    """Attend with n new tokens X to themselves and to the cache; return Y (n, d) and the longer cache.

    The mask is causal, within the layer's window if it has one. So caching is exact: an earlier row never depends on a
    later token, and nothing in the cache has to change (see `without_cache` for other masks). Raises ValueError for
    rows that do not fit or are not finite, TypeError for a layer, an X or a cache of another type.
    """
    require_rows(layer, X)
    cache = Cache() if cache is None else cache
    if not isinstance(cache, Cache):
        raise TypeError(f"cache must be a Cache or None, got {type(cache).__name__}")
    positions = np.arange(cache.length, cache.length + len(X))
    cache = cache.append(layer.compress(X, positions))
    mask = window_mask(len(X), cache.length, layer.window)
    Y = grouped_attention(layer.queries(X, positions), *layer.read(cache.rows), mask, layer.scale)
    return layer.output(Y, positions), cache


def without_cache(
    layer: AttentionLayer, X: Float[np.ndarray, "N d"], mask: Bool[np.ndarray, "N N"] | None = None
) -> Float[np.ndarray, "N d"]:
    """Apply the layer to a whole sequence with any mask, or with none, as in an encoder. Its window is ignored.

    mask: true where seen. Raises ValueError and TypeError as `step`, also for the mask.
    """
    require_rows(layer, X)
    if mask is not None:
        require_mask(mask, len(X), len(X))
    positions = np.arange(len(X))
    K, V = layer.read(layer.compress(X, positions))
    return layer.output(grouped_attention(layer.queries(X, positions), K, V, mask, layer.scale), positions)


def require_rows(layer: AttentionLayer, X: np.ndarray) -> None:
    """Raises unless X is one sequence of finite rows of width `layer.d_in`, and `layer` an `AttentionLayer`."""
    if not isinstance(layer, AttentionLayer):
        got = type(layer).__name__
        raise TypeError(f"layer must have scale, window, d_in, queries, compress, read and output, got {got}")
    require_real("X", X)
    require(X.ndim == 2, f"X must have shape (n, d), got {X.shape}")
    require(X.shape[1] == layer.d_in, f"X must have width d = {layer.d_in}, got shape {X.shape}")
