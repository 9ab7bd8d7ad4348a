"""Exercise 13.4: positive random features of queries and keys, with the directions given."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn


def features(Q, K, W, scale):
    found = []
    for X in (Q, K):
        X = np.sqrt(scale) * X
        lengths = np.linalg.norm(X, axis=1, keepdims=True)
        found.append(np.exp(X @ W.T - lengths**2 / 2) / np.sqrt(len(W)))
    return tuple(found)


def _inputs(n: int, N: int, d: int, m: int, scale: float, seed: int) -> tuple:
    return randn(n, d, seed=seed), randn(N, d, seed=seed + 1), randn(m, d, seed=seed + 2), scale


def _long() -> tuple:
    """A query along a direction for which exp(<w, x>) overflows and exp(<w, x> - ||x||^2 / 2) does not."""
    W, axis = randn(3, 5, seed=7), np.array([0.5, 0.5, 0.0, -0.5, 0.5])  # products are exact in float32
    W[1] = 19.5 * axis
    return np.vstack([38.0 * axis, randn(1, 5, seed=8)]), randn(6, 5, seed=9), W, 1.0


FEATURES = Exercise(
    id="13.4",
    title="features whose products are exponentials",
    minutes=8,
    difficulty=2,
    solution=features,
    stages=(
        Stage(_inputs(3, 4, 2, 6, 1.0, 20), "the scale is 1; three queries, four keys, six directions in R^2"),
        Stage(_inputs(5, 5, 3, 5, 1.0, 10), "the scale is 1; five queries, five keys, five directions in R^3"),
        Stage(_inputs(4, 6, 3, 7, 0.4, 30), "the scale is 0.4"),
        Stage(_inputs(2, 7, 6, 3, 2.5, 40), "the scale is 2.5"),
        Stage(_long(), "a query so long that exp(<w, q>) alone overflows"),
    ),
    mistakes=edits(
        features,
        """
        / np.sqrt(len(W)) -> | 1/sqrt(m) is missing. The product of two features is a sum of m terms, and the mean of
          these is asked for.
        / np.sqrt(len(W)) -> / len(W) | The features are divided by m. The product of two features has the factor
          twice, so divide each by the root of m.
        / np.sqrt(len(W)) -> * np.sqrt(len(W)) | The features are multiplied by the root of m. Divide by it.
        / np.sqrt(len(W)) -> / np.sqrt(len(X)) | The features are divided by the root of the number of rows. Divide by
          that of the number of directions.
        / np.sqrt(len(W)) -> / np.sqrt(W.shape[1]) | The features are divided by the root of d. Divide by that of m,
          the number of directions.
        return tuple(found) -> return found[0] * np.sqrt(len(W)), found[1] / np.sqrt(len(W)) | 1/m stands in the
          features of the keys alone. One function serves both sides, so give each side 1/sqrt(m).
        return tuple(found) -> return found[0] / np.sqrt(len(W)), found[1] * np.sqrt(len(W)) | 1/m stands in the
          features of the queries alone. One function serves both sides, so give each side 1/sqrt(m).
        found.append -> lengths = lengths * (len(found) == 0); found.append | The term with the norm is missing for the
          keys. One function serves both sides.
        found.append -> lengths = lengths * len(found); found.append | The term with the norm is missing for the
          queries. One function serves both sides.
        X @ W.T - lengths**2 / 2 -> X @ W.T - lengths**2 / 2 - (X @ W.T).max(axis=1, keepdims=True) | The maximum of
          each row is subtracted, too. It does not cancel in the product of two features, so leave it out.
        X @ W.T - lengths**2 / 2 -> X @ W.T - lengths**2 / 2 - (X @ W.T).max() | The maximum over all rows is
          subtracted, too. It does not cancel in the product of two features, so leave it out.
        X @ W.T - lengths**2 / 2 -> X @ W.T - (X @ W.T).max(axis=1, keepdims=True) | The largest exponent of each row is
          subtracted, as in a softmax. It does not cancel in the product of two features, so leave it out.
        X @ W.T -> X @ (W / np.linalg.norm(W, axis=1, keepdims=True)).T | The directions are brought to length 1. Use
          them as they are given.
        X @ W.T - lengths**2 / 2 -> X @ W.T | The term with the norm is missing. The mean of exp(<w, q + k>) has the
          factors exp(||q||^2 / 2) and exp(||k||^2 / 2) too much, so subtract ||x||^2 / 2 in the exponent.
        X @ W.T - lengths**2 / 2 -> X @ W.T + lengths**2 / 2 | The term with the norm has the wrong sign. It takes away
          the excess of exp(||q + k||^2 / 2) over exp(<q, k>).
        lengths**2 / 2 -> lengths**2 | The norm is not halved. Subtract ||x||^2 / 2.
        lengths**2 / 2 -> lengths / 2 | The norm is not squared. Subtract ||x||^2 / 2.
        lengths**2 / 2 -> lengths**2 / 2 / W.shape[1] | The term with the norm is divided by d. It is the squared norm
          itself, halved.
        X = np.sqrt(scale) * X -> X = scale * X | Both rows are multiplied by the scale, so products have its square.
          Multiply each row by its square root.
        X = np.sqrt(scale) * X -> X = scale**0.25 * X | The rows are multiplied by the fourth root of the scale.
          Multiply them by its square root.
        X = np.sqrt(scale) * X -> pass | The scale is missing. Multiply both queries and keys by its square root.
        X = np.sqrt(scale) * X -> X = X * (scale if X is Q else 1) | The scale multiplies the queries alone. Each side
          has a norm term of its own, so multiply both sides by its square root.
        X = np.sqrt(scale) * X -> X = X * (scale if X is K else 1) | The scale multiplies the keys alone. Each side has
          a norm term of its own, so multiply both sides by its square root.
        X = np.sqrt(scale) * X -> X = X * (np.sqrt(scale) if X is Q else 1) | Only the queries are multiplied by the
          root of the scale. Multiply the keys by it, too.
        X = np.sqrt(scale) * X -> X = X * (np.sqrt(scale) if X is K else 1) | Only the keys are multiplied by the root
          of the scale. Multiply the queries by it, too.
        X = np.sqrt(scale) * X -> X = X / np.sqrt(scale) | The rows are divided by the root of the scale. Multiply
          them.
        X = np.sqrt(scale) * X -> X = X / X.shape[1] ** 0.25 | The scale is taken for 1/sqrt(d). It is given.
        X = np.sqrt(scale) * X -> pass && X @ W.T - -> np.sqrt(scale) * X @ W.T - | The scale is missing in the norm.
          It belongs to x, so it stands in <w, x> and in ||x||^2.
        X = np.sqrt(scale) * X -> pass && X @ W.T - lengths**2 / 2 -> X @ W.T - scale * lengths**2 / 2 | The scale is
          missing in <w, x>. It belongs to x, so it stands in <w, x> and in ||x||^2.
        X = np.sqrt(scale) * X -> pass && X @ W.T - -> scale * X @ W.T - && lengths**2 / 2 -> scale * lengths**2 / 2 |
          <w, x> is multiplied by the scale itself. Multiply it by the square root.
        np.exp(X @ W.T - lengths**2 / 2) -> np.cos(X @ W.T) | These are cosines without a norm. Positive features are
          exponentials.
        np.exp(X @ W.T - lengths**2 / 2) -> np.cos(X @ W.T) * np.exp(-(lengths**2) / 2) | These are cosines. They take
          both signs; positive features are exponentials.
        np.exp(X @ W.T - lengths**2 / 2) -> np.cos(X @ W.T) * np.exp(lengths**2 / 2) | These are trigonometric features
          without their sines. They take both signs; positive features are exponentials.
        np.exp(X @ W.T - lengths**2 / 2) -> (X @ W.T - lengths**2 / 2) | The exponential is missing.
        np.exp(X @ W.T - lengths**2 / 2) -> np.exp(X @ W.T) * np.exp(-(lengths**2) / 2) | exp(<w, x>) overflows before
          it is multiplied. Subtract within one exponential.
        np.exp(X @ W.T - lengths**2 / 2) -> np.exp(X @ W.T) / np.exp(lengths**2 / 2) | exp(<w, x>) or exp(||x||^2 / 2)
          overflows before they are divided. Subtract within one exponential.
        X @ W.T - lengths**2 / 2 -> X @ W.T - np.linalg.norm(W, axis=1) ** 2 / 2 | The norm is that of the directions.
          Subtract ||x||^2 / 2, one number for each row.
        X @ W.T - lengths**2 / 2 -> lengths**2 / 2 - X @ W.T | The exponent has the wrong sign. It is <w, x> - ||x||^2
          / 2.
        (Q, K) -> (Q, Q) | Both features are those of the queries. The second ones are those of the keys.
        (Q, K) -> (K, K) | Both features are those of the keys. The first ones are those of the queries.
        np.linalg.norm(X, axis=1, keepdims=True) -> np.linalg.norm(X) | The norm is that of all rows together. Each row
          has its own.
        return tuple(found) -> return found[0] @ found[1].T | These are the products of the features. Return the
          features of the queries and those of the keys.
        return tuple(found) -> return found[1], found[0] | The two results are exchanged. The features of the queries
          come first.
        return tuple(found) -> return found[0] | Features of the queries alone are returned. Return those of the keys,
          too.
        """,
    )
    + (
        Mistake(
            lambda Q, K, W, scale: tuple(
                np.hstack([np.cos(S), np.sin(S)])
                * np.exp(scale * np.linalg.norm(X, axis=1, keepdims=True) ** 2 / 2)
                / len(W) ** 0.5
                for X in (Q, K)
                for S in [scale**0.5 * X @ W.T]
            ),
            "These are trigonometric features, which take both signs. Positive features are exponentials.",
        ),
        Mistake(
            lambda Q, K, W, scale: tuple(
                A / A.sum(axis=1, keepdims=True) for X in (Q, K) for A in [np.exp(scale**0.5 * X @ W.T)]
            ),
            "The features of each row are normalised to the sum 1. Rows of the product are normalised, not features.",
        ),
    ),
    hints=(
        "Let x be the row of Q or of K times the square root of the scale. Then <q, k> is already scaled.",
        "E exp(<w, q + k>) = exp(||q + k||^2 / 2) = exp(<q, k>) times a factor of q alone and a factor of k alone.",
        "phi(x) = exp(W x - ||x||^2 / 2) / sqrt(m). `np.linalg.norm(X, axis=1, keepdims=True)` has the norms.",
    ),
)
