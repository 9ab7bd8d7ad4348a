"""Exercise 5.2: the gated feed-forward network."""

import math

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits, randn


def swiglu(X, W_gate, W_up, W_down):
    gate = X @ W_gate
    up = X @ W_up
    silu = gate / (1 + np.exp(-gate))
    return (silu * up) @ W_down


def _gelu(x):
    return x * np.vectorize(lambda a: 1 + math.erf(a / math.sqrt(2)))(x) / 2


def _gelu_by_tanh(x):
    return x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2


def _general():
    return randn(5, 3), randn(3, 7, seed=6), randn(3, 7, seed=7), randn(7, 3, seed=8)


SWIGLU = Exercise(
    id="5.2",
    title="a gated feed-forward network",
    minutes=5,
    difficulty=1,
    solution=swiglu,
    stages=(
        Stage(
            (np.array([[4.0, -3, 1]]).T, np.array([[-0.5, 1]]), np.array([[0.75, 0.5]]), np.array([[0.7, -0.2]]).T),
            "three tokens with one feature, 4, -3 and 1; W_gate is (-0.5, 1), W_up (0.75, 0.5), W_down (0.7, -0.2)",
        ),
        Stage(_general(), "five tokens, width 3, seven gates"),
        Stage(
            (np.array([[1.0]]), np.array([[-600.0, 800.0]]), np.array([[5.0, 7.0]]), np.array([[1.0], [2.0]])),
            "one gate closed (at -600), one open (at 800)",
        ),
    ),
    mistakes=edits(
        swiglu,
        """
        X @ W_gate -> X @ W_up && up = X @ W_up -> up = X @ W_gate | W_gate and W_up are exchanged. silu
            acts on X W_gate, and X W_up is left as it is.
        silu * up -> gate * up / (1 + np.exp(-gate * up)) | silu acts on the product. It acts on X W_gate alone, before
            the halves are multiplied.
        silu * up) @ W_down -> lambda y: y / (1 + np.exp(-y)))((gate * up) @ W_down) | silu acts on the result. It acts
            on X W_gate alone, before the halves are multiplied.
        silu = gate -> silu = 1 | The gate is sigmoid(X W_gate), as in the first of these networks, GLU. silu(x) is x
            sigmoid(x).
        silu * up -> gate / (1 + np.exp(-up)) | The gate is sigmoid(X W_up), and it multiplies X W_gate. The gate is
            silu(X W_gate), and it multiplies X W_up.
        silu = gate -> silu = np.exp(-gate) / (1 + np.exp(-gate)) | The gate is the derivative of the sigmoid. silu(x)
            is x sigmoid(x).
        silu * up -> silu / (1 + np.exp(-gate)) * up | silu(X W_gate) is multiplied by sigmoid(X W_gate) again. silu
            holds the sigmoid already.
        silu * up -> silu / (1 + np.exp(-silu)) * up | silu acts twice. It acts on X W_gate once.
        gate = X @ W_gate -> gate = X / (1 + np.exp(-X)) @ W_gate && gate / (1 + np.exp(-gate)) -> gate | silu acts on
            X, before W_gate. It acts on X W_gate.
        gate / (1 + np.exp(-gate)) -> gate + np.exp(-gate) | The quotient has no parentheses around its denominator,
            1 + exp(-x).
        silu * up -> gate + np.exp(-gate) * up | The quotient has no parentheses around 1 + exp(-x), so that only
            exp(-x) is multiplied by X W_up.
        gate / (1 + np.exp(-gate)) -> gate * (1 + np.tanh(gate)) / 2 | This is x sigmoid(2 x). In terms of tanh,
            sigmoid(x) is (1 + tanh(x / 2)) / 2.
        gate / (1 + np.exp(-gate)) -> gate * np.tanh(gate / 2) / 2 | The 1 is missing in sigmoid(x), which is (1 +
            tanh(x / 2)) / 2.
        gate / (1 + np.exp(-gate)) -> gate * np.tanh(gate) | The gate is x tanh(x). silu(x) is x sigmoid(x).
        gate / (1 + np.exp(-gate)) -> np.maximum(gate, 0) | The gate is ReLU (this is ReGLU). silu(x) is x sigmoid(x).
        gate / (1 + np.exp(-gate)) -> _gelu(gate) | The gate is GELU (this is GEGLU). silu(x) is x sigmoid(x).
        gate / (1 + np.exp(-gate)) -> _gelu_by_tanh(gate) | The gate is GELU, in its approximation with tanh (this is
            GEGLU). silu(x) is x sigmoid(x).
        np.exp(-gate) -> np.exp(-1.702 * gate) | The gate is x sigmoid(1.702 x), an approximation of GELU. silu(x) is x
            sigmoid(x).
        gate / (1 + np.exp(-gate)) -> np.tanh(gate) | The gate is tanh(X W_gate). silu(x) is x sigmoid(x).
        gate / (1 + np.exp(-gate)) -> gate * np.tanh(np.log1p(np.exp(gate))) | The gate is Mish. silu(x) is x
            sigmoid(x).
        gate / (1 + np.exp(-gate)) -> np.log1p(np.exp(gate)) | The gate is softplus. silu(x) is x sigmoid(x).
        gate / (1 + np.exp(-gate)) -> np.maximum(gate, 0) ** 2 | The gate is the square of ReLU. silu(x) is x
            sigmoid(x).
        gate / (1 + np.exp(-gate)) -> np.where(gate > 0, gate, np.expm1(np.minimum(gate, 0))) | The gate is ELU. silu(x)
            is x sigmoid(x).
        gate / (1 + np.exp(-gate)) -> np.exp(gate) / np.exp(gate).sum(axis=-1, keepdims=True) | The gate is a softmax
            over the features. silu acts on each number by itself, and silu(x) is x sigmoid(x).
        gate / (1 + np.exp(-gate)) -> gate | The gate is linear. Apply silu to X W_gate.
        np.exp(-gate) -> np.exp(gate) | The sign in the exponential is wrong. silu(x) is x / (1 + exp(-x)).
        gate / (1 + np.exp(-gate)) -> gate * np.exp(gate) / (1 + np.exp(gate)) | exp(x) overflows for large x, and
            inf / inf is NaN. Write silu(x) as x / (1 + exp(-x)).
        silu * up -> silu + up | The halves are added. Multiply them entry by entry.
        silu * up -> silu * (up / (1 + np.exp(-up))) | silu acts on both halves. X W_up is left as it is.
        silu * up -> silu | W_up is not used. Multiply silu(X W_gate) by X W_up.
        silu * up -> up | The gate is not used. Multiply X W_up by silu(X W_gate).
        silu * up -> up / (1 + np.exp(-up)) | This is the network without a gate, silu(X W_up) W_down. Multiply X W_up
            by silu(X W_gate).
        (silu * up) -> X + (silu * up) | X is added. Return what the network writes, without the skip connection.
        (silu * up) @ W_down -> silu * up | W_down is missing. It leads back to width d.
        """,
    ),
    hints=(
        "silu(x) = x sigmoid(x) = x / (1 + exp(-x)).",
        "Both halves have shape (n, d_ff). Multiply them with `*`, then apply W_down with `@`.",
    ),
)
