"""Exercise 2.6: the next token alone, from the keys and values of the tokens before it."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, draw

D_QK, D_V = 5, 3


def next_token(x, W_Q, W_K, W_V, K, V):
    K = np.vstack([K, x @ W_K])  # the new token sees itself: its key and value join before it reads
    V = np.vstack([V, x @ W_V])
    s = K @ (x @ W_Q) / np.sqrt(K.shape[-1])
    a = np.exp(s - s.max())
    return a / a.sum() @ V, K, V


def _read(q, K, V, scale=None):
    s = K @ q * (K.shape[-1] ** -0.5 if scale is None else scale)
    a = np.exp(s)
    return a / a.sum() @ V


def _extended(x, W_K, W_V, K, V):
    return np.vstack([K, x @ W_K]), np.vstack([V, x @ W_V])


def _without_itself(x, W_Q, W_K, W_V, K, V):
    with np.errstate(all="ignore"):
        return _read(x @ W_Q, K, V), *_extended(x, W_K, W_V, K, V)


def _cache_kept(x, W_Q, W_K, W_V, K, V):
    return _read(x @ W_Q, *_extended(x, W_K, W_V, K, V)), K, V


def _prepended(x, W_Q, W_K, W_V, K, V):
    K, V = np.vstack([x @ W_K, K]), np.vstack([x @ W_V, V])
    return _read(x @ W_Q, K, V), K, V


def _key_as_query(x, W_Q, W_K, W_V, K, V):
    K, V = _extended(x, W_K, W_V, K, V)
    return _read(K[-1], K, V), K, V


def _unscaled(x, W_Q, W_K, W_V, K, V):
    K, V = _extended(x, W_K, W_V, K, V)
    return _read(x @ W_Q, K, V, scale=1.0), K, V


def _only_itself(x, W_Q, W_K, W_V, K, V):
    K, V = _extended(x, W_K, W_V, K, V)
    return V[-1], K, V


def _stream(n_before: int):
    d = 11
    W_Q, W_K, W_V = draw(d, D_QK, seed=10), draw(d, D_QK, seed=11), draw(d, D_V, seed=12)
    X = draw(n_before + 1, d, seed=13)
    return X[-1] / d**0.5, W_Q, W_K, W_V, X[:-1] @ W_K / d**0.5, X[:-1] @ W_V


NEXT = Exercise(
    id="2.6",
    title="the next token alone",
    minutes=8,
    difficulty=2,
    solution=next_token,
    stages=(
        Stage(_stream(0), "the first token (K and V have no rows yet): it sees itself alone"),
        Stage(_stream(1), "the second token"),
        Stage(_stream(6), "the seventh token"),
    ),
    mistakes=(
        Mistake(
            _without_itself,
            "the new token does not see itself: add its key and value before the query reads",
        ),
        Mistake(_cache_kept, "y is right, but the K and V you return lack the new row: the next token needs it"),
        Mistake(_prepended, "the new row stands first; tokens are kept in the order in which they come"),
        Mistake(_key_as_query, "the query is x W_K; queries have a matrix of their own, W_Q"),
        Mistake(_unscaled, "the scores are not divided by sqrt(d_QK)"),
        Mistake(
            lambda *inputs: next_token(*inputs)[0],
            "y is right, but it comes alone; return y, K, V, for the next token needs the new rows",
        ),
        Mistake(
            lambda *inputs: (*next_token(*inputs)[1:], next_token(*inputs)[0]),
            "all three are right, but in another order; return y, K, V",
        ),
        Mistake(_only_itself, "the new token looks at itself alone; it sees every earlier one, too"),
    ),
    hints=(
        "Make the new key `x @ W_K` and the new value `x @ W_V`, and put them below K and V with `np.vstack`.",
        "Now there is one query, `x @ W_Q`, and no mask: the newest token sees everything that is there.",
        "`K @ q / np.sqrt(K.shape[-1])` are its scores; softmax them and multiply by V.",
    ),
)
