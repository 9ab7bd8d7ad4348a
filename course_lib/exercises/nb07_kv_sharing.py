"""Exercises 7.1 and 7.2: which head of keys and values a query head reads, and attention that repeats none of them."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, draw

N_Q, N_KV, WIDTH, D_V = 3, 5, 4, 7


# 7.1 ------------------------------------------------------------------------------------------------------------------


def kv_heads_read(n_heads, n_kv_heads):
    return [i * n_kv_heads // n_heads for i in range(n_heads)]  # i // (h / g), in whole numbers


READ = Exercise(
    id="7.1",
    title="which head does a query head read?",
    minutes=4,
    difficulty=1,
    solution=kv_heads_read,
    stages=(
        Stage((8, 2), "eight query heads, two KV heads: four neighbours read each"),
        Stage((4, 4), "four query heads, four KV heads: each its own (MHA)"),
        Stage((4, 1), "four query heads, one KV head: all the same (MQA)"),
        Stage((64, 8), "Llama 3 70B: 64 query heads, 8 KV heads"),
    ),
    mistakes=(
        Mistake(
            lambda n_heads, n_kv_heads: [i % n_kv_heads for i in range(n_heads)],
            "i % g deals the query heads out in turn; groups are neighbours: the first h / g query heads read head 0",
        ),
        Mistake(
            lambda n_heads, n_kv_heads: [i // n_kv_heads for i in range(n_heads)],
            "i // g makes groups of g query heads; there are g groups, of h / g query heads each",
        ),
        Mistake(
            lambda n_heads, n_kv_heads: [i * n_kv_heads / n_heads for i in range(n_heads)],
            "i g / h has a fractional part; the head is its floor, a whole number (`//`)",
        ),
        Mistake(
            lambda n_heads, n_kv_heads: [round(i * n_kv_heads / n_heads) for i in range(n_heads)],
            "i g / h is rounded here; take the floor, or later heads of a group read the next KV head",
        ),
        Mistake(
            lambda n_heads, n_kv_heads: [i * n_kv_heads // n_heads + 1 for i in range(n_heads)],
            "heads are counted from 0",
        ),
        Mistake(
            lambda n_heads, n_kv_heads: [i * n_kv_heads // n_heads for i in range(1, n_heads + 1)],
            "query heads are counted from 0, so i runs over range(n_heads)",
        ),
        Mistake(
            lambda n_heads, n_kv_heads: list(range(0, n_heads, n_heads // n_kv_heads)),
            "this is the first query head of each group; one entry for each of the h query heads is asked for",
        ),
    ),
    hints=(
        "The query heads stand in a row, cut into g groups of h / g neighbours. Group k reads KV head k.",
        "Query head i is in group floor(i / (h / g)) = floor(i g / h): `i * n_kv_heads // n_heads`.",
    ),
)

# 7.2 ------------------------------------------------------------------------------------------------------------------


def grouped_attention(Q, K, V):
    (h, n, e), g = Q.shape, len(K)
    rows = Q.reshape(g, h // g * n, e)  # the query heads of a group below each other: more queries to the same keys
    S = rows @ K.transpose(0, 2, 1) / np.sqrt(e)
    A = np.exp(S - S.max(-1, keepdims=True))
    Y = A / A.sum(-1, keepdims=True) @ V
    return Y.reshape(h, n, -1)


def _attend(Q, K, V, scale=None, axis=-1):
    """Equal numbers of heads."""
    S = Q @ np.swapaxes(K, -1, -2) * (Q.shape[-1] ** -0.5 if scale is None else scale)
    A = np.exp(S - S.max(axis, keepdims=True))
    return A / A.sum(axis, keepdims=True) @ V


def _repeated(change=_attend, **keywords):
    """Another attention after the right repetition."""

    def answer(Q, K, V):
        K, V = (np.repeat(x, len(Q) // len(x), axis=0) for x in (K, V))
        return change(Q, K, V, **keywords)

    return answer


def _in_turn(Q, K, V):
    return _attend(Q, *(np.concatenate([x] * (len(Q) // len(x))) for x in (K, V)))


def _groups_kept(Q, K, V):
    return grouped_attention(Q, K, V).reshape(len(K), -1, *Q.shape[1:2], V.shape[2])


def _order_lost(Q, K, V):
    Y = _groups_kept(Q, K, V)
    return Y.swapaxes(0, 1).reshape(len(Q), Q.shape[1], -1)


def _rows_by_token(Q, K, V):
    Y = _groups_kept(Q, K, V)
    return Y.reshape(len(K), Q.shape[1], -1, V.shape[2]).swapaxes(1, 2).reshape(len(Q), Q.shape[1], -1)


def _not_normalised(Q, K, V):
    return np.exp(Q @ K.swapaxes(-1, -2) / np.sqrt(Q.shape[-1])) @ V


def _masked(Q, K, V, last: bool):
    """The last query (or the first) stands at the last key (or the first), and none sees keys after its own."""
    S = Q @ K.swapaxes(-1, -2) / np.sqrt(Q.shape[-1])
    n, N = S.shape[-2:]
    A = np.exp(S) * np.tri(n, N, N - n if last else 0)
    return A / A.sum(-1, keepdims=True) @ V


def _values_in_turn(Q, K, V):
    repeated = np.concatenate([V] * (len(Q) // len(V)))
    return _attend(Q, np.repeat(K, len(Q) // len(K), axis=0), repeated)


GROUPED = Exercise(
    id="7.2",
    title="attention that repeats no key",
    minutes=12,
    difficulty=2,
    solution=grouped_attention,
    stages=(
        Stage(
            (draw(2, N_Q, WIDTH), draw(2, N_KV, WIDTH, seed=1), draw(2, N_KV, D_V, seed=2)),
            "as many KV heads as query heads: multi-head attention",
        ),
        Stage(
            (draw(3, N_Q, WIDTH), draw(1, N_KV, WIDTH, seed=1), draw(1, N_KV, D_V, seed=2)),
            "one KV head for three query heads (MQA)",
        ),
        Stage(
            (draw(6, N_Q, WIDTH), draw(2, N_KV, WIDTH, seed=1), np.stack([draw(N_KV, D_V, seed=2)] * 2)),
            "six query heads, two KV heads with the same values: only which keys are read matters",
        ),
        Stage(
            (draw(6, 1, WIDTH), draw(2, 1, WIDTH, seed=1), draw(2, 1, D_V, seed=2)),
            "six query heads, two KV heads, one token: its weight is 1, so each head returns the value that it reads",
        ),
        Stage(
            (draw(6, N_Q, WIDTH), draw(2, N_KV, WIDTH, seed=1), draw(2, N_KV, D_V, seed=2)),
            "six query heads, two KV heads, three queries, five keys",
        ),
    ),
    mistakes=(
        Mistake(_values_in_turn, "the keys are read as they should be, but the values in turn: 0, 1, 0, 1, ..."),
        Mistake(
            _in_turn,
            "query heads read KV heads 0, 1, 0, 1, ... in turn here; the first h / g of them should read head 0. "
            "In `Q.reshape(g, h // g, n, e)` the group is the slow axis",
        ),
        Mistake(
            _order_lost,
            "each head is right, but they come in another order: put the group axis in front before you flatten",
        ),
        Mistake(
            _groups_kept,
            "this has an axis for the groups and one for the heads in them; flatten the two into h heads",
        ),
        Mistake(lambda Q, K, V: _attend(Q, K[:1], V[:1]), "all query heads read KV head 0; each group has its own"),
        Mistake(
            _rows_by_token,
            "the rows of a group come head by head: reshape to (g, h / g, n, v), not (g, n, h / g, v)",
        ),
        Mistake(
            _repeated(_not_normalised),
            "the weights of a query do not sum to one; divide by the sum of the exponentials",
        ),
        Mistake(_repeated(_masked, last=True), "there is no mask here; each query sees all keys"),
        Mistake(_repeated(_masked, last=False), "no mask is asked for; the first query, too, sees all keys"),
        Mistake(_repeated(scale=1.0), "the scores are not divided by sqrt(d_QK)"),
        Mistake(lambda Q, K, V: _repeated(scale=V.shape[-1] ** -0.5)(Q, K, V), "divide by sqrt(d_QK), not sqrt(d_V)"),
        Mistake(
            lambda Q, K, V: _repeated(scale=1 / Q.shape[-1])(Q, K, V),
            "the scores are divided by d_QK; divide by its square root",
        ),
        Mistake(_repeated(axis=-2), "the weights are normalised over the queries; each query's weights sum to one"),
    ),
    hints=(
        "Let Q have the shape (g, h / g, n, e). K then needs an axis of length 1 for the heads in a group, which NumPy "
        "stretches without a copy.",
        "Or put the h / g heads of a group below each other: (g, (h / g) n, e) are just more queries to the same keys.",
        "`S = Q.reshape(g, h // g, n, e) @ K[:, None].swapaxes(-1, -2)`; then softmax, `@ V[:, None]`, and reshape to "
        "(h, n, v).",
    ),
)
