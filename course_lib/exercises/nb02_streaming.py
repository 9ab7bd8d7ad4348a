"""Exercise 2.6: the next token alone, from the keys and values of the tokens before it."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits, randn


def next_token(x, W_Q, W_K, W_V, K, V):
    K = np.vstack([K, x @ W_K])  # the new token sees itself, so its key and value are stored first
    V = np.vstack([V, x @ W_V])
    s = K @ (x @ W_Q) / np.sqrt(K.shape[-1])
    a = np.exp(s - s.max())
    return a / a.sum() @ V, K, V


def _stream(n_before: int, size: float = 1.0) -> tuple:
    """x, weight matrices, and the keys and values of the tokens before; queries are `size` times as large."""
    d, d_qk, d_v = 11, 5, 3
    W_Q, W_K, W_V = randn(d, d_qk, seed=10), randn(d, d_qk, seed=11), randn(d, d_v, seed=12)
    X = randn(n_before + 1, d, seed=13) / d**0.5
    return X[-1], size * W_Q, W_K, W_V, X[:-1] @ W_K, X[:-1] @ W_V


NEXT = Exercise(
    id="2.6",
    title="the next token alone",
    minutes=8,
    difficulty=2,
    solution=next_token,
    stages=(
        Stage(_stream(1), "the second token"),
        Stage(_stream(0), "the first token (K and V have no rows yet) sees itself alone"),
        Stage(_stream(6), "the seventh token"),
        Stage(_stream(7, size=2000.0), "the eighth token, whose logits are larger than 800"),
        Stage(_stream(3, size=-2500.0), "the fourth token, whose logit with itself lies about 1000 above the others"),
        Stage(_stream(1, size=7000.0), "the second token, whose logits lie below -2000"),
    ),
    mistakes=edits(
        next_token,
        """
        a / a.sum() @ V -> a[:-1] / a[:-1].sum() @ V[: -1 if len(V) > 1 else None] | The new token does not see itself.
            Add its key and value before the query reads.
        @ V, K, V -> @ V, K[:-1], V[:-1] | The output y is right, but the K and V that you return lack the new row. The
            next token needs it.
        [K, x @ W_K] -> [x @ W_K, K] && [V, x @ W_V] -> [x @ W_V, V] | The new row stands first. Tokens are kept in the
            order in which they come.
        x @ W_Q -> x @ W_K | The query is x W_K. Queries have a matrix of their own, W_Q.
        [K, x @ W_K] -> [K, x @ W_Q] | The new key is x W_Q. Keys have a matrix of their own, W_K.
        / np.sqrt(K.shape[-1]) -> | The scores are not divided by sqrt(d_QK).
        np.sqrt(K.shape[-1]) -> K.shape[-1] | The scores are divided by d_QK. Divide by its square root.
        x, W_Q, W_K, W_V, K, V -> x, W_K, W_Q, W_V, K, V | W_Q and W_K have changed places.
        K.shape[-1] -> len(x) | The scale uses the width of x. It is the width of queries and keys.
        K.shape[-1] -> len(K) | The scale uses the number of tokens. It is the width of queries and keys.
        K.shape[-1] -> V.shape[-1] | The scale uses the width of values. It is the width of queries and keys.
        a / a.sum() @ V, K, V -> a / a.sum() @ V | The output y is right, but it comes alone. Return y, K, V, because
            the next token needs the new rows.
        a / a.sum() @ V, K, V -> K, V, a / a.sum() @ V | All three are right, but in another order. Return y, K, V.
        a / a.sum() @ V -> V[-1] | The new token looks at itself alone. It also sees every earlier token.
        a / a.sum() @ V -> a @ V | The weights do not sum to 1. Divide them by their sum.
        np.exp(s - s.max()) -> np.exp(s) | exp overflows beyond 709, because the largest logit is not subtracted.
            Subtract it, as in exercise 2.3.
        s - s.max() -> s - s[: max(len(s) - 1, 1)].max() | The logit of the new token lies far above what is subtracted
            here, and exp overflows. Subtract the largest of all logits.
        a / a.sum() @ V -> (a / a.sum() @ V)[None] | y is a matrix of one row. Return the vector (d_V,).
        a / a.sum() @ V -> (a / a.sum())[:, None] * V | These are the weighted values one by one. y is their sum.
        a / a.sum() @ V -> a / a.sum() | These are the weights of the new token. y is the mean of the values that they
            take.
        @ V, K, V -> @ V, K[-1], V[-1] | The new rows of K and V are returned alone. Return all rows, (N + 1, d_QK) and
            (N + 1, d_V).
        a / a.sum() @ V, K, V -> a / a.sum() @ V, V, K | The order is y, K, V. You return y, V, K.
        a / a.sum() @ V -> s @ V | The logits are used as weights. Take their softmax.
        s - s.max() -> s - max(s.max(), 0.0) | All logits lie far below 0 here, and what is subtracted lies
            far above them, so 0 / 0 is left. Subtract the largest logit, whatever its sign.
        np.exp(s - s.max()) -> np.exp(np.clip(s, -700, 700)) | The logits are cut off, so large ones become equal.
            Subtract the largest logit instead.
        [K, x @ W_K] -> [K[:-1], x @ W_K] && [V, x @ W_V] -> [V[:-1], x @ W_V] | The new row takes the place of the last
            one. Append it, so that K and V have one row more.
        a / a.sum() @ V -> a[:-1] / a[:-1].sum() @ V[:-1] + V[-1] | The new value is added to the mean of the old ones.
            It enters the mean with its own weight.
        """,
    ),
    hints=(
        "Make the new key `x @ W_K` and the new value `x @ W_V`, and put them below K and V with `np.vstack`.",
        "Now there is one query, `x @ W_Q`, and no mask, because the newest token sees everything that is there.",
        "`K @ q / np.sqrt(K.shape[-1])` are its logits. Take their softmax and multiply by V.",
    ),
)
