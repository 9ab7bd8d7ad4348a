"""Probes of a trained model: does it copy text that stands in its context, and read texts longer than in training?"""

from abc import abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from course_lib.experiments.data import HeldOut, Tokens
from course_lib.experiments.evaluation import token_losses
from course_lib.experiments.job import Job
from course_lib.experiments.training import TrainingJob
from course_lib.models import DecoderModel
from course_lib.training.distributed import choose_device

LONGER = (2, 4)  # times the context of training
STRINGS, LENGTH = 200, 32  # random strings, and their tokens
SPAN = 8  # tokens of a span that occurred before: its last token counts as repeated
TextLosses = tuple[HeldOut, str, Tensor]  # a document, what its losses are of, and those losses


@dataclass(frozen=True, kw_only=True)
class Probe(Job):
    """Reads texts with the model that a training job left behind; the rows of `Job.finish` have a split for each."""

    of: TrainingJob

    @property
    def steps(self) -> int:
        return 0

    @abstractmethod
    def read(self, model: DecoderModel, tokens: Tokens) -> list[TextLosses]:
        """What is measured."""

    def finish(self, folder: Path, sweep: Path) -> tuple[dict, list[dict]]:
        model = self.of.trained_model(sweep).to(choose_device(self.of.device))
        rows = self.read(model, self.of.read_tokens(sweep))
        return {}, [
            {
                "document": document.name,
                "split": split,
                "tokens": len(losses),
                "nats": float(losses.sum()),
                "kept": document.kept,
            }
            for document, split, losses in rows
            if len(losses)
        ]


@dataclass(frozen=True, kw_only=True)
class Extrapolation(Probe):
    """Loss on the test where a token has more tokens before it than any had in training.

    The split "512" is the loss at positions from 256 on (the context of training) of windows of 512. The split "512,
    read at 256" is the loss of the same tokens in windows of 256. A model that extrapolates has a smaller loss in the
    long windows, since it sees more.
    """

    longer: tuple[int, ...] = LONGER

    def read(self, model: DecoderModel, tokens: Tokens) -> list[TextLosses]:
        context, before = self.of.context, len(tokens.separator) - 1
        short = token_losses(model, tokens.test, tokens.separator, context)
        rows = []
        for width in (factor * context for factor in self.longer):
            long = token_losses(model, tokens.test, tokens.separator, width)
            for document, far, near in zip(tokens.test, long, short, strict=True):
                beyond = (torch.arange(len(far)) + before) % width >= context
                rows += [(document, f"{width}", far[beyond])]
                rows += [(document, f"{width}, read at {context}", near[beyond])]
        return rows


@dataclass(frozen=True, kw_only=True)
class Copying(Probe):
    """Loss on what stands in the context already: a random string a second time, and repeated spans of the test.

    Splits: "first" and "second" are the two halves of a string of random tokens that is written twice. In "repeated"
    are the tokens of the test that end a span of `span` tokens which occurred before in the same window. In "new" are
    all others.
    """

    strings: int = STRINGS
    length: int = LENGTH
    span: int = SPAN

    def read(self, model: DecoderModel, tokens: Tokens) -> list[TextLosses]:
        return self.strings_twice(model, tokens) + self.spans(model, tokens)

    def strings_twice(self, model: DecoderModel, tokens: Tokens) -> list[TextLosses]:
        """Random strings are the same for all models. A string that is cut by a window would not be repeated in it."""
        random = torch.Generator().manual_seed(0)
        drawn = torch.randint(len(tokens.vocab), (self.strings, self.length), generator=random, dtype=torch.int32)
        texts = [HeldOut(f"string {i:03}", torch.cat([each, each]), 0, 0.0) for i, each in enumerate(drawn)]
        losses = token_losses(model, texts, tokens.separator, len(tokens.separator) + 2 * self.length)
        halves = (("first", slice(self.length)), ("second", slice(self.length, None)))
        return [(text, name, loss[half]) for text, loss in zip(texts, losses, strict=True) for name, half in halves]

    def spans(self, model: DecoderModel, tokens: Tokens) -> list[TextLosses]:
        rows: list[TextLosses] = []
        before = len(tokens.separator) - 1
        losses = token_losses(model, tokens.test, tokens.separator, self.of.context)
        for document, loss in zip(tokens.test, losses, strict=True):
            known = repeated(document.tokens, self.span, self.of.context, before)
            rows += [(document, "repeated", loss[known]), (document, "new", loss[~known])]
        return rows


def repeated(tokens: Tensor, span: int, context: int, before: int) -> Tensor:
    """Which tokens (n,) end a span of `span` tokens that occurred before, (n,) of bool.

    The earlier occurrence, and the span but for its last token, must lie in the inputs of the window in which the model
    predicts that token. A window has `context` predictions. The first `before` of them in a document are of tokens of
    the separator.
    """
    found = torch.zeros(len(tokens), dtype=torch.bool)
    seen: dict[tuple[int, ...], int] = {}
    values = tokens.tolist()
    for end in range(span - 1, len(values)):
        first = max(0, (end + before) // context * context - before - 1)  # input of this window
        key = tuple(values[end - span + 1 : end + 1])
        found[end] = seen.get(key, -1) >= first and end - span + 1 >= first
        seen[key] = end - span + 1
    return found


def extrapolation(trained: TrainingJob) -> Extrapolation:
    return Extrapolation(labels=replace(trained.labels, task="extrapolation"), of=trained)


def copying(trained: TrainingJob) -> Copying:
    return Copying(labels=replace(trained.labels, task="copying"), of=trained)
