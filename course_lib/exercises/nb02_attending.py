"""Exercises 2.1 and 2.2: attention with the exponential kernel, kernel regression."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, draw

N_Q, N_KV, D_QK, D_V = 4, 7, 5, 3  # mutually prime, so that a transposed axis cannot pass


# 2.1 ------------------------------------------------------------------------------------------------------------------


def attend(Q, K, V):
    A = np.exp(Q @ K.T / np.sqrt(Q.shape[-1]))
    Z = A.sum(axis=-1, keepdims=True)
    return A / Z @ V


def _scores(Q, K):
    return np.exp(Q @ K.T / np.sqrt(Q.shape[-1]))


def _by_scale(scale):
    def answer(Q, K, V):
        A = np.exp(scale(Q, K, V) * (Q @ K.T))
        return A / A.sum(-1, keepdims=True) @ V

    return answer


def _weighted_keys(Q, K, V):
    return _scores(Q, K) / _scores(Q, K).sum(-1, keepdims=True) @ K


def _linear_kernel(Q, K, V):
    A = Q @ K.T / np.sqrt(Q.shape[-1])
    return A / A.sum(-1, keepdims=True) @ V


def _columns(Q, K, V):
    return _scores(Q, K) / _scores(Q, K).sum(0, keepdims=True) @ V


def _hardest(Q, K, V):
    return V[np.argmax(Q @ K.T, axis=-1)]


ATTEND = Exercise(
    id="2.1",
    title="attention with the exponential kernel",
    minutes=8,
    difficulty=1,
    solution=attend,
    stages=(
        Stage((draw(1, D_QK), draw(1, D_QK, seed=3), draw(1, D_V, seed=4)), "one key, so its weight is 1"),
        Stage((draw(1, 1), draw(2, 1, seed=3), draw(2, D_V, seed=4)), "one query, two keys, width d_QK = 1"),
        Stage((draw(N_Q, 1), draw(N_KV, 1, seed=3), draw(N_KV, D_V, seed=4)), "several queries, width d_QK = 1"),
        Stage(
            (draw(N_Q, D_QK), draw(N_KV, D_QK, seed=3), draw(N_KV, D_V, seed=4)),
            "four queries, seven keys, d_QK = 5, d_V = 3",
        ),
    ),
    mistakes=(
        Mistake(_weighted_keys, "the weights multiply K; the output is a mean of the values, Y = P V"),
        Mistake(
            lambda Q, K, V: _scores(Q, K) @ V,
            "the normaliser is missing: the weights of a row do not sum to 1; divide row i of A by its sum Z_ii",
        ),
        Mistake(
            lambda Q, K, V: _scores(Q, K) / _scores(Q, K).sum() @ V,
            "one sum divides all of A; each row has a normaliser of its own (axis=-1, keepdims=True)",
        ),
        Mistake(
            _columns,
            "the columns of your weights sum to 1; Z holds the sums over the keys, along the last axis of A",
        ),
        Mistake(_linear_kernel, "this is the linear kernel f(x) = x; the exponential is missing"),
        Mistake(
            lambda Q, K, V: _scores(Q, K) / _scores(Q, K).sum(-1, keepdims=True),
            "these are the weights P; the output is the mean that they take of the values, Y = P V",
        ),
        Mistake(_hardest, "you take the value of the best key alone; every key has a weight here"),
        Mistake(_by_scale(lambda Q, K, V: 1.0), "the scores are not divided by sqrt(d_QK)"),
        Mistake(_by_scale(lambda Q, K, V: 1 / Q.shape[1]), "the scores are divided by d_QK; it is its square root"),
        Mistake(_by_scale(lambda Q, K, V: Q.shape[1] ** 0.5), "the scores are multiplied by sqrt(d_QK), not divided"),
        Mistake(
            _by_scale(lambda Q, K, V: V.shape[1] ** -0.5),
            "the scale uses the width of V; it belongs to the width of queries and keys, d_QK = Q.shape[-1]",
        ),
        Mistake(
            _by_scale(lambda Q, K, V: len(K) ** -0.5),
            "the scale uses the number of keys; it belongs to the width of queries and keys, d_QK = Q.shape[-1]",
        ),
        Mistake(
            _by_scale(lambda Q, K, V: len(Q) ** -0.5),
            "the scale uses the number of queries; it belongs to the width of queries and keys, d_QK = Q.shape[-1]",
        ),
    ),
    hints=(
        "`Q @ K.T` holds all inner products: row i belongs to query i, column j to key j.",
        "A is the exponential of these products divided by sqrt(Q.shape[-1]), entry by entry.",
        "`A.sum(axis=-1, keepdims=True)` has shape (N_Q, 1); A divided by it is P, and the output is `P @ V`.",
    ),
)


# 2.2 ------------------------------------------------------------------------------------------------------------------


def smooth(x, x_data, y_data, bandwidth):
    squared = (x[:, None] - x_data[None, :]) ** 2  # (N_Q, N_KV)
    A = np.exp(-squared / (2 * bandwidth**2))
    return A @ y_data / A.sum(axis=-1)


def _smooth_by(kernel):
    def answer(x, x_data, y_data, bandwidth):
        A = kernel(x[:, None] - x_data, bandwidth)
        return A @ y_data / A.sum(-1)

    return answer


def _unnormalised(x, x_data, y_data, bandwidth):
    return np.exp(-((x[:, None] - x_data) ** 2) / (2 * bandwidth**2)) @ y_data


def _density(x, x_data, y_data, bandwidth):
    return _unnormalised(x, x_data, y_data, bandwidth) / (np.sqrt(2 * np.pi) * bandwidth * len(x_data))


def _by_columns(x, x_data, y_data, bandwidth):
    A = np.exp(-((x[:, None] - x_data) ** 2) / (2 * bandwidth**2))
    return A / A.sum(0) @ y_data


def _regression_data(n_queries: int, n_data: int, bandwidth: float):
    x_data = np.sort(np.random.default_rng(5).uniform(-1, 1, size=n_data))
    return np.linspace(-0.9, 0.8, n_queries), x_data, draw(n_data, seed=6), bandwidth


SMOOTH = Exercise(
    id="2.2",
    title="Nadaraya-Watson regression",
    minutes=5,
    difficulty=1,
    solution=smooth,
    stages=(
        Stage(_regression_data(3, 1, 0.7), "one data point, so its weight is 1 everywhere"),
        Stage(_regression_data(1, N_KV, 1.0), "one query, bandwidth 1"),
        Stage(_regression_data(N_Q, N_KV, 0.3), "four queries, seven data points, bandwidth 0.3"),
    ),
    mistakes=(
        Mistake(_unnormalised, "the normaliser is missing: divide by the sum of the weights of each query"),
        Mistake(
            _density,
            "you divide by the integral of the Gaussian, which normalises a density; a mean needs the sum of the "
            "weights of each query",
        ),
        Mistake(_by_columns, "each data point's weights sum to 1 over the queries; the sum runs over the data"),
        Mistake(_smooth_by(lambda t, b: np.exp(-(t**2) / b**2)), "the factor 2 in 2 b^2 is missing"),
        Mistake(_smooth_by(lambda t, b: np.exp(-(t**2) / (2 * b))), "the bandwidth is not squared: 2 b, not 2 b^2"),
        Mistake(_smooth_by(lambda t, b: np.exp(-(t**2) / 2)), "the bandwidth is not used"),
        Mistake(
            _smooth_by(lambda t, b: np.exp(-(t**2) / 2 * b**2)),
            "the bandwidth multiplies: Python reads a / 2 * b**2 as (a / 2) * b**2; put 2 * bandwidth**2 in brackets",
        ),
        Mistake(
            _smooth_by(lambda t, b: np.exp(t**2 / (2 * b**2))),
            "the sign is missing: the weights grow with the distance; near data should count most",
        ),
        Mistake(_smooth_by(lambda t, b: np.exp(-abs(t) / b)), "the distance is not squared: this is a Laplace kernel"),
        Mistake(
            _smooth_by(lambda t, b: np.exp(-abs(t) / (2 * b**2))),
            "the distance is not squared, though the bandwidth is: both are, in a Gaussian",
        ),
    ),
    hints=(
        "`x[:, None] - x_data[None, :]` holds all differences: row i belongs to query i, column j to data point j.",
        "A is exp(-difference^2 / (2 bandwidth^2)).",
        "`A @ y_data` sums the weighted values, `A.sum(axis=-1)` the weights: divide the one by the other.",
    ),
)
