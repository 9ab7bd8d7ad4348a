"""The demonstration exercise of notebook 00."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits


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
    mistakes=edits(
        normalise_rows,
        """
        axis=1, keepdims=True -> axis=0 | The columns sum to 1. The rows have to, so sum along each row (`axis=1`).
        axis=1, keepdims=True -> | Everything is divided by one sum. Each row has a sum of its own.
        axis=1, keepdims=True -> axis=1 | Column j is divided by the sum of row j. With `keepdims=True` the sums stand
            below each other, and each divides its own row.
        A / A.sum(axis=1, keepdims=True) -> np.exp(A) / np.exp(A).sum(axis=1, keepdims=True) | This is the softmax,
            which takes the exponential first. Divide the entries themselves.
        A / A.sum(axis=1, keepdims=True) -> A.sum(axis=1, keepdims=True) / A | The sums are divided by the entries.
            Divide the entries by the sums.
        A / A.sum(axis=1, keepdims=True) -> A - A.sum(axis=1, keepdims=True) | The sums are subtracted. Divide by them.
        A / A.sum(axis=1, keepdims=True) -> A / A.mean(axis=1, keepdims=True) | The rows are divided by their means, so
            each sums to its number of columns. Divide by the sums.
        A / A.sum(axis=1, keepdims=True) -> A / np.linalg.norm(A, axis=1, keepdims=True) | The rows are divided by their
            lengths, so the squares of a row sum to 1. Divide by the sums.
        A / A.sum(axis=1, keepdims=True) -> A / A.max(axis=1, keepdims=True) | The rows are divided by their largest
            entries. Divide by the sums.
        A.sum(axis=1, keepdims=True) -> A.sum(axis=1, keepdims=True).cumsum(axis=0) | The sum goes on from row to row.
            It begins with 0 in each row.
        A / A.sum(axis=1, keepdims=True) -> A / A.sum(axis=1, keepdims=True)[0] | All rows are divided by the sum of the
            first row. Each row has a sum of its own.
        """,
    ),
    hints=(
        "`A.sum(axis=1)` adds along each row and gives n numbers.",
        "`keepdims=True` gives them the shape (n, 1), so that they divide whole rows in `A / A.sum(axis=1, ...)`.",
    ),
)
