"""Cross-attention: queries from one sequence, keys and values from another, the memory (paper, sections 2 and 4)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor

from course_lib.checks import check_finite, check_input, check_lengths, sequence_indices
from course_lib.config import GroupedConfig, LatentConfig, require
from course_lib.kernels.attention import Seen
from course_lib.layers.base import Attention, Output
from course_lib.layers.cache import AllRows
from course_lib.layers.grouped import Grouped
from course_lib.layers.latent import Latent
from course_lib.layers.step import Step, real, without_padding

NO_POSITIONS = torch.arange(0)  # what verbs get here, where nothing is rotated


@dataclass(frozen=True)
class Memory:
    """The rows that the tokens of the other sequence leave for one layer, computed once since it does not grow.

    rows: named rows (b, ..., N, width), as in a cache, but with gradients when they are recorded.
    at_tokens: (b, N), true at tokens and false at padding; None without padding.
    """

    rows: AllRows
    at_tokens: Bool[Tensor, "b N"] | None = None

    @property
    def batch(self) -> int:
        """Number of sequences."""
        return len(next(iter(self.rows.values())))

    @property
    def length(self) -> int:
        """Number of rows of each sequence, padding included."""
        return next(iter(self.rows.values())).shape[-2]

    def select(self, indices: list[int] | Integer[Tensor, "c"]) -> "Memory":
        """The memory of a batch whose sequence i is the former indices[i]. Raises ValueError for another index."""
        at = sequence_indices(indices, self.batch).to(next(iter(self.rows.values())).device)
        at_tokens = None if self.at_tokens is None else self.at_tokens[at]
        return Memory({name: row[at] for name, row in self.rows.items()}, at_tokens)

    def seen(self, n: int) -> Seen:
        """Each of n queries sees every token of its own sequence's memory, and no padding."""
        return Seen() if self.at_tokens is None else Seen(self.at_tokens[:, None].expand(-1, n, -1))


class Cross(Attention):
    """Abstract: queries from one sequence X, keys and values from another, the memory.

    `remember` compresses the other sequence once; each call then reads it. There are no rotary positions and no
    windows, since tokens of two sequences have no distance. Raises ValueError for a config with either.
    """

    def __init__(self, config: GroupedConfig | LatentConfig):
        require(config.rope is None, f"cross-attention has no rotary positions, got rope = {config.rope}")
        require(config.window is None, f"cross-attention has no window, got window = {config.window}")
        super().__init__(config)

    def remember(self, X: Float[Tensor, "b N d"], lengths: Int[Tensor, "b"] | None = None) -> Memory:
        """The memory of another sequence X (b, N, d).

        lengths: (b,) tokens of each sequence, with padding on the right. Raises ValueError as `forward`.
        """
        check_input(X, self.config.d_model, self.W_O)
        check_lengths(lengths, tuple(X.shape))
        X = without_padding(X, lengths)
        check_finite(X)
        return Memory(self.compress(X, NO_POSITIONS), None if lengths is None else real(X, lengths))

    def forward(
        self,
        X: Float[Tensor, "b n d"],
        memory: Memory,
        return_weights: bool = False,
        step: Step | None = None,
    ) -> Output:
        """X (b, n, d) reads the memory -> Y (b, n, d); with `return_weights` the pair (Y, P), P (b, h, n, N).

        Rows of X do not see each other, so padding in X changes no other row. A query whose memory has no token gets
        the output 0 (b_O with biases).

        memory: from `remember`.
        step: given by a model, whose X has the rows of the tokens that ask. Then nothing is checked. The step has no
        other use here: a memory is seen whole, whatever the positions of the queries.
        Raises ValueError for arguments of a wrong shape, dtype, device or batch, and for NaN or infinity in X.
        """
        if step is None:
            check_input(X, self.config.d_model, self.W_O)
            check_finite(X)
            require(isinstance(memory, Memory), f"memory must come from remember(), got {type(memory).__name__}")
            require(memory.batch == len(X), f"memory must hold {len(X)} sequences, as X does, got {memory.batch}")
        n = X.shape[1]
        verbs = self.verbs(None, n, memory.length)
        return self.answer(verbs, X, NO_POSITIONS, memory.rows, memory.seen(n), return_weights)


class CrossAttention(Cross, Grouped):
    """Multi-head, grouped-query and multi-query attention to a memory.

    memory = layer.remember(E, lengths)         # E (b, N, d): what the encoder gives
    Y = layer(X, memory)
    """


class CrossLatentAttention(Cross, Latent):
    """Latent attention to a memory of rows L, read as `Latent.verbs` chooses."""
