"""The recipe of a training run: optimiser, learning rates, precision, and how often to evaluate and to save."""

import math
from dataclasses import asdict, dataclass

from course_lib.config import is_whole, require, require_positive

PRECISIONS = ("auto", "float32", "bfloat16")


def require_whole(name: str, value: int) -> None:
    """Raise ValueError unless `value` is an integer of at least 0 (no bool)."""
    require(is_whole(value, 0), f"{name} must be a whole number from 0, got {value!r}")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to train a model. All random numbers of a step depend on `seed`, the step and the process alone.

    Raises ValueError for a setting outside its range; the message names it.
    """

    steps: int
    learning_rate: float  # the highest, at the end of the warm-up
    warmup: int = 0  # steps in which the learning rate rises in equal parts
    final: float = 0.1  # the learning rate ends at this share of the highest
    weight_decay: float = 0.1  # on weight matrices only: see optimiser.decay_groups
    betas: tuple[float, float] = (0.9, 0.95)  # of AdamW
    clip: float = 1.0  # largest norm of a gradient; a longer gradient is scaled down to it
    evaluate_every: int = 250  # steps
    checkpoint_every: int = 250  # steps
    log_every: int = 10  # steps
    seed: int = 0
    precision: str = "float32"  # of matrix products; auto: bfloat16 if the device multiplies faster in it

    def __post_init__(self):
        require_positive(self, "steps", "evaluate_every", "checkpoint_every", "log_every")
        object.__setattr__(self, "betas", tuple(self.betas))  # a recipe read from JSON has a list
        for name in ("learning_rate", "clip"):
            value = getattr(self, name)
            require(0 < value < math.inf, f"{name} must be a positive finite number, got {value!r}")
        for name in ("warmup", "seed"):
            require_whole(name, getattr(self, name))
        require(self.warmup <= self.steps, f"warmup must not exceed steps = {self.steps}, got {self.warmup}")
        require(0 <= self.final <= 1, f"final must be a share from 0 to 1, got {self.final!r}")
        require(0 <= self.weight_decay < math.inf, f"weight_decay must not be negative, got {self.weight_decay!r}")
        good = len(self.betas) == 2 and all(0 <= beta < 1 for beta in self.betas)
        require(good, f"betas must be two numbers in [0, 1), got {self.betas!r}")
        require(self.precision in PRECISIONS, f"precision must be one of {', '.join(PRECISIONS)}, got {self.precision}")

    def as_dict(self) -> dict:
        """The recipe as a dict, ready for JSON."""
        return asdict(self) | {"betas": list(self.betas)}
