"""Exercises 2.1 and 2.2: attention with the exponential kernel, and kernel regression."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits, randn


def _inputs(n_queries: int, n_keys: int, d_qk: int, d_v: int) -> tuple:
    return randn(n_queries, d_qk, seed=2), randn(n_keys, d_qk, seed=3), randn(n_keys, d_v, seed=4)


# 2.1 ------------------------------------------------------------------------------------------------------------------


def attend(Q, K, V):
    A = np.exp(Q @ K.T / np.sqrt(Q.shape[-1]))
    Z = A.sum(axis=-1, keepdims=True)
    return A / Z @ V


ATTEND = Exercise(
    id="2.1",
    title="attention with the exponential kernel",
    minutes=8,
    difficulty=1,
    solution=attend,
    stages=(
        Stage(_inputs(1, 1, 1, 3), "one key, so its weight is 1"),
        Stage(
            (np.ones((1, 1)), np.array([[0.3], [-0.5], [1.2]]), randn(3, 4)), "one query, three keys, width d_QK = 1"
        ),
        Stage(_inputs(6, 6, 1, 3), "as many queries as keys, width d_QK = 1"),
        Stage(_inputs(4, 7, 5, 3), "four queries, seven keys, d_QK = 5, d_V = 3"),
    ),
    mistakes=edits(
        attend,
        """
        A / Z @ V -> A / Z @ K | The weights multiply K. The output is a mean of the values, Y = P V.
        A / Z @ V -> A @ V | The weights of a row do not sum to 1. Divide row i of A by its sum Z_ii.
        axis=-1, keepdims=True -> keepdims=True | One sum divides all of A. Each row needs its own sum (`axis=-1`).
        axis=-1, keepdims=True -> axis=-1 | Column j of A is divided by the sum of row j. With `keepdims=True` the sums
            stand below each other, and each divides its own row.
        axis=-1 -> axis=0 | The columns of your weights sum to 1. Sum over the keys, along the last axis of A.
        np.exp(Q @ K.T / np.sqrt(Q.shape[-1])) -> Q @ K.T / np.sqrt(Q.shape[-1]) | This is the linear kernel f(x) = x.
            The exponential is missing.
        return A / Z @ V -> return A / Z @ V, A / Z | You return two results, Y and P. Return Y alone.
        A / Z @ V -> A / Z | These are the weights P. The output is the mean that they take of the values, Y = P V.
        A / Z @ V -> V[np.argmax(A, axis=-1)] | This is the value of the best key alone. Every key has a weight here.
        A / Z -> np.tril(A) / np.tril(A).sum(axis=-1, keepdims=True) | Later keys are hidden. No mask is asked for here.
        / np.sqrt(Q.shape[-1]) -> | The scores are not divided by sqrt(d_QK) before the exponential.
        Q @ K.T -> K @ K.T | The scores are those of the keys with themselves. Multiply queries by keys.
        A / Z @ V -> Z / (A @ V) | The quotient is inverted. Divide the sum of the weighted values by the sum of the
            weights.
        np.sqrt(Q.shape[-1]) -> Q.shape[-1] | The scores are divided by d_QK. Divide by its square root.
        / np.sqrt(Q.shape[-1]) -> * np.sqrt(Q.shape[-1]) | The scores are multiplied by sqrt(d_QK). Divide by it.
        Q.shape[-1] -> V.shape[-1] | The scale uses the width of V. It is the width of queries and keys,
            d_QK = Q.shape[-1].
        Q.shape[-1] -> len(K) | The scale uses the number of keys. It is the width of queries and keys,
            d_QK = Q.shape[-1].
        Q.shape[-1] -> len(Q) | The scale uses the number of queries. It is the width of queries and keys,
            d_QK = Q.shape[-1].
        Q.shape[-1] -> Q.ndim | The scale is sqrt(2) for every width. It is sqrt(d_QK) with d_QK = Q.shape[-1].
        np.exp(Q @ K.T / np.sqrt(Q.shape[-1])) -> Q @ K.T / np.sqrt(Q.shape[-1]) && A / Z @ V -> A @ V | Both the
            exponential and the normaliser are missing. Take the exponential of the logits, and divide each row
            by its sum.
        A / Z @ V -> A / Z @ V / np.sqrt(Q.shape[-1]) | The output is divided by sqrt(d_QK), too. Divide the scores
            only.
        A / Z @ V -> A @ V / (A @ V).sum(axis=-1, keepdims=True) | The rows of the output are divided by their sums.
            Divide the rows of A by theirs, Z_ii.
        A.sum(axis=-1, keepdims=True) -> A.mean(axis=-1, keepdims=True) | The rows of A are divided by their means.
            Divide row i by its sum Z_ii.
        A.sum(axis=-1, keepdims=True) -> np.linalg.norm(A, axis=-1, keepdims=True) | The rows of A are divided by their
            lengths. Divide row i by its sum Z_ii.
        np.exp(Q @ K.T -> np.exp(-Q @ K.T | The logits have the opposite sign, so the least similar keys count most.
        np.exp(Q @ K.T / np.sqrt(Q.shape[-1])) -> np.exp(-((Q[:, None] - K) ** 2).sum(-1) / (2 * np.sqrt(Q.shape[-1])))
            | This is a Gaussian of the distance between query and key. Take the exponential of their inner product.
        A / Z @ V -> np.full(A.shape, 1 / A.shape[-1]) @ V | All keys have the same weight. The weights are the
            exponentials of the logits, divided by their sum.
        np.exp(Q @ K.T / np.sqrt(Q.shape[-1])) -> np.exp(Q @ K.T) && A / Z @ V -> A / Z @ V / np.sqrt(Q.shape[-1]) | The
            output is divided by sqrt(d_QK) in the place of the scores. Divide the scores, before the exponential.
        A.sum(axis=-1, keepdims=True) -> A.sum(axis=-1, keepdims=True).cumsum(axis=0) | The sum goes on from query to
            query. It begins with 0 for each query.
        A / Z @ V -> A[:, -1:] / Z * V[-1] | Only the part of the last key is left. Add up the parts of all keys, with
            `+=` in a loop.
        """,
    ),
    hints=(
        "`Q @ K.T` holds all inner products. Row i belongs to query i, column j to key j.",
        "A is the exponential of these products divided by sqrt(Q.shape[-1]), entry by entry.",
        "`A.sum(axis=-1, keepdims=True)` has shape (N_Q, 1). A divided by it is P, and the output is `P @ V`.",
    ),
)


# 2.2 ------------------------------------------------------------------------------------------------------------------


def smooth(x, x_data, y_data, bandwidth):
    squared = (x[:, None] - x_data[None, :]) ** 2  # (n, N)
    A = np.exp(-squared / (2 * bandwidth**2))
    return A @ y_data / A.sum(axis=-1)


X_DATA, Y_DATA = np.array([0.4, -0.9, 0.1, 0.9, -0.3, -0.6, 0.7]), randn(7, seed=6)

SMOOTH = Exercise(
    id="2.2",
    title="Nadaraya-Watson regression",
    minutes=5,
    difficulty=1,
    solution=smooth,
    stages=(
        Stage((X_DATA[2:] + 0.25, X_DATA[2:], Y_DATA[2:], 0.6), "as many queries as data points, bandwidth 0.6"),
        Stage((np.array([0.2]), X_DATA, Y_DATA, 1.3), "one query, seven data points, bandwidth 1.3"),
        Stage((X_DATA[[3, 0, 5, 1]], X_DATA, Y_DATA, 0.3), "four queries that are data points themselves"),
        Stage((np.array([2.5]), X_DATA, Y_DATA, 0.16), "a query far from all data"),
    ),
    mistakes=edits(
        smooth,
        """
        / A.sum(axis=-1) -> | The weights do not sum to 1. Divide by the sum of the weights of each query.
        / A.sum(axis=-1) -> / (np.sqrt(2 * np.pi) * bandwidth * len(x_data)) | You divide by the integral of the
            Gaussian, as for a density. A mean needs the sum of the weights of each query.
        A @ y_data / A.sum(axis=-1) -> (A / A.sum(axis=0)) @ y_data | The weights of each data point sum to 1 over the
            queries. Sum over the data points.
        A @ y_data / A.sum(axis=-1) -> y_data @ A / A.sum(axis=0) | The axes are exchanged. Row i of A belongs to query
            i, column j to data point j.
        x[:, None] - x_data[None, :] -> x - x_data | Query i meets data point i alone. `x[:, None]` makes the queries a
            column, and then all differences arise.
        / (2 * bandwidth**2) -> / bandwidth**2 | The factor 2 in 2 b^2 is missing.
        2 * bandwidth**2 -> 2 * bandwidth | The bandwidth is not squared. Divide by 2 b^2.
        2 * bandwidth**2 -> 2 | The bandwidth is not used.
        (2 * bandwidth**2) -> (2 * bandwidth) ** 2 | The factor 2 is squared, too. Divide by 2 b^2, not by (2 b)^2.
        A @ y_data / A.sum(axis=-1) -> (A / A.sum(axis=-1)) @ y_data | Column j of A is divided by the sum of row j.
            With `keepdims=True` the sums stand below each other, and each divides its own row.
        x, x_data, y_data, bandwidth -> x, y_data, x_data, bandwidth | x_data and y_data have changed places. The
            weights come from x_data, and the mean is taken of y_data.
        (2 * bandwidth**2) -> 2 * bandwidth**2 | The bandwidth multiplies. Divide by 2 b^2. If you write a
            quotient, put 2 * bandwidth**2 in parentheses, because Python reads a / 2 * b**2 as (a / 2) * b**2.
        -squared -> squared | The weights grow with the distance, because the minus sign is missing.
        x_data[None, :]) ** 2 -> x_data[None, :]) | The difference is not squared, so its sign counts. A Gaussian
            squares it.
        / (2 * bandwidth**2) -> * 2 / bandwidth**2 | The factor 2 multiplies. Divide by 2 b^2.
        -squared / (2 * bandwidth**2) -> 0 * squared | All data points have the same weight. Near ones count more.
        A @ y_data / A.sum(axis=-1) -> A / A.sum(axis=-1, keepdims=True) | These are the weights. The estimate is the
            mean of y_data that they take.
        A @ y_data / A.sum(axis=-1) -> A @ y_data / A.mean(axis=-1) | You divide by the mean of the weights. Divide by
            their sum.
        / (2 * bandwidth**2) -> / (2 * bandwidth**2) ** 2 | The denominator is squared twice. Divide by 2 b^2.
        -squared / (2 * bandwidth**2) -> -np.sqrt(squared) / bandwidth | The distance is not squared. This is a Laplace
            kernel.
        -squared -> -np.sqrt(squared) | The distance is not squared. A Gaussian squares distance and bandwidth.
        A.sum(axis=-1) -> (A.sum(axis=-1) + 1e-8) | A small number is added to the sum of the weights. Far from all data
            the sum is smaller still, so the estimate is 0.
        A = np.exp(-squared / (2 * bandwidth**2)) -> A = np.exp(-squared / (2 * bandwidth**2)) * (squared > 0) | A data
            point at the query is left out. It counts most.
        A @ y_data / A.sum(axis=-1) -> A.sum(axis=-1) / A.sum(axis=-1) | The weights are summed without y_data. Their
            sum divided by itself is 1.
        A @ y_data / A.sum(axis=-1) -> A.sum(axis=-1) | This is the sum of the weights. The estimate is the mean of
            y_data that they take.
        A @ y_data -> A @ x_data | This is the weighted mean of x_data. Take that of y_data.
        / A.sum(axis=-1) -> / len(x_data) | You divide by the number of data points. Divide by the sum of the weights of
            each query.
        / A.sum(axis=-1) -> / A.sum() | All queries share one sum of weights. Each query has a sum of its own.
        np.exp(-squared / (2 * bandwidth**2)) -> -squared / (2 * bandwidth**2) | The exponential is missing.
        -squared / (2 * bandwidth**2) -> squared / bandwidth**2 | The minus sign in the exponent is missing, and so is
            the factor 2 in 2 b^2.
        (2 * bandwidth**2) -> bandwidth | The bandwidth is not squared, and the factor 2 is missing. Divide by 2 b^2.
        -squared / (2 * bandwidth**2) -> -(x[:, None] - x_data) / (2 * bandwidth) | Neither the difference nor the
            bandwidth is squared.
        -squared / (2 * bandwidth**2) -> x[:, None] * x_data / bandwidth**2 | This is the exponential of the product x
            x_j / b^2. A Gaussian depends on the difference x - x_j.
        A @ y_data / A.sum(axis=-1) -> y_data[A.argmax(axis=-1)] | This is the value at the nearest data point. All data
            points count, each with its weight.
        x[:, None] - x_data[None, :] -> x[:, None] + x_data[None, :] | x and x_j are added. Take their difference.
        A @ y_data / A.sum(axis=-1) -> (A @ y_data).cumsum() / A.sum(axis=-1).cumsum() | Both sums go on from query to
            query. They begin with 0 for each query.
        / A.sum(axis=-1) -> / y_data.sum() | You divide by the sum of y_data. Divide by the sum of the weights of each
            query.
        / A.sum(axis=-1) -> / (np.sqrt(2 * np.pi) * bandwidth) | You divide by the integral of one Gaussian. Divide by
            the sum of the weights of each query.
        / (2 * bandwidth**2) -> / (2 * bandwidth**2) / np.sqrt(2) | The exponent is divided by sqrt(2), too, as scores
            are by sqrt(d_QK). The Gaussian has no such factor.
        """,
    ),
    hints=(
        "`x[:, None] - x_data[None, :]` holds all differences. Row i belongs to query i, column j to data point j.",
        "A is exp(-difference^2 / (2 bandwidth^2)).",
        "`A @ y_data` sums the weighted values, and `A.sum(axis=-1)` sums the weights. Divide the first by the second.",
    ),
)
