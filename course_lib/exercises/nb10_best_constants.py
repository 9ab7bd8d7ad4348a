"""Exercise 10.5: the constant that takes the place of a rotation, and what it misses."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage


def best_constants(shares, theta):
    factors = np.exp(-1j * np.arange(len(shares))[:, None] * theta)  # (S, F)
    constants = shares @ factors
    return constants, 1 - np.abs(constants) ** 2


def _inputs(S: int, *theta: float):
    shares = np.random.default_rng(105).uniform(size=S)
    return shares / shares.sum(), np.array(theta)


BEST_CONSTANTS = Exercise(
    id="10.5",
    title="a constant for a rotation",
    minutes=5,
    difficulty=1,
    solution=best_constants,
    stages=(
        Stage(lambda: (np.array([1.0]), np.array([0.7])), "distance 0 only: nothing turns"),
        Stage(lambda: _inputs(2, 0.7), "two distances and one pair"),
        Stage(lambda: _inputs(4, 1.0, 0.3, 0.02, 2.0), "as many distances as pairs"),
        Stage(lambda: _inputs(9, 1.0, 0.2, 0.01), "nine distances, three pairs"),
    ),
    mistakes=(),
    hints=(
        "The best constant in the mean square is the mean. The shares are its weights; they sum to 1.",
        "`np.exp(-1j * np.arange(S)[:, None] * theta)` has a row for each distance; `shares @` that is the mean.",
        "The error is 1 - |c|^2: expand the square, and use that each factor has size 1.",
    ),
)
