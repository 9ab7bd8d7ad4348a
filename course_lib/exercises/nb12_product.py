"""Exercise 12.2: the best rank-r part of Q K^T, applied to a matrix, without the matrix of all scores."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn


def scores_at_rank(Q, K, V, r):
    Q_1, R_Q = np.linalg.qr(Q)
    K_1, R_K = np.linalg.qr(K)
    U, sigma, Wt = np.linalg.svd(R_Q @ R_K.T)  # d x d
    left = Q_1 @ (U[:, :r] * sigma[:r])
    right = K_1 @ Wt[:r].T
    return {"sigma": sigma, "Y": left @ (right.T @ V)}


def _best(M, r):
    U, sigma, Wt = np.linalg.svd(M, full_matrices=False)
    return U[:, :r] * sigma[:r] @ Wt[:r]


def _softmax(S):
    A = np.exp(S - S.max(axis=1, keepdims=True))
    return A / A.sum(axis=1, keepdims=True)


def _with_product(product):
    """A wrong answer: the singular values are right, but Y is product(Q, K, r) @ V."""
    return lambda Q, K, V, r: scores_at_rank(Q, K, V, r) | {"Y": product(Q, K, r) @ V}


def _by_gram(Q, K, V, r):
    """A wrong answer: the squares of the singular values are the eigenvalues of Q^T Q K^T K."""
    values = np.abs(np.linalg.eigvals(Q.T @ Q @ K.T @ K))
    return scores_at_rank(Q, K, V, r) | {"sigma": np.sort(np.sqrt(values))[::-1]}


def _inputs(n: int, N: int, d: int, r: int, seed: int, columns: int = 3) -> tuple:
    """Queries and keys whose coordinates have unequal sizes, and a mean."""
    Q, K = (randn(m, d, seed=seed + m) * 2.0 ** -np.arange(d)[::sign] + 0.2 for m, sign in ((n, 1), (N, -1)))
    return 2 * Q, 2 * K, randn(N, columns, seed=seed + 1), r


def _graded(share: float) -> tuple:
    """Q and K have equal right singular vectors, so that Q K^T has the singular values 1e5, 1e2, 1e-1 and 1e-4.

    Those of Q are their powers with the exponent `share`, and those of K take the rest.
    """
    U, W, X = (np.linalg.qr(randn(m, 4, seed=m))[0] for m in (9, 7, 4))
    Q, K = (basis * (10.0 ** (5 - 3 * np.arange(4))) ** part @ X.T for basis, part in ((U, share), (W, 1 - share)))
    return Q, K, randn(7, 2, seed=70), 2


PRODUCT = Exercise(
    id="12.2",
    title="scores of rank r without all scores",
    minutes=9,
    difficulty=3,
    solution=scores_at_rank,
    stages=(
        Stage(_inputs(9, 7, 5, 2, 10), "nine queries, seven keys of five coordinates, rank 2"),
        Stage(_inputs(6, 11, 5, 3, 20), "six queries, eleven keys of five coordinates, rank 3"),
        Stage(_inputs(7, 7, 3, 1, 30), "seven tokens, three coordinates, rank 1"),
        Stage(_inputs(5, 8, 3, 3, 40), "rank 3 of three coordinates: nothing is lost"),
        Stage(_inputs(5, 5, 5, 2, 60, 5), "five tokens, five coordinates, five columns, rank 2"),
        Stage(_graded(0.5), "singular values from 1e5 to 1e-4: those of Gram matrices lose the small ones"),
        Stage(_graded(1.0), "orthonormal columns in K, and Q has singular values from 1e5 to 1e-4: Q^T Q loses them"),
        Stage(
            _graded(0.05), "singular values of Q near 1, and those of K from 6e4 to 2e-4: K^T K loses the small ones"
        ),
    ),
    mistakes=(
        *edits(
            scores_at_rank,
            """
        np.linalg.svd(R_Q @ R_K.T) -> np.linalg.svd(R_Q @ R_K) | R_K is not transposed. Q K^T = Q_1 (R_Q R_K^T) K_1^T.
        np.linalg.svd(R_Q @ R_K.T) -> np.linalg.svd(R_Q.T @ R_K) | R_Q is transposed, and R_K is not. Q K^T = Q_1 (R_Q
          R_K^T) K_1^T.
        np.linalg.svd(R_Q @ R_K.T) -> np.linalg.svd(R_Q.T @ R_K.T) | R_Q is transposed, too. Q K^T = Q_1 (R_Q R_K^T)
          K_1^T.
        np.linalg.svd(R_Q @ R_K.T) -> np.linalg.svd(R_K.T @ R_Q) | The triangles are exchanged, and R_K alone is
          transposed. Q K^T = Q_1 (R_Q R_K^T) K_1^T.
        np.linalg.svd(R_Q @ R_K.T) -> np.linalg.svd(R_K @ R_Q.T) | This is the small product of K Q^T. Exchange the
          factors, so that rows are queries.
        np.linalg.svd(R_Q @ R_K.T) -> np.linalg.svd(R_Q) | R_K is missing in the small product.
        np.linalg.svd(R_Q @ R_K.T) -> np.linalg.svd(R_K) | R_Q is missing in the small product.
        np.linalg.svd(R_Q @ R_K.T) -> np.linalg.svd(R_Q @ R_K.T / np.sqrt(Q.shape[1])) | The scores are divided by the
          root of d. Here Q K^T is asked for, without a scale.
        U[:, :r] * sigma[:r] -> U[:, :r] | The singular values are missing in the product.
        U[:, :r] * sigma[:r] -> (sigma[:, None] * U)[:, :r] | The rows of U are multiplied by sigma. Each singular value
          belongs to a column of U.
        U[:, :r] * sigma[:r] -> U[:, :r] * sigma[:r] ** 2 | The singular values count twice, perhaps once in each
          factor. They belong to one factor, or their roots to both.
        U[:, :r] * sigma[:r] -> U[:, :r] * np.sqrt(sigma[:r]) | One factor has the roots of the singular values, and the
          other one has nothing. Their product needs sigma.
        U[:, :r] * sigma[:r] -> U[:, :r] / sigma[:r] | The factor is divided by the singular values. Multiply it.
        U[:, :r] * sigma[:r] -> U[:r].T * sigma[:r] | These are rows of U. A left singular vector is a column of it.
        K_1 @ Wt[:r].T -> K_1 @ Wt[:, :r] | These are columns of what `svd` returns last. It returns the transpose, so a
          right singular vector is a row of it.
        U[:, :r] * sigma[:r] -> U * sigma && Wt[:r].T -> Wt.T | Nothing is truncated. Keep the first r singular values.
        U[:, :r] * sigma[:r] -> U[:, -r:] * sigma[-r:] && Wt[:r].T -> Wt[-r:].T | The smallest singular values are kept.
          `svd` sorts them falling, so keep the first r.
        U[:, :r] * sigma[:r] -> U[:, : r + 1] * sigma[: r + 1] && Wt[:r].T -> Wt[: r + 1].T | Here r + 1 singular values
          are kept. The first r have the indices 0 to r - 1.
        U[:, :r] * sigma[:r] -> U[:, : r - 1] * sigma[: r - 1] && Wt[:r].T -> Wt[: r - 1].T | Here r - 1 singular values
          are kept. The first r have the indices 0 to r - 1.
        U[:, :r] * sigma[:r] -> U[:, r:] * sigma[r:] && Wt[:r].T -> Wt[r:].T | This is what the best rank-r part leaves
          out. Keep the first r singular values.
        Q_1 @ (U[:, :r] * sigma[:r]) -> Q @ (U[:, :r] * sigma[:r]) | Q stands where Q_1 belongs. Its triangle is in the
          small product already.
        K_1 @ Wt[:r].T -> K @ Wt[:r].T | K stands where K_1 belongs. Its triangle is in the small product already.
        Q_1 @ (U[:, :r] * sigma[:r]) -> Q @ (U[:, :r] * sigma[:r]) && K_1 @ Wt[:r].T -> K @ Wt[:r].T | Q and K stand
          where Q_1 and K_1 belong. The triangles are in the small product already.
        "sigma": sigma -> "sigma": sigma[:r] | These are the first r singular values. Return all d.
        "sigma": sigma -> "sigma": sigma**2 | The singular values are squared. Those of Q K^T are the roots of the
          eigenvalues of Gram matrices.
        "sigma": sigma -> "sigma": np.linalg.svd(Q, compute_uv=False) * np.linalg.svd(K, compute_uv=False) | The
          singular values of Q and of K are multiplied. Those of a product are not products.
        "sigma": sigma -> "sigma": np.abs(np.diag(R_Q) * np.diag(R_K)) | These are products of diagonals of the
          triangles. Singular values need an SVD.
        "sigma": sigma -> "sigma": np.abs(np.linalg.eigvals(R_Q @ R_K.T)) | These are absolute eigenvalues of the small
          product. It is not symmetric, so take its singular values.
        "sigma": sigma -> "sigma": np.diag(sigma) | The singular values stand in a matrix. Return them in one row.
        "sigma": sigma -> "sigma": sigma * (np.arange(len(sigma)) < r) | The singular values that are left out are 0
          here. Return all singular values of Q K^T.
        left @ (right.T @ V)} -> left @ right.T} | This is the matrix of all scores at rank r. Return its product with
          V: right.T @ V first, then left times that.
        """,
        ),
        Mistake(
            _with_product(lambda Q, K, r: _best(Q, r) @ _best(K, r).T),
            "Q and K are truncated apart. A direction that is small in Q may be large in K, so truncate the product.",
        ),
        Mistake(
            _with_product(lambda Q, K, r: _best(Q, r) @ K.T),
            "Q alone is truncated, without K. Truncate the singular values of the product.",
        ),
        Mistake(
            _with_product(lambda Q, K, r: Q @ _best(K, r).T),
            "K alone is truncated, without Q. Truncate the singular values of the product.",
        ),
        Mistake(
            _with_product(lambda Q, K, r: Q[:, :r] @ K[:, :r].T),
            "The first r coordinates of Q and K are kept. Keep the first r singular values of the product.",
        ),
        Mistake(
            lambda Q, K, V, r: scores_at_rank(Q, K, V, r) | {"Y": _softmax(_best(Q @ K.T, r)) @ V},
            "Y has a softmax in it. This exercise is about the scores alone, so multiply them by V.",
        ),
        Mistake(
            lambda Q, K, V, r: scores_at_rank(Q, K, V, r) | {"Y": _best(Q @ K.T @ V, r)},
            "The product with V is truncated. Truncate Q K^T first, then multiply by V.",
        ),
        Mistake(
            lambda Q, K, V, r: scores_at_rank(Q, K, V, r) | {"sigma": np.linalg.svd(Q @ K.T, compute_uv=False)},
            "These are min(n, N) singular values, those of all scores. All beyond the first d are 0, so return the "
            "first d.",
        ),
        Mistake(
            _by_gram,
            "The small singular values are lost. They come from Gram matrices, where sigma^2 stands beside 1e10. Take "
            "the SVD of a product of triangles.",
        ),
        Mistake(
            lambda Q, K, V, r: (*scores_at_rank(Q, K, V, r).values(),),
            "Return a dict with the keys `sigma` and `Y`.",
        ),
    ),
    hints=(
        "Let Q = Q_1 R_Q and K = K_1 R_K be the QR factorisations. Then Q K^T = Q_1 (R_Q R_K^T) K_1^T, and the matrix "
        "in the middle is d x d.",
        "The SVD of the middle is U diag(sigma) W^T. Q_1 U and K_1 W have orthonormal columns, so they are singular "
        "vectors of Q K^T.",
        "`left = Q_1 @ (U[:, :r] * sigma[:r])` and `right = K_1 @ Wt[:r].T` are the factors. Multiply `right.T @ V` "
        "first: it has r rows.",
    ),
)
