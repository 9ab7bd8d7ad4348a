"""Exercise 13.6: an attention output from columns that were drawn, and its expected squared error."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn


def sampled(P, V, p, drawn):
    m = len(drawn)
    estimate = (P[:, drawn] / (m * p[drawn])) @ V[drawn]
    squares = np.linalg.norm(P, axis=0) ** 2 * np.linalg.norm(V, axis=1) ** 2
    return estimate, (np.sum(squares / p) - np.linalg.norm(P @ V) ** 2) / m


def _inputs(n: int, N: int, d_V: int, drawn: list[int], seed: int, uniform: bool = False) -> tuple:
    """Weights with rows that sum to 1, values, and probabilities of unequal sizes unless they are uniform."""
    A, p = np.exp(1.3 * randn(n, N, seed=seed)), np.exp(0.8 * randn(N, seed=seed + 1))
    p = np.ones(N) if uniform else p
    return A / A.sum(axis=1, keepdims=True), randn(N, d_V, seed=seed + 2), p / p.sum(), np.array(drawn)


SAMPLED = Exercise(
    id="13.6",
    title="attention to a sample of the keys",
    minutes=8,
    difficulty=2,
    solution=sampled,
    stages=(
        Stage(_inputs(5, 5, 2, [3, 1, 4], 10), "three distinct draws, five queries and keys, values in R^2"),
        Stage(_inputs(3, 6, 2, [4, 0, 1], 20, uniform=True), "three distinct draws, uniform p, six keys"),
        Stage(_inputs(4, 5, 3, [1, 4, 0, 2], 30), "four distinct draws, five keys of unequal probabilities"),
        Stage(_inputs(3, 6, 4, [2, 5, 2, 0, 2, 5, 1], 40), "seven draws from six keys; some keys are drawn again"),
        Stage(_inputs(2, 9, 5, [7, 7, 3], 50), "three draws from nine keys; one key is drawn twice"),
    ),
    mistakes=edits(
        sampled,
        """
        (m * p[drawn]) -> p[drawn] | 1/m is missing in the estimate. The sum over m draws is to be their mean.
        (m * p[drawn]) -> m | 1/p_j is missing in the estimate. A key that is drawn rarely has to count more.
        P[:, drawn] / (m * p[drawn]) -> P[:, drawn] | The terms are added without factors. Divide the term of each draw
          by m p_j.
        P[:, drawn] / (m * p[drawn]) -> P[:, drawn] / m * p[drawn] | The terms are multiplied by p_j. Divide them by
          it, so that the mean over draws is P V.
        (m * p[drawn]) -> np.sqrt(m * p[drawn]) | The terms are divided by sqrt(m p_j). This is right if both P_j and
          v_j are divided by it; here one is.
        (m * p[drawn]) -> (len(p) * p[drawn]) | The estimate is divided by the number of keys. Divide by m, the number
          of draws.
        (m * p[drawn]) -> (m * p[drawn] ** 2) | The terms are divided by p_j twice. Once is enough, in one of the two
          factors.
        / (m * p[drawn])) @ V[drawn] -> / (m * p[drawn])) @ (V[drawn] / (m * p[drawn])[:, None]) | Both P_j and v_j are
          divided by m p_j. Divide one of them by it, or both by its square root.
        m = len(drawn) -> m = len(drawn); drawn = np.unique(drawn) | A key that was drawn twice counts once. It counts
          as often as it was drawn.
        m = len(drawn) -> drawn = np.unique(drawn); m = len(drawn) | Repeated draws are dropped, and m is the number of
          distinct keys. Draws are with replacement, so a key counts as often as it was drawn.
        (P[:, drawn] / (m * p[drawn])) @ V[drawn] -> (lambda J: (P[:, J] / (len(J) * p[J])) @ V[J])(np.unique(drawn)) |
          The estimate uses each drawn key once, and divides by their number. Draws are with replacement, so a key
          counts as often as it was drawn.
        (m * p[drawn]) -> (m * np.sqrt(p[drawn])) | The terms are divided by the root of p_j. Divide them by p_j, or
          divide both P_j and v_j by the root.
        V[drawn] -> V[: len(drawn)] | The columns of P are drawn, but the rows of V are its first ones. Column j
          belongs to row j.
        P[:, drawn] / (m * p[drawn]) -> P[:, drawn] / P[:, drawn].sum(axis=1, keepdims=True) | The sampled weights of
          each query are normalised to the sum 1. The estimate is then biased; divide by m p_j.
        P[:, drawn] / (m * p[drawn]) -> P[:, drawn] / (m * p[drawn]) / (P[:, drawn] / (m * p[drawn])).sum(axis=1,
          keepdims=True) | The columns are divided by m p_j, and the rows are normalised after that. The estimate is
          then biased; leave the rows as they are.
        (P[:, drawn] / (m * p[drawn])) @ V[drawn] -> P @ V | This is the exact product. Use the drawn columns alone.
        (m * p[drawn]) -> (m * p[drawn] / p[drawn].sum()) | The probabilities of the drawn keys are normalised again.
          Divide by p_j as it is given.
        P[:, drawn] -> P[drawn].T | Rows of P are drawn. A key is a column of P.
        np.linalg.norm(P @ V) ** 2) -> np.mean((P @ V) ** 2)) | The mean of the squared entries of P V is subtracted.
          Subtract their sum, ||P V||^2.
        np.linalg.norm(P @ V) ** 2) / m -> np.linalg.norm(P @ V) ** 2) / len(p) | The error is divided by the number of
          keys. Divide it by m, the number of draws.
        np.linalg.norm(P @ V) ** 2) -> np.sum(P @ V)) | The sum of the entries of P V is subtracted. Subtract the sum
          of their squares.
        np.linalg.norm(P, axis=0) -> np.linalg.norm(P, axis=1) | The norms are those of rows of P. A key is a column.
        np.linalg.norm(P, axis=0) ** 2 * np.linalg.norm(V, axis=1) ** 2 -> np.linalg.norm(P, axis=0) *
          np.linalg.norm(V, axis=1) | The norms are not squared. The squared error has ||P_j||^2 ||v_j||^2.
        P[:, drawn] / (m * p[drawn]) -> P[:, drawn] * (m * p[drawn]) | The terms are multiplied by m p_j. Divide them
          by it, so that the mean over draws is P V.
        np.linalg.norm(P, axis=0) -> np.linalg.norm(P) | The norm is that of all of P. Each key has the norm of its own
          column.
        np.linalg.norm(V, axis=1) -> np.linalg.norm(V) | The norm is that of all of V. Each key has the norm of its own
          row.
        np.linalg.norm(P @ V) -> np.linalg.norm(P) | ||P||^2 is subtracted. The mean of the estimate is P V, so
          subtract ||P V||^2.
        (np.sum(squares / p) - np.linalg.norm(P @ V) ** 2) -> (np.linalg.norm(P @ V) ** 2 - np.sum(squares / p)) | The
          error has the wrong sign. The mean of the square comes first, then the square of the mean is subtracted.
        (np.sum(squares / p) - np.linalg.norm(P @ V) ** 2) / m -> (np.sum(squares / p) - np.linalg.norm(P @ V) ** 2) *
          m | The error is multiplied by m. The mean of m independent draws has 1/m of the variance of one.
        np.linalg.norm(P, axis=0) ** 2 * -> np.linalg.norm(P, axis=0) * | The norms of the columns of P are not
          squared.
        np.linalg.norm(V, axis=1) ** 2 -> np.linalg.norm(V, axis=1) | The norms of the values are not squared.
        np.linalg.norm(P, axis=0) ** 2 * np -> np | The norms of the columns of P are missing in the error.
        np.linalg.norm(P, axis=0) ** 2 * np.linalg.norm(V, axis=1) ** 2 -> np.linalg.norm(P, axis=0) ** 2 | The norms
          of the values are missing in the error.
        (np.sum(squares / p) - np.linalg.norm(P @ V) ** 2) -> np.sum(squares / p) | This is 1/m of the mean of ||X||^2
          for one draw. Subtract ||P V||^2 before you divide by m, as in a variance.
        (np.sum(squares / p) - np.linalg.norm(P @ V) ** 2) / m -> np.sum(squares / p) | This is the mean of ||X||^2 for
          one draw. Subtract ||P V||^2, as in a variance, and divide by m.
        np.linalg.norm(P @ V) ** 2) / m -> np.linalg.norm(P @ V) ** 2) / m + np.linalg.norm(P @ V) ** 2 | This is the
          mean of ||X||^2 for m draws. Subtract ||P V||^2, so that the mean of ||X - P V||^2 remains.
        np.linalg.norm(P @ V) ** 2) / m -> np.linalg.norm(P @ V) ** 2) / len(np.unique(drawn)) | The error is divided by
          the number of distinct keys that were drawn. Divide it by m, the number of draws.
        np.sum(squares / p) -> np.sum(squares * len(p)) | The error is that of uniform probabilities. Divide each square
          by its own p_j.
        m = len(drawn) -> m = len(drawn); p = np.full(len(p), 1 / len(p)) | Both results are those of uniform
          probabilities. Divide by p_j as it is given.
        np.linalg.norm(P @ V) ** 2) -> np.linalg.norm(P @ V)) | ||P V|| is not squared.
        - np.linalg.norm(P @ V) ** 2) -> + np.linalg.norm(P @ V) ** 2) | ||P V||^2 is added. Subtract it, as in a
          variance.
        np.linalg.norm(P @ V) ** 2) -> np.linalg.norm(P @ V, 2) ** 2) | The norm of P V is the spectral norm. The error
          is one in the Frobenius norm.
        - np.linalg.norm(P @ V) ** 2) / m -> / m - np.linalg.norm(P @ V) ** 2) | ||P V||^2 is not divided by m. The
          whole variance of one draw is.
        np.linalg.norm(P @ V) ** 2) / m -> np.linalg.norm(P @ V) ** 2) | This is the mean error of one draw. The mean
          of m independent draws has 1/m of its variance.
        np.linalg.norm(P @ V) ** 2) / m -> np.linalg.norm(P @ V) ** 2) / m**0.5 | The squared error falls as 1/m. Its
          root falls as 1/sqrt(m).
        np.linalg.norm(P @ V) ** 2) / m -> np.linalg.norm(P @ V) ** 2) / (m - 1) | The error is divided by m - 1. This
          belongs to a variance that is estimated from the draws; divide by m.
        np.linalg.norm(P @ V) ** 2) / m -> np.linalg.norm(P @ V) ** 2) / m / np.linalg.norm(P @ V) ** 2 | This is the
          error relative to ||P V||^2. Return the squared error itself.
        np.linalg.norm(P @ V) ** 2) / m -> np.linalg.norm(P @ V) ** 2) / m / (P @ V).size | This is the mean over the
          entries. The Frobenius norm sums them.
        np.linalg.norm(P @ V) -> np.linalg.norm(estimate) | The norm of this estimate is subtracted. Its mean is P V,
          so subtract ||P V||^2.
        (np.sum(squares / p) - np.linalg.norm(P @ V) ** 2) -> np.sum(squares * (1 - p) / p) | This is the error if each
          key is kept or left out independently of the others. Here m keys are drawn, so subtract ||P V||^2.
        np.linalg.norm(P, axis=0) ** 2 * np.linalg.norm(V, axis=1) ** 2 -> np.linalg.norm(P, axis=0) ** 2 &&
          np.linalg.norm(P @ V) -> np.linalg.norm(P) | This is the error of P itself. The error of the product with V is
            asked for.
        np.sum(squares / p) -> np.sum(np.sqrt(squares)) ** 2 | This is the error with the best probabilities. Use the p
          that is given.
        np.sum(squares / p) -> np.sum(squares) | 1/p_j is missing in the error.
        np.sum(squares / p) -> np.sum(squares * p) | The squares are multiplied by p_j. A draw is divided by p_j, its
          square by p_j^2, and this comes with the probability p_j.
        np.sum(squares / p) -> np.sum(squares / p**2) | The squares are divided by p_j^2. The mean multiplies them by
          the probability p_j once.
        np.sum(squares / p) -> np.mean(squares / p) | This is a mean over keys. The expectation is a sum, and p_j is in
          it already.
        np.sum(squares / p) -> np.sum((squares / p)[drawn]) | The sum runs over drawn keys. The expectation runs over
          all keys.
        return estimate, (np.sum(squares / p) - np.linalg.norm(P @ V) ** 2) / m -> return estimate,
          np.linalg.norm(estimate - P @ V) ** 2 | This is the squared error of these draws. Its expectation over all
          draws is asked for.
        return estimate, (np.sum(squares / p) - np.linalg.norm(P @ V) ** 2) / m -> return estimate, np.sqrt((
          np.sum(squares / p) - np.linalg.norm(P @ V) ** 2) / m) | This is the root. The expectation of the squared
          error is asked for.
        return estimate, (np.sum(squares / p) - np.linalg.norm(P @ V) ** 2) / m -> return estimate | The estimate alone
          is returned. Return the expected squared error, too.
        """,
    )
    + (
        Mistake(
            lambda P, V, p, drawn: sampled(P, V, p, drawn)[::-1],
            "The two results are exchanged. The estimate comes first.",
        ),
    ),
    hints=(
        "The estimate is the mean over draws of P_J v_J^T / p_J. `P[:, drawn]` and `V[drawn]` keep repeated draws.",
        "`P[:, drawn] / (m * p[drawn])` divides each column by its own number.",
        "One draw X has E ||X||^2 = sum_j p_j ||P_j v_j^T||^2 / p_j^2, and ||P_j v_j^T|| = ||P_j|| ||v_j||.",
        "E ||X - P V||^2 = E ||X||^2 - ||P V||^2 for one draw. The mean of m independent draws has 1/m of it.",
    ),
)
