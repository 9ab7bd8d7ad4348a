"""Exercise 13.7: leverage scores of keys, also of keys that are linearly dependent."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits, randn


def leverage(K):
    U, sigma, _ = np.linalg.svd(K, full_matrices=False)
    basis = U[:, sigma > 1e-10 * sigma[0]]
    return np.sum(basis**2, axis=1)


def _of_singular_values(*sigma: float) -> tuple:
    """Eight keys with these singular values."""
    U, V = (np.linalg.qr(randn(n, len(sigma), seed=seed))[0] for n, seed in ((8, 11), (4, 12)))
    return (U * np.array(sigma) @ V.T,)


def _of_rank(N: int, d: int, rank: int, seed: int) -> tuple:
    return (randn(N, rank, seed=seed) @ randn(rank, d, seed=seed + 1),)


LEVERAGE = Exercise(
    id="13.7",
    title="leverage scores of keys (optional)",
    minutes=6,
    difficulty=1,
    solution=leverage,
    stages=(
        Stage((randn(7, 3, seed=1) * np.array([5.0, 1.0, 0.2]),), "seven keys in R^3 of full rank"),
        Stage(
            (np.hstack([randn(6, 3, seed=2), np.zeros((6, 3))]),),
            "six keys in R^6, three coordinates of all keys are 0, so K^T K has no inverse",
        ),
        Stage((1e-50 * randn(8, 3, seed=9),), "eight keys in R^3 of full rank, all entries below 1e-40"),
        Stage((np.vstack([randn(5, 4, seed=6), np.zeros((2, 4))]),), "two of seven keys are 0"),
        Stage(_of_rank(9, 5, 2, 4), "nine keys in R^5, all of them in a plane"),
        Stage(
            _of_singular_values(1.0, 3e-3, 8e-10),
            "eight keys in R^4 with the singular values 1, 3e-3 and 8e-10, which all count; squares lose the last one",
        ),
        Stage(
            _of_singular_values(1.0, 3e-3, 3e-11),
            "eight keys in R^4 with the singular values 1, 3e-3 and 3e-11; the last one counts as 0",
        ),
        Stage((randn(3, 5, seed=7),), "fewer keys than coordinates: three independent keys in R^5"),
    ),
    mistakes=edits(
        leverage,
        """
        return np.sum(basis**2, axis=1) -> return np.sum(K**2, axis=1) | These are squared norms of the keys, or of
          rows of U diag(sigma). A long key has little leverage where other keys are long, too, so take rows of an
          orthonormal basis.
        return np.sum(basis**2, axis=1) -> return np.sum(K**2, axis=1) / np.sum(K**2) | These are shares of the squared
          norms of the keys, so a long key has a large one even if many other keys have its direction. Take rows of an
          orthonormal basis.
        return np.sum(basis**2, axis=1) -> return np.sum(K**2, axis=1) / np.max(np.sum(K**2, axis=1)) | These are
          squared norms of the keys, divided by the largest. Take rows of an orthonormal basis.
        return np.sum(basis**2, axis=1) -> return np.sum(K**2, axis=1) / sigma[0] ** 2 | These are squared norms of the
          keys, divided by the largest sigma^2. Divide each direction by its own singular value.
        basis = U[:, sigma > 1e-10 * sigma[0]] -> basis = U | All columns of U, or of Q of a QR factorisation, are
          used. Leave out directions whose singular values are 0 up to rounding: dependent keys do not span them.
        np.sum(basis**2, axis=1) -> np.sqrt(np.sum(basis**2, axis=1)) | These are norms of the rows of U. Leverage
          scores are their squares.
        np.sum(basis**2, axis=1) -> np.sum(basis**2, axis=0) | These are sums over the keys, or rows of V are taken.
          The score of a key is the sum of squares of its row of U.
        np.sum(basis**2, axis=1) -> np.sum(basis, axis=1) | The entries are not squared.
        np.sum(basis**2, axis=1) -> np.sum(np.abs(basis), axis=1) | These are sums of absolute values. Take squares.
        np.sum(basis**2, axis=1) -> np.max(basis**2, axis=1) | This is the largest square of each row. Take their sum.
        np.sum(basis**2, axis=1) -> np.mean(basis**2, axis=1) | The scores are divided by the number of directions, by
          a mean or to get probabilities. Take sums of squares, which add up to the rank of K.
        np.sum(basis**2, axis=1) -> np.sum(basis**2, axis=1) / len(K) | The scores are divided by the number of keys.
          They add up to the rank of K.
        np.sum(basis**2, axis=1) -> np.sum(basis**2, axis=1) / np.max(np.sum(basis**2, axis=1)) | The scores are
          divided by the largest one. Return them as they are.
        np.sum(basis**2, axis=1) -> 1 - np.sum(basis**2, axis=1) | These are the parts of unit vectors outside the
          range of K. The leverage is what lies in it.
        np.sum(basis**2, axis=1) -> np.sum(basis * 2, axis=1) | The entries are doubled, not squared.
        sigma > 1e-10 -> sigma < 1e-10 | The directions with singular values of 0 are kept. Keep the others.
        basis = U[:, sigma > 1e-10 * sigma[0]] -> basis = U[:, :1] | Only the first direction is used. Use all that
          have a singular value above 0.
        basis = U[:, sigma > 1e-10 * sigma[0]] -> basis = (U * np.sqrt(sigma))[:, sigma > 1e-10 * sigma[0]] | The
          directions are multiplied by roots of the singular values. Leave these factors out.
        full_matrices=False) -> ) && basis = U[:, sigma > 1e-10 * sigma[0]] -> basis = U | All scores are 1. If U is
          square, its rows have length 1: take the thin SVD, `full_matrices=False`.
        1e-10 -> 1e-2 | Directions with singular values of 3e-3 and 8e-10 times the largest are missing. Count all
          above 1e-10 times the largest.
        1e-10 -> 1e-5 | The direction with the singular value of 8e-10 times the largest is missing. Count all singular
          values above 1e-10 times the largest. If you took eigenvalues of K^T K or K K^T, these are squares, in which
          it is lost to rounding: take singular values of K.
        1e-10 -> 1e-14 | A singular value of 3e-11 times the largest counts here. `pinv`, `lstsq` and `matrix_rank`
          count it, too, if no bound is given. Count those of at most 1e-10 times the largest as 0.
        np.linalg.svd(K, -> np.linalg.svd(K - K.mean(axis=0), | The mean of the keys is subtracted, as statistics does.
          Scores of a query have the mean in them, so do not centre.
        np.linalg.svd(K, -> np.linalg.svd(K / np.maximum(np.linalg.norm(K, axis=1, keepdims=True), 1e-300), | The keys
          are brought to length 1 first. Their lengths count.
        1e-10 * sigma[0] -> 1e-10 | All scores are 0, as the keys are short. A bound of 1e-10 itself, a multiple of the
          identity in K^T K, or float32 does not shrink with the keys: compare singular values with 1e-10 times the
          largest, in float64.
        np.sum(basis**2, axis=1) -> basis @ basis.T | This is the whole projection U U^T. Return its diagonal.
        """,
    ),
    hints=(
        "Take the columns of U in the thin SVD of K whose singular values are not 0 up to rounding.",
        "`sigma > 1e-10 * sigma[0]` marks these columns. The score of key j is the sum of squares of row j.",
    ),
)
