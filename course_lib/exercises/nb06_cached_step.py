"""Exercise 6.1: the next token of a multi-head layer, from the keys and values that were kept."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage

H, D, E, V_WIDTH, D_OUT = 3, 7, 5, 4, 11  # heads, widths of a token, a key, a value, an output row


def decode_step(x, W_Q, W_K, W_V, W_O, K, V):
    k, v = np.einsum("d,hde->he", x, W_K), np.einsum("d,hdv->hv", x, W_V)
    K = np.concatenate([K, k[:, None]], axis=1)  # store first: the new token sees itself
    V = np.concatenate([V, v[:, None]], axis=1)
    S = np.einsum("d,hde,hNe->hN", x, W_Q, K) / np.sqrt(K.shape[-1])  # one query in each head, which sees every row
    A = np.exp(S - S.max(axis=-1, keepdims=True))
    return np.einsum("hN,hNv,hvo->o", A / A.sum(axis=-1, keepdims=True), V, W_O), K, V


def _mixed(q, K, V, scale=None, axis=-1):
    """One query of each head, (h, e), attends to all rows: the heads' outputs, (h, v)."""
    A = np.exp(np.einsum("he,hNe->hN", q, K) * (q.shape[-1] ** -0.5 if scale is None else scale))
    return np.einsum("hN,hNv->hv", A / A.sum(axis=axis, keepdims=True), V)


def _answer(q, K, V, W_O, **changes):
    return np.einsum("hv,hvo->o", _mixed(q, K, V, **changes), W_O)


def _step_with(answer):
    """A step that stores rightly and answers by `answer(q, K, V, W_O)`."""

    def step(x, W_Q, W_K, W_V, W_O, K, V):
        _, K, V = decode_step(x, W_Q, W_K, W_V, W_O, K, V)
        return answer(np.einsum("d,hde->he", x, W_Q), K, V, W_O), K, V

    return step


def _without_itself(q, K, V, W_O):
    return _answer(q, K[:, :-1], V[:, :-1], W_O) if K.shape[1] > 1 else np.zeros(D_OUT)


def _without_normaliser(q, K, V, W_O):
    A = np.exp(np.einsum("he,hNe->hN", q, K) / np.sqrt(q.shape[-1]))
    return np.einsum("hN,hNv,hvo->o", A, V, W_O)


def _interleaved(q, K, V, W_O):
    return _mixed(q, K, V).T.reshape(-1) @ W_O.reshape(-1, W_O.shape[-1])


def _not_joined(q, K, V, W_O):
    return _mixed(q, K, V).reshape(-1)


def _newest_first(*given):
    y, K, V = decode_step(*given)
    return y, np.roll(K, 1, axis=1), np.roll(V, 1, axis=1)


def _picked(given, *order):
    """The three results of the step in another order."""
    results = decode_step(*given)
    return tuple(results[i] for i in order)


def _inputs(n: int):
    rng = np.random.default_rng(61)
    W_Q, W_K = rng.normal(size=(2, H, D, E))
    W_V, W_O = rng.normal(size=(H, D, V_WIDTH)), rng.normal(size=(H, V_WIDTH, D_OUT))
    X = 0.3 * rng.normal(size=(n + 1, D))  # small, so that no weight is nearly 1
    return X[n], W_Q, W_K, W_V, W_O, X[:n] @ W_K, X[:n] @ W_V


STEP = Exercise(
    id="6.1",
    title="a decode step with a cache",
    minutes=8,
    difficulty=2,
    solution=decode_step,
    stages=(
        Stage(_inputs(0), "the first token (K and V have no rows yet): it sees itself alone"),
        Stage(_inputs(2), "the third token"),
        Stage(_inputs(6), "the seventh token"),
    ),
    mistakes=(
        Mistake(
            _step_with(_without_itself),
            "the new token does not see itself; append its key and value first, then let the query read",
        ),
        Mistake(
            lambda *given: (decode_step(*given)[0], *given[5:]),
            "y is right, but K and V come back as they were; the next token needs the new rows in them",
        ),
        Mistake(_newest_first, "the new row stands first; append it behind the rows that are there"),
        Mistake(
            _step_with(lambda q, K, V, W_O: _answer(q, K[:, :1], V[:, :1], W_O)),
            "only the first row is seen: this is the first row of a causal mask, but the new token is the last one and "
            "sees every row, so no mask is needed",
        ),
        Mistake(
            _step_with(lambda q, K, V, W_O: _answer(q, K[:, -1:], V[:, -1:], W_O)),
            "the new token looks at itself alone; it sees every stored row too",
        ),
        Mistake(_step_with(lambda *given: _answer(*given, scale=1.0)), "the scores are not divided by sqrt(d_head)"),
        Mistake(
            _step_with(lambda *given: _answer(*given, scale=(H * E) ** -0.5)),
            "the scores are divided by the root of all heads' width together; each head divides by sqrt(d_head)",
        ),
        Mistake(
            _step_with(lambda *given: _answer(*given, scale=D**-0.5)),
            "the scores are divided by sqrt(d), the width of a token; divide by sqrt(d_head), the width of a key",
        ),
        Mistake(
            _step_with(lambda *given: _answer(*given, scale=V_WIDTH**-0.5)),
            "the scores are divided by the root of a value's width; divide by sqrt(d_head), the width of a key",
        ),
        Mistake(
            _step_with(lambda *given: _answer(*given, scale=1 / E)),
            "the scores are divided by d_head; divide by its root",
        ),
        Mistake(
            _step_with(_without_normaliser),
            "the weights are not divided by their sum; in each head they sum to 1",
        ),
        Mistake(
            _step_with(lambda *given: _answer(*given, axis=None)),
            "all heads share one normaliser; each head's weights sum to 1 on their own: sum along the last axis",
        ),
        Mistake(
            _step_with(_interleaved),
            "the heads are interleaved before W_O: row h d_head + c of the joined vector is entry c of head h",
        ),
        Mistake(
            _step_with(lambda q, K, V, W_O: np.einsum("hv,hvo->ho", _mixed(q, K, V), W_O)),
            "each head's part of y stands alone here; y is their sum, one row of width d_out",
        ),
        Mistake(
            _step_with(_not_joined),
            "this is the concatenation of the heads; W_O, which makes one row of width d_out of it, is missing",
        ),
        Mistake(
            _step_with(lambda *given: _answer(*given) / H),
            "this is the mean over the heads; W_O sums them",
        ),
        Mistake(
            lambda *given: decode_step(*given)[0],
            "y is right, but it comes alone; return y, K, V, for the next token needs the longer K and V",
        ),
        Mistake(lambda *given: _picked(given, 1, 2, 0), "these are K, V, y; return y first"),
        Mistake(lambda *given: _picked(given, 0, 2, 1), "K and V are exchanged; return y, K, V"),
    ),
    hints=(
        "The new key of all heads is `np.einsum('d,hde->he', x, W_K)`, or a loop over heads with `x @ W_K[h]`. The "
        "value likewise.",
        "Tokens lie along axis 1 of K and V: `np.concatenate([K, k[:, None]], axis=1)`.",
        "One query per head, and no mask: `np.einsum('he,hNe->hN', q, K) / np.sqrt(d_head)` are its scores. Softmax "
        "along the last axis, mix the values, multiply by W_O and sum over heads.",
    ),
)
