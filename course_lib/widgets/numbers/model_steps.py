"""The work of a decode step and of a prefill, for latent attention in both forms: what figure 9 draws."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from course_lib import accounting
from course_lib.accounting import Form, Model, Work
from course_lib.config import GroupedConfig, LatentConfig, ModelConfig
from course_lib.figures import left_behind

# The names of the parts: in `Work` -> for a reader.
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
    """One call whose work can be counted: of a whole decoder (ModelConfig), or of a model's attention alone (Model)."""

    model: ModelConfig | Model
    phase: str  # decode: one new token, which is the last of `tokens`; prefill: all of them
    form: Callable[[GroupedConfig | LatentConfig], Form]

    def __call__(self, tokens: int, batch: int, dtype: str) -> Work:
        """The work of the call for `batch` texts of `tokens` tokens each, with numbers of type `dtype`."""
        count, how = (tokens - 1 if self.phase == "decode" else tokens), {"batch": batch, "dtype": dtype}
        if isinstance(self.model, ModelConfig):
            call = {"decode": accounting.model_decode, "prefill": accounting.model_prefill}[self.phase]
            return call(self.model, count, form=self.form(self.model.attention), **how)
        call = {"decode": accounting.decode, "prefill": accounting.prefill}[self.phase]
        return reduce(add, (call(self.form(of), count, **how).times(n) for n, of in self.model.layers))


def steps_of(name: str, model: ModelConfig | Model) -> dict[str, Step]:
    """The steps of a model by name: "decode" and "prefill", or for latent attention "decode, absorbed" and so on.

    name: of the model, for the messages. Raises TypeError unless it is a ModelConfig or a Model, and ValueError for a
    model with both grouped and latent layers.
    """
    if not isinstance(model, ModelConfig | Model):
        raise TypeError(f"model {name!r} must be a ModelConfig or an accounting.Model, got {type(model).__name__}")
    kinds = {type(model.attention)} if isinstance(model, ModelConfig) else {type(of) for _, of in model.layers}
    if len(kinds) > 1:
        raise ValueError(f"model {name!r} must have layers of one kind, grouped or latent, got both")
    forms = FORMS[kinds.pop()].items()
    return {phase + name: Step(model, phase, form) for phase in ("decode", "prefill") for name, form in forms}


def method(model: ModelConfig | Model) -> str:
    """MHA, GQA, MQA or MLA: the name of the model's first layer in `motifs.METHODS`."""
    config = model.attention if isinstance(model, ModelConfig) else model.layers[0][1]
    return left_behind.method(config)


def counts(steps: Sequence[Step], tokens: Sequence[int], batches: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Count FLOPs and numbers moved, each (steps, tokens, batches, parts), with the parts of FLOPS and of BYTES."""
    works = [step(length, batch, "int8") for step in steps for length in tokens for batch in batches]  # a byte each
    flops = [[work.flops_by_part.get(part, 0) for part in FLOPS] for work in works]
    numbers = [[work.bytes_by_part.get(part, 0) for part in BYTES] for work in works]
    shape = (len(steps), len(tokens), len(batches), -1)
    return np.array(flops, dtype=float).reshape(shape), np.array(numbers, dtype=float).reshape(shape)
