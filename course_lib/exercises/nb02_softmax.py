"""Exercise 2.3: a softmax that does not overflow."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, draw

N_Q, N_KV = 4, 7


def softmax(S):
    A = np.exp(S - S.max(axis=-1, keepdims=True))  # the largest entry of each row becomes exp(0) = 1
    return A / A.sum(axis=-1, keepdims=True)


def _shifted(shift):
    def answer(S):
        with np.errstate(all="ignore"):
            A = np.exp(S - shift(S))
            return A / A.sum(-1, keepdims=True)

    return answer


def _unshifted_sum(S):
    with np.errstate(all="ignore"):
        return np.exp(S - S.max(-1, keepdims=True)) / np.exp(S).sum(-1, keepdims=True)


def _softmax_of_columns(S):
    A = np.exp(S - S.max(0))
    return A / A.sum(0)


def _divided(S):
    A = np.exp(S / np.abs(S).max(-1, keepdims=True))
    return A / A.sum(-1, keepdims=True)


def _wide_rows():
    return (np.array([[0.0, 1.0, 2.0], [-3000.0, -3001.0, -3000.5], [4000.0, 4002.0, 3999.0]]),)


SOFTMAX = Exercise(
    id="2.3",
    title="a softmax that does not overflow",
    minutes=5,
    difficulty=2,
    solution=softmax,
    stages=(
        Stage((np.log([[1.0, 2.0, 5.0]]),), "the logarithms of 1, 2 and 5"),
        Stage((draw(N_Q, N_KV),), "four rows of seven scores of size 1"),
        Stage((1000 + draw(1, N_KV),), "one row of scores near 1000"),
        Stage((np.array([[0.0, -1.0, -0.5, -1000.0]]),), "one score of -1000 beside small ones"),
        Stage((np.array([[0.0, -1.0, -0.5, -3000.0]]),), "one score of -3000 beside small ones"),
        Stage(_wide_rows(), "rows near 0, -3000 and 4000 together"),
    ),
    mistakes=(
        Mistake(
            _shifted(lambda S: 0.0),
            "exp overflows beyond 709, and inf / inf is not a number; subtract each row's maximum before exp",
        ),
        Mistake(
            _shifted(lambda S: S.max()),
            "the maximum of the whole matrix is subtracted, so all of a low row underflows to 0 / 0; "
            "each row has a maximum of its own",
        ),
        Mistake(
            _shifted(lambda S: S.mean(-1, keepdims=True)),
            "the mean is subtracted, and entries far above it can still overflow; only the maximum bounds exp by 1",
        ),
        Mistake(
            _shifted(lambda S: S.min(-1, keepdims=True)),
            "the minimum is subtracted, so the largest entries still overflow; only the maximum bounds exp by 1",
        ),
        Mistake(
            lambda S: _shifted(lambda _: 0.0)(np.clip(S, -700, 700)),
            "clipping makes all scores beyond the bound equal; subtracting the row's maximum changes no weight",
        ),
        Mistake(
            _unshifted_sum, "numerator and sum are shifted differently; both need the same exp(S - maximum of the row)"
        ),
        Mistake(
            lambda S: np.exp(S - S.max(-1, keepdims=True)),
            "the largest entry of each row is 1, but the row does not sum to 1: the normaliser is missing",
        ),
        Mistake(
            lambda S: S - np.logaddexp.reduce(S, axis=-1)[..., None],
            "these are the logarithms of the weights; their exponentials are asked for",
        ),
        Mistake(
            _divided,
            "the scores are divided by the largest, which changes the weights; subtracting it leaves them as they are",
        ),
        Mistake(_softmax_of_columns, "the columns sum to 1; each query's weights stand in a row, axis=-1"),
    ),
    hints=(
        "exp(s - c) / sum exp(s - c) does not depend on c. Which c keeps every exponent at or below 0?",
        "`S.max(axis=-1, keepdims=True)` is one c for each row.",
        "A = exp(S - c); return A / A.sum(axis=-1, keepdims=True).",
    ),
)
