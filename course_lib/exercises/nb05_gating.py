"""Exercise 5.2: the gated feed-forward network."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, draw

N, D, D_FF = 5, 3, 7


def swiglu(X, W_gate, W_up, W_down):
    gate = X @ W_gate
    return (gate / (1 + np.exp(-gate)) * (X @ W_up)) @ W_down


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _gated(f):
    return lambda X, W_gate, W_up, W_down: (f(X @ W_gate) * (X @ W_up)) @ W_down


def _silu(x):
    return x * _sigmoid(x)


def _gelu_by_tanh(x):
    return x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2


def _one_feature():
    """gate -2, up 3, down 1: silu(-2) * 3."""
    return np.array([[2.0]]), np.array([[-1.0]]), np.array([[1.5]]), np.array([[1.0]])


def _closed():
    """The first gate is at -30 and lets nothing through, the second is at 30 and passes its entry on, times 30."""
    return np.array([[1.0]]), np.array([[-30.0, 30.0]]), np.array([[5.0, 7.0]]), np.array([[1.0], [2.0]])


def _general():
    return draw(N, D), draw(D, D_FF, seed=6), draw(D, D_FF, seed=7), draw(D_FF, D, seed=8)


SWIGLU = Exercise(
    id="5.2",
    title="a gated feed-forward network",
    minutes=5,
    difficulty=1,
    solution=swiglu,
    stages=(
        Stage(_one_feature(), "one token, one feature: the gate is at -2, the other half at 3, W_down is 1"),
        Stage(_closed(), "one gate closed (at -30), one open (at 30)"),
        Stage(_general(), "five tokens, width 3, seven gates"),
    ),
    mistakes=(
        Mistake(
            lambda X, W_gate, W_up, W_down: swiglu(X, W_up, W_gate, W_down),
            "the two halves are exchanged: silu acts on X W_gate, and X W_up is left as it is",
        ),
        Mistake(
            lambda X, W_gate, W_up, W_down: _silu((X @ W_gate) * (X @ W_up)) @ W_down,
            "silu acts on the product; it acts on X W_gate alone, before the halves are multiplied",
        ),
        Mistake(
            _gated(_sigmoid),
            "the gate is sigmoid(X W_gate), which is the first of these networks, GLU; silu(x) is x sigmoid(x)",
        ),
        Mistake(_gated(lambda x: np.maximum(x, 0)), "the gate is ReLU (this is ReGLU); silu(x) is x sigmoid(x)"),
        Mistake(_gated(_gelu_by_tanh), "the gate is GELU (this is GEGLU); silu(x) is x sigmoid(x)"),
        Mistake(_gated(lambda x: x), "the gate is linear, without silu"),
        Mistake(
            _gated(lambda x: x * _sigmoid(-x)), "the sign in the exponential is wrong: silu(x) = x / (1 + exp(-x))"
        ),
        Mistake(
            lambda X, W_gate, W_up, W_down: (_silu(X @ W_gate) + X @ W_up) @ W_down,
            "the halves are added; they are multiplied, entry by entry",
        ),
        Mistake(
            lambda X, W_gate, W_up, W_down: (_silu(X @ W_gate) * _silu(X @ W_up)) @ W_down,
            "silu acts on both halves; X W_up is left as it is",
        ),
        Mistake(lambda X, W_gate, W_up, W_down: _silu(X @ W_gate) @ W_down, "W_up is not used"),
        Mistake(lambda X, W_gate, W_up, W_down: _silu(X @ W_gate) * (X @ W_up), "W_down is missing: back to width d"),
    ),
    hints=(
        "silu(x) = x sigmoid(x) = x / (1 + exp(-x)).",
        "Both halves have shape (n, d_ff). Multiply them with `*`, then apply W_down with `@`.",
    ),
)
