"""Exercise 5.8: a mixture of experts."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn


def mixture(X, W_R, experts, shared, n_active):
    S = X @ W_R
    G = np.exp(S - S.max(axis=1, keepdims=True))
    G = G / G.sum(axis=1, keepdims=True)
    chosen = np.argsort(-G, axis=1)[:, :n_active]
    Y = shared(X)
    for j, expert in enumerate(experts):
        rows = (chosen == j).any(axis=1)
        Y[rows] += G[rows, j][:, None] * expert(X[rows])
    return Y


def _by_rank(X, W_R, experts, shared, n_active):
    """The weights in the order of the experts' numbers, given to the chosen experts in the order of their weights."""
    S = X @ W_R
    G = np.exp(S - S.max(axis=1, keepdims=True))
    G = G / G.sum(axis=1, keepdims=True)
    best = np.argsort(-G, axis=1)[:, :n_active]
    outputs = np.stack([expert(X) for expert in experts], axis=1)
    routed = np.take_along_axis(outputs, best[:, :, None], axis=1)
    return shared(X) + (G[:, :n_active, None] * routed).sum(axis=1)


def _expert(seed, d):
    W = randn(d, d, seed=seed)
    return lambda X: np.tanh(X @ W)


def _general(n, d, n_experts, n_active, seed):
    X, W_R = randn(n, d, seed=seed), randn(d, n_experts, seed=seed + 1)
    return X, W_R, [_expert(seed + 2 + j, d) for j in range(n_experts)], _expert(seed + 50, d), n_active


def _large():
    X, W_R, *others = _general(6, 3, 5, 2, seed=90)
    X[:, -1], W_R[-1] = (800, 2000, 800, 800, 2000, 2000), (1, 1, 1, 1, 0)
    return X, W_R, *others


def _cubes(factor):
    return lambda X: factor * X**3


P = [
    [0.2, 0.4, 0.1, 0.25, 0.05],
    [0.1, 0.05, 0.15, 0.4, 0.3],
    [0.15, 0.1, 0.45, 0.05, 0.25],
    [0.05, 0.3, 0.2, 0.1, 0.35],
]

EXPERTS = Exercise(
    id="5.8",
    title="a mixture of experts",
    minutes=7,
    difficulty=2,
    solution=mixture,
    stages=(
        Stage(
            (np.eye(4), np.log(P), [_cubes(factor) for factor in (10.0, 20.0, 40.0, 80.0, 160.0)], _cubes(1.0), 3),
            "four rows of an identity matrix; their weights are (0.2, 0.4, 0.1, 0.25, 0.05), (0.1, 0.05, 0.15, 0.4, "
            "0.3), (0.15, 0.1, 0.45, 0.05, 0.25) and (0.05, 0.3, 0.2, 0.1, 0.35); three active experts; the experts "
            "multiply the cubes of entries by 10, 20, 40, 80, 160, the shared expert by 1",
        ),
        Stage(_general(9, 4, 6, 3, seed=10), "nine tokens, width 4, three of six experts"),
        Stage(_general(5, 3, 5, 2, seed=30), "five tokens, width 3, two of five experts"),
        Stage(_general(7, 3, 4, 1, seed=70), "seven tokens, width 3, one of four experts"),
        Stage(_large(), "six tokens with logits of the router near 800 or 2000, and one of each token near 0"),
    ),
    mistakes=(
        *edits(
            mixture,
            """
            G / G.sum(axis=1, keepdims=True) -> G / np.sort(G, axis=1)[:, -n_active:].sum(axis=1, keepdims=True) | The
                weights of the chosen experts sum to 1. Take the softmax over all experts, and do not divide the chosen
                weights by their sum.
            G[rows, j][:, None] * expert -> expert | The weights are missing. Multiply the output of each chosen expert
                by its entry of the softmax.
            G[rows, j][:, None] * expert -> expert && return Y -> return shared(X) + (Y - shared(X)) / n_active | This
                is the mean of the chosen experts. Multiply the output of each by its entry of the softmax.
            Y = shared(X) -> Y = 0 * X | The shared expert is missing. Every token passes it, with weight 1.
            Y = shared(X) -> Y = X + shared(X) | The rows X themselves are added. The skip connection is not part of the
                mixture.
            Y = shared(X) -> Y = 0 * X && return Y -> return Y + G.max(axis=1, keepdims=True) * shared(X) | The shared
                expert is multiplied by the largest weight. Its weight is 1.
            -G, axis=1 -> G, axis=1 | The experts with the smallest weights are chosen. `argsort` sorts in ascending
                order.
            [:, :n_active] -> | All experts are active. Take the n_active largest weights of each row.
            -G, axis=1)[:, :n_active] -> -G, axis=0)[:n_active] && (chosen == j).any(axis=1) ->
                np.isin(np.arange(len(X)), chosen[:, j]) | Each expert takes the n_active tokens that suit it best. Each
                token takes n_active experts.
            -G, axis=1)[:, :n_active] -> -G, axis=0)[:, :n_active] | `argsort` runs over the tokens. Sort the weights of
                each row, along axis 1.
            np.argsort(-G, axis=1) -> np.argsort(-G.sum(axis=0) + 0 * G, axis=1) | All tokens pass the same experts,
                those with the largest sum of weights. Choose for each token by its own weights.
            [:, :n_active] -> [:, :1] | Only one expert is active. Take n_active of them.
            return Y -> return shared(X) | Only the shared expert contributes. Add the outputs of the chosen experts.
            [:, :n_active] -> [:, 1:n_active + 1] | The expert with the largest weight is left out. The chosen experts
                are the first n_active in descending order.
            [:, :n_active] -> [:, :n_active + 1] | Each token passes n_active + 1 experts. It passes n_active.
            [:, :n_active] -> [:, :n_active - 1] | Each token passes n_active - 1 experts. It passes n_active.
            np.argsort(-G, axis=1)[:, :n_active] -> np.arange(n_active) + np.zeros((len(X), 1)) | The first n_active
                experts are active. Take those with the largest weights.
            np.exp(S - S.max(axis=1, keepdims=True)) -> S && G / G.sum(axis=1, keepdims=True) -> G | The logits are
                taken as weights. Apply a softmax to each row first.
            G / G.sum(axis=1, keepdims=True) -> np.exp(S) | The exponentials are not divided by their sum. The weights
                are a softmax.
            G / G.sum(axis=1, keepdims=True) -> G | The exponentials are not divided by their sum. The weights are a
                softmax, whose rows sum to 1.
            G / G.sum(axis=1, keepdims=True) -> 1 / (1 + np.exp(-S)) | The weights are sigmoids, as in DeepSeek-V3. Here
                they are a softmax.
            np.exp(S - S.max(axis=1, keepdims=True)) -> 1 / (1 + np.exp(-S)) && G / G.sum(axis=1, keepdims=True) -> G /
                np.sort(G, axis=1)[:, -n_active:].sum(axis=1, keepdims=True) | The weights are sigmoids, divided by the
                sum of the chosen ones, as in DeepSeek-V3. Here they are a softmax.
            S.max(axis=1, keepdims=True) -> S.max(axis=0) && G.sum(axis=1, keepdims=True) -> G.sum(axis=0) | The softmax
                runs over the tokens. It runs over the experts, so that each row sums to 1.
            G.sum(axis=1, keepdims=True) -> G.sum(axis=0) | The exponentials are divided by sums over the tokens.
                Divide by the sum over the experts, so that each row sums to 1.
            G.sum(axis=1, keepdims=True) -> G.mean(axis=1, keepdims=True) | The exponentials are divided by the mean of
                their row. Divide by its sum.
            G / G.sum(axis=1, keepdims=True) -> G / G.sum() | One sum over all tokens divides the exponentials. Each row
                has a sum of its own.
            S - S.max(axis=1, keepdims=True) -> S.max(axis=1, keepdims=True) - S | The sign in the exponential is wrong.
                A large logit gives a large weight.
            np.exp(S - S.max(axis=1, keepdims=True)) -> S - S.max(axis=1, keepdims=True) | The exponential is missing.
                The weights are a softmax.
            S - S.max(axis=1, keepdims=True) -> S | The exponential overflows for large logits. Subtract each row's
                largest logit first.
            S = X @ W_R -> S = X @ W_R / np.sqrt(X.shape[1]) | The logits are divided by the root of d, as in attention.
                The router's logits are X W_R.
            G / G.sum(axis=1, keepdims=True) -> np.exp(G / G.sum(axis=1, keepdims=True)) / np.exp(G /
                G.sum(axis=1, keepdims=True)).sum(axis=1, keepdims=True) | A softmax is applied twice. Apply it once, to
                X W_R.
            G[rows, j][:, None] * expert(X[rows]) -> expert(G[rows, j][:, None] * X[rows]) | The expert's input is
                multiplied by the weight. Multiply its output.
            G[rows, j][:, None] -> G[rows, j][:, None] ** 2 | The weights enter twice. Multiply the output of an expert
                by its weight once.
            G[rows, j][:, None] -> G[rows].max(axis=1)[:, None] | All chosen experts have the largest weight. Each has
                its own.
            Y[rows] += -> Y[rows] -= | The outputs of the chosen experts are subtracted. Add them.
            * expert(X[rows]) -> | The weights themselves are added. Multiply each by the output of its expert.
            S.max(axis=1, keepdims=True) -> S.max(axis=0) | The largest logit of each expert is subtracted, which
                changes the weights. Subtract the largest logit of each token.
            return Y -> return Y / (1 + n_active) | The sum is divided by the number of its terms. Return the sum
              itself.
            """,
        ),
        Mistake(
            _by_rank,
            "The weights of the first n_active experts stand at the chosen ones. Each chosen expert has its own entry "
            "of the softmax.",
        ),
    ),
    hints=(
        "The weights are `softmax(X @ W_R)`, a row of numbers for each token, one for each expert. Subtract the row's "
        "largest logit before the exponential.",
        "`np.argsort(-G, axis=1)[:, :n_active]` holds the numbers of the chosen experts, one row for each token.",
        "Begin with `shared(X)`. For expert j find the rows that chose it, and add its outputs there, each times its "
        "entry of `G[:, j]`.",
    ),
)
