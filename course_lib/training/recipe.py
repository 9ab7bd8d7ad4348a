"""How a model is trained, apart from what it is and what it reads."""

import math
from dataclasses import asdict, dataclass

from course_lib.config import is_whole, require, require_positive

PRECISIONS = ("auto", "float32", "bfloat16")


def require_whole(name: str, value: int) -> None:
    """Raise ValueError unless `value` is an integer from 0, and no bool."""
    require(is_whole(value, 0), f"{name} must be a whole number from 0, got {value!r}")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Optimiser, schedule and how often to look and to save. Everything random depends on `seed` and the step alone."""

    steps: int
    learning_rate: float  # the highest: after warm-up
    warmup: int = 0  # steps in which the learning rate rises in equal parts
    final: float = 0.1  # the learning rate ends at this share of the highest
    weight_decay: float = 0.1  # on matrices only: optimiser.decay_groups
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0  # longest gradient; longer ones are scaled down to it
    evaluate_every: int = 250  # steps
    checkpoint_every: int = 250
    log_every: int = 10
    seed: int = 0
    precision: str = "float32"  # of matrix products; auto: bfloat16 where the device multiplies faster in it

    def __post_init__(self):
        require_positive(self, "steps", "evaluate_every", "checkpoint_every", "log_every")
        object.__setattr__(self, "betas", tuple(self.betas))  # JSON has lists only
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
        """Ready for JSON."""
        return asdict(self) | {"betas": list(self.betas)}
