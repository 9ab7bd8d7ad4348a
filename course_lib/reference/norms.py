"""Norms over the features of a token (paper, section 4)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from course_lib.config import require
from course_lib.reference.checks import require_weights


@dataclass(frozen=True)
class LayerNorm:
    """gamma * (x - mu) / sqrt(sigma^2 + eps) + beta, with mean and variance over the d features of each row."""

    gamma: Float[np.ndarray, "d"]
    beta: Float[np.ndarray, "d"]
    eps: float = 1e-5

    def __post_init__(self):
        require_weights(self)
        require(self.eps >= 0, f"eps must not be negative, got {self.eps}")

    def __call__(self, X: Float[np.ndarray, "*b d"]) -> Float[np.ndarray, "*b d"]:
        require_width(X, self.gamma)
        centred = X - X.mean(-1, keepdims=True)
        return self.gamma * centred / np.sqrt((centred**2).mean(-1, keepdims=True) + self.eps) + self.beta


@dataclass(frozen=True)
class RMSNorm:
    """gamma * x / sqrt(mean(x^2) + eps): LayerNorm without centring and shift."""

    gamma: Float[np.ndarray, "d"]
    eps: float = 1e-6

    def __post_init__(self):
        require_weights(self)
        require(self.eps >= 0, f"eps must not be negative, got {self.eps}")

    def __call__(self, X: Float[np.ndarray, "*b d"]) -> Float[np.ndarray, "*b d"]:
        require_width(X, self.gamma)
        return self.gamma * X / np.sqrt((X**2).mean(-1, keepdims=True) + self.eps)


def require_width(X: np.ndarray, gamma: np.ndarray) -> None:
    """Raises ValueError unless the last axis of X is as wide as gamma."""
    require(X.shape[-1:] == gamma.shape, f"X must have width d = {len(gamma)} as gamma has, got shape {X.shape}")
