"""Exercise 13.2: randomly pivoted Cholesky, with the random numbers given."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn


def pivoted(K, u):
    F, pivots = np.zeros((len(K), len(u))), []
    residual = np.exp(np.linalg.norm(K, axis=1) ** 2)
    for t in range(len(u)):
        cumulative = np.cumsum(residual)
        s = np.flatnonzero(cumulative > u[t] * cumulative[-1])[0]
        column = np.exp(K @ K[s]) - F @ F[s]
        F[:, t] = column / np.sqrt(column[s])
        residual = residual - F[:, t] ** 2
        pivots.append(int(s))
    return F, pivots


def _not_divided(K, u):
    """A wrong answer: the whole residual is updated with R[:, s] R[:, s]^T."""
    R, F, pivots = np.exp(K @ K.T), [], []
    for number in u:
        cumulative = np.cumsum(np.diag(R))
        pivots.append(int(np.flatnonzero(cumulative > number * cumulative[-1])[0]))
        column = R[:, pivots[-1]]
        F.append(column / np.sqrt(column[pivots[-1]]))
        R = R - np.outer(column, column)
    return np.array(F).T, pivots


def _among_the_others(K, u):
    """A wrong answer: pivots are counted in a list of keys from which earlier pivots are deleted."""
    F, pivots = pivoted(K, u)
    return F, [s - sum(earlier < s for earlier in pivots[:t]) for t, s in enumerate(pivots)]


def _inputs(n: int, u: list[float], seed: int) -> tuple:
    return 0.7 * randn(n, 3, seed=seed), np.array(u)


PIVOTED = Exercise(
    id="13.2",
    title="random pivots",
    minutes=12,
    difficulty=3,
    solution=pivoted,
    stages=(
        Stage(_inputs(7, [0.72], 885), "one step on the kernel of seven keys"),
        Stage(_inputs(8, [0.12, 0.45], 356), "two steps on the kernel of eight keys"),
        Stage(_inputs(12, [0.86, 0.56, 0.24], 10), "three steps on the kernel of twelve keys"),
        Stage(_inputs(11, [0.41, 0.1, 0.69, 0.8], 347), "four steps on the kernel of eleven keys"),
    ),
    mistakes=edits(
        pivoted,
        """
        np.cumsum(residual) -> np.cumsum(np.exp(np.linalg.norm(K, axis=1) ** 2)) | The pivots are drawn from the
          diagonal of H, or the residual is not updated. Draw each one from the diagonal of H - F F^T.
        s = np.flatnonzero(cumulative > u[t] * cumulative[-1])[0] -> s = np.argmax(residual) | The pivot is the largest
          entry: this is greedy pivoting, which follows outliers. Draw it by u_t.
        s = np.flatnonzero(cumulative > u[t] * cumulative[-1])[0] -> s = int(u[t] * len(K)) | All rows are equally
          likely here. Row i has the probability R_ii / tr(R), so compare u_t with cumulative sums of the diagonal of
          R.
        np.cumsum(residual) -> np.cumsum(np.sqrt(np.abs(residual))) | The probabilities are proportional to square
          roots of the residual diagonal. Use its entries themselves.
        np.cumsum(residual) -> np.cumsum(residual**2) | The probabilities are proportional to squares of the residual
          diagonal. Use its entries themselves.
        u[t] * cumulative[-1] -> u[t] * np.exp(np.linalg.norm(K, axis=1) ** 2).sum() | u_t is multiplied by the trace
          of H. Multiply it by the trace of the residual, which falls with every step.
        u[t] * cumulative[-1] -> u[t] | The pivot is the first row here. Are the sums compared with u_t itself, or are
          the first rows taken without a draw? Compare the sums with u_t times the trace of the residual.
        residual = np.exp(np.linalg -> K = K - K.mean(axis=0); residual = np.exp(np.linalg | The mean of the keys is
          subtracted, which changes H. Take the keys as they are.
        u[t] * cumulative[-1] -> u[0] * cumulative[-1] | All steps use the first random number. Step t uses u[t].
        u[t] * cumulative[-1] -> u[-1 - t] * cumulative[-1] | The random numbers are used in reverse order. Step t uses
          u[t].
        u[t] * cumulative[-1] -> (1 - u[t]) * cumulative[-1] | 1 - u_t is used. Take the first index whose cumulative
          sum exceeds u_t tr(R).
        cumulative[-1])[0] -> cumulative[-1])[0] - 1 | The pivot is one row too early. Take the first index whose
          cumulative sum exceeds u_t tr(R), not the last one below.
        s = np.flatnonzero(cumulative > u[t] * cumulative[-1])[0] -> s = (np.flatnonzero(cumulative > u[t] *
          cumulative[-1])[0] + 1) % len(K) | The pivot is one row too
          late. Take the first index whose cumulative sum, with its own entry, exceeds u_t tr(R).
        np.exp(K @ K[s]) - F @ F[s] -> np.exp(K @ K[s]) | The column is that of H. Subtract what F has of it already,
          which leaves the column of the residual.
        np.exp(K @ K[s]) - F @ F[s] -> np.exp(K @ K[s]) && np.sqrt(column[s]) -> np.sqrt(residual[s]) | This is a
          column of H, divided by R_ss^(1/2). Subtract F F[s]^T first, which leaves the column of the residual.
        np.exp(K @ K[s]) - F @ F[s] -> np.exp(K @ K[s]) && np.cumsum(residual) -> np.cumsum(np.exp(np.linalg.norm(K,
          axis=1) ** 2)) | Pivots and columns are those of H, as if R were never updated. After each step the residual
          is H - F F^T.
        np.exp(K @ K[s]) - F @ F[s] -> np.exp(K @ K[s]) + F @ F[s] | F F[s] is added to the column. The residual is H -
          F F^T.
        np.sqrt(column[s]) -> column[s] | The square root is missing. F F^T is to have R_ss at the pivot, so divide the
          column by R_ss^(1/2).
        column / np.sqrt(column[s]) -> column | The column is not divided. F F^T is to have R_ss at the pivot, so
          divide the column by R_ss^(1/2).
        column / np.sqrt(column[s]) -> column * np.sqrt(column[s]) | The column is multiplied by the root of the pivot.
          Divide it.
        np.sqrt(column[s]) -> np.sqrt(np.exp(K[s] @ K[s])) | The column is divided by H_ss^(1/2). The pivot of the
          residual is R_ss, which is smaller after the first step.
        column / np.sqrt(column[s]) -> column / np.linalg.norm(column) | The column has length 1. Divide it by
          R_ss^(1/2), so that the residual vanishes at the pivot.
        F[:, t] ** 2 -> F[:, t] ** 2 / column[s] | The residual is divided by the pivot twice: F has its root already.
          Subtract the squares of the new column of F.
        F[:, t] ** 2 -> F[:, t] | The new column of F is subtracted from the diagonal. F F^T has squares on its
          diagonal.
        F[:, t] ** 2 -> column**2 | The squares of the residual's column are subtracted. Subtract those of the new
          column of F, which is divided by the root of the pivot.
        residual - F[:, t] ** 2 -> np.where(np.arange(len(K)) == s, 0, residual) | Only the pivot's own entry is set to
          0. Subtract F_it^2 from every entry i of the diagonal.
        F[:, t] = column / np.sqrt(column[s]) -> F[s:, t] = column[s:] / np.sqrt(column[s]) | Rows above the pivot are
          0, as in a triangular factor. F is triangular only after its rows are put in the order of the pivots, so keep
          all rows.
        np.exp(np.linalg.norm(K, axis=1) ** 2) -> np.exp(np.linalg.norm(K, axis=1)) | The diagonal of H is
          exp(||k||^2). The norm is not squared.
        np.exp(np.linalg.norm(K, axis=1) ** 2) -> np.linalg.norm(K, axis=1) ** 2 | The diagonal begins as ||k||^2. The
          exponential is missing.
        np.exp(np.linalg.norm(K, axis=1) ** 2) -> np.linalg.norm(K, axis=1) ** 2 && np.exp(K @ K[s]) -> K @ K[s] | This
          factorises K K^T. H has the exponentials of its entries.
        np.exp(np.linalg.norm(K, axis=1) ** 2) -> np.exp(np.linalg.norm(K, axis=1) ** 2 / np.sqrt(K.shape[1])) &&
          np.exp(K @ K[s]) -> np.exp(K @ K[s] / np.sqrt(K.shape[1])) | The scale is 1/sqrt(d) here, as often in
          attention. It is 1 in this exercise.
        np.exp(np.linalg.norm(K, axis=1) ** 2) -> np.ones(len(K)) && np.exp(K @ K[s]) -> np.exp(-np.sum((K - K[s]) **
          2, axis=1) / 2) | This is the Gaussian kernel. H has exp(<k_i, k_j>).
        np.exp(np.linalg.norm(K, axis=1) ** 2) -> np.ones(len(K)) && np.exp(K @ K[s]) -> np.exp(-np.sum((K - K[s]) **
          2, axis=1)) | This is a Gaussian kernel without 1/2. H has exp(<k_i, k_j>).
        return F, pivots -> return F @ F.T, pivots | This is F F^T. Return the factor F.
        return F, pivots -> return np.exp(K @ K.T) - F @ F.T, pivots | This is the residual. Return the factor F.
        return F, pivots -> return F, sorted(pivots) | The pivots are sorted. Return them in the order of the steps.
        return F, pivots -> return F, [s + 1 for s in pivots] | The pivots are counted from 1. Count rows from 0.
        return F, pivots -> return pivots, F | The two results are exchanged. F comes first.
        return F, pivots -> return F | F alone is returned. Return F and the list of pivots.
        np.cumsum(residual) -> residual | The entries of the diagonal are compared one by one. Take their cumulative
          sums.
        """,
    )
    + (
        Mistake(
            _not_divided,
            "The residual is updated with the product of its column with itself, without a division. Divide the "
            "product by R_ss, or take that of the new column of F.",
        ),
        Mistake(
            _among_the_others,
            "A pivot is counted among the keys that are left. Return its index among all keys, which are counted "
            "from 0.",
        ),
    ),
    hints=(
        "Keep the diagonal of the residual as a vector. It begins as exp(||k_i||^2).",
        "`np.flatnonzero(np.cumsum(residual) > u[t] * residual.sum())[0]` is the pivot s of step t.",
        "The residual has the column `np.exp(K @ K[s]) - F @ F[s]`. Divide it by the root of its entry s.",
        "After each step subtract the squares of the new column of F from the diagonal.",
    ),
)
