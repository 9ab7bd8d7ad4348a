"""Self-attention in which every token sees every other, as in an encoder (paper, section 4)."""

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

    def visible(self, queries: Int[Tensor, "*b n"], keys: Int[Tensor, "*c N"]) -> Bool[Tensor, "..."]:
        """The visible sets (..., n, N), from positions: every key but padding, within the window on both sides."""
        distance = (queries[..., :, None] - keys[..., None, :]).abs()
        visible = (keys >= 0)[..., None, :].expand(distance.shape)
        return visible if self.config.window is None else visible & (distance < self.config.window)

    def shortcut(self, n: int, N: int) -> Seen | None:
        return Seen() if self.config.window is None or N <= self.config.window else None

    def check_cache(self, cache: Cache | None) -> None:
        require(cache is None, "cache must be None: only causal attention can be cached exactly")


class BidirectionalAttention(Bidirectional, Grouped):
    """Multi-head, grouped-query and multi-query attention without a causal mask."""


class BidirectionalLatentAttention(Bidirectional, Latent):
    """Latent attention without a causal mask."""
