"""Attention layers in PyTorch: batched, trainable and with caches, with the names of `course_lib.reference`.

Norms and feed-forward networks can be imported from here too. Their code is `course_lib.kernels.rowwise`.
"""

from course_lib.kernels.attention import Seen, attend, attention_weights
from course_lib.kernels.rowwise import FeedForward, GeGLU, LayerNorm, RMSNorm, SwiGLU
from course_lib.layers.base import Attention
from course_lib.layers.bidirectional import BidirectionalAttention, BidirectionalLatentAttention
from course_lib.layers.cache import Cache
from course_lib.layers.cross import CrossAttention, CrossLatentAttention, Memory
from course_lib.layers.experts import Experts
from course_lib.layers.grouped import GroupedQueryAttention
from course_lib.layers.latent import Absorbed, LatentAttention
from course_lib.layers.latent_variants import (
    AlibiLatentAttention,
    NormalisedKeysLatentAttention,
    RotaryLatentAttention,
    RotatedKeysLatentAttention,
)
from course_lib.layers.positions import RotaryTable, SinusoidalTable, rotary_table, sinusoidal_table
from course_lib.layers.window import WindowCache

__all__ = [
    "Absorbed",
    "AlibiLatentAttention",
    "Attention",
    "BidirectionalAttention",
    "BidirectionalLatentAttention",
    "Cache",
    "CrossAttention",
    "CrossLatentAttention",
    "Experts",
    "FeedForward",
    "GeGLU",
    "GroupedQueryAttention",
    "LatentAttention",
    "LayerNorm",
    "Memory",
    "NormalisedKeysLatentAttention",
    "RMSNorm",
    "RotaryLatentAttention",
    "RotaryTable",
    "RotatedKeysLatentAttention",
    "Seen",
    "SinusoidalTable",
    "SwiGLU",
    "WindowCache",
    "attend",
    "attention_weights",
    "rotary_table",
    "sinusoidal_table",
]
