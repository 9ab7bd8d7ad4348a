"""Exercises 3.1 and 3.2: heads as slices of columns, all heads in one layer."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, draw

N, D, H, D_HEAD = 5, 7, 3, 2  # mutually prime, so that a transposed axis cannot pass


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
        Stage((draw(N, D_HEAD), 1), "one head: only a leading axis of length 1 is new"),
        Stage((np.arange(12.0).reshape(2, 6), 3), "two tokens, three heads of width 2"),
        Stage((draw(N, H * D_HEAD), H), "five tokens, three heads of width 2"),
    ),
    mistakes=(
        Mistake(
            _reshape_only,
            "reshaping straight to (h, n, e) cuts the rows of Q in memory order, so one head receives numbers of "
            "other tokens; make the axes (n, h, e) first, then move the head axis to the front",
        ),
        Mistake(
            lambda Q, n_heads: Q.reshape(len(Q), n_heads, -1).transpose(1, 2, 0),
            "the axes are in the order (h, e, n): each head is transposed; its rows are tokens",
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


def _one_normaliser(X, W_Q, W_K, W_V, W_O):
    S = (X @ W_Q) @ (X @ W_K).transpose(0, 2, 1) * W_Q.shape[-1] ** -0.5
    return _concatenate(_softmax(S, axis=(0, 2)) @ (X @ W_V)) @ W_O


def _summed_scores(X, W_Q, W_K, W_V, W_O):
    S = (X @ W_Q) @ (X @ W_K).transpose(0, 2, 1) * W_Q.shape[-1] ** -0.5
    return _concatenate(_softmax(S.sum(0)) @ (X @ W_V)) @ W_O


def _scale_of_values(X, W_Q, W_K, W_V, W_O):
    return _concatenate(_heads(X, W_Q, W_K, W_V, scale=W_V.shape[-1] ** -0.5)) @ W_O


def _averaged(X, W_Q, W_K, W_V, W_O):
    return multi_head(X, W_Q, W_K, W_V, W_O) / len(W_Q)


def _interleaved(X, W_Q, W_K, W_V, W_O):
    return _heads(X, W_Q, W_K, W_V).transpose(1, 2, 0).reshape(len(X), -1) @ W_O


def _one_token():
    return draw(1, D), draw(H, D, D_HEAD), draw(H, D, D_HEAD, seed=4), draw(H, D, 2), draw(H * 2, 4)


def _one_head():
    return draw(N, D), draw(1, D, D_HEAD), draw(1, D, D_HEAD, seed=4), draw(1, D, 3), draw(3, 4)


def _three_heads():
    X, W_V, W_O = draw(N, D), draw(H, D, 4, seed=5), draw(H * 4, 11, seed=6)
    return X, draw(H, D, D_HEAD), draw(H, D, D_HEAD, seed=4), W_V, W_O


MULTI_HEAD = Exercise(
    id="3.2",
    title="multi-head attention",
    minutes=15,
    difficulty=2,
    solution=multi_head,
    stages=(
        Stage(_one_token(), "one token: its weight is 1 in each head, so only values and W_O matter"),
        Stage(_one_head(), "one head: this is the attention of notebook 02, times W_O"),
        Stage(_three_heads(), "five tokens, three heads, values wider than keys"),
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
        Mistake(_scale_of_values, "the scale uses the width of the values; it is sqrt(d_QK), the width of the queries"),
        Mistake(
            _one_normaliser,
            "one normaliser is shared by all heads; each head has its own Z_h, and its weights sum to 1",
        ),
        Mistake(
            _summed_scores,
            "the scores of all heads are added, so that all heads have the same weights; each head keeps its own",
        ),
        Mistake(_averaged, "the result is divided by the number of heads; the heads are concatenated, not averaged"),
        Mistake(
            _interleaved,
            "the columns of the heads are interleaved; those of head 0 come first, then those of head 1, and so on",
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
