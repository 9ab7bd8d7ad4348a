"""Encoder and decoder layers (paper, section 4): sublayers, and the norms and skip connections around them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from course_lib.reference.feedforward import FeedForward, SwiGLU
from course_lib.reference.masks import causal_mask
from course_lib.reference.multi_head import MultiHeadAttention
from course_lib.reference.norms import LayerNorm, RMSNorm

Norm = LayerNorm | RMSNorm


@dataclass(frozen=True)
class PostLN:
    """norm(X + sublayer(X)), as in the original Transformer: the norm stands on the skip connection."""

    norm: Norm

    def __call__(self, X: Float[np.ndarray, "n d"], sublayer: Callable) -> Float[np.ndarray, "n d"]:
        return self.norm(X + sublayer(X))


@dataclass(frozen=True)
class PreLN:
    """X + sublayer(norm(X)): no norm stands on the skip connection, from the first layer to the last."""

    norm: Norm

    def __call__(self, X: Float[np.ndarray, "n d"], sublayer: Callable) -> Float[np.ndarray, "n d"]:
        return X + sublayer(self.norm(X))


@dataclass(frozen=True)
class PeriLN:
    """X + after(sublayer(before(X))): the second norm fixes the size of what a sublayer adds (Gemma 3)."""

    before: Norm
    after: Norm

    def __call__(self, X: Float[np.ndarray, "n d"], sublayer: Callable) -> Float[np.ndarray, "n d"]:
        return X + self.after(sublayer(self.before(X)))


Around = PostLN | PreLN | PeriLN


@dataclass(frozen=True, kw_only=True, eq=False)
class EncoderLayer:
    """Self-attention, then feed-forward, each within its skip connection and norm.

    With a causal mask this is the layer of a decoder-only model.
    """

    attention: MultiHeadAttention
    feed_forward: FeedForward | SwiGLU
    around_attention: Around
    around_feed_forward: Around

    def __call__(
        self, X: Float[np.ndarray, "n d"], mask: Bool[np.ndarray, "n n"] | None = None
    ) -> Float[np.ndarray, "n d"]:
        X = self.around_attention(X, lambda X: self.attention(X, X, mask))
        return self.around_feed_forward(X, self.feed_forward)


@dataclass(frozen=True, kw_only=True, eq=False)
class DecoderLayer:
    """Causal self-attention, cross-attention to the encoder's last state E, then feed-forward.

    mask: (n, N), true where a row of E is seen, so that padding can be hidden. This layer normalises X, but not E.
    """

    self_attention: MultiHeadAttention
    cross_attention: MultiHeadAttention
    feed_forward: FeedForward | SwiGLU
    around_self_attention: Around
    around_cross_attention: Around
    around_feed_forward: Around

    def __call__(
        self,
        X: Float[np.ndarray, "n d"],
        E: Float[np.ndarray, "N d_E"],
        mask: Bool[np.ndarray, "n N"] | None = None,
    ) -> Float[np.ndarray, "n d"]:
        causal = causal_mask(len(X), len(X))
        X = self.around_self_attention(X, lambda X: self.self_attention(X, X, causal))
        X = self.around_cross_attention(X, lambda X: self.cross_attention(X, E, mask))
        return self.around_feed_forward(X, self.feed_forward)
