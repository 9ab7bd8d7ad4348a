"""Sizes and settings of a layer and of a model, as frozen dataclasses that check their fields.

Each error is a ValueError that names the field, its value and the rule. Sizes that follow from fields are properties.

Letters in shapes, here and everywhere: n new tokens, N all tokens, h heads, g key/value heads, d model width.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from course_lib.attention_configs import (
    AlibiLatentConfig,
    GroupedConfig,
    LatentConfig,
    NormalisedKeysConfig,
    RotaryLatentConfig,
    RotatedKeysConfig,
)
from course_lib.experts_config import (
    ExpertsConfig,
    SigmoidExperts,
    SoftmaxExperts,
    experts_as_dict,
    experts_from_dict,
    require_experts,
)
from course_lib.fields import (
    from_fields,
    given,
    is_whole,
    require,
    require_choice,
    require_eps,
    require_flags,
    require_positive,
    require_scale_and_dropout,
)
from course_lib.local_layers import (
    LocalLayers,
    attention_as_dict,
    attention_from_dict,
    local_as_dict,
    require_attention,
)
from course_lib.rope import DynamicRope, Llama3Rope, LongRope, Rope, RopeByLength, YarnRope

__all__ = [
    "AlibiLatentConfig",
    "DynamicRope",
    "ExpertsConfig",
    "GroupedConfig",
    "LatentConfig",
    "Llama3Rope",
    "LocalLayers",
    "LongRope",
    "ModelConfig",
    "NormalisedKeysConfig",
    "Rope",
    "RopeByLength",
    "RotaryLatentConfig",
    "RotatedKeysConfig",
    "SigmoidExperts",
    "SoftmaxExperts",
    "TranslationConfig",
    "YarnRope",
    "given",
    "is_whole",
    "require",
    "require_positive",
]


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A Transformer: decoder-only, encoder-only, or one side of an encoder-decoder (paper, section 4).

    The fields choose the parts on the way from tokens to logits:

        tokens (b, n)                       whole numbers below vocab_size
          |  W_E (vocab_size, d_model)      positions "sinusoidal" or "learned" are added here
        X (b, n, d_model)
          |  n_layers times, each sublayer within its skip connection, its norms placed as `placement` says:
          |     attention                   n_heads heads of width d_head, and back to d_model; rotary positions here
          |     feed-forward                d_model -> d_ff -> d_model
          |  a last norm                    unless `placement` is "post", whose layers end with a norm
        H (b, n, d_model)
          |  W_E^T if tied, else W_U (d_model, vocab_size)
        logits (b, n, vocab_size)
    """

    vocab_size: int
    n_layers: int
    attention: GroupedConfig | LatentConfig  # of all layers but those of `local`; rotary positions are chosen there
    d_ff: int
    local: LocalLayers | None = None  # layers with attention of another kind, such as a window
    feedforward: str = "gelu"  # relu, gelu, gelu_tanh (GELU by tanh, as in GPT-2), swiglu or geglu
    experts: ExpertsConfig | None = None  # many small networks in place of one; d_ff is then that of the first layers
    ff_bias: bool = True  # b_1 and b_2; swiglu and geglu have none
    norm: str = "layer"  # layer or rms
    norm_eps: float | None = None  # default 1e-5 for layer, 1e-6 for rms
    placement: str = "pre"  # post: norm on the skip connection; pre: in front of each sublayer; peri: on both sides
    positions: str = "none"  # added to the embeddings: sinusoidal, learned or none (usual when attention rotates)
    max_length: int | None = None  # tokens of the longest sequence; required with learned positions
    tied: bool = True  # the embedding serves as output weights too
    output_bias: bool = False  # b_U, added to the logits, as in BERT
    embedding_scale: float = 1.0  # embeddings are multiplied by it; sqrt(d_model) in the original
    embedding_norm: bool = False  # a norm on the sum of embedding and position, as in BERT
    dropout: float = 0.0  # on embeddings and on what each sublayer adds, in training only

    def __post_init__(self):
        require_positive(self, "vocab_size", "n_layers", "d_ff", *given(self, "max_length"))
        require_attention(self.attention)
        if self.local is not None:
            kind = type(self.local)
            require(kind is LocalLayers, f"local must be LocalLayers or None, got {kind.__name__}")
            self.local.require_within(self.attention, self.n_layers)
        require_choice(self, "feedforward", ("relu", "gelu", "gelu_tanh", *GATED))
        if self.experts is not None:
            require_experts(self.experts, self.n_layers, self.feedforward)
        require_choice(self, "norm", tuple(NORM_EPS))
        if self.norm_eps is None:
            object.__setattr__(self, "norm_eps", NORM_EPS[self.norm])
        require_eps(self, "norm_eps")
        require_choice(self, "placement", ("post", "pre", "peri"))
        require_choice(self, "positions", ("none", "sinusoidal", "learned"))
        require_flags(self, "ff_bias", "tied", "output_bias", "embedding_norm")
        require(
            self.positions != "learned" or self.max_length is not None,
            "max_length must be given with learned positions: their table has that many rows",
        )
        require(
            self.positions != "sinusoidal" or self.d_model % 2 == 0,
            f"sinusoidal positions come in pairs, so d_model must be even, got d_model = {self.d_model}",
        )
        require_scale_and_dropout(self, "embedding_scale")

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return self.attention.d_model

    @property
    def attentions(self) -> tuple[GroupedConfig | LatentConfig, ...]:
        """The attention of each layer."""
        if self.local is None:
            return (self.attention,) * self.n_layers
        return tuple(self.local.attention if i in self.local.layers else self.attention for i in range(self.n_layers))

    @property
    def attention_counts(self) -> tuple[tuple[int, GroupedConfig | LatentConfig], ...]:
        """The kinds of attention, each with the number of its layers; local layers come last."""
        if self.local is None:
            return ((self.n_layers, self.attention),)
        count = len(self.local.layers)
        return (self.n_layers - count, self.attention), (count, self.local.attention)

    def as_dict(self) -> dict:
        """Plain values for JSON; `from_dict` makes an equal config of them."""
        parts = {"attention": attention_as_dict(self.attention), "local": local_as_dict(self.local)}
        return asdict(self) | parts | {"experts": experts_as_dict(self.experts)}

    @classmethod
    def from_dict(cls, values: Mapping) -> "ModelConfig":
        """The inverse of `as_dict`. Raises ValueError for keys that are unknown or missing."""
        require(isinstance(values, Mapping), f"{cls.__name__} must be an object with its fields, got {values!r}")
        local = values.get("local")
        attention = attention_from_dict(values.get("attention") or {})
        local = None if local is None else LocalLayers.from_dict(local)
        experts = experts_from_dict(values.get("experts"))
        return from_fields(cls, dict(values) | {"attention": attention, "local": local, "experts": experts})


@dataclass(frozen=True, kw_only=True)
class TranslationConfig:
    """Both sides of an encoder-decoder. The source has no output, so its `tied` and `output_bias` have no effect."""

    source: ModelConfig
    target: ModelConfig

    def __post_init__(self):
        for name in ("source", "target"):
            side = getattr(self, name)
            require(type(side) is ModelConfig, f"{name} must be a ModelConfig, got {type(side).__name__}")
            require(side.local is None, f"{name} must have layers of one kind, but local is {side.local}")
            require(side.experts is None, f"{name} must have no experts, got {side.experts}")
        widths = self.source.d_model, self.target.d_model
        require(
            widths[0] == widths[1], f"source and target must have the same d_model, got {widths[0]} and {widths[1]}"
        )

    def as_dict(self) -> dict:
        """Plain values for JSON; `from_dict` makes an equal config of them."""
        return {"source": self.source.as_dict(), "target": self.target.as_dict()}

    @classmethod
    def from_dict(cls, values: Mapping) -> "TranslationConfig":
        """The inverse of `as_dict`. Raises ValueError for keys that are unknown or missing."""
        return from_fields(cls, {name: ModelConfig.from_dict(side) for name, side in values.items()})


GATED = ("swiglu", "geglu")  # feed-forward networks of three matrices, one of them for the gate
NORM_EPS = {"layer": 1e-5, "rms": 1e-6}  # what is usual
