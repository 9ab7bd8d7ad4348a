"""Exercises 3.3 to 3.5: what W_O does, ranks, sizes."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, draw

N, H = 5, 3


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
        Stage((draw(1, N, 2), draw(2, 7)), "one head: its contribution is the whole output"),
        Stage((draw(H, N, 2), draw(H * 2, 7)), "three heads of width 2"),
    ),
    mistakes=(
        Mistake(_every_head_every_row, "every head is multiplied by the first rows of W_O; head h has rows of its own"),
        Mistake(_interleaved_rows, "head h took every n_heads-th row of W_O; its rows lie side by side"),
        Mistake(_sum_at_once, "this is the sum over the heads already; keep the head axis, (h, n, d_out)"),
        Mistake(
            lambda Y, W_O: contributions(Y, W_O).sum(0) - contributions(Y, W_O),
            "this is the output without head h; what head h itself adds is asked for",
        ),
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
    title="the rank before and after the softmax",
    minutes=5,
    difficulty=2,
    solution=ranks,
    stages=(
        Stage((4, 16), "fewer tokens than columns (N = 4, d_QK = 16)"),
        Stage((40, 8), "more tokens than columns (N = 40, d_QK = 8)"),
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
        Mistake(
            lambda N, d_qk: {"logits": d_qk, "weights": d_qk},
            "neither rank exceeds the number of rows N; and the rank of a causal P does not depend on d_QK",
        ),
    ),
    hints=(
        "What is the rank of the product of a random N x d with a random d x N matrix, for N > d, and for N < d?",
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
        Stage((5, 7, 1, 2, 3), "one head: d_in = 5, d_out = 7, d_QK = 2, d_V = 3"),
        Stage((5, 7, 3, 2, 3), "three heads of the same sizes"),
        Stage((8192, 8192, 64, 128, 128), "a real layer: d = 8192, 64 heads of width 128"),
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
        Mistake(
            lambda d_in, d_out, n_heads, d_qk, d_v: 2 * d_in * d_qk + d_in * d_v + d_v * d_out,
            "this is one head; each head has weights of its own, and W_O has rows for each",
        ),
        Mistake(
            lambda d_in, d_out, n_heads, d_qk, d_v: n_heads * (2 * d_in * d_qk + d_in * d_v + d_v * d_in),
            "W_O leads to d_out columns, not back to d_in",
        ),
        Mistake(
            lambda d_in, d_out, n_heads, d_qk, d_v: 4 * d_in * d_out,
            "4 d^2 holds only where d_in = d_out = n_heads d_QK = n_heads d_V",
        ),
    ),
    hints=(
        "Write down the shapes of the four weights; which of them are there once for each head?",
        "For each head W_Q and W_K of d_in x d_QK and W_V of d_in x d_V; once, W_O of (n_heads d_V) x d_out.",
    ),
)
