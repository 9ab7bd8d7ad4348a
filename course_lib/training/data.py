"""What a model reads at each step, and its loss. The batch of a step depends on the seed and the step alone.

So a resumed run goes on with the right batch without replaying the earlier ones, and each of several processes can
take its share of the same batch.
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

Batch = tuple[Tensor, ...]  # each (sequences, ...)
IGNORED = -100  # a target that is not to be predicted; torch's cross entropy leaves it out


class TrainingData(ABC):
    """Batches to learn from, a fixed set to judge by, and the loss of either.

    `describe` is recorded with the run. A subclass says how its model is called; the trainer does not know.
    """

    batch_size: int  # sequences of one step, all processes together

    @abstractmethod
    def batch(self, step: int) -> Batch:
        """The sequences of this step, on the CPU."""

    @abstractmethod
    def validation(self) -> Iterator[Batch]:
        """The fixed set, in pieces."""

    @abstractmethod
    def losses(self, model: nn.Module, batch: Batch) -> Tensor:
        """The sum of -log p over the targets of the batch, in nats, as a scalar that has gradients."""

    @abstractmethod
    def count(self, batch: Batch) -> tuple[int, int]:
        """(tokens, bytes of text) that the batch asks to predict.

        0 bytes where the losses do not add up to -log p of a text: then there are no bits per byte.
        """

    @abstractmethod
    def describe(self) -> dict:
        """Ready for JSON; two runs on the same data have the same."""


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Sum of -log p(target) over all targets that are not IGNORED; logits (..., vocabulary), targets (...)."""
    wide = logits.flatten(0, -2).float()  # in bfloat16 a loss of 2 would be known to 0.01 only
    return F.cross_entropy(wide, targets.flatten(), ignore_index=IGNORED, reduction="sum")


def require_tokens(name: str, tokens: Tensor, vocab_size: int, least: int, why: str = "") -> None:
    """tokens (N,) must be whole numbers below vocab_size, `least` of them or more, as `why` explains."""
    whole = isinstance(tokens, Tensor) and not tokens.is_floating_point() and tokens.ndim == 1
    require(whole, f"{name} must be a list of token ids, got {getattr(tokens, 'shape', type(tokens).__name__)}")
    require(len(tokens) >= least, f"{name} must hold {why}{least} tokens at least, got {len(tokens)}")
    low, high = int(tokens.min()), int(tokens.max())
    require(0 <= low and high < vocab_size, f"{name} must lie in 0..{vocab_size - 1}, got {low}..{high}")


class TextData(TrainingData):
    """Windows of a long text, each with the tokens to predict from it; a subclass says which those are.

    An epoch cuts the text at every `context` tokens, beginning at a random one of the first, and takes the windows in
    random order: every token is read once before any is read again.
    """

    def __init__(
        self,
        tokens: tuple[Sequence[int], Sequence[int]],  # (training, validation)
        vocab: Sequence[bytes],  # the tokens as bytes, so that losses can be given in bits per byte
        context: int,
        batch_size: int,
        seed: int = 0,
        origin: dict | None = None,  # recorded with the run: which text and which tokenizer
    ):
        """Raises ValueError for sizes that are not positive, for ids outside the vocabulary and for too short texts."""
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
        """Windows of an epoch."""
        return (len(self.training_tokens) - 1) // self.context - 1

    def starts(self, epoch: int) -> np.ndarray:
        """Where the windows of this epoch begin, in the order in which they are read."""
        if self._order[0] != epoch:
            random = np.random.default_rng([self.seed, epoch])
            offset = int(random.integers(self.context))
            self._order = epoch, offset + self.context * random.permutation(self.windows)
        return self._order[1]

    def rows(self, step: int) -> Tensor:
        """The windows of this step, each with the token after it: (batch_size, context + 1)."""
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
        """A hash of all tokens: a run must not go on with another text."""
        digest = hashlib.sha256()
        for part in (self.training_tokens, self.validation_tokens):
            digest.update(part.numpy().astype("<i8").tobytes())
        return digest.hexdigest()[:16]


class NextTokenData(TextData):
    """At each position of a window the next token is to be predicted."""

    def batch(self, step: int) -> Batch:
        """Inputs and targets, both (batch_size, context)."""
        rows = self.rows(step)
        return rows[:, :-1], rows[:, 1:]

    def validation(self) -> Iterator[Batch]:
        """The whole validation text in windows side by side, so that every token but the first is predicted once."""
        tokens = self.validation_tokens.long()
        return zip(pieces(tokens[:-1], self.context), pieces(tokens[1:], self.context), strict=True)

    def count(self, batch: Batch) -> tuple[int, int]:
        targets = batch[1].cpu()
        return targets.numel(), int(self.token_bytes[targets].sum())


def pieces(tokens: Tensor, width: int) -> Iterator[Tensor]:
    """tokens (N,) as windows side by side, some thousand tokens at once; the last may be shorter than `width`."""
    whole = len(tokens) // width * width
    if whole:
        yield from tokens[:whole].view(-1, width).split(max(1, 16_384 // width))
    if whole < len(tokens):
        yield tokens[None, whole:]
