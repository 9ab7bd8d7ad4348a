"""Cross-attention: queries from one sequence, keys and values from another, the memory (paper, sections 2 and 4)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor

from course_lib.config import GroupedConfig, LatentConfig, require
from course_lib.layers.attention import GroupedQueryAttention
from course_lib.layers.base import Output, Reading, real
from course_lib.layers.cache import Held
from course_lib.layers.checks import check_input, check_lengths, sequence_indices
from course_lib.layers.kernel import Seen
from course_lib.layers.latent import AbsorbedReading, LatentAttention


@dataclass(frozen=True)
class Memory:
    """What the tokens of the other sequence leave for one layer. It never grows, so that it is computed once.

    rows: named rows (b, ..., N, width), as in a cache, but with gradients when they are recorded.
    seen: (b, N), true at tokens and false at padding; None without padding.
    """

    rows: Held
    seen: Bool[Tensor, "b N"] | None = None

    @property
    def batch(self) -> int:
        """Number of sequences."""
        return len(next(iter(self.rows.values())))

    def select(self, indices: list[int] | Integer[Tensor, "c"]) -> "Memory":
        """The memory of a batch whose sequence i is the former indices[i]. Raises ValueError for another index."""
        at = sequence_indices(indices, self.batch).to(next(iter(self.rows.values())).device)
        seen = None if self.seen is None else self.seen[at]
        return Memory({name: row[at] for name, row in self.rows.items()}, seen)

    def visible(self, n: int) -> Seen:
        """Each of n queries sees every token of its own sequence's memory, and no padding."""
        return Seen() if self.seen is None else Seen(self.seen[:, None].expand(-1, n, -1))


class Cross:
    """The verbs of any variant, asked by one sequence and answered by another.

    `compress` is applied to the memory, `queries` to X. There are no rotary positions and no windows: the tokens of
    two sequences stand at no distance from each other.
    """

    def __init__(self, config: GroupedConfig | LatentConfig):
        require(config.rope is None, f"cross-attention has no rotary positions, got rope = {config.rope}")
        require(config.window is None, f"cross-attention has no window, got window = {config.window}")
        super().__init__(config)

    def remember(self, X: Float[Tensor, "b N d"], lengths: Int[Tensor, "b"] | None = None) -> Memory:
        """What X leaves; lengths (b,) tokens of each sequence, padding on the right. Raises ValueError as `forward`."""
        check_input(X, self.config.d_model, self.W_O)
        check_lengths(lengths, tuple(X.shape))
        seen = None if lengths is None else real(X, lengths)
        X = X if seen is None else X.masked_fill(~seen[..., None], 0.0)
        self.check_values(X)
        return Memory(self.compress(X, torch.arange(X.shape[1])), seen)

    def forward(self, X: Float[Tensor, "b n d"], memory: Memory, return_weights: bool = False) -> Output:
        """X (b, n, d) asks the memory, from `remember` -> Y (b, n, d); with `return_weights` (Y, P), P (b, h, n, N).

        Each row of X asks alone, so that padding in X spoils no other row. A query whose memory has no token gets 0
        (b_O with biases). Raises ValueError for arguments of another shape, dtype, device or batch, and for NaN.
        """
        check_input(X, self.config.d_model, self.W_O)
        self.check_values(X)
        require(isinstance(memory, Memory), f"memory must come from remember(), got {type(memory).__name__}")
        require(memory.batch == len(X), f"memory must hold {len(X)} sequences, as X does, got {memory.batch}")
        n = X.shape[1]
        asking = X, torch.arange(n)
        Y, P = self.answer(self.reading(n, memory), asking, memory.rows, memory.visible(n), return_weights)
        return Y if P is None else (Y, P)

    def reading(self, n: int, memory: Memory) -> Reading:
        """How the memory is read by n queries."""
        return self


class CrossAttention(Cross, GroupedQueryAttention):
    """Multi-head, grouped-query and multi-query attention to a memory.

    memory = layer.remember(E, lengths); Y = layer(X, memory)
    """


class CrossLatentAttention(Cross, LatentAttention):
    """Latent attention to a memory: what is kept is L, read in whichever way costs fewer FLOPs."""

    def reading(self, n: int, memory: Memory) -> Reading:
        return AbsorbedReading(self) if self.absorbs(n, memory.rows["L"].shape[-2]) else self
