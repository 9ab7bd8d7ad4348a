"""Feed-forward networks, applied to each token alone (paper, section 4)."""

from collections.abc import Callable

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.config import require
from course_lib.layers.products import new_bias, new_weight, project


class FeedForward(nn.Module):
    """f(X W_1 + b_1) W_2 + b_2: expand to d_ff, apply f to each entry, contract; without `bias`, neither b_1 nor b_2.

    Raises ValueError for sizes that are not positive.
    """

    def __init__(self, d_model: int, d_ff: int, f: Callable[[Tensor], Tensor] = F.relu, bias: bool = True):
        super().__init__()
        require(d_model > 0 and d_ff > 0, f"d_model and d_ff must be positive, got {d_model} and {d_ff}")
        self.f = f
        self.W_1, self.b_1 = new_weight(d_model, d_ff), new_bias(d_ff, bias)
        self.W_2, self.b_2 = new_weight(d_ff, d_model), new_bias(d_model, bias)

    def forward(self, X: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        if X.shape[-1:] != self.W_1.shape[:1]:
            refuse(X, self.W_1)
        return project(self.f(project(X, self.W_1, self.b_1)), self.W_2, self.b_2)


class SwiGLU(nn.Module):
    """(silu(X W_gate) * X W_up) W_down: one half opens and closes the other, entry by entry. No biases.

    Raises ValueError as FeedForward does.
    """

    def __init__(self, d_model: int, d_ff: int):
        super().__init__()
        require(d_model > 0 and d_ff > 0, f"d_model and d_ff must be positive, got {d_model} and {d_ff}")
        self.W_gate, self.W_up = new_weight(d_model, d_ff), new_weight(d_model, d_ff)
        self.W_down = new_weight(d_ff, d_model)

    def forward(self, X: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        if X.shape[-1:] != self.W_gate.shape[:1]:
            refuse(X, self.W_gate)
        return project(F.silu(project(X, self.W_gate)) * project(X, self.W_up), self.W_down)


def refuse(X: Tensor, W: Tensor) -> None:
    """Raise the ValueError for an X that is not as wide as W has rows."""
    raise ValueError(f"X must have width d_model = {len(W)}, got shape {tuple(X.shape)}")
