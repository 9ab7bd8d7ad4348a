"""What models share in inference: a context without dropout and gradients, and checks of arguments and logits."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from course_lib.config import is_whole, require


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Within this context the model has no dropout and no gradients; afterwards its former mode is restored."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)


def check_room(read: int, limit: int | None, what: str) -> None:
    """Raises ValueError, naming `what`, when the model would read more than `limit` tokens of a sequence."""
    require(
        limit is None or read <= limit,
        f"{what} would pass the context limit: the model reads at most max_length = {limit} tokens, and needs {read}",
    )


def check_count(name: str, value: int) -> None:
    """Raises ValueError unless the value is a positive whole number."""
    require(is_whole(value), f"{name} must be a positive integer, got {value!r}")


def check_token(name: str, token: int, vocab_size: int) -> None:
    """Raises ValueError unless the token is in the vocabulary."""
    good = is_whole(token, 0) and token < vocab_size
    require(good, f"{name} must be a token from 0 to vocab_size - 1 = {vocab_size - 1}, got {token!r}")


def finite(logits: Tensor) -> Tensor:
    """The logits. Raises ValueError when one is NaN or infinite."""
    require(bool(logits.isfinite().all()), "the model's logits must be finite, got NaN or infinite ones")
    return logits


def check_texts(tokens: Tensor) -> None:
    """Raises ValueError unless `tokens` are texts of equal length, (b, n) int64 with n at least 2."""
    good = isinstance(tokens, Tensor) and tokens.dtype == torch.int64 and tokens.ndim == 2 and tokens.shape[1] >= 2
    got = f"shape {tuple(tokens.shape)}, {tokens.dtype}" if isinstance(tokens, Tensor) else type(tokens).__name__
    require(good, f"tokens must be an int64 tensor (b, n) with n at least 2, got {got}")
