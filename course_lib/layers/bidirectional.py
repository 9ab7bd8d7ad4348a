"""Self-attention in which every token sees every other, as in an encoder (paper, section 4)."""

from jaxtyping import Bool, Int
from torch import Tensor

from course_lib.config import GroupedConfig, LatentConfig, require
from course_lib.layers.attention import GroupedQueryAttention
from course_lib.layers.cache import Cache
from course_lib.layers.kernel import Seen
from course_lib.layers.latent import LatentAttention


class Bidirectional:
    """The visible sets of an encoder, for any variant: every token but padding; with a window, those nearer than it.

    There is no cache: a new token changes what the earlier ones see, so rows computed before it would be wrong.
    """

    config: GroupedConfig | LatentConfig

    def visible(self, queries: Int[Tensor, "*b n"], keys: Int[Tensor, "*c N"]) -> Bool[Tensor, "..."]:
        """Every key but padding, on either side of the query."""
        distance = (queries[..., :, None] - keys[..., None, :]).abs()
        seen = (keys >= 0)[..., None, :].expand(distance.shape)
        return seen if self.config.window is None else seen & (distance < self.config.window)

    def shortcut(self, n: int, N: int) -> Seen | None:
        return Seen() if self.config.window is None or N <= self.config.window else None

    def check(self, X: Tensor, cache: Cache | None, lengths: Tensor | None, mask: Tensor | None) -> None:
        require(cache is None, "cache must be None: only causal attention can be cached exactly")
        super().check(X, cache, lengths, mask)


class BidirectionalAttention(Bidirectional, GroupedQueryAttention):
    """Multi-head, grouped-query and multi-query attention without a causal mask."""


class BidirectionalLatentAttention(Bidirectional, LatentAttention):
    """Latent attention without a causal mask, in its expanded form."""
