"""Exercises 3.3 to 3.5: what W_O does, ranks, sizes."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn

# 3.3 ------------------------------------------------------------------------------------------------------------------


def contributions(Y, W_O):
    h, _, v = Y.shape
    return Y @ W_O.reshape(h, v, -1)  # rows i v to (i + 1) v - 1 of W_O meet head i only


CONTRIBUTIONS = Exercise(
    id="3.3",
    title="the output as a sum over heads",
    minutes=8,
    difficulty=2,
    solution=contributions,
    stages=(
        Stage((randn(3, 5, 2), randn(6, 7, seed=1)), "five tokens, three heads of width 2"),
        Stage((randn(2, 4, 3), randn(6, 6, seed=1)), "four tokens, two heads of width 3, square W_O"),
    ),
    mistakes=(
        *edits(
            contributions,
            """
            W_O.reshape(h, v, -1) -> W_O[:v] | All heads are multiplied by the first v rows of W_O. Head h has rows of
                its own, h v to (h + 1) v - 1.
            W_O.reshape(h, v, -1) -> W_O.reshape(v, h, -1).swapaxes(0, 1) | Head h took every n_heads-th row of W_O. Its
                rows lie side by side, h v to (h + 1) v - 1.
            W_O.reshape(h, v, -1) -> W_O.reshape(h, v, -1)[::-1] | The blocks of W_O are in reverse order. Head 0 has
                the first v rows.
            W_O.reshape(h, v, -1) -> W_O.T.reshape(h, v, -1) | W_O is transposed before it is cut. Its rows, not its
                columns, belong to heads.
            W_O.reshape(h, v, -1) -> W_O.reshape(h, -1, v).swapaxes(1, 2) | W_O is cut in another memory order, so its
                columns mix. Block h is its rows h v to (h + 1) v - 1.
            return Y @ W_O.reshape(h, v, -1) -> return (Y @ W_O.reshape(h, v, -1))[::-1] | The heads are in reverse
                order. Head 0 comes first.
            return Y @ W_O.reshape(h, v, -1) -> return (Y @ W_O.reshape(h, v, -1)).swapaxes(1, 2) | Each contribution is
                transposed. Its rows are tokens, (h, n, d_out).
            return Y @ W_O.reshape(h, v, -1) -> return (Y @ W_O.reshape(h, v, -1))[0] | This is the contribution of head
                0 alone. Return those of all heads, (h, n, d_out).
            return Y @ W_O.reshape(h, v, -1) -> return np.concatenate(list(Y), axis=-1) | The heads are concatenated,
                but W_O is not applied. Multiply each head by its rows of W_O.
            return Y @ W_O.reshape(h, v, -1) -> return (np.arange(h) < h - 1)[:, None, None] * (Y @ W_O.reshape(h, v,
                -1)) | The last head is missing. The loop runs over all h heads.
            -1) -> -1) / h | The contributions are divided by the number of heads. Their sum is Y, not their mean.
            return Y @ W_O.reshape(h, v, -1) -> return (Y @ W_O.reshape(h, v, -1)).sum(0) | This is the sum over the
                heads already. Keep the head axis, (h, n, d_out).
            return Y @ W_O.reshape(h, v, -1) -> return (Y @ W_O.reshape(h, v, -1)).sum(0, keepdims=True) - Y @
                W_O.reshape(h, v, -1) | This is the output without head h. Return what head h itself adds.
            return Y @ W_O.reshape(h, v, -1) -> return (Y @ W_O.reshape(h, v, -1)).cumsum(0) | These are sums over the
                heads up to h. Return what head h adds by itself.
            return Y @ W_O.reshape(h, v, -1) -> return (Y @ W_O.reshape(h, v, -1)).mean(0) | This is the mean over the
                heads. Keep the head axis, (h, n, d_out).
            return Y @ W_O.reshape(h, v, -1) -> return np.concatenate(list(Y @ W_O.reshape(h, v, -1))) | The
                contributions stand one below the other, (h n, d_out). Give the heads an axis of their own, (h, n,
                d_out).
            return Y @ W_O.reshape(h, v, -1) -> return (Y @ W_O.reshape(h, v, -1)).sum(1) | This is the sum over the
                tokens. Keep the token axis, (h, n, d_out).
            return Y @ W_O.reshape(h, v, -1) -> return (Y @ W_O.reshape(h, v, -1)).swapaxes(0, 1) | The axes are in the
                order (n, h, d_out). The head axis comes first.
            return Y @ W_O.reshape(h, v, -1) -> return np.concatenate(list(Y @ W_O.reshape(h, v, -1)), axis=-1) | The
                contributions stand side by side, (n, h d_out). Give the heads an axis of their own, (h, n, d_out).
            """,
        ),
        Mistake(
            lambda Y, W_O: np.stack([y @ W_O[head : head + len(y.T)] for head, y in enumerate(Y)]),
            "The rows of head h begin at row h here, so they overlap. They begin at row h v.",
        ),
        Mistake(
            lambda Y, W_O: np.broadcast_to(contributions(Y, W_O).sum(0), (*Y.shape[:2], W_O.shape[1])),
            "Each head is given the whole output. Their sum has to be the output, so multiply head h by its own rows.",
        ),
        Mistake(
            lambda Y, W_O: Y.swapaxes(0, 1).reshape(len(Y), Y.shape[1], -1) @ W_O.reshape(len(Y), Y.shape[2], -1),
            "The rows of Y hold numbers of other heads and tokens now. Y has the axes (h, n, v) already.",
        ),
    ),
    hints=(
        "concat(Y_0, ..., Y_{h-1}) W_O is a product of a row of blocks with a column of blocks.",
        "Block h of W_O is the rows h v to (h + 1) v - 1. `W_O.reshape(h, v, -1)` has them as its leading axis.",
    ),
)


# 3.4 ------------------------------------------------------------------------------------------------------------------


def ranks(N, d_qk):
    return {"logits": min(N, d_qk), "weights": N}  # det P = prod_i P_ii > 0 for a causal P


def _logits_beyond_rows(N, d_qk):
    """A wrong answer for N <= d_QK only, where it is also max(N, d_QK)."""
    if N > d_qk:
        raise ValueError("N must be at most d_QK")
    return {"logits": d_qk, "weights": N}


def _weights_beyond_rows(N, d_qk):
    """The same with the two ranks exchanged."""
    return {"logits": N, "weights": _logits_beyond_rows(N, d_qk)["logits"]}


RANKS = Exercise(
    id="3.4",
    title="the rank before and after the softmax",
    minutes=5,
    difficulty=2,
    solution=ranks,
    stages=(
        Stage((4, 10), "fewer tokens than columns (N = 4, d_QK = 10)"),
        Stage((7, 5), "more tokens than columns (N = 7, d_QK = 5)"),
        Stage((90, 12), "many tokens (N = 90, d_QK = 12)"),
        Stage((300_000, 96), "300,000 tokens, d_QK = 96: P does not fit in memory, but its rank is known"),
    ),
    mistakes=(
        *edits(
            ranks,
            """
            min(N, d_qk), -> N, | Q K^T is a product through d_QK columns, so its rank is at most d_QK.
            "weights": N -> "weights": min(N, d_qk) | The exponential acts on each entry, which does not keep the rank.
                A causal P is triangular with a positive diagonal.
            min(N, d_qk), "weights": N -> N, "weights": min(N, d_qk) | The two ranks are exchanged. Q K^T is a product
                through d_QK columns, and a causal P is triangular with a positive diagonal.
            min(N, d_qk), "weights": N -> d_qk, "weights": d_qk | The ranks are not always d_QK. Neither exceeds the
                number of rows N, and the rank of a causal P does not depend on d_QK.
            min(N, d_qk), -> min(N, d_qk) - 1, | Random rows are linearly independent with probability 1, so no rank is
                lost.
            min(N, d_qk), -> 1, | Q K^T is a sum of d_QK products of a column and a row. Each of them has rank 1.
            "weights": N -> "weights": N // 2 | A causal P is triangular with a positive diagonal. What does that say of
                its determinant?
            "weights": N -> "weights": N - 1 | The rows of P sum to 1, but that does not lower its rank. A causal P is
                triangular with a positive diagonal.
            "weights": N -> "weights": 1 | The rows of P are not multiples of each other. A causal P is triangular with
                a positive diagonal.
            "weights": N -> "weights": min(N, d_qk + 1) | The exponential may raise the rank by more than 1. A causal P
                is triangular with a positive diagonal.
            "weights": N -> "weights": min(N, 64) | The rank of P is not bounded by a number of columns. A causal P is
                triangular with a positive diagonal.
            """,
        ),
        Mistake(_logits_beyond_rows, "A matrix of N rows has rank at most N, however wide the heads are."),
        Mistake(_weights_beyond_rows, "P has N rows, so its rank is at most N. It does not depend on d_QK."),
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
    title="count the parameters",
    minutes=5,
    difficulty=1,
    solution=parameters,
    stages=(
        Stage((5, 9, 1, 11, 3), "one head: d_in = 5, d_out = 9, d_QK = 11, d_V = 3"),
        Stage((13, 6, 5, 2, 9), "five heads: d_in = 13, d_out = 6, d_QK = 2, d_V = 9"),
        Stage((8192, 8192, 64, 128, 128), "a real layer: d = 8192, 64 heads of width 128"),
    ),
    mistakes=edits(
        parameters,
        """
        + d_v * d_out -> | W_O is missing. It has n_heads d_V rows and d_out columns.
        + d_in * d_v -> | W_V is missing. It has d_in rows and d_V columns in each head.
        + d_v * d_out) -> ) + d_v * d_out | W_O acts on the concatenated heads. It has n_heads d_V rows, not d_V.
        + d_v * d_out) -> ) + d_out * d_out | W_O has n_heads d_V rows, not d_out.
        + d_v * d_out) -> ) + d_in * d_out | W_O has n_heads d_V rows, not d_in.
        2 * d_in * d_qk -> d_in * d_qk | Queries and keys have a matrix each. d_in d_QK counts twice.
        2 * d_in * d_qk + d_in * d_v -> 3 * d_in * d_qk | The values have a width of their own. W_V has d_V columns.
        d_in * d_v + d_v * d_out -> d_in * d_qk + d_qk * d_out | The values are given the width of the keys. W_V has d_V
            columns, and W_O has n_heads d_V rows.
        2 * d_in * d_qk + d_in * d_v + d_v * d_out -> 4 * d_in * d_qk | Values have a width of their own, and W_O leads
            to d_out. The four matrices have different sizes.
        n_heads * (2 * d_in * d_qk + d_in * d_v + d_v * d_out) -> n_heads * 2 * d_in * d_qk + d_in * d_v + d_v * d_out |
            n_heads multiplies the first term alone. Put the sum in brackets.
        n_heads * -> | This is one head. Each head has matrices of its own, and W_O has rows for each.
        n_heads * (2 * d_in * d_qk + d_in * d_v + d_v * d_out) -> 2 * d_in * d_qk + d_in * d_v + n_heads * d_v * d_out |
            W_Q, W_K and W_V are counted once. Each head has its own.
        n_heads * (2 * d_in * d_qk + -> 2 * d_in * d_qk + n_heads * ( | W_Q and W_K are counted once. Each head has its
            own.
        n_heads * (2 * d_in * d_qk + d_in * d_v + d_v * d_out) -> n_heads * (2 * d_in * d_qk + d_v * d_out) + d_in * d_v
            | W_V is counted once. Each head has its own.
        n_heads * (2 * d_in * d_qk + d_in * d_v + d_v * d_out) -> n_heads * (2 * d_in * d_v + d_in * d_qk + d_v * d_out)
            | d_QK and d_V are exchanged in W_Q, W_K and W_V. Two matrices have d_QK columns.
        n_heads * (2 * d_in * d_qk + d_in * d_v + d_v * d_out) -> (2 * d_in * d_qk + d_in * d_v) // n_heads + d_v *
            d_out | d_QK and d_V are the widths of one head. Do not divide by n_heads.
        n_heads * (2 * d_in * d_qk + d_in * d_v + d_v * d_out) -> n_heads**2 * (2 * d_in * d_qk + d_in * d_v + d_v *
            d_out) | n_heads counts twice here. Each matrix holds n_heads times the numbers of one head.
        d_v * d_out -> d_v * d_in | W_O leads to d_out columns, not back to d_in.
        d_v * d_out -> d_qk * d_out | W_O acts on the values. It has n_heads d_V rows.
        d_v * d_out) -> d_v * d_out + 2 * d_qk + d_v) + d_out | Biases are counted too. These layers have none.
        n_heads * (2 * d_in * d_qk + d_in * d_v + d_v * d_out) -> 4 * d_in * d_out | 4 d^2 holds only where d_in = d_out
            = n_heads d_QK = n_heads d_V.
        n_heads * (2 * d_in * d_qk + d_in * d_v + d_v * d_out) -> 4 * d_in**2 | 4 d_in^2 holds only where d_in = d_out =
            n_heads d_QK = n_heads d_V.
        """,
    ),
    hints=(
        "Write down the shapes of the four matrices. Which of them are there once for each head?",
        "For each head there are W_Q and W_K of d_in x d_QK and W_V of d_in x d_V. W_O is (n_heads d_V) x d_out.",
    ),
)
