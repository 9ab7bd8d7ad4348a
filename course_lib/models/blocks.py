"""The layers of every model: each sublayer within its skip connection and norms (paper, section 4)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.config import (
    AlibiLatentConfig,
    GroupedConfig,
    LatentConfig,
    ModelConfig,
    NormalisedKeysConfig,
    RotaryLatentConfig,
    RotatedKeysConfig,
    require,
)
from course_lib.layers import (
    AlibiLatentAttention,
    Attention,
    BidirectionalAttention,
    BidirectionalLatentAttention,
    Cache,
    CrossAttention,
    CrossLatentAttention,
    FeedForward,
    GeGLU,
    GroupedQueryAttention,
    LatentAttention,
    LayerNorm,
    Memory,
    NormalisedKeysLatentAttention,
    RMSNorm,
    RotaryLatentAttention,
    RotatedKeysLatentAttention,
    SwiGLU,
)
from course_lib.layers.experts import Experts
from course_lib.layers.step import Step, rows_that_ask

Sublayer = Callable[[Tensor], Tensor]
ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu, "gelu_tanh": partial(F.gelu, approximate="tanh")}
GATED_NETWORKS = {"swiglu": SwiGLU, "geglu": GeGLU}

CAUSAL = {
    GroupedConfig: GroupedQueryAttention,
    LatentConfig: LatentAttention,
    RotaryLatentConfig: RotaryLatentAttention,
    RotatedKeysConfig: RotatedKeysLatentAttention,
    AlibiLatentConfig: AlibiLatentAttention,
    NormalisedKeysConfig: NormalisedKeysLatentAttention,
}
BIDIRECTIONAL = {GroupedConfig: BidirectionalAttention, LatentConfig: BidirectionalLatentAttention}
CROSS = {GroupedConfig: CrossAttention, LatentConfig: CrossLatentAttention}


def new_attention(config: GroupedConfig | LatentConfig, classes: Mapping[type, type[Attention]]) -> Attention:
    """New attention of the class that belongs to the kind of `config`. Raises ValueError if there is none."""
    names = ", ".join(kind.__name__ for kind in classes)
    require(type(config) in classes, lambda: f"attention must be one of {names} here, got {type(config).__name__}")
    return classes[type(config)](config)


def new_cross_attention(config: ModelConfig) -> CrossAttention | CrossLatentAttention:
    """Attention of a decoder to the encoder's last state: the variant of its self-attention, without positions."""
    return new_attention(without_positions(config.attention), CROSS)


def without_positions(config: GroupedConfig | LatentConfig) -> GroupedConfig | LatentConfig:
    """The same sizes without rotation and window; the scale keeps its ratio to the default."""
    if isinstance(config, GroupedConfig):
        return replace(config, rope=None, turned=None, window=None)
    scale = config.scale * (config.d_qk / config.d_head) ** 0.5  # queries and keys lose their d_rope coordinates
    return replace(config, d_rope=0, rope=None, window=None, scale=scale)


def new_feed_forward(config: ModelConfig, layer: int = 0) -> FeedForward | SwiGLU | Experts:
    """The network applied to each token alone, in the layer of this number."""
    if config.experts is not None and layer >= config.experts.first:
        return Experts(config.d_model, config.experts)
    if config.feedforward in GATED_NETWORKS:
        return GATED_NETWORKS[config.feedforward](config.d_model, config.d_ff)
    return FeedForward(config.d_model, config.d_ff, ACTIVATIONS[config.feedforward], config.ff_bias)


def new_norm(config: ModelConfig) -> LayerNorm | RMSNorm:
    """A norm of the config's kind, of the width of the residual stream."""
    return (LayerNorm if config.norm == "layer" else RMSNorm)(config.d_model, config.norm_eps)


def new_dropout(config: ModelConfig) -> nn.Module:
    """Dropout at the config's rate, or the identity for a rate of 0."""
    return nn.Dropout(config.dropout) if config.dropout else nn.Identity()


class PostLN(nn.Module):
    """norm(X + sublayer(X)), as in the original Transformer: the norm stands on the skip connection.

    In all three classes, a sublayer reads all rows of X (b, n, d). With a step it returns only those of the tokens that
    ask (see `Step`), and they are added to the same rows of X.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.norm, self.dropout = new_norm(config), new_dropout(config)

    def forward(self, X: Tensor, sublayer: Sublayer, step: Step | None = None) -> Tensor:
        return self.norm(rows_that_ask(X, step) + self.dropout(sublayer(X)))


class PreLN(nn.Module):
    """X + sublayer(norm(X)): no norm stands on the skip connection, from the first layer to the last."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.norm, self.dropout = new_norm(config), new_dropout(config)

    def forward(self, X: Tensor, sublayer: Sublayer, step: Step | None = None) -> Tensor:
        return rows_that_ask(X, step) + self.dropout(sublayer(self.norm(X)))


class PeriLN(nn.Module):
    """X + after(sublayer(before(X))): as `PreLN`, and the second norm fixes the size of what a sublayer adds."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.before, self.after, self.dropout = new_norm(config), new_norm(config), new_dropout(config)

    def forward(self, X: Tensor, sublayer: Sublayer, step: Step | None = None) -> Tensor:
        return rows_that_ask(X, step) + self.dropout(self.after(sublayer(self.before(X))))


AROUND = {"post": PostLN, "pre": PreLN, "peri": PeriLN}


def new_around(config: ModelConfig) -> PostLN | PreLN | PeriLN:
    """The skip connection and norms around one sublayer, placed as the config says."""
    return AROUND[config.placement](config)


def new_final_norm(config: ModelConfig) -> nn.Module:
    """The norm behind the last layer; the identity for Post-LN, whose layers end with a norm."""
    return nn.Identity() if config.placement == "post" else new_norm(config)


class Block(nn.Module):
    """Self-attention, then feed-forward. The given attention makes it a layer of an encoder or of a decoder.

    layer: its number, from 0. In a mixture of experts, the first layers have none.
    """

    def __init__(self, config: ModelConfig, attention: nn.Module, layer: int = 0):
        super().__init__()
        self.attention, self.around_attention = attention, new_around(config)
        self.feed_forward, self.around_feed_forward = new_feed_forward(config, layer), new_around(config)

    def forward(
        self, X: Tensor, step: Step | None = None, cache: Cache | None = None, all_P: list[Tensor] | None = None
    ) -> Tensor:
        """X (b, n, d) -> (b, m, d), the rows of the m tokens that ask (see `Step`); without a step, of all tokens.

        A list `all_P` receives the attention weights P (b, h, m, N).
        """
        X = self.around_attention(X, partial(attend_noting, all_P, self.attention, cache, step), step)
        return self.around_feed_forward(X, self.feed_forward)


class TranslationBlock(nn.Module):
    """A layer of an encoder-decoder's decoder: causal self-attention, cross-attention to the encoder, feed-forward."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.attention, self.around_attention = new_attention(config.attention, CAUSAL), new_around(config)
        self.cross_attention, self.around_cross_attention = new_cross_attention(config), new_around(config)
        self.feed_forward, self.around_feed_forward = new_feed_forward(config), new_around(config)

    def forward(
        self,
        X: Tensor,
        step: Step | None = None,
        cache: Cache | None = None,
        all_P: list[Tensor] | None = None,
        *,
        memory: Memory,
    ) -> Tensor:
        """As `Block`, with cross-attention to `memory`; a list `all_P` receives those of the cross-attention."""
        X = self.around_attention(X, lambda X: self.attention(X, cache, step=step), step)
        X = self.around_cross_attention(X, partial(attend_noting, all_P, self.cross_attention, memory, step))
        return self.around_feed_forward(X, self.feed_forward)


def attend_noting(
    all_P: list[Tensor] | None, attention: nn.Module, store: Cache | Memory | None, step: Step | None, X: Tensor
) -> Tensor:
    """The output of the attention. Its weights P are computed only when there is a list that receives them.

    store: the cache of self-attention, or the memory of cross-attention.
    """
    if all_P is None:
        return attention(X, store, step=step)
    Y, P = attention(X, store, step=step, return_weights=True)
    all_P.append(P)
    return Y
