"""Self-attention in which every token sees every other, as in an encoder (paper, section 4)."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from course_lib.config import require
from course_lib.kernels.attention import Seen
from course_lib.layers.base import SelfAttention
from course_lib.layers.cache import Cache
from course_lib.layers.grouped import Grouped
from course_lib.layers.latent import Latent


class Bidirectional(SelfAttention):
    """Abstract: a token sees every token but padding; with a window, those at a smaller distance on both sides.

    There is no cache: a new token changes what the earlier ones see, so rows computed before it would be wrong.
    """

    def reaches(self, distance: Int[Tensor, "..."]) -> Bool[Tensor, "..."]:
        window = self.config.window
        return torch.ones_like(distance, dtype=torch.bool) if window is None else distance.abs() < window

    def shortcut(self, n: int, N: int) -> Seen | None:
        return Seen() if self.config.window is None or N <= self.config.window else None

    def check_cache(self, cache: Cache | None) -> None:
        require(cache is None, "cache must be None: only causal attention can be cached exactly")


class BidirectionalAttention(Bidirectional, Grouped):
    """Multi-head, grouped-query and multi-query attention without a causal mask."""


class BidirectionalLatentAttention(Bidirectional, Latent):
    """Latent attention without a causal mask."""
