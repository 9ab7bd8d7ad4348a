"""The loss on the fixed set, in the two units in which it is reported."""

import math
from dataclasses import asdict, dataclass

import torch
from torch import nn

from course_lib.layers import cpu
from course_lib.training.data import TrainingData
from course_lib.training.distributed import Place


@dataclass(frozen=True)
class Evaluation:
    """nats per token says how well the model predicts its tokens; bits per byte compares models of other tokenizers."""

    nats_per_token: float
    bits_per_byte: float | None  # None where losses do not add up to that of a text
    tokens: int  # predicted

    def as_dict(self) -> dict:
        return asdict(self)

    def __str__(self) -> str:
        bits = "" if self.bits_per_byte is None else f", {self.bits_per_byte:.3f} bits per byte"
        return f"{self.nats_per_token:.3f} nats per token{bits}"


@torch.no_grad()
@cpu.plain()
def evaluate(model: nn.Module, data: TrainingData, place: Place | None = None) -> Evaluation:
    """The loss on all of `data.validation()`, without dropout; several processes share the work."""
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
