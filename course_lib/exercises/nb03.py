"""Exercises of notebook 03: heads as slices, heads in one product, what W_O does, ranks, sizes."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage

N, D, H, D_HEAD = 5, 7, 3, 2  # mutually prime, so that a transposed axis cannot pass


def _draw(*shape: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def _softmax(S: np.ndarray, axis: int = -1) -> np.ndarray:
    A = np.exp(S - S.max(axis, keepdims=True))
    return A / A.sum(axis, keepdims=True)


# 3.1 ------------------------------------------------------------------------------------------------------------------


def split_heads(Q, n_heads):
    n, width = Q.shape
    return Q.reshape(n, n_heads, width // n_heads).transpose(1, 0, 2)  # (n, h e) -> (n, h, e) -> (h, n, e)


def _reshape_only(Q, n_heads):
    return Q.reshape(n_heads, len(Q), -1)


def _tokens_first(Q, n_heads):
    return Q.reshape(len(Q), n_heads, -1)


def _heads_last(Q, n_heads):
    return Q.reshape(len(Q), -1, n_heads).transpose(2, 0, 1)


SPLIT = Exercise(
    id="3.1",
    title="cut the columns into heads",
    minutes=5,
    difficulty=1,
    solution=split_heads,
    stages=(
        Stage(lambda: (_draw(N, D_HEAD), 1), "one head: only a leading axis of length 1 is new"),
        Stage(lambda: (np.arange(12.0).reshape(2, 6), 3), "two tokens, three heads of width 2"),
        Stage(lambda: (_draw(N, H * D_HEAD), H), "five tokens, three heads of width 2"),
    ),
    mistakes=(
        Mistake(
            _reshape_only,
            "reshaping straight to (h, n, e) cuts the rows of Q in memory order, so one head receives numbers of "
            "other tokens; make the axes (n, h, e) first, then move the head axis to the front",
        ),
        Mistake(_tokens_first, "the axes are in the order (n, h, e); the head axis comes first here"),
        Mistake(
            _heads_last,
            "head h took every n_heads-th column; its columns lie side by side, h e to (h + 1) e - 1",
        ),
    ),
    hints=(
        "Columns h e to (h + 1) e - 1 of Q belong to head h. Which reshape of one row makes them a row of its own?",
        "`Q.reshape(n, n_heads, e)` gives the axes (n, h, e).",
        "`transpose(1, 0, 2)` exchanges the first two axes.",
    ),
)


# 3.2 ------------------------------------------------------------------------------------------------------------------


def multi_head(X, W_Q, W_K, W_V, W_O):
    Q, K, V = X @ W_Q, X @ W_K, X @ W_V  # the head axis of the weights broadcasts: (h, n, e)
    S = Q @ K.transpose(0, 2, 1) / np.sqrt(Q.shape[-1])
    A = np.exp(S - S.max(-1, keepdims=True))
    Y = A / A.sum(-1, keepdims=True) @ V  # (h, n, v)
    return Y.transpose(1, 0, 2).reshape(len(X), -1) @ W_O


def _heads(X, W_Q, W_K, W_V, scale=None, axis=-1):
    Q, K, V = X @ W_Q, X @ W_K, X @ W_V
    scale = Q.shape[-1] ** -0.5 if scale is None else scale
    return _softmax(Q @ K.transpose(0, 2, 1) * scale, axis) @ V


def _concatenate(Y):
    return np.concatenate(list(Y), axis=-1)


def _no_scale(X, W_Q, W_K, W_V, W_O):
    return _concatenate(_heads(X, W_Q, W_K, W_V, scale=1.0)) @ W_O


def _scale_of_the_model(X, W_Q, W_K, W_V, W_O):
    return _concatenate(_heads(X, W_Q, W_K, W_V, scale=X.shape[1] ** -0.5)) @ W_O


def _scale_of_all_heads(X, W_Q, W_K, W_V, W_O):
    return _concatenate(_heads(X, W_Q, W_K, W_V, scale=(W_Q.shape[0] * W_Q.shape[2]) ** -0.5)) @ W_O


def _columns_normalised(X, W_Q, W_K, W_V, W_O):
    return _concatenate(_heads(X, W_Q, W_K, W_V, axis=-2)) @ W_O


def _without_output(X, W_Q, W_K, W_V, W_O):
    return _concatenate(_heads(X, W_Q, W_K, W_V))


def _unmoved_heads(X, W_Q, W_K, W_V, W_O):
    return _heads(X, W_Q, W_K, W_V).reshape(len(X), -1) @ W_O


def _one_token():
    return _draw(1, D), _draw(H, D, D_HEAD), _draw(H, D, D_HEAD, seed=4), _draw(H, D, 2), _draw(H * 2, 4)


def _one_head():
    return _draw(N, D), _draw(1, D, D_HEAD), _draw(1, D, D_HEAD, seed=4), _draw(1, D, 3), _draw(3, 4)


def _three_heads():
    X, W_V, W_O = _draw(N, D), _draw(H, D, 4, seed=5), _draw(H * 4, 11, seed=6)
    return X, _draw(H, D, D_HEAD), _draw(H, D, D_HEAD, seed=4), W_V, W_O


MULTI_HEAD = Exercise(
    id="3.2",
    title="multi-head attention",
    minutes=15,
    difficulty=2,
    solution=multi_head,
    stages=(
        Stage(_one_token, "one token: its weight is 1 in each head, so only values and W_O matter"),
        Stage(_one_head, "one head: this is the attention of notebook 02, times W_O"),
        Stage(_three_heads, "five tokens, three heads, values wider than keys"),
    ),
    mistakes=(
        Mistake(_no_scale, "the scores are not divided by sqrt(d_QK)"),
        Mistake(
            _scale_of_the_model,
            "the scores are divided by sqrt(d_in); the scale is sqrt(d_QK), the width of one head's queries",
        ),
        Mistake(
            _scale_of_all_heads,
            "the scores are divided by the root of the width of all heads together; each head has its own "
            "scores, and d_QK is the width of one head",
        ),
        Mistake(
            _columns_normalised,
            "the columns of the weights sum to 1; the rows have to, since each query distributes its weight over keys",
        ),
        Mistake(_without_output, "the heads are concatenated, but W_O is not applied"),
        Mistake(
            _unmoved_heads,
            "the result has axes (h, n, v) when you reshape it to (n, h v), so numbers of different tokens end in one "
            "row; move the head axis behind the token axis first",
        ),
    ),
    hints=(
        "`X @ W_Q` already gives all heads: NumPy repeats X over the leading head axis of W_Q, and the result is "
        "(h, n, e).",
        "The scores of all heads are `Q @ K.transpose(0, 2, 1)`, (h, n, n); divide by `Q.shape[-1] ** 0.5`.",
        "Concatenating columns is `Y.transpose(1, 0, 2).reshape(n, -1)`; then comes `@ W_O`.",
    ),
)


# 3.3 ------------------------------------------------------------------------------------------------------------------


def contributions(Y, W_O):
    h, _, v = Y.shape
    return Y @ W_O.reshape(h, v, -1)  # rows h v to (h + 1) v - 1 of W_O meet head h only


def _every_head_every_row(Y, W_O):
    return Y @ W_O[: Y.shape[-1]]


def _interleaved_rows(Y, W_O):
    return np.stack([y @ W_O[head :: len(Y)] for head, y in enumerate(Y)])


def _sum_at_once(Y, W_O):
    return contributions(Y, W_O).sum(0)


def _averaged(Y, W_O):
    return contributions(Y, W_O) / len(Y)


CONTRIBUTIONS = Exercise(
    id="3.3",
    title="the output as a sum over heads",
    minutes=8,
    difficulty=2,
    solution=contributions,
    stages=(
        Stage(lambda: (_draw(1, N, 2), _draw(2, 7)), "one head: its contribution is the whole output"),
        Stage(lambda: (_draw(H, N, 2), _draw(H * 2, 7)), "three heads of width 2"),
    ),
    mistakes=(
        Mistake(_every_head_every_row, "every head is multiplied by the first rows of W_O; head h has rows of its own"),
        Mistake(_interleaved_rows, "head h took every n_heads-th row of W_O; its rows lie side by side"),
        Mistake(_sum_at_once, "this is the sum over the heads already; keep the head axis, (h, n, d_out)"),
        Mistake(_averaged, "the contributions are divided by the number of heads; their sum, not their mean, is Y"),
    ),
    hints=(
        "concat(Y_1, ..., Y_h) W_O is a product of a row of blocks with a column of blocks.",
        "Block h of W_O is the rows h v to (h + 1) v - 1: `W_O.reshape(h, v, -1)` has them as its leading axis.",
    ),
)


# 3.4 ------------------------------------------------------------------------------------------------------------------


def ranks(N, d_qk):
    return {"logits": min(N, d_qk), "weights": N}  # det P = prod_i P_ii > 0 for a causal P


RANKS = Exercise(
    id="3.4",
    title="how many ranks does the softmax add?",
    minutes=5,
    difficulty=2,
    solution=ranks,
    stages=(
        Stage(lambda: (4, 16), "fewer tokens than columns (N = 4, d_QK = 16)"),
        Stage(lambda: (40, 8), "more tokens than columns (N = 40, d_QK = 8)"),
    ),
    mistakes=(
        Mistake(
            lambda N, d_qk: {"logits": d_qk, "weights": N},
            "a matrix of N rows has rank at most N, however wide the heads are",
        ),
        Mistake(
            lambda N, d_qk: {"logits": min(N, d_qk), "weights": min(N, d_qk)},
            "the exponential acts on each entry, which does not keep the rank; a causal P is triangular with a "
            "positive diagonal",
        ),
        Mistake(
            lambda N, d_qk: {"logits": N, "weights": N},
            "Q K^T is a product through d_QK columns, so its rank is at most d_QK",
        ),
    ),
    hints=(
        "What is the rank of a product of an N x d and a d x N matrix with independent rows?",
        "The determinant of a triangular matrix is the product of its diagonal. What is the diagonal of a causal P?",
    ),
)


# 3.5 ------------------------------------------------------------------------------------------------------------------


def parameters(d_in, d_out, n_heads, d_qk, d_v):
    return n_heads * (2 * d_in * d_qk + d_in * d_v + d_v * d_out)


SIZES = Exercise(
    id="3.5",
    title="count the weights",
    minutes=5,
    difficulty=1,
    solution=parameters,
    stages=(
        Stage(lambda: (5, 7, 1, 2, 3), "one head: d_in = 5, d_out = 7, d_QK = 2, d_V = 3"),
        Stage(lambda: (5, 7, 3, 2, 3), "three heads of the same sizes"),
        Stage(lambda: (8192, 8192, 64, 128, 128), "a real layer: d = 8192, 64 heads of width 128"),
    ),
    mistakes=(
        Mistake(
            lambda d_in, d_out, n_heads, d_qk, d_v: n_heads * (2 * d_in * d_qk + d_in * d_v),
            "W_O is missing: n_heads d_V rows, d_out columns",
        ),
        Mistake(
            lambda d_in, d_out, n_heads, d_qk, d_v: n_heads * (2 * d_in * d_qk + d_in * d_v) + d_v * d_out,
            "W_O acts on the concatenated heads, so it has n_heads d_V rows, not d_V",
        ),
        Mistake(
            lambda d_in, d_out, n_heads, d_qk, d_v: n_heads * (d_in * d_qk + d_in * d_v + d_v * d_out),
            "queries and keys have a weight each: d_in d_QK counts twice",
        ),
    ),
    hints=("Four weights: W_Q and W_K of d_in x d_QK, W_V of d_in x d_V for each head, and W_O of (h d_V) x d_out.",),
)

EXERCISES = (SPLIT, MULTI_HEAD, CONTRIBUTIONS, RANKS, SIZES)
