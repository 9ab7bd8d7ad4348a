"""The demonstration exercise of notebook 00."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage


def normalise_rows(A):
    return A / A.sum(axis=1, keepdims=True)


NORMALISE = Exercise(
    id="0.1",
    title="rows that sum to one",
    minutes=2,
    difficulty=1,
    solution=normalise_rows,
    stages=(
        Stage((np.array([[1.0, 3.0]]),), "one row"),
        Stage((np.array([[1.0, 3.0], [5.0, 5.0]]),), "two rows, two columns"),
        Stage((np.random.default_rng(0).uniform(0.5, 2.0, size=(5, 3)),), "five rows, three columns"),
    ),
    mistakes=(
        Mistake(
            lambda A: A / A.sum(axis=0),
            "the columns sum to 1; the rows have to, so the sum runs over the columns' axis, axis=1",
        ),
        Mistake(lambda A: A / A.sum(), "everything is divided by one sum; each row has a sum of its own"),
        Mistake(
            lambda A: A / A.sum(axis=1),
            "without keepdims=True the row sums have shape (n,), and NumPy divides column j by the sum of row j",
        ),
        Mistake(
            lambda A: np.exp(A) / np.exp(A).sum(axis=1, keepdims=True),
            "this is the softmax, which takes the exponential first; here the entries themselves are divided",
        ),
    ),
    hints=(
        "`A.sum(axis=1)` adds along each row and gives n numbers.",
        "`keepdims=True` gives them the shape (n, 1), so that they divide whole rows: `A / A.sum(axis=1, ...)`.",
    ),
)
