"""Feed-forward networks, applied to each token alone (paper, section 4)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from course_lib.config import require
from course_lib.reference.checks import require_weights

erf = np.vectorize(math.erf, otypes=[np.float64])


def relu(x: Float[np.ndarray, "*b"]) -> Float[np.ndarray, "*b"]:
    """max(x, 0)."""
    return np.maximum(x, 0.0)


def gelu(x: Float[np.ndarray, "*b"]) -> Float[np.ndarray, "*b"]:
    """x Phi(x), with the normal distribution function Phi itself and not its tanh approximation."""
    return x * (1 + erf(x / math.sqrt(2))) / 2


def gelu_tanh(x: Float[np.ndarray, "*b"]) -> Float[np.ndarray, "*b"]:
    """The tanh approximation of `gelu`, of GPT-2 and Gemma."""
    return x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


def silu(x: Float[np.ndarray, "*b"]) -> Float[np.ndarray, "*b"]:
    """x sigmoid(x); through tanh, which does not overflow."""
    return x * (1 + np.tanh(x / 2)) / 2


@dataclass(frozen=True, kw_only=True, eq=False)
class FeedForward:
    """f(X W_1 + b_1) W_2 + b_2: expand, apply f entry by entry, contract. (The paper writes the first half only.)"""

    W_1: Float[np.ndarray, "d d_ff"]
    b_1: Float[np.ndarray, "d_ff"]
    W_2: Float[np.ndarray, "d_ff d"]
    b_2: Float[np.ndarray, "d"]
    f: Callable = relu

    def __post_init__(self):
        require_weights(self)

    def __call__(self, X: Float[np.ndarray, "*b n d"]) -> Float[np.ndarray, "*b n d"]:
        require_input(X, self.W_1)
        return self.f(X @ self.W_1 + self.b_1) @ self.W_2 + self.b_2


@dataclass(frozen=True, kw_only=True, eq=False)
class SwiGLU:
    """(silu(X W_gate) * (X W_up)) W_down: one half opens and closes the other, entry by entry. No biases."""

    W_gate: Float[np.ndarray, "d d_ff"]
    W_up: Float[np.ndarray, "d d_ff"]
    W_down: Float[np.ndarray, "d_ff d"]

    gate = staticmethod(silu)

    def __post_init__(self):
        require_weights(self)

    def __call__(self, X: Float[np.ndarray, "*b n d"]) -> Float[np.ndarray, "*b n d"]:
        require_input(X, self.W_gate)
        return (self.gate(X @ self.W_gate) * (X @ self.W_up)) @ self.W_down


@dataclass(frozen=True, kw_only=True, eq=False)
class GeGLU(SwiGLU):
    """(gelu(X W_gate) * (X W_up)) W_down, with GELU by tanh: the feed-forward network of Gemma (arXiv 2002.05202)."""

    gate = staticmethod(gelu_tanh)


def require_input(X: np.ndarray, W: np.ndarray) -> None:
    """Raises ValueError unless X is as wide as W has rows."""
    require(X.shape[-1] == len(W), f"X must have width d = {len(W)}, got shape {X.shape}")
