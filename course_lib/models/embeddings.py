"""The two ends of a model: from tokens to rows of the residual stream, and from its last rows to logits."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checks import check_lengths
from course_lib.config import ModelConfig, require
from course_lib.kernels.cpu import by_columns
from course_lib.kernels.rowwise import project
from course_lib.layers import Cache, sinusoidal_table
from course_lib.layers.positions import extremes
from course_lib.layers.step import Step, real
from course_lib.models.blocks import new_dropout, new_norm


def check_tokens(tokens: Tensor, lengths: Tensor | None, vocab_size: int, name: str = "tokens") -> None:
    """Raises ValueError unless tokens (b, n) are int64 from 0 to vocab_size - 1; padding may hold other numbers."""
    if not isinstance(tokens, Tensor):
        raise ValueError(f"{name} must be a torch tensor, got {type(tokens).__name__}")
    if tokens.dtype != torch.int64:
        raise ValueError(f"{name} must be of dtype torch.int64, got {tokens.dtype}")
    if tokens.ndim != 2 or not tokens.numel():
        got = tuple(tokens.shape)
        raise ValueError(f"{name} must have shape (sequences, tokens), at least one of each, got {got}")
    if lengths is not None:
        check_lengths(lengths, tuple(tokens.shape))
    if torch.compiler.is_compiling():  # a graph cannot depend on values
        return
    least, most = extremes(tokens if lengths is None else tokens[real(tokens, lengths)])
    if least < 0 or most >= vocab_size:
        got = least if least < 0 else most
        raise ValueError(f"{name} must lie from 0 to vocab_size - 1 = {vocab_size - 1}, got {got}")


class Embedding(nn.Module):
    """X = dropout(norm(scale W_E[tokens] + positions)), with the norm only if `config.embedding_norm` is true.

    W_E (vocab_size, d); learned positions are W_P (max_length, d), sinusoidal ones a shared table.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.W_E = nn.Parameter(torch.empty(config.vocab_size, config.d_model))
        learned = config.positions == "learned"
        self.W_P = nn.Parameter(torch.empty(config.max_length, config.d_model)) if learned else None
        self.norm = new_norm(config) if config.embedding_norm else nn.Identity()
        self.dropout = new_dropout(config)

    def new_step(self, tokens: Tensor, cache: Cache | None = None, lengths: Tensor | None = None) -> Step:
        """Check tokens (b, n), which follow those that `cache` holds, and make the `Step` that all layers share.

        The padding right of `lengths` may hold any numbers. Raises ValueError for tokens outside the vocabulary, for
        sequences that would pass `max_length`, and for a batch of another size than the cache's.
        """
        check_tokens(tokens, lengths, self.config.vocab_size)
        self.check_length(tokens, cache, lengths)
        return Step(tokens.shape, self.W_E.device, cache, lengths)

    def forward(self, tokens: Tensor, step: Step | None = None) -> Tensor:
        """tokens (b, n) -> (b, n, d), at the step's positions. Without one they start at 0, and tokens are checked."""
        step = self.new_step(tokens) if step is None else step
        if step.lengths is not None:
            tokens = tokens.masked_fill(~real(tokens, step.lengths), 0)
        X = F.embedding(tokens, self.W_E)
        X = X if self.config.embedding_scale == 1 else self.config.embedding_scale * X
        if self.config.positions != "none":
            X = X + self.position_rows(step.positions)
        return self.dropout(self.norm(X))

    def position_rows(self, positions: Tensor) -> Tensor:
        """The rows of n positions: (n, d) when they are the same in all sequences, else (b, n, d)."""
        if self.W_P is None:
            return sinusoidal_table(self.config.d_model).look_up(positions, self.W_E.device, self.W_E.dtype)
        # Padding of a ragged batch may stand past the table; nothing reads its row.
        return self.W_P[positions.clamp(max=len(self.W_P) - 1).to(self.W_P.device)]

    def check_length(self, tokens: Tensor, cache: Cache | None, lengths: Tensor | None) -> None:
        """Raises ValueError when a sequence would have more than `max_length` tokens."""
        limit = self.config.max_length
        if limit is None:
            return
        new = torch.tensor(tokens.shape[1]) if lengths is None else lengths.cpu()
        longest = int((new if cache is None else cache.starts(len(tokens)) + new).max())
        require(longest <= limit, f"a sequence may have at most max_length = {limit} tokens, got {longest}")


class Unembedding(nn.Module):
    """Logits of rows: H W_E^T when tied, else H W_U with W_U (d, vocab_size); plus b_U with `config.output_bias`."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.W_U = None if config.tied else nn.Parameter(by_columns(torch.empty(config.d_model, config.vocab_size)))
        self.b_U = nn.Parameter(torch.zeros(config.vocab_size)) if config.output_bias else None

    def forward(self, H: Tensor, embedding: Embedding) -> Tensor:
        """H (..., d) -> (..., vocab_size)."""
        return project(H, embedding.W_E.T if self.W_U is None else self.W_U, self.b_U)
