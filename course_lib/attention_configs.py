"""Sizes of one attention layer, as frozen dataclasses that check their fields: a class for each kind of attention.

The kinds of latent attention below `LatentConfig` differ in the way in which positions reach scores.
"""

from dataclasses import dataclass
from typing import NamedTuple

from course_lib.fields import (
    given,
    is_whole,
    require,
    require_eps,
    require_flags,
    require_positive,
    require_scale_and_dropout,
)
from course_lib.rope import Rope, RopeByLength, require_unit_amplitude


class Weight(NamedTuple):
    """The shape of a weight matrix W (rows, columns), which multiplies on the right: X W."""

    rows: int
    columns: int
    heads: int | None = None  # that stand side by side in the columns; None where the columns belong to no head


@dataclass(frozen=True, kw_only=True)
class GroupedConfig:
    """Sizes of multi-head (n_kv_heads = n_heads), grouped-query, and multi-query attention (n_kv_heads = 1)."""

    d_model: int
    n_heads: int
    n_kv_heads: int | None = None  # default n_heads
    d_head: int | None = None  # default d_model / n_heads
    rope: Rope | None = None
    turned: int | None = None  # how many coordinates of a head `rope` turns, its last ones; None for all
    qk_norm: bool = False  # RMSNorm on each query and key head, before the rotation
    qk_norm_eps: float = 1e-6
    bias: bool = False  # b_Q, b_K, b_V and b_O, added after the four projections
    window: int | None = None  # a token sees itself and the window - 1 tokens before it
    scale: float | None = None  # default d_head ** -0.5
    dropout: float = 0.0  # on the weights P, in training only

    def __post_init__(self):
        require_positive(self, "d_model", "n_heads", *given(self, "n_kv_heads", "d_head", "window"))
        require_flags(self, "qk_norm", "bias")
        if self.n_kv_heads is None:
            object.__setattr__(self, "n_kv_heads", self.n_heads)
        require(
            self.n_heads % self.n_kv_heads == 0,
            f"n_heads must be a multiple of n_kv_heads, got n_heads = {self.n_heads}, n_kv_heads = {self.n_kv_heads}",
        )
        if self.d_head is None:
            require(
                self.d_model % self.n_heads == 0,
                f"without d_head, d_model must be a multiple of n_heads, got d_model = {self.d_model}, "
                f"n_heads = {self.n_heads}",
            )
            object.__setattr__(self, "d_head", self.d_model // self.n_heads)
        self._check_turned()
        require_eps(self, "qk_norm_eps")
        if self.scale is None:
            object.__setattr__(self, "scale", self.d_head**-0.5)
        require_scale_and_dropout(self)

    def _check_turned(self) -> None:
        """Raises ValueError unless the coordinates that turn are pairs of a head."""
        if self.turned is None:
            require(
                self.rope is None or self.d_head % 2 == 0,
                f"rotary positions turn pairs, so d_head must be even, got d_head = {self.d_head}",
            )
        else:
            require(self.rope is not None, f"turned must be None without rope, got {self.turned!r}")
            good = is_whole(self.turned) and self.turned % 2 == 0 and self.turned <= self.d_head
            require(good, f"turned must be an even number from 2 to d_head = {self.d_head}, got {self.turned!r}")
        if self.rope is not None:
            self.rope.require_width(self.rotary_width)

    @property
    def rotary_width(self) -> int:
        """How many coordinates of a head turn with the position."""
        return 0 if self.rope is None else self.turned or self.d_head

    @property
    def d_qk(self) -> int:
        """Width of a query and of a key, per head."""
        return self.d_head

    @property
    def d_value(self) -> int:
        """Width of a value, per head."""
        return self.d_head

    @property
    def weights(self) -> dict[str, Weight]:
        """The weight matrices of a layer. With `bias` each W_X has a b_X as wide as its columns."""
        d, h, g = self.d_model, self.n_heads, self.n_kv_heads
        return {
            "W_Q": Weight(d, h * self.d_qk, h),
            "W_K": Weight(d, g * self.d_qk, g),
            "W_V": Weight(d, g * self.d_value, g),
            "W_O": Weight(h * self.d_value, d),
        }

    @property
    def norms(self) -> dict[str, int]:
        """The widths of the RMSNorms of a layer."""
        return {"norm_Q": self.d_qk, "norm_K": self.d_qk} if self.qk_norm else {}

    @property
    def floats_per_token(self) -> int:
        """What one token leaves in the cache of this layer: its keys and values."""
        return self.n_kv_heads * (self.d_qk + self.d_value)


@dataclass(frozen=True, kw_only=True)
class LatentConfig:
    """Sizes of latent attention: one latent row per token, shared by all heads, and one rotary key beside it."""

    d_model: int
    n_heads: int
    d_latent: int  # width of L, the paper's d_L
    d_head: int  # content width of a query or key head, without rotary coordinates
    d_value: int | None = None  # default d_head
    d_rope: int = 0  # rotary coordinates of the decoupled key K_R; 0 for none
    d_latent_q: int | None = None  # width of the query latent; None for a full-rank W_Q
    rope: Rope | None = None  # default Rope() when d_rope > 0
    latent_norm: bool = False  # RMSNorm on L and on the query latent
    window: int | None = None
    scale: float | None = None  # default (d_head + d_rope) ** -0.5, in both forms
    dropout: float = 0.0

    def __post_init__(self):
        optional = given(self, "d_value", "d_latent_q", "window")
        require_positive(self, "d_model", "n_heads", "d_latent", "d_head", *optional)
        require_flags(self, "latent_norm")
        require(
            self.d_rope >= 0 and self.d_rope % 2 == 0,
            f"rotary positions turn pairs, so d_rope must be even and not negative, got d_rope = {self.d_rope}",
        )
        if self.rotary_width and self.rope is None:
            object.__setattr__(self, "rope", Rope())
        require(
            self.rope is None or self.rotary_width > 0,
            f"rope = {self.rope} needs rotary coordinates, but d_rope = 0; rotating the up-projected keys would "
            "stop absorption",
        )
        if self.rope is not None:
            self.rope.require_width(self.rotary_width)
        if self.d_value is None:
            object.__setattr__(self, "d_value", self.d_head)
        if self.scale is None:
            object.__setattr__(self, "scale", self.d_qk**-0.5)
        require_scale_and_dropout(self)

    @property
    def d_qk(self) -> int:
        """Width of a query and of a key, per head, in the expanded form: the paper's d_QK + d_R."""
        return self.d_head + self.d_rope

    @property
    def weights(self) -> dict[str, Weight]:
        """The weight matrices of a layer: W_Q or its factors W_LQ and W_LQQ, and W_QR and W_KR if d_rope > 0."""
        d, h, r, p, r_q = self.d_model, self.n_heads, self.d_latent, self.d_rope, self.d_latent_q
        queries = {} if r_q is None else {"W_LQ": Weight(d, r_q)}
        queries["W_Q" if r_q is None else "W_LQQ"] = Weight(r_q or d, h * self.d_head, h)
        rotary = {"W_QR": Weight(r_q or d, h * p, h), "W_KR": Weight(d, p)} if p else {}
        return (
            queries
            | {
                "W_L": Weight(d, r),
                "W_LK": Weight(r, h * self.d_head, h),
                "W_LV": Weight(r, h * self.d_value, h),
                "W_O": Weight(h * self.d_value, d),
            }
            | rotary
        )

    @property
    def norms(self) -> dict[str, int]:
        """The widths of the RMSNorms of a layer."""
        widths = {"norm_L": self.d_latent, "norm_LQ": self.d_latent_q} if self.latent_norm else {}
        return {name: width for name, width in widths.items() if width}

    @property
    def rotary_width(self) -> int:
        """How many coordinates turn with the position: here those of the rotary key."""
        return self.d_rope

    @property
    def floats_per_token(self) -> int:
        """What one token leaves in the cache of this layer: its latent row and its rotary key."""
        return self.d_latent + self.d_rope


@dataclass(frozen=True, kw_only=True)
class WithoutRotaryKey(LatentConfig):
    """Abstract: latent attention whose positions do not stand in a rotary key of their own."""

    def __post_init__(self):
        super().__post_init__()
        require(self.d_rope == 0, f"d_rope must be 0: {type(self).__name__} has no rotary key, got {self.d_rope}")


@dataclass(frozen=True, kw_only=True)
class RotaryLatentConfig(WithoutRotaryKey):
    """The last `turned` coordinates of each latent row turn with its position; the mixed rows are turned back.

    turned = d_latent is the rotary latent, a smaller number the partly rotary one, and 0 leaves no positions.
    """

    turned: int

    def __post_init__(self):
        require_positive(self, "d_latent")
        good = is_whole(self.turned, 0) and self.turned % 2 == 0 and self.turned <= self.d_latent
        require(good, f"turned must be an even number from 0 to d_latent = {self.d_latent}, got {self.turned!r}")
        good = self.turned > 0 or self.rope is None
        require(good, f"rope must be None with turned = 0, where no coordinates turn, got {self.rope}")
        require_unit_amplitude(self.rope, "mixed rows are turned back")
        super().__post_init__()

    @property
    def rotary_width(self) -> int:
        return self.turned


@dataclass(frozen=True, kw_only=True)
class RotatedKeysConfig(WithoutRotaryKey):
    """The up-projected keys of each head turn with their position, so that there is no absorbed form."""

    def __post_init__(self):
        super().__post_init__()
        require(self.d_head % 2 == 0, f"rotary positions turn pairs, so d_head must be even, got {self.d_head}")
        require(self.window is None, f"window must be None: keys are made in order of position, got {self.window}")
        require(
            not isinstance(self.rope, RopeByLength),
            f"rope must not depend on the length, as dynamic ones do, got {self.rope}: padding would turn keys, but no "
            "queries, by other angles",
        )

    @property
    def rotary_width(self) -> int:
        return self.d_head


@dataclass(frozen=True, kw_only=True)
class AlibiLatentConfig(WithoutRotaryKey):
    """A bias on each logit, in proportion to the distance: ALiBi (Press and others, arXiv 2108.12409)."""


@dataclass(frozen=True, kw_only=True)
class NormalisedKeysConfig(WithoutRotaryKey):
    """RMSNorm on the up-projected keys of each head, without positions; one cached number per head keeps absorption.

    After QK-normed latent attention (arXiv 2606.16310).
    """

    @property
    def norms(self) -> dict[str, int]:
        return super().norms | {"norm_K": self.d_head}

    @property
    def floats_per_token(self) -> int:
        """What one token leaves in the cache of this layer: its latent row and a number for each head."""
        return self.d_latent + self.n_heads


ATTENTION = {
    "grouped": GroupedConfig,
    "latent": LatentConfig,
    "rotary_latent": RotaryLatentConfig,
    "rotated_keys": RotatedKeysConfig,
    "alibi_latent": AlibiLatentConfig,
    "normalised_keys": NormalisedKeysConfig,
}
