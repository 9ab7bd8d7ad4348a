"""What every way of generating text has in common: the logits of the next token of sequences that grow."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from course_lib.config import is_whole, require
from course_lib.layers import Cache

# (tokens, caches, lengths) -> rows of the stream (b, n, d), or without lengths the last one (b, 1, d).
Hidden = Callable[[Tensor, list[Cache] | None, Tensor | None], Tensor]


class Writer:
    """Reads sequences as far as it has not yet, or, without caches, from their beginning each time."""

    def __init__(self, hidden: Hidden, logits: Callable[[Tensor], Tensor], caches: list[Cache] | None):
        self.hidden, self.logits, self.caches = hidden, logits, caches

    def next_logits(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Logits (b, vocab_size) of what follows the first lengths[i] tokens of each sequence of tokens (b, n)."""
        tokens = tokens[:, : int(lengths.max())]
        if self.caches is not None and self.caches[0].length:  # all but the last one have been read
            tokens, lengths = tokens.gather(1, lengths.to(tokens.device)[:, None] - 1), torch.ones_like(lengths)
        ragged = bool((lengths < tokens.shape[1]).any())
        H = self.hidden(tokens, self.caches, lengths if ragged else None)
        logits = self.logits(H[torch.arange(len(H)), lengths - 1] if ragged else H[:, -1])
        require(bool(logits.isfinite().all()), "the model's logits must be finite, got NaN or infinite ones")
        return logits

    def reorder(self, parents: Tensor) -> None:
        """Sequence i goes on from what was sequence parents[i]."""
        for cache in self.caches or ():
            cache.reorder(parents)


@contextmanager
def writing(model: nn.Module) -> Iterator[None]:
    """Without dropout and gradients; the model is put back in training afterwards if it was."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)


def check_room(read: int, limit: int | None, what: str) -> None:
    """The model must not be made to read more than `limit` tokens of a sequence."""
    require(
        limit is None or read <= limit,
        f"{what} would pass the context limit: the model reads at most max_length = {limit} tokens, and needs {read}",
    )


def check_count(name: str, value: int) -> None:
    """A positive whole number."""
    require(is_whole(value), f"{name} must be a positive integer, got {value!r}")


def check_token(name: str, token: int, vocab_size: int) -> None:
    """A token of the vocabulary."""
    good = is_whole(token, 0) and token < vocab_size
    require(good, f"{name} must be a token from 0 to vocab_size - 1 = {vocab_size - 1}, got {token!r}")
