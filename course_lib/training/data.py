"""Training data: the batch of each step, a fixed validation set, and the loss of a model on them.

The batch of a step depends on the seed and the step alone. So a resumed run continues with the right batch without
drawing the earlier ones again, and each of several processes can take its share of the same batch.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.config import require
from course_lib.training.recipe import require_whole

Batch = tuple[Tensor, ...]  # each tensor (sequences, ...)
IGNORED = -100  # stands where no target is to be predicted; torch's cross entropy skips it


class TrainingData(ABC):
    """What the trainer asks of data: batches to train on, a fixed validation set, and the loss on a batch.

    A subclass calls the model in `losses`, so the trainer need not know the model's arguments.
    """

    batch_size: int  # sequences of one step, over all processes

    @abstractmethod
    def batch(self, step: int) -> Batch:
        """The sequences of step `step` = 0, 1, ..., on the CPU."""

    @abstractmethod
    def validation(self) -> Iterator[Batch]:
        """The validation set, batch by batch; the same at each call."""

    @abstractmethod
    def losses(self, model: nn.Module, batch: Batch) -> Tensor:
        """The sum of -log p over the targets of the batch, in nats: a scalar with gradients."""

    @abstractmethod
    def count(self, batch: Batch) -> tuple[int, int]:
        """(tokens, bytes of their text) that the model has to predict in this batch.

        Bytes are 0 if the losses do not add up to -log p of a text: then bits per byte are not defined.
        """

    @abstractmethod
    def describe(self) -> dict:
        """A description of the data, ready for JSON and equal for the same data. It is recorded with the run."""


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy loss: the sum of -log p(target), in nats, over all targets that are not IGNORED.

    logits (..., vocabulary), targets (...); the sum is taken in float32.
    """
    wide = logits.flatten(0, -2).float()  # bfloat16 resolves a loss of 2 to 0.01 only
    return F.cross_entropy(wide, targets.flatten(), ignore_index=IGNORED, reduction="sum")


def require_tokens(name: str, tokens: Tensor, vocab_size: int, least: int, why: str = "") -> None:
    """Raise ValueError unless tokens (N,) are integers in 0..vocab_size - 1 and N >= least.

    `name` and `why` (for `least`) stand in the message.
    """
    whole = isinstance(tokens, Tensor) and not tokens.is_floating_point() and tokens.ndim == 1
    require(whole, f"{name} must be a list of token ids, got {getattr(tokens, 'shape', type(tokens).__name__)}")
    require(len(tokens) >= least, f"{name} must hold {why}{least} tokens at least, got {len(tokens)}")
    low, high = int(tokens.min()), int(tokens.max())
    require(0 <= low and high < vocab_size, f"{name} must lie in 0..{vocab_size - 1}, got {low}..{high}")


class TextData(TrainingData):
    """Windows of `context` tokens of a long text; a subclass says which tokens are to be predicted.

    Each epoch cuts the text into windows side by side, from a random offset below `context`, and takes them in random
    order. So no token is read twice in an epoch; at most `2 * context` tokens, at the two ends, are not read.
    """

    def __init__(
        self,
        tokens: tuple[Sequence[int], Sequence[int]],  # (training, validation)
        vocab: Sequence[bytes],  # each token as bytes, to give losses in bits per byte
        context: int,
        batch_size: int,
        seed: int = 0,
        origin: dict | None = None,  # recorded with the run: which text and which tokenizer
    ):
        """Raises ValueError for sizes that are not positive, ids outside the vocabulary, texts that are too short."""
        require(context > 0 and batch_size > 0, f"context, batch_size must be positive, got {context}, {batch_size}")
        require_whole("seed", seed)
        self.training_tokens, self.validation_tokens = (torch.as_tensor(part) for part in tokens)
        # The first window may begin anywhere in the first `context` tokens.
        require_tokens("training tokens", self.training_tokens, len(vocab), 2 * context + 1, "2 context + 1 = ")
        require_tokens("validation tokens", self.validation_tokens, len(vocab), 2)
        self.context, self.batch_size, self.seed, self.origin = context, batch_size, seed, origin or {}
        self.vocab_size = len(vocab)
        self.token_bytes = torch.tensor([len(token) for token in vocab])
        self._order: tuple[int, np.ndarray] = (-1, np.zeros(0, dtype=int))

    @property
    def windows(self) -> int:
        """Number of windows of an epoch."""
        return (len(self.training_tokens) - 1) // self.context - 1

    def starts(self, epoch: int) -> np.ndarray:
        """The first token of each window of this epoch, (windows,), in the order in which they are read."""
        if self._order[0] != epoch:
            random = np.random.default_rng([self.seed, epoch])
            offset = int(random.integers(self.context))
            self._order = epoch, offset + self.context * random.permutation(self.windows)
        return self._order[1]

    def rows(self, step: int) -> Tensor:
        """The windows of a step, each with the token after it: (batch_size, context + 1)."""
        indices = range(step * self.batch_size, (step + 1) * self.batch_size)
        starts = torch.tensor([int(self.starts(i // self.windows)[i % self.windows]) for i in indices])
        return self.training_tokens[starts[:, None] + torch.arange(self.context + 1)].long()

    def losses(self, model: nn.Module, batch: Batch) -> Tensor:
        inputs, targets = batch
        return cross_entropy(model(inputs), targets)

    def describe(self) -> dict:
        sizes = {"context": self.context, "batch_size": self.batch_size, "seed": self.seed}
        lengths = {"training_tokens": len(self.training_tokens), "validation_tokens": len(self.validation_tokens)}
        return sizes | lengths | {"vocab_size": self.vocab_size, "tokens": self.digest(), "origin": self.origin}

    def digest(self) -> str:
        """A hash of all tokens, by which a resumed run notices another text."""
        digest = hashlib.sha256()
        for part in (self.training_tokens, self.validation_tokens):
            digest.update(part.numpy().astype("<i8").tobytes())
        return digest.hexdigest()[:16]


class NextTokenData(TextData):
    """Windows of a text in which the model predicts the next token at each position."""

    def batch(self, step: int) -> Batch:
        """Inputs and targets, both (batch_size, context)."""
        rows = self.rows(step)
        return rows[:, :-1], rows[:, 1:]

    def validation(self) -> Iterator[Batch]:
        """The whole validation text in windows side by side: every token but the first is predicted once."""
        tokens = self.validation_tokens.long()
        return zip(pieces(tokens[:-1], self.context), pieces(tokens[1:], self.context), strict=True)

    def count(self, batch: Batch) -> tuple[int, int]:
        targets = batch[1].cpu()
        return targets.numel(), int(self.token_bytes[targets].sum())


def pieces(tokens: Tensor, width: int) -> Iterator[Tensor]:
    """Cut tokens (N,) into windows side by side; gives them (b, width), at most about 16,000 tokens at once.

    The tokens that are left make a last, shorter window (1, N mod width).
    """
    whole = len(tokens) // width * width
    if whole:
        yield from tokens[:whole].view(-1, width).split(max(1, 16_384 // width))
    if whole < len(tokens):
        yield tokens[None, whole:]
