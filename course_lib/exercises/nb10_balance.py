"""Exercise 10.2: the factor that makes the norms of keys and values equal, from X^T X alone."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits, randn


def balance(gram, W_K, W_V):
    # The squared Frobenius norm of X W is the trace of W^T X^T X W.
    keys, values = (np.trace(W.T @ gram @ W) for W in (W_K, W_V))
    return np.sqrt(values / keys)


X = (randn(9, 5) + 0.7) * np.array([3.0, 0.2, 1.0, 0.5, 2.0])
BALANCE = Exercise(
    id="10.2",
    title="keys and values that count alike",
    minutes=4,
    difficulty=1,
    solution=balance,
    stages=(
        Stage((np.eye(5), randn(5, 4), 3 * randn(5, 4, seed=1)), "X is the identity: the norms of W_K and W_V decide"),
        Stage((X.T @ X, randn(5, 4), 3 * randn(5, 4, seed=1)), "inputs whose directions have very different sizes"),
        Stage((X.T @ X, randn(5, 3), 3 * randn(5, 7, seed=1)), "keys and values of different width"),
    ),
    mistakes=edits(
        balance,
        """
        values / keys -> keys / values | The ratio is inverted. alpha multiplies the keys, so it is large where the
          values are larger.
        np.sqrt(values / keys) -> keys / values | This is the inverse ratio, of squared norms. alpha is the norm of the
          values, divided by that of the keys.
        np.trace(W.T @ gram @ W) -> np.linalg.norm(W.T @ gram @ W) && np.sqrt(values / keys) -> values / keys | These
          are the Frobenius norms of W^T G W. The norm of X W is the root of the trace of that matrix.
        np.trace(W.T @ gram @ W) -> np.sum((np.linalg.cholesky(gram) @ W) ** 2) | `np.linalg.cholesky` returns L with
          L L^T = G. The norm of X W is that of L^T W.
        np.trace(W.T @ gram @ W) -> np.sum((np.sqrt(gram) @ W) ** 2) | `np.sqrt(gram)` takes the roots of single
          entries, which is no root of the matrix. Use the trace of W^T G W.
        np.trace(W.T @ gram @ W) -> np.sum(((v := np.linalg.eigh(gram))[1] * np.sqrt(v[0]) @ W) ** 2) | With G = R R^T,
          the norm of X W is that of R^T W, not of R W.
        np.sqrt(values / keys) -> np.sqrt(values) - np.sqrt(keys) | This is the difference of the norms. alpha is their
          ratio.
        np.sqrt(values / keys) -> 1 / np.sqrt(keys) | This is 1 divided by the norm of the keys. Multiply by that of the
          values.
        np.sqrt(values / keys) -> values / keys | This is the ratio of squared norms. Take its square root.
        W.T @ gram @ W -> W.T @ W | The inputs are ignored. The norms of X W_K and X W_V count, not those of
          W_K and W_V.
        W.T @ gram @ W -> W.T @ np.diag(np.diag(gram)) @ W | Only the diagonal of G is used. The columns of X are not
          orthogonal, so take all of G.
        W.T @ gram @ W -> W.T @ gram @ gram @ W | The matrix `gram` is taken for X. It is X^T X already.
        np.trace(W.T @ gram @ W) -> np.linalg.norm(W.T @ gram @ W) | This is the Frobenius norm of W^T G W. The square
          of the norm of X W is the trace of that matrix.
        np.trace(W.T @ gram @ W) -> np.linalg.norm(W.T @ gram @ W, 2) | Only the largest singular value is compared.
          The Frobenius norm sums the squares of all of them.
        np.trace(W.T @ gram @ W) -> np.trace(W.T @ gram @ W) / W.shape[1] | These are means over the columns. The
          Frobenius norm is a sum.
        np.trace(W.T @ gram @ W) -> np.sum(W.T @ gram @ W) | All entries of W^T G W are summed. Its diagonal alone has
          the squared norms of the columns.
        np.sqrt(values / keys) -> np.sqrt(values) | This is the norm of the values. Divide by that of the keys.
        np.sqrt(values / keys) -> values - keys | This is the difference of squared norms. alpha is a ratio.
        """,
    ),
    hints=(
        "The square of the Frobenius norm is a trace, ||M||^2 = tr(M^T M). Take M = X W.",
        "||X W||^2 = tr(W^T G W) with G = X^T X. Norms are square roots of that, and alpha is a ratio of norms.",
    ),
)
