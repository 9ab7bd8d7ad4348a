"""Exercise 12.5: the errors of projections on growing ranges, from norms alone."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn


def projection_errors(M, Y):
    Q, _ = np.linalg.qr(Y)  # its first j columns span the same space as those of Y
    kept = np.sum((Q.T @ M) ** 2, axis=1)  # by each column
    left = np.sum(M**2) - np.append(0.0, np.cumsum(kept))
    return np.sqrt(np.maximum(left, 0.0))  # rounding may leave a small negative number


def _inputs(m: int, n: int, columns: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A matrix with falling singular values, and a sketch of its range whose columns are far from orthogonal."""
    U, V = (np.linalg.qr(randn(size, min(m, n), seed=seed + i))[0] for i, size in enumerate((m, n)))
    M = U * 3.0 * 0.75 ** np.arange(min(m, n)) @ V.T
    return M, M @ (randn(n, columns, seed=seed + 2) + 0.7)


def _orthonormal(m: int, n: int, columns: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    M, Y = _inputs(m, n, columns, seed)
    return M, np.linalg.qr(Y)[0]


def _one_after_the_other(M, Y):
    """A wrong answer: each column alone is projected out of what the columns before it left."""
    errors = [np.linalg.norm(M)]
    for y in (Y / np.linalg.norm(Y, axis=0)).T:
        M = M - np.outer(y, y @ M)
        errors.append(np.linalg.norm(M))
    return np.array(errors)


def _leading(Y):
    """Orthonormal bases of the first 0, 1, ... columns."""
    Q = np.linalg.qr(Y)[0]
    return [Q[:, :j] for j in range(Q.shape[1] + 1)]


PROJECTION = Exercise(
    id="12.5",
    title="errors of projections from norms",
    minutes=7,
    difficulty=2,
    solution=projection_errors,
    stages=(
        Stage(_orthonormal(9, 7, 3, 10), "three columns that are orthonormal"),
        Stage(_inputs(9, 7, 3, 20), "three columns that are not orthonormal"),
        Stage(_inputs(8, 8, 4, 30), "a square matrix, four columns"),
        Stage(_inputs(6, 11, 5, 40), "a wide matrix, five columns"),
        Stage(_inputs(10, 5, 1, 50), "one column"),
    ),
    mistakes=(
        *edits(
            projection_errors,
            """
        Q, _ = np.linalg.qr(Y) -> Q = Y | The columns of Y are used as if they were orthonormal. Orthonormalise them,
          with `np.linalg.qr`.
        Q, _ = np.linalg.qr(Y) -> Q = Y / np.linalg.norm(Y, axis=0) | The columns have length 1, but they are not
          orthogonal. Orthonormalise them, with `np.linalg.qr`.
        Q, _ = np.linalg.qr(Y) -> Q = np.linalg.svd(Y, full_matrices=False)[0] | These are the left singular vectors of
          Y. Their first j do not span the first j columns of Y, as those of QR do.
        Q, _ = np.linalg.qr(Y) -> Q = np.linalg.svd(M)[0][:, : Y.shape[1]] | These are the errors of the best ranks,
          from the singular vectors of M. Project on the columns of Y.
        np.append(0.0, np.cumsum(kept)) -> np.append(0.0, kept) | Each column is subtracted alone. The first j columns
          act together, so add what they keep.
        np.append(0.0, np.cumsum(kept)) -> np.cumsum(kept) | The error without columns is missing. It is ||M||_F, and
          stands first.
        np.append(0.0, np.cumsum(kept)) -> np.append(0.0, np.cumsum(kept)[:-1]) | The error with all columns is missing.
          With l columns there are l + 1 errors.
        np.append(0.0, np.cumsum(kept)) -> np.append(np.cumsum(kept), 0.0) | The error without columns stands last. It
          belongs first.
        np.append(0.0, np.cumsum(kept)) -> np.append(0.0, np.cumsum(kept[::-1])) | The columns are added from the last
          one on. Begin with the first.
        (Q.T @ M) ** 2, axis=1 -> (Q.T @ M) ** 3, axis=1 | These are cubes of the entries of Q^T M. Add squares.
        np.sum(M**2) -> np.sum(M**3) | These are cubes of the entries of M. Add squares.
        np.append(0.0, np.cumsum(kept)) -> np.append(0.0, np.full(len(kept), kept.sum())) | From one column on, these
          are errors with all columns. Entry j is the error with the first j columns.
        np.append(0.0, np.cumsum(kept)) -> np.append(0.0, np.append(np.cumsum(kept)[1:], kept.sum())) | From one column
          on, these are errors with one column too many. Entry j is the error with the first j columns.
        np.append(0.0, np.cumsum(kept)) -> np.append([0.0, 0.0], np.cumsum(kept)[:-1]) | These are errors with one
          column too few. Entry j is the error with the first j columns.
        np.append(0.0, np.cumsum(kept)) -> -3 * np.append(0.0, np.cumsum(kept)) | These are the norms of M + Q Q^T M.
          Subtract Q Q^T M.
        np.linalg.qr(Y) -> np.linalg.qr(M[:, : Y.shape[1]]) | These are projections on columns of M. Project on the
          columns of Y.
        np.append(0.0, np.cumsum(kept)) -> np.zeros(len(kept) + 1) | All errors are ||M||_F here. Subtract what the
          columns keep.
        np.append(0.0, np.cumsum(kept)) -> np.sum(kept) | This is the error with all columns. Return one for each number
          of columns, from 0 on.
        np.sqrt(np.maximum(left, 0.0)) -> np.maximum(left, 0.0) | These are the squared errors. Take the root.
        np.sqrt(np.maximum(left, 0.0)) -> np.sqrt(np.append(0.0, np.cumsum(kept))) | These are the norms of what is
          kept. The error is the norm of what is left.
        left = np.sum(M**2) - np.append(0.0, np.cumsum(kept)) -> left = (np.linalg.norm(M) - np.sqrt(np.append(0.0,
          np.cumsum(kept)))) ** 2 | The norms are subtracted. By Pythagoras their squares are.
        left = np.sum(M**2) - np.append(0.0, np.cumsum(kept)) -> left = (np.linalg.norm(M) - np.append(0.0,
          np.cumsum(np.sqrt(kept)))) ** 2 | Norms are subtracted one after the other. By Pythagoras squares are.
        np.sum(M**2) - -> np.sum(M**2) + | The squares are added. What is kept is subtracted from the whole.
        np.sum(M**2) - -> np.linalg.norm(M) - | The norm of M is not squared. By Pythagoras squares are subtracted.
        np.sum(M**2) -> np.linalg.norm(M, 2) ** 2 | This is the spectral norm of M. Pythagoras holds for the Frobenius
          norm.
        np.sum((Q.T @ M) ** 2, axis=1) -> np.mean((Q.T @ M) ** 2, axis=1) | A mean of squares is subtracted. The squared
          norm is their sum.
        np.sum(M**2) -> np.mean(M**2) | This is the mean square of the entries of M. The squared norm is their sum.
        np.sum(M**2) - np.append(0.0, np.cumsum(kept)) -> np.append(0.0, np.cumsum(kept)) - np.sum(M**2) | The squared
          norm of M is subtracted from what is kept. Exchange the two.
        (Q.T @ M) ** 2, axis=1 -> Q.T @ M, axis=1 | The entries of Q^T M are added. Add their squares.
        (Q.T @ M) ** 2, axis=1 -> 2 * Q.T @ M, axis=1 | The entries of Q^T M are doubled, not squared.
        np.sum(M**2) -> np.sum(M) | The entries of M are added. Add their squares.
        np.sum(M**2) -> np.sum(2 * M) | The entries of M are doubled, not squared.
        np.sum(M**2) -> np.sum(Y**2) | This is the squared norm of Y. Subtract from that of M.
        (Q.T @ M) ** 2, axis=1 -> (Q.T @ Y) ** 2, axis=1 | These are the parts of Y in the range. Take those of M, the
          rows of Q^T M.
        (Q.T @ M) ** 2, axis=1 -> np.abs(Q.T @ M), axis=1 | The entries of Q^T M are added without squares.
        np.sum((Q.T @ M) ** 2, axis=1) -> np.linalg.norm(Q.T @ M, axis=1) | The rows of Q^T M count with their norms. By
          Pythagoras their squares count.
        np.sum((Q.T @ M) ** 2, axis=1) -> np.sum((Q.T @ M) ** 2, axis=0) | The sums run over the columns of Q. Add along
          each row of Q^T M, which belongs to one column.
        np.sum((Q.T @ M) ** 2, axis=1) -> np.sum((Q @ Q.T @ M) ** 2, axis=1) | These are the rows of Q Q^T M. The row of
          Q^T M with index j says what column j keeps.
        np.sum((Q.T @ M) ** 2, axis=1) -> np.max((Q.T @ M) ** 2, axis=1) | One entry of each row of Q^T M is taken. Add
          the squares of all.
        return np.sqrt(np.maximum(left, 0.0)) -> return np.sqrt(np.maximum(left, 0.0)) / np.linalg.norm(M) | The errors
          are divided by ||M||_F. Return them as they are.
        """,
        ),
        Mistake(
            lambda M, Y: np.array([np.linalg.norm(M - Y[:, :j] @ (Y[:, :j].T @ M)) for j in range(Y.shape[1] + 1)]),
            "Y Y^T M is subtracted. Y Y^T is a projection only if the columns of Y are orthonormal. Take Q of its QR.",
        ),
        Mistake(
            _one_after_the_other,
            "The columns are taken one after the other, but they are not orthogonal. Orthonormalise them first.",
        ),
        Mistake(
            lambda M, Y: np.array([np.linalg.norm(M - Q @ Q.T @ M, 2) for Q in _leading(Y)]),
            "These are spectral norms of the errors. Take Frobenius norms.",
        ),
    ),
    hints=(
        "For orthonormal Q the matrices Q Q^T M and M - Q Q^T M are orthogonal, and Q Q^T M is as long as Q^T M. So "
        "squared norms are subtracted.",
        "QR of Y has nested ranges: the first j columns of Q span those of Y. Row j of Q^T M does not depend on later "
        "columns.",
        "`np.cumsum(np.sum((Q.T @ M)**2, axis=1))` is what 1, 2, ... columns keep. Put a 0 in front, subtract from "
        "||M||_F^2, and take roots.",
    ),
)
