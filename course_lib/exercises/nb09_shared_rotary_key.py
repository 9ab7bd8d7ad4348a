"""Exercise 9.2: scores with decoupled rotary positions, one rotary key for all heads."""

import numpy as np

from course_lib.config import Rope
from course_lib.exercises.core import Exercise, Mistake, Stage
from course_lib.exercises.nb02_softmax import softmax
from course_lib.reference.positions import rotate

E, P = 6, 4  # widths of the content part and of the rotary part


def decoupled_scores(Q, K, Q_R, K_R, rope):
    n, N = Q.shape[-2], len(K_R)
    Q_R = rotate(Q_R, np.arange(N - n, N), rope)  # the queries are the last n of N tokens
    K_R = rotate(K_R, np.arange(N), rope)
    return (Q @ K.swapaxes(-1, -2) + Q_R @ K_R.T) / np.sqrt(Q.shape[-1] + Q_R.shape[-1])


def _scores(queries_at=None, keys_at=None, scale=None, content=False):
    """The scores with other positions, given as functions of (n, N); another scale of (e, p); content turned too."""

    def answer(Q, K, Q_R, K_R, rope):
        n, N = Q.shape[-2], len(K_R)
        here = np.arange(N - n, N) if queries_at is None else queries_at(n, N)
        there = np.arange(N) if keys_at is None else keys_at(n, N)
        if content:
            Q, K = rotate(Q, here, rope), rotate(K, there, rope)
        e, p = E, Q_R.shape[-1]
        s = (e + p) ** -0.5 if scale is None else scale(e, p)
        return (Q @ K.swapaxes(-1, -2) + rotate(Q_R, here, rope) @ rotate(K_R, there, rope).T) * s

    return answer


def _scaled_apart(Q, K, Q_R, K_R, rope):
    content = decoupled_scores(Q, K, 0 * Q_R, K_R, rope)
    rotary = decoupled_scores(0 * Q, K, Q_R, K_R, rope)
    e, p = Q.shape[-1], Q_R.shape[-1]
    return content * ((e + p) / e) ** 0.5 + rotary * ((e + p) / p) ** 0.5


def _unlike_heads(Q, K, Q_R, K_R, rope):
    """Only head 0 sees positions."""
    first = np.zeros((len(Q), 1, 1))
    first[0] = 1
    return decoupled_scores(Q, K, first * Q_R, K_R, rope)


def _masked(*given):
    S = decoupled_scores(*given)
    n, N = S.shape[1:]
    return np.where(np.tri(n, N, N - n, dtype=bool), S, -np.inf)


def _inputs(h: int, n: int, N: int):
    rng = np.random.default_rng(85)
    shapes = ((h, n, E), (h, N, E), (h, n, P), (N, P))
    return *(rng.normal(size=shape) for shape in shapes), Rope(base=50.0)


DECOUPLED = Exercise(
    id="9.2",
    title="scores with a shared rotary key",
    minutes=10,
    difficulty=3,
    solution=decoupled_scores,
    stages=(
        Stage(_inputs(1, 1, 1), "one token at position 0, where nothing turns"),
        Stage(_inputs(1, 4, 4), "one head, four tokens, all of them new"),
        Stage(_inputs(3, 4, 4), "three heads"),
        Stage(_inputs(3, 2, 6), "two new tokens behind four cached ones"),
    ),
    mistakes=(
        Mistake(
            _scores(queries_at=lambda n, N: np.arange(n)),
            "the queries are turned as if they came first; they are the last n of N tokens, at N - n ... N - 1",
        ),
        Mistake(
            _scores(scale=lambda e, p: e**-0.5),
            "the scores are divided by sqrt(d_QK); the inner product runs over d_QK + d_R coordinates",
        ),
        Mistake(
            _scaled_apart,
            "the two parts have scales of their own; they are one inner product over d_QK + d_R coordinates, with one "
            "scale",
        ),
        Mistake(
            _scores(scale=lambda e, p: p**-0.5),
            "the scores are divided by sqrt(d_R) alone; the inner product runs over d_QK + d_R coordinates",
        ),
        Mistake(_scores(scale=lambda e, p: 1.0), "the scores are not scaled; divide by sqrt(d_QK + d_R)"),
        Mistake(_scores(scale=lambda e, p: 1 / (e + p)), "divide by the square root of d_QK + d_R, not by d_QK + d_R"),
        Mistake(
            _scores(keys_at=lambda n, N: np.zeros(N, dtype=int)),
            "K_R is not rotated; both sides turn, each by its own position, and the shift between them remains",
        ),
        Mistake(
            _scores(queries_at=lambda n, N: np.zeros(n, dtype=int)),
            "Q_R is not rotated; both sides turn, each by its own position, and the shift between them remains",
        ),
        Mistake(
            _scores(lambda n, N: np.zeros(n, dtype=int), lambda n, N: np.zeros(N, dtype=int)),
            "nothing is rotated; Q_R and K_R carry the positions, so rotate both",
        ),
        Mistake(
            _scores(keys_at=lambda n, N: -np.arange(N)),
            "K_R turns backwards, so the scores depend on i + j; rotate it by +j",
        ),
        Mistake(
            _scores(lambda n, N: -np.arange(N - n, N), lambda n, N: -np.arange(N)),
            "both sides turn backwards, so the shift has the wrong sign; rotate Q_R by +i and K_R by +j",
        ),
        Mistake(
            _scores(content=True),
            "Q and K are rotated as well; positions belong to Q_R and K_R alone",
        ),
        Mistake(
            _scores(lambda n, N: np.arange(N - n, N) + 1),
            "the queries stand one position too far; the last of N tokens is at N - 1",
        ),
        Mistake(
            lambda Q, K, Q_R, K_R, rope: decoupled_scores(Q, K, 0 * Q_R, K_R, rope),
            "the rotary part is missing; add Q_R K_R^T to the product of the content parts",
        ),
        Mistake(
            lambda Q, K, Q_R, K_R, rope: decoupled_scores(0 * Q, K, Q_R, K_R, rope),
            "the content part is missing; add Q_h K_h^T",
        ),
        Mistake(
            _unlike_heads, "only head 0 has a rotary part; K_R is shared, and each head has rotary queries of its own"
        ),
        Mistake(
            lambda *given: decoupled_scores(*given).swapaxes(1, 2),
            "the scores are transposed; queries are rows and keys are columns",
        ),
        Mistake(
            lambda *given: softmax(decoupled_scores(*given)),
            "these are the weights already; return the scores, before the softmax",
        ),
        Mistake(_masked, "the future is masked; no mask here: return all n N scores"),
    ),
    hints=(
        "The inner product of two concatenated vectors is the sum of two inner products.",
        "`rotate(X, positions, rope)` turns row m of X by positions[m]; it takes (h, n, p) as well as (N, p).",
        "The queries stand at `np.arange(N - n, N)`. K_R has no head axis, and `Q_R @ K_R.T` repeats it for each head.",
    ),
)
