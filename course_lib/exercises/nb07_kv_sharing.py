"""Exercises 7.1 and 7.2: which KV head a query head reads, and attention that repeats no keys or values."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits, randn

# 7.1 ------------------------------------------------------------------------------------------------------------------


def kv_heads_read(n_heads, n_kv_heads):
    return [i * n_kv_heads // n_heads for i in range(n_heads)]  # the floor of i / (h / g), in whole numbers


READ = Exercise(
    id="7.1",
    title="which head does a query head read?",
    minutes=4,
    difficulty=1,
    solution=kv_heads_read,
    stages=(
        Stage((15, 3), "fifteen query heads, three KV heads, so five neighbours read each"),
        Stage((6, 2), "six query heads, two KV heads, so three neighbours read each"),
        Stage((5, 5), "five query heads, five KV heads, so each reads its own (MHA)"),
        Stage((3, 1), "three query heads, one KV head, so all read the same (MQA)"),
        Stage((64, 8), "Llama 3 70B, 64 query heads, 8 KV heads"),
    ),
    mistakes=edits(
        kv_heads_read,
        """
        i * n_kv_heads // n_heads -> i % n_kv_heads | i % g gives out the KV heads in turn. Groups are neighbours, so
            the first h / g query heads read head 0.
        i * n_kv_heads // n_heads -> i // n_kv_heads | i // g makes groups of g query heads. There are g groups of
            h / g query heads each.
        // n_heads -> / n_heads | i g / h has a fractional part. The head is its floor, a whole number (`//`).
        i * n_kv_heads // n_heads -> -(-i * n_kv_heads // n_heads) | i g / h is rounded up here. Take the floor.
        i * n_kv_heads // n_heads -> i // (n_heads // n_kv_heads) * (n_heads // n_kv_heads) | This names a group by its
            first query head. The KV heads are numbered 0 to g - 1.
        i * n_kv_heads // n_heads -> round(i * n_kv_heads / n_heads) | i g / h is rounded here, so later heads of a
            group read the next KV head. Take the floor.
        // n_heads for -> // n_heads + 1 for | Heads are counted from 0.
        range(n_heads) -> range(1, n_heads + 1) | Query heads are counted from 0, so i runs over range(n_heads).
        i * n_kv_heads // n_heads -> i % (n_heads // n_kv_heads) | This is the place of the query head within its group.
            The number of the group is asked for, i // (h / g).
        range(n_heads) -> range(n_heads - n_heads // n_kv_heads) | The last group is missing. Return a KV head for each
            of the h query heads.
        i * n_kv_heads // n_heads -> 0 | All query heads read KV head 0. Each group has its own.
        i * n_kv_heads // n_heads -> n_kv_heads - 1 - i * n_kv_heads // n_heads | The groups are in reverse order. The
            first query heads read head 0.
        range(n_heads) -> range(0, n_heads, n_heads // n_kv_heads) | This is one entry for each group. Return one for
            each of the h query heads.
        i * n_kv_heads // n_heads for i in range(n_heads) -> range(0, n_heads, n_heads // n_kv_heads)[j] for j in
            range(n_kv_heads) | This is the first query head of each group. Return one KV head for each of the h query
            heads.
        """,
    ),
    hints=(
        "The query heads stand in a row, cut into g groups of h / g neighbours. Group k reads KV head k.",
        "Query head i is in group floor(i / (h / g)) = floor(i g / h), which is `i * n_kv_heads // n_heads`.",
    ),
)

# 7.2 ------------------------------------------------------------------------------------------------------------------


def grouped_attention(Q, K, V):
    (h, n, e), g = Q.shape, len(K)
    Q = Q.reshape(g, h // g, n, e)  # the heads of a group have an axis of their own
    S = Q @ K[:, None].swapaxes(-1, -2) / np.sqrt(e)
    A = np.exp(S - S.max(-1, keepdims=True))
    Y = A / A.sum(-1, keepdims=True) @ V[:, None]
    return Y.reshape(h, n, -1)


def _inputs(h: int, g: int, n: int, N: int, size: float = 1.0) -> tuple:
    return size * randn(h, n, 5), randn(g, N, 5, seed=1), randn(g, N, 7, seed=2)


GROUPED = Exercise(
    id="7.2",
    title="attention that repeats no key",
    minutes=12,
    difficulty=2,
    solution=grouped_attention,
    stages=(
        Stage(_inputs(3, 1, 3, 3), "three query heads, one KV head (MQA), three queries, three keys"),
        Stage(_inputs(6, 3, 3, 3), "six query heads, three KV heads, three queries, three keys"),
        Stage(_inputs(6, 2, 3, 5), "six query heads, two KV heads, three queries, five keys"),
        Stage(_inputs(5, 5, 3, 6), "as many KV heads as query heads (MHA)"),
        Stage(_inputs(15, 3, 2, 4, size=1000.0), "logits larger than 800"),
    ),
    mistakes=edits(
        grouped_attention,
        """
        K[:, None] -> np.concatenate([K] * (h // g)).reshape(g, h // g, *K.shape[1:]) && V[:, None] ->
            np.concatenate([V] * (h // g)).reshape(g, h // g, *V.shape[1:]) | Query heads read KV heads 0, 1, ..., g - 1
            in turn. The first h / g of them read head 0. If Q has the shape (g, h / g, n, e), write `K[:, None]` and
            `V[:, None]`.
        V[:, None] -> np.concatenate([V] * (h // g)).reshape(g, h // g, *V.shape[1:]) | The keys are read as they should
            be, but the values in turn. If Q has the shape (g, h / g, n, e), write `V[:, None]`.
        K[:, None] -> np.concatenate([K] * (h // g)).reshape(g, h // g, *K.shape[1:]) | The values are read as they
            should be, but the keys in turn. If Q has the shape (g, h / g, n, e), write `K[:, None]`.
        Y.reshape(h, n, -1) -> Y.swapaxes(0, 1).reshape(h, n, -1) | Each head is right, but they come in another order.
            Put the group axis in front before you flatten.
        return Y.reshape(h, n, -1) -> return Y | This has an axis for the groups and one for the heads in them. Flatten
            the two into h heads.
        K[:, None] -> K[:1, None] && V[:, None] -> V[:1, None] | All query heads read KV head 0. Each group has its own.
        K[:, None] -> K[::-1, None] && V[:, None] -> V[::-1, None] | The KV heads are read in reverse order. Group k
            reads KV head k.
        Y.reshape(h, n, -1) -> Y.reshape(g, n, h // g, -1).swapaxes(1, 2).reshape(h, n, -1) | The rows of a group come
            head by head. Reshape to (g, h / g, n, v), not to (g, n, h / g, v).
        Q.reshape(g, h // g, n, e) -> Q.reshape(h // g, g, n, e).swapaxes(0, 1) | Query heads k, k + g, k + 2g, ... form
            a group here. In `Q.reshape(g, h // g, n, e)` the group is the slow axis.
        Y = A / A.sum(-1, keepdims=True) -> Y = S | There is no softmax. The logits become weights by exp and division
            by their sum.
        K[:, None].swapaxes(-1, -2) -> K[:, None].reshape(g, 1, e, -1) | `reshape` does not transpose, it puts the
            numbers of K in other places. Exchange the last two axes.
        A / A.sum(-1, keepdims=True) -> np.exp(S) | The weights of a query do not sum to 1. Divide by the sum of the
            exponentials.
        A / A.sum(-1, keepdims=True) -> A | The weights of a query do not sum to 1. Divide the shifted exponentials by
            their sum.
        S.max(-1, keepdims=True) -> S.max(-1) | The maxima of S lie along the wrong axis. Keep the last axis
            (`keepdims=True`).
        A.sum(-1, keepdims=True) -> A.sum(-1) | The sums of A lie along the wrong axis. Keep the last axis
            (`keepdims=True`).
        S - S.max(-1, keepdims=True) -> np.where(np.tri(n, K.shape[1], K.shape[1] - n), S, -np.inf) | Later keys are
            hidden. There is no mask here, so each query sees all keys.
        / np.sqrt(e) -> | The scores are not divided by sqrt(d_QK).
        np.sqrt(e) -> np.sqrt(V.shape[-1]) | The scores are divided by sqrt(d_V). Divide by sqrt(d_QK).
        np.sqrt(e) -> np.sqrt(n) | The scores are divided by the root of a number of tokens. Divide by sqrt(d_QK), the
            width of a query.
        K[:, None].swapaxes(-1, -2) -> Q.swapaxes(-1, -2) | The scores are those of the queries with themselves.
            Multiply them by the keys.
        return Y.reshape(h, n, -1) -> return Y.reshape(h, n, -1) * (np.arange(h) < g)[:, None, None] | Only the first g
            query heads are computed. Each of the h query heads has an output.
        return Y.reshape(h, n, -1) -> return Y.reshape(h, n, -1) * (np.arange(h) < h - 1)[:, None, None] | The last
            query head is missing. The loop runs over all h of them.
        A.sum(-1, keepdims=True) -> A.sum(-1)[:, :, None] | In each head column j is divided by the sum of row j. Divide
            row by row.
        S.max(-1, keepdims=True) -> S.max(-1)[:, :, None] | In each head the maximum of row j is subtracted from column
            j. Subtract it from its own row.
        S.max(-1, keepdims=True) -> S.max(-1)[:, :, None] && A.sum(-1, keepdims=True) -> A.sum(-1)[:, :, None] | In each
            head maxima and sums of row j meet column j. `keepdims=True` keeps them beside their rows.
        S - S.max(-1, keepdims=True) -> S && A.sum(-1, keepdims=True) -> A.sum(-1)[:, :, None] | In each head the
            exponentials of column j are divided by the sum of row j. `keepdims=True` keeps the sums beside their rows.
        S.max(-1, keepdims=True) -> S.max(-2, keepdims=True) && A.sum(-1, keepdims=True) -> A.sum(-2, keepdims=True) |
            The softmax runs over the queries. Take it over the keys, along the last axis.
        A.sum(-1, keepdims=True) -> A.sum((-2, -1), keepdims=True) | One sum divides all rows of a head. Each query has
            a sum of its own.
        np.sqrt(e) -> e | The scores are divided by d_QK. Divide by its square root.
        / np.sqrt(e) -> * np.sqrt(e) | The scores are multiplied by sqrt(d_QK). Divide by it.
        A.sum(-1, -> A.sum(-2, | The weights are normalised over the queries. The weights of each query sum to 1.
        S - S.max(-1, keepdims=True) -> S | exp overflows beyond 709. Subtract the largest logit of each query, as in
            exercise 2.3.
        S.max(-1, keepdims=True) -> S.max() | One maximum is subtracted from all logits, so all exponentials of some
            queries underflow to 0. Subtract from the logits of each query their own maximum.
        S.max(-1, keepdims=True) -> S.max((-2, -1), keepdims=True) | One maximum is subtracted from all queries of a
            head, so all exponentials of some queries underflow to 0. Each query has a maximum of its own.
        S.max(-1, keepdims=True) -> S.mean(-1, keepdims=True) | The mean is subtracted, and logits far above it still
            overflow. Only the maximum bounds exp by 1.
        A / A.sum(-1, keepdims=True) -> np.nan_to_num(np.exp(S) / np.exp(S).sum(-1, keepdims=True)) | exp is infinite
            beyond 709, so all weights become 0. `nan_to_num` puts 0 where inf / inf was NaN, and exp(-inf) is 0.
            Subtract the largest logit of each query before exp.
        S - S.max(-1, keepdims=True) -> np.clip(S, -700, 700) | Clipping makes all logits beyond the bound equal.
            Subtracting the largest logit of a query changes no weight.
        """,
    ),
    hints=(
        "Let Q have the shape (g, h / g, n, e). K then needs an axis of length 1 for the heads in a group, which NumPy "
        "stretches without a copy.",
        "Or put the h / g heads of a group below each other. Then (g, (h / g) n, e) are just more queries to the same "
        "keys.",
        "`S = Q.reshape(g, h // g, n, e) @ K[:, None].swapaxes(-1, -2)`. Then take the softmax, `@ V[:, None]`, and "
        "reshape to (h, n, v).",
    ),
)
