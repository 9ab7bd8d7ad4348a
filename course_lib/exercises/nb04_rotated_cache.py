"""Exercise 4.6: the next token, with keys that are stored rotated."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage
from course_lib.exercises.nb04_rotations import rotate

D, E, V_WIDTH = 7, 6, 4  # widths of a token, of a key, of a value; even where a mistake rotates


def next_rotated(x, W_Q, W_K, W_V, K, V, base):
    here = np.array([len(K)])  # positions count from 0: N tokens came before
    q, k = rotate((x @ W_Q)[None], here, base)[0], rotate((x @ W_K)[None], here, base)
    K, V = np.concatenate([K, k]), np.concatenate([V, (x @ W_V)[None]])
    s = K @ q / np.sqrt(len(q))
    a = np.exp(s - s.max())
    return a / a.sum() @ V, K, V


def _read(q, K, V, scale=None):
    """One query attends to all rows."""
    s = K @ q * (len(q) ** -0.5 if scale is None else scale)
    a = np.exp(s - s.max())
    return a / a.sum() @ V


def _step(query_at=len, key_at=len, value_at=None, scale=None):
    """The step with other positions; each is a function of the stored keys, None for no rotation."""

    def turned(row, at, K, base):
        return row[None] if at is None else rotate(row[None], np.array([at(K)]), base)

    def answer(x, W_Q, W_K, W_V, K, V, base):
        q = turned(x @ W_Q, query_at, K, base)[0]
        new_K, new_V = turned(x @ W_K, key_at, K, base), turned(x @ W_V, value_at, K, base)
        K, V = np.concatenate([K, new_K]), np.concatenate([V, new_V])
        return _read(q, K, V, scale), K, V

    return answer


def _turned_twice(x, W_Q, W_K, W_V, K, V, base):
    K, V = np.concatenate([K, (x @ W_K)[None]]), np.concatenate([V, (x @ W_V)[None]])
    K = rotate(K, np.arange(len(K)), base)
    return _read(rotate((x @ W_Q)[None], np.array([len(K) - 1]), base)[0], K, V), K, V


def _turned_at_reading(x, W_Q, W_K, W_V, K, V, base):
    K, V = np.concatenate([K, (x @ W_K)[None]]), np.concatenate([V, (x @ W_V)[None]])
    at = np.arange(len(K))
    return _read(rotate((x @ W_Q)[None], at[-1:], base)[0], rotate(K, at, base), V), K, V


def _without_itself(x, W_Q, W_K, W_V, K, V, base):
    y, new_K, new_V = next_rotated(x, W_Q, W_K, W_V, K, V, base)
    return (y if len(K) == 0 else _read(rotate((x @ W_Q)[None], np.array([len(K)]), base)[0], K, V)), new_K, new_V


def _newest_first(x, W_Q, W_K, W_V, K, V, base):
    y, new_K, new_V = next_rotated(x, W_Q, W_K, W_V, K, V, base)
    return y, np.roll(new_K, 1, axis=0), np.roll(new_V, 1, axis=0)


def _inputs(n: int):
    rng = np.random.default_rng(46)
    W_Q, W_K, W_V = rng.normal(size=(D, E)), rng.normal(size=(D, E)), rng.normal(size=(D, V_WIDTH))
    X, base = 0.3 * rng.normal(size=(n + 1, D)), 100.0  # small, so that no weight is nearly 1
    return X[n], W_Q, W_K, W_V, rotate(X[:n] @ W_K, np.arange(n), base), X[:n] @ W_V, base


CACHE = Exercise(
    id="4.6",
    title="the next token, with rotated keys",
    minutes=8,
    difficulty=2,
    solution=next_rotated,
    stages=(
        Stage(_inputs(0), "the first token: nothing is stored, and nothing turns at position 0"),
        Stage(_inputs(2), "the third token"),
        Stage(_inputs(6), "the seventh token"),
    ),
    mistakes=(
        Mistake(
            _turned_twice,
            "the stored keys are turned a second time; they were rotated when they were stored, the new one was not",
        ),
        Mistake(
            _turned_at_reading,
            "the new key is stored as it is and all keys are rotated at reading; that is a possible design, but this "
            "cache holds rotated keys, and they turn twice",
        ),
        Mistake(
            _step(lambda K: 0, lambda K: 0),
            "the new token is not rotated, as if it stood at position 0; it stands behind N stored ones, at position N",
        ),
        Mistake(
            _step(lambda K: len(K) + 1, lambda K: len(K) + 1),
            "the new token is rotated to position N + 1; positions count from 0, so after N tokens it stands at N",
        ),
        Mistake(
            _step(lambda K: max(len(K) - 1, 0), lambda K: max(len(K) - 1, 0)),
            "the new token is rotated to N - 1, where the last stored one stands; its own position is N",
        ),
        Mistake(_step(query_at=None), "the query is not rotated, so scores depend on where the text begins"),
        Mistake(_step(key_at=None), "the new key is not rotated before it is stored"),
        Mistake(
            _step(value_at=len),
            "the value is rotated as well; positions belong to scores, so only queries and keys turn",
        ),
        Mistake(
            _step(query_at=lambda K: len(K) + 1),
            "the query is rotated to N + 1; it stands where its own key stands, at position N",
        ),
        Mistake(_step(scale=1.0), "the scores are not divided by sqrt(d_QK)"),
        Mistake(
            _step(scale=V_WIDTH**-0.5), "the scores are divided by sqrt(d_V); it is the width of the keys that counts"
        ),
        Mistake(_step(scale=1 / E), "the scores are divided by d_QK; divide by its square root"),
        Mistake(
            lambda *given: next_rotated(*given[:-1], 10_000.0), "the base is always 10000; use the one that is given"
        ),
        Mistake(
            lambda *given: next_rotated(*given)[0],
            "y alone is returned; return y, K, V, since the next token needs the longer K and V",
        ),
        Mistake(
            lambda *given: (next_rotated(*given)[0], *given[4:6]),
            "K and V are returned as they came; the new rows have to be in them for the next token",
        ),
        Mistake(_without_itself, "the new token does not see itself; store its key and value first, then attend"),
        Mistake(_newest_first, "the new row stands first; append it behind the stored ones"),
    ),
    hints=(
        "How many tokens came before? That number, `len(K)`, is the position of the new one.",
        "`rotate((x @ W_K)[None], np.array([len(K)]), base)` is the new key as a row (1, d_QK); the query likewise.",
        "Append key and value with `np.concatenate`, then attend with the rotated query to all rows.",
    ),
)
