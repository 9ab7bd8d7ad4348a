"""Exercise 13.1: the randomised SVD, with the random matrix given."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits, randn


def sketched_svd(M, Omega, k, powers):
    Y = M @ Omega
    for _ in range(powers):
        Y = M @ (M.T @ Y)
    Q, _ = np.linalg.qr(Y)
    U, sigma, Vt = np.linalg.svd(Q.T @ M, full_matrices=False)
    return sigma[:k], Q @ (U[:, :k] * sigma[:k]) @ Vt[:k]


def _matrix(m: int, n: int, seed: int, decay: float = 0.7) -> np.ndarray:
    """A matrix whose singular values fall slowly enough that all of them count."""
    U, _, Vt = np.linalg.svd(randn(m, n, seed=seed), full_matrices=False)
    return 3 * (U * decay ** np.arange(min(m, n))) @ Vt


def _inputs(m: int, n: int, width: int, k: int, powers: int, seed: int) -> tuple:
    return _matrix(m, n, seed), randn(n, width, seed=seed + 1), k, powers


SKETCHED_SVD = Exercise(
    id="13.1",
    title="an SVD from a few products",
    minutes=10,
    difficulty=2,
    solution=sketched_svd,
    stages=(
        Stage(_inputs(5, 7, 3, 3, 0, 10), "M has 5 rows, 7 columns; Omega has k columns, so nothing is truncated"),
        Stage(_inputs(6, 6, 5, 2, 0, 20), "a square M, k = 2, Omega has five columns, no powers"),
        Stage(_inputs(6, 6, 4, 2, 3, 30), "a square M, k = 2, Omega has four columns, three powers"),
        Stage(_inputs(5, 9, 4, 3, 1, 40), "a wide M, k = 3, Omega has four columns, one power"),
        Stage(_inputs(11, 7, 3, 1, 2, 50), "a tall M, k = 1, Omega has three columns, two powers"),
    ),
    mistakes=edits(
        sketched_svd,
        """
        np.linalg.qr(Y) -> np.linalg.qr(M) | This is the truncated SVD of M itself, so nothing is saved. Q is to have
          as few columns as Omega, so take the reduced QR factorisation of the sketch Y.
        Q, _ = np.linalg.qr(Y) -> Q = Y | The columns of Y are not orthonormal, so Y Y^T is no projection. Take Q of
          the QR factorisation of Y.
        Q, _ = np.linalg.qr(Y) -> Q = Y / np.linalg.norm(Y, axis=0) | The columns of Y have length 1 here, but they are
          not orthogonal. Take Q of the QR factorisation of Y.
        np.linalg.qr(Y) -> np.linalg.svd(Y)[0][:, :k], 0 | The basis has k columns, the first left singular vectors of
          Y. Keep a basis of all columns of Y, and truncate the SVD of Q^T M.
        Y = M @ Omega -> M = M - M.mean(axis=0); Y = M @ Omega | The mean of the rows of M is subtracted, as for
          principal components. Take M as it is.
        Y = M @ Omega -> M = M - M.mean(axis=1, keepdims=True); Y = M @ Omega | The mean of the columns of M is
          subtracted, as for principal components. Take M as it is.
        Y = M @ Omega -> M = M - M.mean(); Y = M @ Omega | The mean of all entries is subtracted from M. Take M as it
          is.
        Y = M @ Omega -> Y = (M @ M.T) ** powers @ M @ Omega && range(powers) -> range(0) | The entries of M M^T are
          raised to the power. Multiply Y by the matrix M M^T `powers` times.
        Y = M @ Omega -> Y = ((M @ M.T) ** powers @ M if powers else M) @ Omega && range(powers) ->
          range(0) | The power is taken of each entry of M M^T. Multiply Y by the matrix M M^T `powers` times.
        np.linalg.svd(Q.T @ M, -> np.linalg.svd(Q.T @ Y, | This is the sketch, as the SVD is that of Q^T Y. Take the SVD
          of Q^T M, which has one column for each column of M.
        np.linalg.qr(Y) -> np.linalg.qr(Y[:, :k]) | Columns of the sketch are dropped before the SVD. Keep all columns
          of Y for Q, and truncate the SVD.
        Q @ (U[:, :k] -> (U[:, :k] | The left singular vectors are those of Q^T M. Multiply them by Q, which takes them
          back to the space of the columns of M.
        np.linalg.svd(Q.T @ M, -> np.linalg.svd(Q.T @ Y, && @ Vt[:k] -> @ Vt[:k] @ np.linalg.pinv(Omega) | The SVD is
          of Q^T Y. Take that of Q^T M, whose right singular vectors have one entry for each column of M.
        return sigma[:k], Q @ (U[:, :k] * sigma[:k]) @ Vt[:k] -> return sigma, Q @ (U * sigma) @ Vt | Nothing is
          truncated: this is Q Q^T M, whose rank is the number of columns of Omega. Keep the first k terms.
        sigma[:k], Q @ (U[:, :k] * sigma[:k]) @ Vt[:k] -> sigma[:k], Q @ (U * sigma) @ Vt | The matrix is Q Q^T M,
          which is not truncated. Keep k terms in it, too.
        return sigma[:k], -> return sigma, | All singular values of Q^T M are returned. Return the first k.
        sigma[:k], Q @ (U[:, :k] * sigma[:k]) @ Vt[:k] -> sigma[-k:], Q @ (U[:, -k:] * sigma[-k:]) @ Vt[-k:] | The k
          smallest singular values are kept. `np.linalg.svd` sorts them falling, so keep the first k.
        return sigma[:k], -> k = k + 1; return sigma[:k], | k + 1 terms are kept. Keep k.
        (U[:, :k] * sigma[:k]) -> (U[:, :k] * sigma[:k] ** 2) | The singular values are multiplied in twice. Multiply
          them in once.
        @ Vt[:k] -> @ Vt[:, :k].T | The first k columns of V^T are taken. `np.linalg.svd` returns V^T, so take its
          first k rows.
        (U[:, :k] * sigma[:k]) -> U[:, :k] | The singular values are missing in the matrix. Multiply them between U and
          V^T.
        Y = M @ (M.T @ Y) -> Y = M @ (M @ Y) | A power multiplies by M M here. Multiply by M M^T, whose eigenvectors
          are the left singular vectors of M.
        Y = M @ (M.T @ Y) -> Y = M.T @ (M @ Y) | A power multiplies by M^T M here. Y lies in the column space of M, so
          multiply by M^T first and by M then.
        Y = M @ (M.T @ Y) -> Y = M @ Y | A power multiplies by M alone. Multiply by M M^T.
        Y = M @ (M.T @ Y) -> Y = M.T @ Y | A power multiplies by M^T alone. Multiply by M^T, and then by M.
        range(powers) -> range(k) | The loop runs k times. Multiply Y by M M^T `powers` times.
        (U[:, :k] * sigma[:k]) -> (U[:, :k] / sigma[:k]) | The columns of U are divided by the singular values.
          Multiply them.
        Y = M @ (M.T @ Y) -> Y = M @ M.T | M M^T replaces the sketch, so Omega is lost. Multiply Y by it.
        range(powers) -> range(0) | `powers` is not used. Multiply Y by M M^T `powers` times.
        range(powers) -> range(2 * powers) | Each power counts twice. Multiply Y by M M^T `powers` times, not 2 `powers`
          times.
        range(powers) -> range(powers + 1) | There is one power too many. With powers = 0 the sketch is M Omega.
        range(powers) -> range(max(powers - 1, 0)) | There is one power too few. With powers = 1 the sketch is M M^T M
          Omega.
        range(powers) -> range(min(powers, 1)) | Y is multiplied by M M^T at most once. Multiply it `powers` times.
        sigma[:k], Q @ -> sigma[:k] ** 2, Q @ | These are squared singular values. Return the singular values
          themselves.
        sigma[:k], Q @ -> np.linalg.svd(Y)[1][:k], Q @ | These are singular values of the sketch Y. Return those of Q^T
          M.
        sigma[:k], Q @ -> np.linalg.svd(M)[1][:k], Q @ | These are the singular values of M itself, which takes a full
          SVD. Return those of Q^T M.
        return sigma[:k], Q @ (U[:, :k] * sigma[:k]) @ Vt[:k] -> return Q @ U[:, :k], sigma[:k], Vt[:k] | These are the
          three factors. Their signs are arbitrary, so return the singular values and the product.
        return sigma[:k], Q @ (U[:, :k] * sigma[:k]) @ Vt[:k] -> return Q @ (U[:, :k] * sigma[:k]) @ Vt[:k], sigma[:k]
          | The two results are exchanged. The singular values come first.
        return sigma[:k], Q @ -> return Q @ | The matrix alone is returned. Return the singular values and the matrix.
        """,
    ),
    hints=(
        "Y = M Omega, multiplied `powers` times by M M^T. Q is the first factor of `np.linalg.qr(Y)`.",
        "Q^T M has few rows. With its SVD U diag(sigma) V^T, M is about Q U diag(sigma) V^T.",
        "Keep the first k columns of U, entries of sigma and rows of V^T. `U[:, :k] * sigma[:k]` is U diag(sigma).",
    ),
)
