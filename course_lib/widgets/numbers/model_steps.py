"""A decode step and a prefill of a model as work, of latent attention in either form: what figure 9 draws."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from course_lib import accounting
from course_lib.accounting import Model, Reading, Work
from course_lib.config import GroupedConfig, LatentConfig, ModelConfig
from course_lib.figures import left_behind

# What `Work` calls the parts, and the reader.
FLOPS = {
    "project": "projections", "absorb": "absorbing", "expand": "expanding", "attend": "attention",
    "feed_forward": "feed-forward", "output": "logits",
}  # fmt: skip
BYTES = {
    "weights": "parameters", "cache": "cache", "expanded": "expanded keys and values", "activations": "activations",
}  # fmt: skip
FORMS = {
    GroupedConfig: {"": accounting.grouped},
    LatentConfig: {", absorbed": accounting.absorbed, ", expanded": accounting.expanded},
}


@dataclass(frozen=True)
class Step:
    """One call: of a decoder in full, or of the attention of a real model."""

    model: ModelConfig | Model
    phase: str  # decode: one new token, which is the last of `tokens`; prefill: all of them
    reading: Callable[[GroupedConfig | LatentConfig], Reading]

    def __call__(self, tokens: int, batch: int, dtype: str) -> Work:
        """The work of the call for `batch` texts of `tokens` tokens each, in numbers of that type."""
        count, how = (tokens - 1 if self.phase == "decode" else tokens), {"batch": batch, "dtype": dtype}
        if isinstance(self.model, ModelConfig):
            call = {"decode": accounting.model_decode, "prefill": accounting.model_prefill}[self.phase]
            return call(self.model, count, reading=self.reading(self.model.attention), **how)
        call = {"decode": accounting.decode, "prefill": accounting.prefill}[self.phase]
        return reduce(add, (call(self.reading(of), count, **how).times(n) for n, of in self.model.layers))


def steps_of(name: str, model: ModelConfig | Model) -> dict[str, Step]:
    """Decode and prefill, by name. Raises TypeError for what is no model, ValueError for layers of both kinds."""
    if not isinstance(model, ModelConfig | Model):
        raise TypeError(f"model {name!r} must be a ModelConfig or an accounting.Model, got {type(model).__name__}")
    kinds = {type(model.attention)} if isinstance(model, ModelConfig) else {type(of) for _, of in model.layers}
    if len(kinds) > 1:
        raise ValueError(f"model {name!r} must have layers of one kind, grouped or latent, got both")
    forms = FORMS[kinds.pop()].items()
    return {phase + form: Step(model, phase, reading) for phase in ("decode", "prefill") for form, reading in forms}


def method(model: ModelConfig | Model) -> str:
    """MHA, GQA, MQA or MLA: the name of the model's first layer in `motifs.METHODS`."""
    config = model.attention if isinstance(model, ModelConfig) else model.layers[0][1]
    return left_behind.method(config)


def counts(steps: Sequence[Step], tokens: Sequence[int], batches: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """FLOPs (steps, tokens, batches, parts of FLOPS), and numbers moved (steps, tokens, batches, parts of BYTES)."""
    works = [step(length, batch, "int8") for step in steps for length in tokens for batch in batches]  # a byte each
    flops = [[work.flops_by_part.get(part, 0) for part in FLOPS] for work in works]
    numbers = [[work.bytes_by_part.get(part, 0) for part in BYTES] for work in works]
    shape = (len(steps), len(tokens), len(batches), -1)
    return np.array(flops, dtype=float).reshape(shape), np.array(numbers, dtype=float).reshape(shape)
