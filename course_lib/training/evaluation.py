"""The validation loss of a model, in nats per token and in bits per byte."""

import math
from dataclasses import asdict, dataclass

import torch
from torch import nn

from course_lib.kernels import cpu
from course_lib.training.data import TrainingData
from course_lib.training.distributed import Place


@dataclass(frozen=True)
class Evaluation:
    """A validation loss. Models with different tokenizers can be compared in bits per byte only."""

    nats_per_token: float
    bits_per_byte: float | None  # None if the losses do not add up to -log p of a text
    tokens: int  # number of predicted tokens

    def as_dict(self) -> dict:
        return asdict(self)

    def __str__(self) -> str:
        bits = "" if self.bits_per_byte is None else f", {self.bits_per_byte:.3f} bits per byte"
        return f"{self.nats_per_token:.3f} nats per token{bits}"


@torch.no_grad()
@cpu.plain()
def evaluate(model: nn.Module, data: TrainingData, place: Place | None = None) -> Evaluation:
    """The mean loss over all of `data.validation()`, without dropout. Several processes share the work.

    place: where to compute; None for one process, on the device of the model.
    """
    place = place or Place(next(model.parameters()).device)
    training = model.training
    model.eval()
    nats, tokens, size = 0.0, 0, 0
    for i, batch in enumerate(data.validation()):
        if i % place.processes == place.rank:
            with place.precision():
                nats += float(data.losses(model, place.bring(batch)))
            counts = data.count(batch)
            tokens, size = tokens + counts[0], size + counts[1]
    model.train(training)
    nats, tokens, size = place.total(nats, tokens, size)
    return Evaluation(nats / tokens, nats / math.log(2) / size if size else None, int(tokens))
