"""Exercise 12.6: the errors of projections on growing ranges, from norms alone."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn


def projection_errors(B, G):
    U, _ = np.linalg.qr(G)  # its first j columns span the same space as those of G
    kept = np.sum((U.T @ B) ** 2, axis=1)  # by each column
    left = np.sum(B**2) - np.append(0.0, np.cumsum(kept))
    return np.sqrt(np.maximum(left, 0.0))  # rounding may leave a small negative number


def _inputs(
    m: int, n: int, columns: int, seed: int, ratio: float = 0.75, powers: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """A matrix with falling singular values, and a sketch of its range whose columns are far from orthogonal."""
    left, right = (np.linalg.qr(randn(size, min(m, n), seed=seed + i))[0] for i, size in enumerate((m, n)))
    B = left * 3.0 * ratio ** np.arange(min(m, n)) @ right.T
    return B, B @ np.linalg.matrix_power(B.T @ B, powers) @ (randn(n, columns, seed=seed + 2) + 0.7)


def _orthonormal(m: int, n: int, columns: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    B, G = _inputs(m, n, columns, seed)
    return B, np.linalg.qr(G)[0]


def _whole_space(m: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A square G. With these seeds the last difference of squares is negative, by rounding, in seven ways to sum."""
    return 3 * randn(m, 5, seed=seed), randn(m, m, seed=seed + 1000)


def _pivoted(G):
    """A wrong answer's basis: Gram-Schmidt that takes the longest column that remains."""
    rest, basis = G.copy(), []
    for _ in range(G.shape[1]):
        column = rest[:, np.argmax(np.linalg.norm(rest, axis=0))]
        basis.append(column / np.linalg.norm(column))
        rest = rest - np.outer(basis[-1], basis[-1] @ rest)
    return np.array(basis).T


def _one_after_the_other(B, G):
    """A wrong answer: each column alone is projected out of what the columns before it left."""
    errors = [np.linalg.norm(B)]
    for y in (G / np.linalg.norm(G, axis=0)).T:
        B = B - np.outer(y, y @ B)
        errors.append(np.linalg.norm(B))
    return np.array(errors)


def _leading(G):
    """Orthonormal bases of the first 0, 1, ... columns."""
    U = np.linalg.qr(G)[0]
    return [U[:, :j] for j in range(U.shape[1] + 1)]


PROJECTION = Exercise(
    id="12.6",
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
        Stage(
            _inputs(9, 7, 5, 60, 0.5, 3),
            "five columns, nearly parallel: classical Gram-Schmidt, Cholesky and float32 are too inexact for these",
        ),
        Stage(_whole_space(3, 47), "three columns of length 3, so the last error is 0"),
        Stage(_whole_space(4, 223), "four columns of length 4, so the last error is 0"),
        Stage(_whole_space(5, 23), "five columns of length 5, so the last error is 0"),
        Stage(_whole_space(6, 40), "six columns of length 6, so the last error is 0"),
    ),
    mistakes=(
        *edits(
            projection_errors,
            """
        U, _ = np.linalg.qr(G) -> U = G | The columns of G are used as if they were orthonormal. Orthonormalise them,
          with `np.linalg.qr`.
        U, _ = np.linalg.qr(G) -> U = G / np.linalg.norm(G, axis=0) | The columns have length 1, but they are not
          orthogonal. Orthonormalise them, with `np.linalg.qr`.
        U, _ = np.linalg.qr(G) -> U = np.linalg.svd(G, full_matrices=False)[0] | These are the left singular vectors of
          G. Their first j do not span the first j columns of G, as those of QR do.
        U, _ = np.linalg.qr(G) -> U, _ = np.linalg.qr(G, mode="complete") | U has columns beyond the span of G. Without
          `mode="complete"`, `np.linalg.qr` returns as many columns as G has.
        U, _ = np.linalg.qr(G) -> U = _pivoted(G) | The columns are exchanged, as QR with pivoting does. Then the first
          j columns of U do not span the first j columns of G.
        np.sqrt(np.maximum(left, 0.0)) -> np.sqrt(left) | The last difference of squares is slightly negative by
          rounding, and its root is NaN. Replace negative differences by 0.
        U, _ = np.linalg.qr(G) -> U = np.linalg.svd(B)[0][:, : G.shape[1]] | These are the errors of the best ranks,
          from the singular vectors of B. Project on the columns of G.
        np.append(0.0, np.cumsum(kept)) -> np.append(0.0, kept) | Each column is subtracted alone. The first j columns
          act together, so add what they keep.
        np.append(0.0, np.cumsum(kept)) -> np.cumsum(kept) | The error without columns is missing. It is ||B||_F, and
          stands first.
        np.append(0.0, np.cumsum(kept)) -> np.append(0.0, np.cumsum(kept)[:-1]) | The error with all columns is missing.
          There is one error more than there are columns.
        np.append(0.0, np.cumsum(kept)) -> np.append(np.cumsum(kept), 0.0) | The error without columns stands last. It
          belongs first.
        np.append(0.0, np.cumsum(kept)) -> np.append(0.0, np.cumsum(kept[::-1])) | The columns are added from the last
          one on. Begin with the first.
        (U.T @ B) ** 2, axis=1 -> (U.T @ B) ** 3, axis=1 | These are cubes of the entries of U^T B. Add squares.
        np.sum(B**2) -> np.sum(B**3) | These are cubes of the entries of B. Add squares.
        np.append(0.0, np.cumsum(kept)) -> np.append(0.0, np.full(len(kept), kept.sum())) | From one column on, these
          are errors with all columns. Entry j is the error with the first j columns.
        np.append(0.0, np.cumsum(kept)) -> np.append(0.0, np.append(np.cumsum(kept)[1:], kept.sum())) | From one column
          on, these are errors with one column too many. Entry j is the error with the first j columns.
        np.append(0.0, np.cumsum(kept)) -> np.append([0.0, 0.0], np.cumsum(kept)[:-1]) | These are errors with one
          column too few. Entry j is the error with the first j columns.
        np.append(0.0, np.cumsum(kept)) -> -3 * np.append(0.0, np.cumsum(kept)) | These are the norms of B + U U^T B.
          Subtract U U^T B.
        np.linalg.qr(G) -> np.linalg.qr(B[:, : G.shape[1]]) | These are projections on columns of B. Project on the
          columns of G.
        np.append(0.0, np.cumsum(kept)) -> np.zeros(len(kept) + 1) | All errors are ||B||_F here. Subtract what the
          columns keep.
        np.append(0.0, np.cumsum(kept)) -> np.sum(kept) | This is the error with all columns. Return one for each number
          of columns, from 0 on.
        np.sqrt(np.maximum(left, 0.0)) -> np.maximum(left, 0.0) | These are the squared errors. Take the root.
        np.sqrt(np.maximum(left, 0.0)) -> np.sqrt(np.append(0.0, np.cumsum(kept))) | These are the norms of what is
          kept. The error is the norm of what is left.
        left = np.sum(B**2) - np.append(0.0, np.cumsum(kept)) -> left = (np.linalg.norm(B) - np.sqrt(np.append(0.0,
          np.cumsum(kept)))) ** 2 | The norms are subtracted. By Pythagoras their squares are.
        left = np.sum(B**2) - np.append(0.0, np.cumsum(kept)) -> left = (np.linalg.norm(B) - np.append(0.0,
          np.cumsum(np.sqrt(kept)))) ** 2 | Norms are subtracted one after the other. By Pythagoras squares are.
        np.sum(B**2) - -> np.sum(B**2) + | The squares are added. What is kept is subtracted from the whole.
        np.sum(B**2) - -> np.linalg.norm(B) - | The norm of B is not squared. By Pythagoras squares are subtracted.
        np.sum(B**2) -> np.linalg.norm(B, 2) ** 2 | This is the spectral norm of B. Pythagoras holds for the Frobenius
          norm.
        np.sum((U.T @ B) ** 2, axis=1) -> np.mean((U.T @ B) ** 2, axis=1) | A mean of squares is subtracted. The squared
          norm is their sum.
        np.sum(B**2) -> np.mean(B**2) | This is the mean square of the entries of B. The squared norm is their sum.
        np.sum(B**2) - np.append(0.0, np.cumsum(kept)) -> np.append(0.0, np.cumsum(kept)) - np.sum(B**2) | All errors
          are 0 here. Subtract what is kept from the squared norm of B, and set negative differences alone to 0.
        (U.T @ B) ** 2, axis=1 -> U.T @ B, axis=1 | The entries of U^T B are added. Add their squares.
        (U.T @ B) ** 2, axis=1 -> 2 * U.T @ B, axis=1 | The entries of U^T B are doubled, not squared.
        np.sum(B**2) -> np.sum(B) | The entries of B are added. Add their squares.
        np.sum(B**2) -> np.sum(2 * B) | The entries of B are doubled, not squared.
        np.sum(B**2) -> np.sum(G**2) | This is the squared norm of G. Subtract from that of B.
        (U.T @ B) ** 2, axis=1 -> (U.T @ G) ** 2, axis=1 | These are the parts of G in the range. Take those of B, the
          rows of U^T B.
        (U.T @ B) ** 2, axis=1 -> np.abs(U.T @ B), axis=1 | The entries of U^T B are added without squares.
        np.sum((U.T @ B) ** 2, axis=1) -> np.linalg.norm(U.T @ B, axis=1) | The rows of U^T B count with their norms. By
          Pythagoras their squares count.
        np.sum((U.T @ B) ** 2, axis=1) -> np.sum((U.T @ B) ** 2, axis=0) | The sums run over the columns of U. Add along
          each row of U^T B, which belongs to one column.
        np.sum((U.T @ B) ** 2, axis=1) -> np.sum((U @ U.T @ B) ** 2, axis=1) | These are the rows of U U^T B. The row of
          U^T B with index j says what column j keeps.
        np.sum((U.T @ B) ** 2, axis=1) -> np.max((U.T @ B) ** 2, axis=1) | One entry of each row of U^T B is taken. Add
          the squares of all.
        return np.sqrt(np.maximum(left, 0.0)) -> return np.sqrt(np.maximum(left, 0.0)) / np.linalg.norm(B) | The errors
          are divided by ||B||_F. Return them as they are.
        """,
        ),
        Mistake(
            lambda B, G: np.array([np.linalg.norm(B - G[:, :j] @ (G[:, :j].T @ B)) for j in range(G.shape[1] + 1)]),
            "G G^T B is subtracted. G G^T is a projection only if the columns of G are orthonormal. Take U of its QR.",
        ),
        Mistake(
            _one_after_the_other,
            "The columns are taken one after the other, but they are not orthogonal. Orthonormalise them first.",
        ),
        Mistake(
            lambda B, G: np.array([np.linalg.norm(B - U @ U.T @ B, 2) for U in _leading(G)]),
            "These are spectral norms of the errors. Take Frobenius norms.",
        ),
    ),
    hints=(
        "For orthonormal U the matrices U U^T B and B - U U^T B are orthogonal in the Frobenius inner product, and "
        "U U^T B has the norm of U^T B. So squared norms are subtracted.",
        "QR of G has nested ranges: the first j columns of U span those of G. Row j of U^T B does not depend on later "
        "columns.",
        "`np.cumsum(np.sum((U.T @ B)**2, axis=1))` is what 1, 2, ... columns keep. Put a 0 in front, subtract from "
        "||B||_F^2, and take roots.",
    ),
)
