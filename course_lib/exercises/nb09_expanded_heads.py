"""Exercise 9.4: queries and keys of the expanded form of a partly rotary latent, e + p wide."""

import numpy as np

from course_lib.config import Rope
from course_lib.exercises.core import Exercise, Stage
from course_lib.reference.positions import rotate


def expanded_heads(Q, W_LK, rows, p, rope):
    n, N, still = Q.shape[1], len(rows), rows.shape[1] - p
    A, B = W_LK[:, :still], W_LK[:, still:]
    asking = rotate(Q @ B.swapaxes(1, 2), np.arange(N - n, N), rope)  # (h, n, p)
    shared = np.broadcast_to(rows[:, still:], (len(Q), N, p))  # turned already, the same for all heads
    return np.concatenate([Q, asking], axis=-1), np.concatenate([rows[:, :still] @ A, shared], axis=-1)


def _inputs(h: int, n: int, N: int, r: int, p: int):
    rng = np.random.default_rng(94)
    return rng.normal(size=(h, n, 5)), rng.normal(size=(h, r, 5)), rng.normal(size=(N, r)), p, Rope(base=50.0)


EXPANDED_HEADS = Exercise(
    id="9.4",
    title="expanded heads of a partly rotary latent",
    minutes=10,
    difficulty=3,
    solution=expanded_heads,
    stages=(
        Stage(lambda: _inputs(1, 1, 1, 7, 2), "one token at position 0, where nothing turns"),
        Stage(lambda: _inputs(1, 3, 3, 7, 4), "one head, three tokens, all of them new"),
        Stage(lambda: _inputs(3, 4, 4, 7, 2), "three heads"),
        Stage(lambda: _inputs(3, 2, 6, 9, 4), "two new tokens behind four cached ones"),
    ),
    mistakes=(),
    hints=(
        "Cut W_LK behind its first r - p rows: `A, B = W_LK[:, :r - p], W_LK[:, r - p:]`. Cut the rows likewise.",
        "The query brings Q B^T in its last p coordinates, turned by its own position, N - n ... N - 1.",
        "The keys are `rows[:, :r - p] @ A`, (h, N, e), and beside them the turned part of the rows as it is. "
        "`np.broadcast_to` gives the latter a head axis.",
    ),
)
