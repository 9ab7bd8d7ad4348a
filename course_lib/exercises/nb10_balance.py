"""Exercise 10.2: the weight that makes keys and values count alike, from X^T X alone."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage


def balance(gram, W_K, W_V):
    # The squared Frobenius norm of X W is the trace of W^T X^T X W.
    keys, values = (np.trace(W.T @ gram @ W) for W in (W_K, W_V))
    return np.sqrt(values / keys)


def _inputs(k: int, v: int, plain: bool = False):
    rng = np.random.default_rng(102)
    X = np.eye(5) if plain else (rng.normal(size=(9, 5)) + 0.7) * np.array([3.0, 0.2, 1.0, 0.5, 2.0])
    return X.T @ X, rng.normal(size=(5, k)), 3 * rng.normal(size=(5, v))


BALANCE = Exercise(
    id="10.2",
    title="keys and values that count alike",
    minutes=4,
    difficulty=1,
    solution=balance,
    stages=(
        Stage(lambda: _inputs(4, 4, plain=True), "X is the identity: the norms of the weights decide"),
        Stage(lambda: _inputs(4, 4), "inputs of very different size"),
        Stage(lambda: _inputs(3, 7), "keys and values of different width"),
    ),
    mistakes=(),
    hints=(
        "The square of the Frobenius norm is a trace: ||M||^2 = tr(M^T M). Take M = X W.",
        "||X W||^2 = tr(W^T G W) with G = X^T X. Norms are square roots of that, and alpha is a ratio of norms.",
    ),
)
