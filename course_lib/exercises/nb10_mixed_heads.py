"""Exercise 10.4: scores of the heads at one frequency, from keys that a unitary matrix has mixed."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage


def scores_from_mixed(q, mixed, U):
    asking = q.T[:, :, None] * U[:, None]  # (h, n, c): head h asks virtual head c with q_h U_hc
    return (asking.conj() @ mixed.T).real


def _inputs(h: int, n: int, N: int, real: bool = False):
    rng = np.random.default_rng(104)

    def draw(*shape):
        return rng.normal(size=shape) + (0 if real else 1j) * rng.normal(size=shape)

    U = np.linalg.qr(draw(h, h))[0]
    return draw(n, h), draw(N, h) @ U, U


MIXED_HEADS = Exercise(
    id="10.4",
    title="scores from mixed heads",
    minutes=8,
    difficulty=2,
    solution=scores_from_mixed,
    stages=(
        Stage(lambda: _inputs(1, 2, 3), "one head: U is one number of size 1"),
        Stage(lambda: _inputs(2, 2, 2, real=True), "two heads and real numbers: U turns the plane"),
        Stage(lambda: _inputs(3, 2, 4), "three heads and complex numbers"),
        Stage(lambda: _inputs(3, 3, 3), "as many queries and keys as heads"),
    ),
    mistakes=(),
    hints=(
        "Head h asks all virtual heads. What it brings to virtual head c is q_h U_hc: its own query, row h of U.",
        "`q.T[:, :, None] * U[:, None]` has these numbers, (h, n, c).",
        "The score is the real part of the sum over c of the conjugate of that, times the mixed keys: "
        "`(asking.conj() @ mixed.T).real`.",
    ),
)
