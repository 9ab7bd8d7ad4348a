"""Exercise 9.5: scores of normalised keys from one cached factor per token and head."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage


def normalised_scores(Q, W_LK, gamma, L, eps):
    squares = np.square(L @ W_LK).mean(axis=-1)  # (h, N), once, when a token arrives
    factors = 1 / np.sqrt(squares + eps)
    asking = (Q * gamma) @ W_LK.swapaxes(1, 2)  # (h, n, r)
    return factors.T, asking @ L.T * factors[:, None] / np.sqrt(Q.shape[-1])


def _inputs(h: int, n: int, N: int, plain: bool = False, eps: float = 1e-6):
    rng = np.random.default_rng(95)
    gamma = np.ones(5) if plain else rng.uniform(0.4, 2, size=5)
    return rng.normal(size=(h, n, 5)), rng.normal(size=(h, 7, 5)), gamma, rng.normal(size=(N, 7)), eps


CACHED_SCALAR = Exercise(
    id="9.5",
    title="normalised keys from cached factors",
    minutes=8,
    difficulty=2,
    solution=normalised_scores,
    stages=(
        Stage(lambda: _inputs(1, 1, 1, plain=True), "one head, one token, gamma is 1"),
        Stage(lambda: _inputs(1, 2, 4, plain=True), "one head, two queries and four tokens, gamma is 1"),
        Stage(lambda: _inputs(3, 3, 3), "three heads, with a gamma"),
        Stage(lambda: _inputs(3, 2, 6, eps=0.5), "a large eps"),
    ),
    mistakes=(),
    hints=(
        "The factor of token j and head h is 1 / sqrt(mean of the squares of l_j W_LK_h, plus eps).",
        "gamma multiplies each coordinate of the key. In an inner product it can as well multiply the query.",
        "`(Q * gamma) @ W_LK.swapaxes(1, 2) @ L.T` are the scores of the keys as they are; multiply column j of head h "
        "by its factor, and divide by sqrt(e).",
    ),
)
