"""Exercise 6.1: the next token of a multi-head layer, from the keys and values that were kept."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits, randn

H, D, E, V_WIDTH, D_OUT = 3, 7, 5, 4, 11  # heads, widths of a token, a key, a value, an output row


def decode_step(x, W_Q, W_K, W_V, W_O, K, V):
    q, k, v = x @ W_Q, x @ W_K, x @ W_V  # one row for each head
    K = np.concatenate([K, k[:, None]], axis=1)  # store first: the new token sees itself
    V = np.concatenate([V, v[:, None]], axis=1)
    S = np.einsum("he,hNe->hN", q, K) / np.sqrt(K.shape[-1])  # the query of each head sees every row
    A = np.exp(S - S.max(axis=-1, keepdims=True))
    P = A / A.sum(axis=-1, keepdims=True)
    Y = np.einsum("hN,hNv->hv", P, V)
    return np.einsum("hv,hvo->o", Y, W_O), K, V


def _inputs(n: int, size: float = 0.3, seed: int = 64) -> tuple:
    W_Q, W_K = randn(2, H, D, E, seed=61)
    W_V, W_O = randn(H, D, V_WIDTH, seed=62), randn(H, V_WIDTH, D_OUT, seed=63)
    X = size * randn(n + 1, D, seed=seed)  # with 0.3 no weight is nearly 1
    return X[n], W_Q, W_K, W_V, W_O, X[:n] @ W_K, X[:n] @ W_V


STEP = Exercise(
    id="6.1",
    title="a decode step with a cache",
    minutes=8,
    difficulty=2,
    solution=decode_step,
    stages=(
        Stage(_inputs(2), "the third token of three heads"),
        Stage(_inputs(6), "the seventh token of three heads"),
        Stage(_inputs(0), "the first token (K and V have no rows yet), which sees itself alone"),
        Stage(_inputs(4, size=30.0), "the fifth token, with logits of more than 800"),
        Stage(_inputs(1, size=30.0, seed=90), "the second token, with logits below -800 alone"),
    ),
    mistakes=edits(
        decode_step,
        """
        q, K) -> q, K[:, :-1]) && P, V) -> P, V[:, :-1]) | The new token does not see itself. Append its key and value
            first, then let the query see all rows.
        W_O), K, V -> W_O), k, v | The new rows come back alone. Return them behind the rows that are there, K of shape
            (h, N + 1, e).
        W_O), K, V -> W_O), k[:, None], v[:, None] | The new rows come back without the old ones. The next token needs
            all of them, K of shape (h, N + 1, e).
        W_O), K, V -> W_O), K[:, :-1], V[:, :-1] | y is right, but K and V come back as they were. Return them with the
            new rows.
        [K, k[:, None]] -> [k[:, None], K] && [V, v[:, None]] -> [v[:, None], V] | The new row stands first. Append it
            behind the rows that are there.
        q, K) -> q, K[:, :1]) && P, V) -> P, V[:, :1]) | Only the first row is seen, as in row 0 of a causal mask. The
            new token is the last one and sees every row, so no mask is needed.
        q, K) -> q, K[:, -1:]) && P, V) -> P, V[:, -1:]) | The new token sees itself alone. It sees every stored row,
            too.
        / np.sqrt(K.shape[-1]) -> | The scores are not divided by sqrt(e), the root of a key's width.
        np.sqrt(K.shape[-1]) -> np.sqrt(len(K) * K.shape[-1]) | The scores are divided by the root of all heads' width
            together. Each head divides by sqrt(e), the root of its key's width.
        np.sqrt(K.shape[-1]) -> np.sqrt(len(x)) | The scores are divided by sqrt(d), the root of a token's width. Divide
            by sqrt(e), the root of a key's width.
        np.sqrt(K.shape[-1]) -> np.sqrt(V.shape[-1]) | The scores are divided by the root of a value's width. Divide by
            sqrt(e), the root of a key's width.
        np.sqrt(K.shape[-1]) -> np.sqrt(K.shape[1]) | The scores are divided by the root of the number of keys. Divide
            by sqrt(e), the root of a key's width.
        np.sqrt(K.shape[-1]) -> K.shape[-1] | The scores are divided by the width e of a key. Divide by its root.
        A.sum(axis=-1, keepdims=True) -> 1 | The weights are not divided by their sum. In each head they sum to 1.
        P = A / A.sum(axis=-1, keepdims=True) -> P = S | There is no softmax. The logits become weights by exp and
            division by their sum.
        A = np.exp(S -> A = np.exp(np.where(np.tri(*S.shape), S, -np.inf) | A causal mask hides keys here. S has a row
            for each head and one query, which sees every key, so no mask is needed.
        A / A.sum(axis=-1, keepdims=True) -> np.exp(S) | The exponentials are not divided by their sum. In each head the
            weights sum to 1.
        S.max(axis=-1, keepdims=True) -> S.max() && A.sum(axis=-1, keepdims=True) -> A.sum() | Maximum and sum run over
            all heads together. Each head has a softmax of its own, along the last axis.
        A.sum(axis=-1, keepdims=True) -> A.sum() | All heads share one normaliser. The weights of each head sum to 1, so
            sum along the last axis.
        axis=-1, keepdims=True -2> axis=0 | The softmax runs over the heads. Take it over the keys, along the last axis.
        A.sum(axis=-1, keepdims=True) -> A.sum(axis=0) | The sums run over the heads. The weights of each head sum
            to 1, so sum along the last axis.
        A.sum(axis=-1, keepdims=True) -> A.sum(axis=-1) | The sums have shape (h,), so NumPy lines them up with the
            keys. `keepdims=True` makes the shape (h, 1).
        S - S.max(axis=-1, keepdims=True) -> S && A.sum(axis=-1, keepdims=True) -> A.sum(axis=-1) | Column j is divided
            by the sum of head j. `keepdims=True` keeps the sums, (h, 1), beside their rows.
        axis=-1, keepdims=True -2> axis=-1 | Maxima and sums have shape (h,), so NumPy lines them up with the keys.
            `keepdims=True` makes the shape (h, 1).
        S - S.max(axis=-1, keepdims=True) -> S | Large logits give inf / inf or 0 / 0, which is NaN. Subtract from
            the logits of each head their own maximum.
        S - S.max(axis=-1, keepdims=True) -> np.clip(S, -700, 700) | The logits are cut off, so large ones become equal.
            Subtract each row's maximum.
        "hv,hvo->o", Y, W_O -> "hc,hco->o", Y.T.reshape(Y.shape), W_O | The heads are interleaved before W_O. Entry
            c of head h meets W_O[h, c].
        "hv,hvo->o", Y, W_O -> "hv,hvo->ho", Y, W_O | Each head's part of y stands alone. y is their sum, one row of
            width d_out.
        Y, W_O), -> Y[:1], W_O[:1]), | y has the part of head 0 alone. Add up the parts of all heads.
        Y, W_O), -> Y[-1:], W_O[-1:]), | y has the part of the last head alone. Add up the parts of all heads.
        np.einsum("hv,hvo->o", Y, W_O) -> Y.reshape(-1) | W_O is missing. These are the heads' outputs side by side.
        "hv,hvo->o", Y, W_O -> "hv,hvo->o", Y / len(Y), W_O | This is the mean over the heads. W_O sums them.
        return np.einsum("hv,hvo->o", Y, W_O), K, V -> return np.einsum("hv,hvo->o", Y, W_O) | y is right, but it comes
            alone. Return y, K, V, because the next token needs the longer K and V.
        return np.einsum("hv,hvo->o", Y, W_O), K, V -> return K, V, np.einsum("hv,hvo->o", Y, W_O) | These are K, V, y.
            Return y first.
        W_O), K, V -> W_O), V, K | K and V are exchanged. Return y, K, V.
        x @ W_Q, x @ W_K -> x @ W_K, x @ W_Q | W_Q and W_K are exchanged. The query is x W_Q, the new key is x W_K.
        q, k, v = x @ W_Q -> q, k, v = x @ W_K | The query is made with W_K. It is x W_Q.
        x @ W_Q, x @ W_K -> x @ W_Q, x @ W_Q | The new key is made with W_Q. It is x W_K.
        S - S.max(axis=-1, keepdims=True) -> S - np.maximum(S.max(axis=-1, keepdims=True), 0.0) | What is subtracted
            lies far from the largest logit of a head here, so inf / inf or 0 / 0 is left. Subtract the largest logit of
            each head, whatever its sign.
        P, V) -> P[:, :-1], V[:, :-1]) | The new token has a weight, but its value is left out. Mix the values of all N
            + 1 rows.
        q, k, v = x @ W_Q -> q, k, v = x @ W_Q[[0] * len(W_Q)] | All heads have the query of head 0. Each has its own
            W_Q.
        q, K) -> q, K[[0] * len(K)]) | All heads read the keys of head 0. Each head has keys of its own.
        P, V) -> P, V[[0] * len(V)]) | All heads read the values of head 0. Each head has values of its own.
        q, K) -> q, K[[0] * len(K)]) && P, V) -> P, V[[0] * len(V)]) | All heads read the keys and values of head 0.
            Each head has its own.
        np.einsum("hv,hvo->o", Y, W_O) -> Y.sum(0) @ W_O[0] | All heads use the W_O of head 0. Head h has its own,
            W_O[h].
        "hv,hvo->o", Y, W_O -> "hv,kvo->o", Y, W_O | Every head meets the sum of all W_O. Head h has its own, W_O[h].
        "hv,hvo->o", Y, W_O -> "hv,hvo->o", Y, W_O.swapaxes(0, 1).reshape(W_O.shape) | The rows of W_O are interleaved.
            Entry c of head h meets row c of W_O[h].
        """,
    ),
    hints=(
        "The new key of all heads is `x @ W_K`, of shape (h, e), or `x @ W_K[h]` in a loop over heads. The new value "
        "is `x @ W_V`.",
        "Tokens lie along axis 1 of K and V: `np.concatenate([K, k[:, None]], axis=1)`.",
        "There is one query in each head and no mask: `np.einsum('he,hNe->hN', q, K) / np.sqrt(e)` are its logits. "
        "Take the softmax along the last axis, mix the values, multiply by W_O and sum over heads.",
    ),
)
