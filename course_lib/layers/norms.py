"""LayerNorm and RMSNorm over the last axis (paper, section 4)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.config import require

WIDE = (torch.float32, torch.float64)  # sums of these types are computed without conversion


class RMSNorm(nn.Module):
    """gamma * x / sqrt(mean(x^2) + eps): no centring, no shift. Computed in float32 at least.

    Raises ValueError for a width that is not positive, or when the last axis of x has another width.
    """

    def __init__(self, width: int, eps: float = 1e-6):
        super().__init__()
        require(width > 0, f"width must be positive, got {width}")
        require(eps >= 0, f"eps must not be negative, got {eps}")
        self.eps = eps
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        if x.shape[-1:] != self.gamma.shape:
            refuse(x, self.gamma)
        if x.dtype == self.gamma.dtype and x.dtype in WIDE:
            return torch.rms_norm(x, self.gamma.shape, self.gamma, self.eps)
        z = F.rms_norm(x.to(torch.promote_types(x.dtype, torch.float32)), self.gamma.shape, eps=self.eps)
        return z.to(x.dtype) * self.gamma


class LayerNorm(nn.Module):
    """gamma * (x - mu) / sqrt(sigma^2 + eps) + beta, with sigma^2 the mean squared deviation.

    Raises ValueError as RMSNorm does.
    """

    def __init__(self, width: int, eps: float = 1e-5):
        super().__init__()
        require(width > 0, f"width must be positive, got {width}")
        require(eps >= 0, f"eps must not be negative, got {eps}")
        self.eps = eps
        self.gamma = nn.Parameter(torch.ones(width))
        self.beta = nn.Parameter(torch.zeros(width))

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        if x.shape[-1:] != self.gamma.shape:
            refuse(x, self.gamma)
        if x.dtype == self.gamma.dtype:  # torch's kernel computes in float32 at least by itself
            return F.layer_norm(x, self.gamma.shape, self.gamma, self.beta, self.eps)
        z = F.layer_norm(x.to(torch.promote_types(x.dtype, torch.float32)), self.gamma.shape, eps=self.eps)
        return z.to(x.dtype) * self.gamma + self.beta


def refuse(x: Tensor, gamma: Tensor) -> None:
    """Raise the ValueError for a last axis of another width."""
    raise ValueError(f"x must have the norm's width {len(gamma)} on its last axis, got shape {tuple(x.shape)}")
