"""Exercise 13.3: attention through landmarks, the keys that were chosen as pivots."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn


def through_landmarks(Q, K, V, pivots, scale):
    T = K[pivots]
    H_TT = np.exp(scale * T @ T.T)
    H_TK = np.exp(scale * T @ K.T)
    small = np.linalg.solve(H_TT, H_TK @ np.column_stack([V, np.ones(len(V))]))
    sums = np.exp(scale * Q @ T.T) @ small
    return small, sums[:, :-1] / sums[:, -1:]


def _of_softmax(Q, K, V, pivots, scale):
    """Nystrom factors that are normalised one by one."""
    T = K[pivots]
    first, middle, last = (np.exp(scale * a @ b.T) for a, b in ((Q, T), (T, T), (T, K)))
    first, middle, last = (A / A.sum(axis=1, keepdims=True) for A in (first, middle, last))
    small = np.linalg.solve(middle, last @ np.column_stack([V, np.ones(len(V))]))
    return small, (first @ small)[:, :-1]


def _inputs(n: int, N: int, d: int, d_V: int, pivots: list[int], scale: float, seed: int) -> tuple:
    Q, K, V = randn(n, d, seed=seed), randn(N, d, seed=seed + 1), randn(N, d_V, seed=seed + 2)
    return 0.7 * Q, K, V, np.array(pivots), scale


def _close() -> tuple:
    """Inputs with two landmarks near each other, so that the least eigenvalue of H_TT is small."""
    Q, K, V, pivots, scale = _inputs(3, 5, 2, 3, [3, 0, 2], 0.6, 63)
    K[3] = K[2] + np.array([0.15, -0.1])
    return Q, K, V, pivots, scale


def _nearly_equal() -> tuple:
    """Inputs with two landmarks so near each other that the least eigenvalue of H_TT is 8e-7."""
    Q, K, V, pivots, scale = _inputs(3, 6, 2, 3, [3, 0, 2], 0.6, 64)
    K[3] = K[2] + 1e-3 * np.array([1.5, -1.0])
    return Q, K, V, pivots, scale


def _opposite() -> tuple:
    """Queries opposite to the keys, so that kernel values and their sums are small."""
    Q, K, V, pivots, scale = _inputs(4, 6, 3, 2, [4, 1, 3], 0.8, 79)
    return 0.4 * Q + 2.0, 0.6 * K - 1.6, V, pivots, scale


def _by_pinv(H, U):
    """A wrong answer's product with the inverse: small eigenvalues are left out."""
    return np.linalg.pinv(H, rcond=1e-5) @ U


LANDMARKS = Exercise(
    id="13.3",
    title="landmarks in place of keys",
    minutes=9,
    difficulty=2,
    solution=through_landmarks,
    stages=(
        Stage(_inputs(4, 4, 3, 2, [0, 1, 2, 3], 1.0, 10), "the scale is 1 and all four keys are landmarks: Y is exact"),
        Stage(_inputs(5, 5, 3, 2, [4, 1, 2], 1.0, 20), "the scale is 1; landmarks are three of five keys"),
        Stage(_inputs(3, 6, 4, 3, [5, 0, 2], 0.5, 30), "the scale is 0.5; landmarks are three of six keys"),
        Stage(_inputs(4, 7, 3, 5, [1, 6], 0.3, 40), "the scale is 0.3; landmarks are two of seven keys"),
        Stage(_inputs(2, 9, 5, 4, [7, 3, 0, 4], 0.4, 50), "the scale is 0.4; landmarks are four of nine keys"),
        Stage(_close(), "two of three landmarks are near each other, so H_TT has a small eigenvalue"),
        Stage(
            _nearly_equal(),
            "two of three landmarks are nearly equal: B shows a small number added to H_TT, or an eigenvalue left out",
        ),
        Stage(_opposite(), "the row sums of A_T are below 0.01"),
    ),
    mistakes=edits(
        through_landmarks,
        """
        np.linalg.solve(H_TT, H_TK @ -> (H_TK @ && np.ones(len(V))])) -> np.ones(len(V))])) | H_TT^-1 is missing. With
          it, A_T has the columns of A at the landmarks.
        np.linalg.solve(H_TT, -> H_TT @ ( | H_TK is multiplied by H_TT. Multiply by its inverse.
        np.linalg.solve(H_TT, -> (1 / H_TT) @ ( | The entries of H_TT are inverted one by one. Take the inverse matrix.
        np.linalg.solve(H_TT, -> np.diag(1 / np.diag(H_TT)) @ ( | Only the diagonal of H_TT is inverted. In NumPy
          `H[p, p]` is a diagonal, and `H[np.ix_(p, p)]` is the matrix.
        np.linalg.solve(H_TT, -> np.linalg.solve(H_TT + 1e-6 * np.eye(len(T)), | A multiple of the identity is added to
          H_TT. Landmarks are pairwise distinct, so H_TT has an inverse as it is.
        np.linalg.solve(H_TT, -> np.linalg.solve(H_TT + 1e-8 * np.eye(len(T)), | A small multiple of the identity is
          added to H_TT, and B shows it. Landmarks are pairwise distinct, so solve with H_TT as it is.
        np.linalg.solve( -> _by_pinv( | A small eigenvalue of H_TT is taken for 0, as in `pinv` or `lstsq` with a bound
          that is too large. Landmarks are pairwise distinct, so solve with H_TT as it is.
        H_TT = np.exp(scale * T @ T.T) -> H_TT = scale * T @ T.T | The exponential is missing in H_TT. All three
          factors are kernels.
        H_TK = np.exp(scale * T @ K.T) -> H_TK = scale * T @ K.T | The exponential is missing in H_TK. All three
          factors are kernels.
        np.exp(scale * Q @ T.T) @ -> scale * Q @ T.T @ | The exponential is missing between queries and landmarks. All
          three factors are kernels.
        scale * -3> | The scale is missing. It multiplies the products within all three exponentials.
        np.exp(scale * T @ T.T) -> np.exp(T @ T.T) | The scale is missing in H_TT.
        np.exp(scale * T @ K.T) -> np.exp(T @ K.T) | The scale is missing in H_TK.
        np.exp(scale * Q @ T.T) -> np.exp(Q @ T.T) | The scale is missing between queries and landmarks.
        scale * -3> np.sqrt(scale) * | The products are multiplied by the square root of the scale. Multiply them by the
          scale itself.
        np.exp(scale * T @ T.T) -> np.exp(T @ T.T) && np.exp(scale * T @ K.T) -> np.exp(T @ K.T) | The scale is missing
          in both H_TT and H_TK. It belongs to all three kernels.
        scale * -3> Q.shape[1] ** -0.5 * | The scale is taken for 1/sqrt(d). It is given.
        T = K[pivots] -> K = K - K.mean(axis=0); T = K[pivots] | The mean of the keys is subtracted. This changes A_T,
          so take the keys as they are.
        T = K[pivots] -> T = K[: len(pivots)] | The landmarks are the first keys. Take the rows `pivots` of K.
        T = K[pivots] -> T = K[np.sort(pivots)] | The landmarks are sorted by their index. The rows of B are to have
          the order of `pivots`.
        T = K[pivots] -> T = Q[pivots % len(Q)] | The landmarks are queries. Take the rows `pivots` of K.
        np.exp(scale * Q @ T.T) -> np.exp(scale * Q @ Q.T) | The queries meet queries. They meet landmarks.
        np.exp(scale * T @ K.T) -> np.exp(scale * T @ Q.T) | H_TK has queries in place of keys. It holds the kernel of
          landmarks and keys.
        np.exp(scale * Q @ T.T) -> np.exp(scale * K @ T.T) | Keys stand where queries belong. The kernel of queries and
          landmarks multiplies B.
        np.column_stack([V, np.ones(len(V))]) -> np.column_stack([np.ones(len(V)), V]) | The column of ones stands
          before the values, and the normaliser is read from the last column. Put the ones last.
        return small, -> return np.roll(small, 1, axis=1), | The column of ones stands before the values, so its part of
          B comes first. B is H_TT^-1 H_TK [V, 1].
        np.linalg.solve(H_TT, H_TK @ np.column_stack([V, np.ones(len(V))])) -> np.column_stack([V[pivots],
          np.ones(len(T))]) | The values of the landmarks are used, and other keys are dropped. All keys count, by
          H_TT^-1 H_TK.
        return small, sums[:, :-1] / sums[:, -1:] -> A = np.exp(scale * Q @ T.T); return small, A @ V[pivots] /
          A.sum(axis=1, keepdims=True) | The output is a softmax over the landmarks with their own values. All keys
          count, so multiply by H_TT^-1 H_TK [V, 1].
        sums[:, :-1] / sums[:, -1:] -> sums[:, :-1] | The output is not normalised. Divide each row by its row sum of
          A_T, the last column.
        sums[:, :-1] / sums[:, -1:] -> sums[:, :-1] / np.exp(scale * Q @ K.T).sum(axis=1, keepdims=True) | The row sums
          of the exact A normalise the output. They cost as much as attention; divide by those of A_T.
        sums[:, :-1] / sums[:, -1:] -> sums[:, :-1] / np.exp(scale * Q @ T.T).sum(axis=1, keepdims=True) | The output
          is divided by sums over landmarks. Divide by the row sums of A_T, which run over all keys.
        sums[:, :-1] / sums[:, -1:] -> sums[:, :-1] / np.maximum(sums[:, -1:], 1.0) | Row sums of A_T below 1 are
          replaced by 1. Divide by the row sums as they are.
        sums[:, :-1] / sums[:, -1:] -> sums[:, :-1] / (sums[:, -1:] + 1e-6) | A small number is added to the row sums.
          Divide by the row sums as they are.
        sums[:, :-1] / sums[:, -1:] -> sums[:, :-1] / len(K) | The output is divided by the number of keys. Divide each
          row by its row sum of A_T, the last column.
        sums[:, :-1] / sums[:, -1:] -> sums[:, :-1] / sums[:, :-1].sum(axis=1, keepdims=True) | Each row is divided by
          the sum of its output. Divide by its row sum of A_T, the last column.
        sums[:, :-1] / sums[:, -1:] -> sums / sums[:, -1:] | The column of the row sums is still there. Leave it out of
          the output.
        return small, -> return small[:, :-1], | The last column of B is missing. It is H_TT^-1 H_TK 1, from which the
          normaliser comes.
        return small, -> return H_TK @ np.column_stack([V, np.ones(len(V))]), | B is without H_TT^-1. Return H_TT^-1
          H_TK [V, 1].
        return small, -> return np.linalg.solve(H_TT, H_TK), | These are the coefficients H_TT^-1 H_TK. Multiply them
          by [V, 1], so that N numbers become d_V + 1.
        return small, -> return np.exp(scale * Q @ T.T) @ np.linalg.solve(H_TT, H_TK), | The first result is A_T, which
          is never to be formed. Return H_TT^-1 H_TK [V, 1].
        return small, -> return small / small[:, -1:], | The rows of B are divided by their last numbers. Return B as
          it is; the normaliser depends on the query.
        return small, -> return sums, | This is A_T [V, 1], with a row for each query. Return B = H_TT^-1 H_TK [V, 1].
        return small, sums[:, :-1] / sums[:, -1:] -> return sums[:, :-1] / sums[:, -1:], small | The two results are
          exchanged. B comes first.
        return small, sums[:, :-1] / sums[:, -1:] -> return sums[:, :-1] / sums[:, -1:] | The output alone is returned.
          Return B, too.
        return small, sums[:, :-1] / sums[:, -1:] -> A = np.exp(scale * Q @ K.T); return small, A @ V / A.sum(axis=1,
          keepdims=True) | This is exact attention. Multiply the kernel of queries and landmarks by B.
        """,
    )
    + (
        Mistake(
            _of_softmax,
            "Each factor is a softmax with rows that sum to 1. Normalise once, after the product of the kernels.",
        ),
    ),
    hints=(
        "T = K[pivots]. Form `np.exp(scale * T @ T.T)` and `np.exp(scale * T @ K.T)`.",
        "[V, 1] is `np.column_stack([V, np.ones(len(V))])`. Multiply it by H_TK, and solve with H_TT. This is B.",
        "`np.exp(scale * Q @ T.T) @ B` has the row sums of A_T in its last column. Divide by it.",
    ),
)
