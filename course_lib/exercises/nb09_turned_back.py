"""Exercise 9.3: a mix of turned latent rows, turned back by the position of its query."""

import numpy as np

from course_lib.config import Rope
from course_lib.exercises.core import Exercise, Stage
from course_lib.reference.positions import rotate


def relative_mix(P, turned_rows, rope):
    n, N = P.shape[-2:]
    mix = P @ turned_rows
    return rotate(mix, -np.arange(N - n, N), rope)  # the queries are the last n of N tokens


def _inputs(h: int, n: int, N: int, seed: int = 93):
    rng = np.random.default_rng(seed)
    A = rng.uniform(0.2, 1, size=(h, n, N)) * np.tri(n, N, N - n)
    return A / A.sum(-1, keepdims=True), rng.normal(size=(N, 6)), Rope(base=50.0)


TURNED_BACK = Exercise(
    id="9.3",
    title="turn the mix back",
    minutes=6,
    difficulty=2,
    solution=relative_mix,
    stages=(
        Stage(lambda: _inputs(1, 1, 1), "one token at position 0, where nothing turns"),
        Stage(lambda: _inputs(1, 4, 4), "one head, four tokens, all of them new"),
        Stage(lambda: _inputs(3, 5, 5), "three heads"),
        Stage(lambda: _inputs(3, 2, 7), "two new tokens behind five cached ones"),
    ),
    mistakes=(),
    hints=(
        "The rows in the cache are turned already. Mix them first; the mix of each query then turns as one row.",
        "Turning by R_{-i} is `rotate` with the position -i. It takes arrays (h, n, r) and one position per row.",
        "The queries stand at `np.arange(N - n, N)`: `rotate(P @ turned_rows, -np.arange(N - n, N), rope)`.",
    ),
)
