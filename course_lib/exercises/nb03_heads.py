"""Exercises 3.1 and 3.2: heads as slices of columns, all heads in one layer."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn

# 3.1 ------------------------------------------------------------------------------------------------------------------


def split_heads(Q, n_heads):
    n, width = Q.shape
    return Q.reshape(n, n_heads, width // n_heads).transpose(1, 0, 2)  # (n, h e) -> (n, h, e) -> (h, n, e)


SPLIT = Exercise(
    id="3.1",
    title="cut the columns into heads",
    minutes=5,
    difficulty=1,
    solution=split_heads,
    stages=(
        Stage((np.arange(64.0).reshape(8, 8), 2), "eight tokens, two heads of width 4; the entries are 0 to 63"),
        Stage((randn(7, 20), 5), "seven tokens, five heads of width 4"),
        Stage((randn(5, 2), 1), "one head: only a leading axis of length 1 is new"),
    ),
    mistakes=(
        *edits(
            split_heads,
            """
            Q.reshape(n, n_heads, width // n_heads).transpose(1, 0, 2) -> Q.reshape(n_heads, n, -1) | The numbers of Q
                are taken in memory order, so a head receives numbers of other tokens. Make the axes (n, h, e) first,
                then move the head axis to the front.
            Q.reshape(n, n_heads, width // n_heads).transpose(1, 0, 2) -> Q.T.reshape(n_heads, n, -1) | The numbers of
                Q.T are taken in memory order, so a row mixes numbers of several tokens. Make the axes (n, h, e) first,
                then move the head axis to the front.
            .transpose(1, 0, 2) -> .transpose(1, 2, 0) | The axes are in the order (h, e, n), so each head is
                transposed. Its rows are tokens.
            Q.reshape(n, n_heads, width // n_heads).transpose(1, 0, 2) -> Q | Q is not cut. Give the heads an axis of
                their own, (h, n, e).
            Q.reshape(n, n_heads, width // n_heads).transpose(1, 0, 2) -> np.stack([Q] * n_heads) | Each head has all
                columns. Head h has the columns h e to (h + 1) e - 1.
            .transpose(1, 0, 2) -> .transpose(1, 0, 2)[:1] | Only head 0 is there. Return all heads, (h, n, e).
            .transpose(1, 0, 2) -> .transpose(1, 0, 2)[::-1] | The heads are in reverse order. Head 0 has the first e
                columns.
            .transpose(1, 0, 2) -> .T | The axes are in the order (e, h, n). The head axis is the first, the token axis
                the second.
            .transpose(1, 0, 2) -> .transpose(2, 0, 1) | The axes are in the order (e, n, h), as if there were e heads
                of width n_heads. The head axis is the first, of length n_heads.
            .transpose(1, 0, 2) -> .swapaxes(1, 2) | The axes are in the order (n, e, h). The head axis is the first.
            .transpose(1, 0, 2) -> .transpose(1, 0, 2).reshape(-1, width // n_heads) | The heads stand one below the
                other, (h n, e). Give them an axis of their own, (h, n, e).
            .transpose(1, 0, 2) -> | The axes are in the order (n, h, e). Move the head axis to the front.
            n_heads, width // n_heads).transpose(1, 0, 2) -> width // n_heads, n_heads).transpose(2, 0, 1) | Head h took
                every n_heads-th column. Its columns lie side by side, h e to (h + 1) e - 1.
            Q.reshape(n, n_heads, width // n_heads).transpose(1, 0, 2) -> Q.reshape(n_heads, -1, width) | The rows are
                divided among the heads. Each head has all rows, and e of the columns; `np.split` needs axis=1.
            .transpose(1, 0, 2) -> .transpose(1, 0, 2)[[0] * n_heads] | Every head has the columns of head 0. Head h has
                the columns h e to (h + 1) e - 1.
            """,
        ),
        Mistake(
            lambda Q, n_heads: Q[:, : Q.shape[1] // n_heads],
            "This is head 0 alone, without the head axis. Return all heads, (h, n, e).",
        ),
        Mistake(
            lambda Q, n_heads: np.stack([Q[:, h : h + Q.shape[1] // n_heads] for h in range(n_heads)]),
            "Head h begins at column h here, so heads overlap. It begins at column h e.",
        ),
        Mistake(
            lambda Q, n_heads: np.stack([head[:, :-1] for head in np.split(Q, n_heads, axis=1)]),
            "The last column of each head is missing. A slice ends before its upper bound, so take h e : (h + 1) e.",
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
    Q, K, V = X @ W_Q, X @ W_K, X @ W_V  # X broadcasts over the head axis of the weight matrices: (h, n, e)
    S = Q @ K.transpose(0, 2, 1) / np.sqrt(Q.shape[-1])
    A = np.exp(S - S.max(-1, keepdims=True))
    Y = A / A.sum(-1, keepdims=True) @ V  # (h, n, v)
    return Y.transpose(1, 0, 2).reshape(len(X), len(W_O)) @ W_O


def _inputs(n: int, d_in: int, h: int, e: int, v: int, d_out: int) -> tuple:
    W_Q, W_K, W_V = randn(h, d_in, e, seed=1), randn(h, d_in, e, seed=2), randn(h, d_in, v, seed=3)
    return 0.5 * randn(n, d_in), W_Q, W_K, W_V, randn(h * v, d_out, seed=4)


def _large() -> tuple:
    """Logits of about 1500 for query 0, about -1500 for query 1, and small ones for query 2."""
    _, W_Q, W_K, W_V, W_O = _inputs(3, 4, 2, 3, 5, 6)
    W_Q[:, 0], W_K[:, 1] = 1, 1
    return np.array([[100.0, 9, 1, 0], [-100.0, 8, 0, 1], [0.1, 10, 1, 1]]), W_Q, W_K, W_V, W_O


MULTI_HEAD = Exercise(
    id="3.2",
    title="multi-head attention",
    minutes=15,
    difficulty=2,
    solution=multi_head,
    stages=(
        Stage(_inputs(1, 7, 1, 2, 3, 4), "one token and one head: its weight is 1, so only values and W_O matter"),
        Stage(_inputs(4, 7, 4, 3, 5, 6), "four tokens, four heads, values wider than keys"),
        Stage(_inputs(5, 6, 3, 4, 2, 11), "five tokens, three heads, keys wider than values"),
        Stage(_large(), "logits of 1000 and more for query 0, of -1000 and less for query 1"),
    ),
    mistakes=(
        *edits(
            multi_head,
            """
            / np.sqrt(Q.shape[-1]) -> | The scores are not divided by sqrt(d_QK).
            np.sqrt(Q.shape[-1]) -> Q.shape[-1] | The scores are divided by d_QK. Divide by its square root.
            Q.shape[-1] -> X.shape[1] | The scores are divided by sqrt(d_in). Divide by sqrt(d_QK), where d_QK is the
                width of one head's queries.
            Q.shape[-1] -> Q.shape[0] * Q.shape[-1] | The scores are divided by the root of the width of all heads
                together. Each head has scores of its own, and d_QK is the width of one head.
            Q.shape[-1] -> V.shape[-1] | The scores are divided by sqrt(d_V). Divide by sqrt(d_QK), where d_QK is the
                width of the queries.
            Q.shape[-1] -> len(X) | The scores are divided by the root of the number of tokens. Divide by sqrt(d_QK).
            X @ W_Q, X @ W_K -> X @ W_K, X @ W_Q | Queries and keys are exchanged. Row i of the scores belongs to query
                i.
            S.max(-1, -> S.max(-2, && A.sum(-1, -> A.sum(-2, | The columns of the weights sum to 1. The rows have to sum
                to 1, since each query distributes its weight over the keys.
            S.max(-1, -> S.max((0, 2), && A.sum(-1, -> A.sum((0, 2), | One normaliser is shared by all heads. Each head
                has its own, and each row of its weights sums to 1.
            S.max(-1, -> S.max(0, && A.sum(-1, -> A.sum(0, | The softmax runs over the heads. It has to run over the
                keys, the last axis.
            S.max(-1, keepdims=True) -> S.max() && A.sum(-1, keepdims=True) -> A.sum() | One sum divides all of A. Each
                row of each head has a sum of its own.
            A.sum(-1, keepdims=True) -> A.sum(-1, keepdims=True).sum(-2, keepdims=True) | One sum divides all rows of a
                head. Each row has a sum of its own.
            A.sum(-1, keepdims=True) -> A.sum(-1)[:, None] | The sums lack keepdims=True, so column j is divided by the
                sum of row j. Divide row by row.
            A.sum(-1, keepdims=True) -> A.sum(-1) | The sums lack keepdims=True, so they are broadcast over the heads.
                Divide row by row.
            S.max(-1, -> S.max((1, 2), && A.sum(-1, -> A.sum((1, 2), | One normaliser is shared by all queries of a
                head. Each query has its own, so its weights sum to 1.
            S.max(-1, keepdims=True) -> S.max(-1) | The largest logits lack keepdims=True, so they are not subtracted
                row by row.
            (-1, keepdims=True) -2> (-1) | Largest logits and sums lack keepdims=True, so they do not act row by row.
            A / A.sum(-1, keepdims=True) @ V -> A @ V | The weights of a query do not sum to 1. Divide each row of A by
                its sum.
            np.exp(S - S.max(-1, keepdims=True)) -> np.exp(S) && A / A.sum(-1, keepdims=True) @ V -> A @ V | The
                exponentials are not divided by their sum, so the weights of a query do not sum to 1.
            A / A.sum(-1, keepdims=True) @ V -> S @ V | The logits are used as weights. Take the softmax of each row.
            S - S.max(-1, keepdims=True) -> S | exp overflows, or a whole row of it is 0. Subtract from each row its
                largest logit before exp.
            S - S.max(-1, keepdims=True) -> S - S.max() | One largest logit is subtracted from all rows, so exp of a
                whole row is 0. Subtract from each row its own.
            np.exp(S - S.max(-1, keepdims=True)) -> np.exp(S - S.max(-1, keepdims=True)) * np.tri(len(X)) | Your weights
                are causal. This layer has no mask.
            S = Q @ K.transpose(0, 2, 1) / np.sqrt(Q.shape[-1]) -> S = (Q @ K.transpose(0, 2, 1)).sum(0) /
                np.sqrt(Q.shape[-1]) | The scores of all heads are added, so all heads have the same weights. Each head
                keeps its own.
            A / A.sum(-1, keepdims=True) @ V -> (A / A.sum(-1, keepdims=True)).mean(0) @ V | The weights are averaged
                over the heads. Each head keeps its own.
            @ W_O -> @ W_O / len(W_Q) | The result is divided by the number of heads. Heads are concatenated, not
                averaged.
            Y.transpose(1, 0, 2).reshape(len(X), len(W_O)) @ W_O -> Y.sum(0) @ W_O[: Y.shape[-1]] | The heads are added
                before W_O. Concatenate them; each has its own rows of W_O.
            .transpose(1, 0, 2).reshape(len(X), len(W_O)) @ W_O -> @ W_O.reshape(len(Y), Y.shape[-1], -1) | These are
                the contributions of the heads, (h, n, d_out). Add them over the heads.
            Y.transpose(1, 0, 2) -> Y.transpose(1, 2, 0) | The columns of the heads are interleaved. Those of head 0
                come first, then those of head 1, and so on.
            Y.transpose(1, 0, 2) -> Y[::-1].transpose(1, 0, 2) | The heads are concatenated in reverse order. Head 0
                comes first.
            .reshape(len(X), len(W_O)) @ W_O -> .reshape(len(X), len(W_O)) | The heads are concatenated, but W_O is not
                applied.
            Y.transpose(1, 0, 2).reshape(len(X), len(W_O)) @ W_O -> Y | These are the outputs of the heads, (h, n, v).
                Concatenate them and apply W_O.
            Y.transpose(1, 0, 2) -> Y | The result has the axes (h, n, v) when you reshape it to (n, h v), so numbers of
                different tokens stand in one row. Move the head axis behind the token axis first.
            Q @ K.transpose(0, 2, 1) -> Q @ Q.transpose(0, 2, 1) | The scores are those of the queries with themselves.
                Multiply queries by keys.
            Q @ K.transpose(0, 2, 1) -> K @ K.transpose(0, 2, 1) | The scores are those of the keys with themselves.
                Multiply queries by keys.
            / np.sqrt(Q.shape[-1]) -> * np.sqrt(Q.shape[-1]) | The scores are multiplied by sqrt(d_QK). Divide by it.
            np.exp(S - S.max(-1, keepdims=True)) -> np.exp(S.max(-1, keepdims=True) - S) | The logits have the opposite
                sign, so the least similar keys count most. Subtract the largest logit from them.
            np.exp(S - S.max(-1, keepdims=True)) -> S | The logits are divided by their sums. Take the exponential
                first.
            Y.transpose(1, 0, 2).reshape(len(X), len(W_O)) @ W_O -> Y[0] @ W_O[: Y.shape[-1]] | This is the contribution
                of head 0 alone. Concatenate all heads before W_O.
            """,
        ),
        Mistake(
            lambda X, *W: multi_head(X, *(w.reshape(w.shape[1], len(w), -1).swapaxes(0, 1) for w in W[:3]), W[3]),
            "W_Q, W_K and W_V are reshaped to (d_in, h e), which mixes their rows. Multiply X by each head's matrix.",
        ),
    ),
    hints=(
        "`X @ W_Q` already gives all heads. NumPy repeats X over the head axis of W_Q, and the result is (h, n, e).",
        "The scores of all heads are `Q @ K.transpose(0, 2, 1)`, (h, n, n). Divide by `Q.shape[-1] ** 0.5`.",
        "In each row of each head, subtract the largest logit before exp. Then divide by the sum of the row.",
        "Concatenating columns is `Y.transpose(1, 0, 2).reshape(n, -1)`. Then comes `@ W_O`.",
    ),
)
