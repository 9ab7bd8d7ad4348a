"""The layers that every model is built of: each sublayer within its skip connection and norm (paper, section 4)."""

import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.config import LatentConfig, ModelConfig
from course_lib.layers import (
    BidirectionalAttention,
    BidirectionalLatentAttention,
    Cache,
    FeedForward,
    GroupedQueryAttention,
    LatentAttention,
    SwiGLU,
)
from course_lib.models.norms import new_around

ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu}


def new_causal_attention(config: ModelConfig) -> GroupedQueryAttention | LatentAttention:
    """Self-attention of a decoder."""
    latent = isinstance(config.attention, LatentConfig)
    return (LatentAttention if latent else GroupedQueryAttention)(config.attention)


def new_bidirectional_attention(config: ModelConfig) -> BidirectionalAttention | BidirectionalLatentAttention:
    """Self-attention of an encoder."""
    latent = isinstance(config.attention, LatentConfig)
    return (BidirectionalLatentAttention if latent else BidirectionalAttention)(config.attention)


def new_feed_forward(config: ModelConfig) -> FeedForward | SwiGLU:
    """The network applied to each token alone."""
    if config.feedforward == "swiglu":
        return SwiGLU(config.d_model, config.d_ff)
    return FeedForward(config.d_model, config.d_ff, ACTIVATIONS[config.feedforward])


class Block(nn.Module):
    """Self-attention, then feed-forward. The attention that is handed in makes it an encoder's or a decoder's."""

    def __init__(self, config: ModelConfig, attention: nn.Module):
        super().__init__()
        self.attention, self.around_attention = attention, new_around(config)
        self.feed_forward, self.around_feed_forward = new_feed_forward(config), new_around(config)

    def forward(
        self,
        X: Tensor,
        cache: Cache | None = None,
        lengths: Tensor | None = None,
        weights: list[Tensor] | None = None,
    ) -> Tensor:
        """X (b, n, d) -> (b, n, d). A list `weights` receives the attention weights P (b, h, n, N)."""
        X = self.around_attention(X, lambda X: attend_to_self(self.attention, X, cache, lengths, weights))
        return self.around_feed_forward(X, self.feed_forward)


def attend_to_self(
    attention: nn.Module, X: Tensor, cache: Cache | None, lengths: Tensor | None, weights: list[Tensor] | None
) -> Tensor:
    """The output of the attention; its weights are computed only for a list that receives them."""
    if weights is None:
        return attention(X, cache, lengths=lengths)
    Y, P = attention(X, cache, lengths=lengths, return_weights=True)
    weights.append(P)
    return Y
