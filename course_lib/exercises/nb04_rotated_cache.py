"""Exercise 4.6: the next token, with keys that are stored rotated."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn
from course_lib.exercises.nb04_rotations import rotate


def next_rotated(x, W_Q, W_K, W_V, K, V, base):
    here = np.array([len(K)])  # positions count from 0: N tokens came before
    q, k = rotate((x @ W_Q)[None], here, base)[0], rotate((x @ W_K)[None], here, base)
    K, V = np.concatenate([K, k]), np.concatenate([V, (x @ W_V)[None]])
    s = K @ q / np.sqrt(len(q))
    a = np.exp(s - s.max())
    return a / a.sum() @ V, K, V


_D, _E, _V = 7, 6, 4  # widths of a token, of a key, of a value; the last is even, as a mistake rotates values


def _inputs(n: int, seed: int = 46) -> tuple:
    """Inputs for the token after n others, with logits of about 1."""
    W_Q, W_K, W_V = randn(_D, _E, seed=seed), randn(_D, _E, seed=seed + 1), randn(_D, _V, seed=seed + 2)
    X, base = 0.3 * randn(n + 1, _D, seed=seed + 3), 100.0
    return X[n], W_Q, W_K, W_V, rotate(X[:n] @ W_K, np.arange(n), base), X[:n] @ W_V, base


def _large(sign: float) -> tuple:
    """Inputs whose logits are about `sign` times 1000 for the stored keys and `sign` times 3000 for the new one."""
    x, W_Q, _, W_V, K, V, base = _inputs(3)
    q = rotate((x @ W_Q)[None], np.array([3]), base)[0]
    unit = sign * np.sqrt(_E) * q / (q @ q)
    return x, W_Q, 3000 * sign * np.sqrt(_E) / (q @ q) * W_Q, W_V, np.outer([1000, 900, 1200], unit) + K, V, base


CACHE = Exercise(
    id="4.6",
    title="the next token, with rotated keys",
    minutes=8,
    difficulty=2,
    solution=next_rotated,
    stages=(
        Stage(_inputs(2), "the third token: two are stored"),
        Stage(_inputs(0), "the first token: nothing is stored, and nothing turns at position 0"),
        Stage(_inputs(5), "the sixth token"),
        Stage(_large(-1.0), "logits of -900 and less: exp of each is 0"),
        Stage(_large(1.0), "logits of 900 and more, beyond what exp can take"),
    ),
    mistakes=(
        *edits(
            next_rotated,
            """
            rotate((x @ W_K)[None], here, base) -> (x @ W_K)[None] && np.concatenate([K, k]) ->
                rotate(np.concatenate([K, k]), np.arange(len(K) + 1), base) | The stored keys are turned a second time.
                They were rotated when they were stored; rotate the new one only.
            rotate((x @ W_K)[None], here, base) -> (x @ W_K)[None] && K @ q -> rotate(K, np.arange(len(K)), base) @ q |
                The new key is stored as it is, and all keys are rotated at reading. This cache holds rotated keys, so
                they turn twice.
            K @ q -> rotate(K, np.arange(len(K)), base) @ q | All keys are rotated again at reading. They were rotated
                when they were stored.
            @ V, K, V -> @ V, np.concatenate([K[:-1], (x @ W_K)[None]]), V | The new key is rotated for this step, but
                stored unrotated. Store it as it was used.
            here = np.array([len(K)]) -> here = np.array([0]) | The new token is not rotated, as if it stood at position
                0. It stands behind N stored ones, at position N.
            here = np.array([len(K)]) -> here = np.array([len(K) + 1]) | The new token is rotated to position N + 1.
                Positions count from 0, so after N tokens it stands at N.
            [len(K)] -> [max(len(K) - 1, 0)] | The new token is rotated to N - 1, where the last stored one stands. Its
                own position is N.
            [len(K)] -> [-len(K)] | The new token turns backwards. Its position is +N.
            rotate((x @ W_Q)[None], here, base)[0] -> x @ W_Q | The query is not rotated, so its logits depend on where
                the text begins.
            rotate((x @ W_K)[None], here, base) -> (x @ W_K)[None] | The new key is not rotated before it is stored.
            rotate((x @ W_Q)[None], here, base)[0] -> rotate((x @ W_Q)[None], here + 1, base)[0] | The query is rotated
                to N + 1. It stands where its own key stands, at position N.
            rotate((x @ W_Q)[None], here, base)[0] -> rotate((x @ W_Q)[None], np.array([max(len(K) - 1, 0)]), base)[0] |
                The query is rotated to N - 1. It stands where its own key stands, at position N.
            (x @ W_K)[None], here, -> (x @ W_K)[None], here + 1, | The new key is rotated to N + 1. It stands where its
                query stands, at position N.
            [V, (x @ W_V)[None]] -> [V, rotate((x @ W_V)[None], here, base)] | The value is rotated as well. Only
                queries and keys turn.
            (x @ W_Q)[None], here, base)[0], rotate((x @ W_K) -> (x @ W_K)[None], here, base)[0], rotate((x @ W_Q) | W_Q
                and W_K are exchanged.
            K @ q / np.sqrt(len(q)) -> K @ q | The scores are not divided by sqrt(d_QK).
            len(q) -> V.shape[1] | The scores are divided by sqrt(d_V). Divide by sqrt(d_QK), where d_QK is the width of
                the keys.
            len(q) -> len(x) | The scores are divided by sqrt(d_in). Divide by sqrt(d_QK), where d_QK is the width of
                the keys.
            len(q) -> len(K) | The scores are divided by the root of the number of keys. Divide by sqrt(d_QK), where
                d_QK is their width.
            np.sqrt(len(q)) -> len(q) | The scores are divided by d_QK. Divide by its square root.
            s - s.max() -> s | exp overflows, or all of its values are 0. Subtract the largest logit before exp.
            s - s.max() -> s - s.mean() | exp overflows after the mean was subtracted. Subtract the largest logit.
            np.exp(s - s.max()) -> np.exp(s) && a / a.sum() @ V -> a @ V | The exponentials are not divided by their
                sum, so the weights do not sum to 1.
            a / a.sum() @ V -> s @ V | The logits are used as weights. Take their softmax.
            a / a.sum() @ V -> a @ V | The weights do not sum to 1. Divide by their sum.
            a / a.sum() @ V -> V.mean(0) | All values have the same weight. The weights are the softmax of the logits.
            a / a.sum() @ V -> V[-1] | y is the new value alone. The new token attends to all values.
            a / a.sum() @ V -> V[a.argmax()] | The value of the largest logit is taken alone. The softmax weights all
                values.
            s = K @ q -> s = K[:-1] @ q && np.exp(s - s.max()) -> np.exp(s - max(s, default=0)) && @ V, K -> @ V[:-1], K
                | The new token does not see itself. Store its key and value first, then attend.
            [K, k] -> [k, K] && [V, (x @ W_V)[None]] -> [(x @ W_V)[None], V] | The new row stands first. Append it
                behind the stored ones.
            return a / a.sum() @ V, K, V -> return a / a.sum() @ V | y alone is returned. Return y, K, V, since the next
                token needs the longer K and V.
            @ V, K, V -> @ V, K[:-1], V[:-1] | K and V are returned as they came. The next token needs the new rows too.
            @ V, K, V -> @ V, K[-1], V[-1] | The new rows of K and V are returned alone. Return all rows, (N + 1, d_QK)
                and (N + 1, d_V).
            a / a.sum() @ V, K, V -> K, V, a / a.sum() @ V | The order is y, K, V. You return K, V, y.
            a / a.sum() @ V, K, V -> a / a.sum() @ V, V, K | The order is y, K, V. You return y, V, K.
            a / a.sum() @ V, K -> (a / a.sum() @ V)[None], K | y is a matrix of one row. Return the vector (d_V,).
            here = np.array([len(K)]) -> here = np.array([len(x)]) | The position is the width of x. It is the number of
                tokens that came before.
            rotate((x @ W_Q)[None] -> rotate((x @ W_K)[None] | The query is made with W_K. Queries have a matrix of
                their own, W_Q.
            rotate((x @ W_K)[None] -> rotate((x @ W_Q)[None] | The new key is made with W_Q. Keys have a matrix of their
                own, W_K.
            / np.sqrt(len(q)) -> * np.sqrt(len(q)) | The scores are multiplied by sqrt(d_QK). Divide by it.
            s - s.max() -> s.max() - s | The logits have the opposite sign, so the least similar keys count most.
                Subtract the largest logit from them.
            """,
        ),
        Mistake(
            lambda *given: next_rotated(*given[:-1], 10_000.0), "The base is always 10000. Use the one that is given."
        ),
    ),
    hints=(
        "How many tokens came before? That number, `len(K)`, is the position of the new one.",
        "`rotate((x @ W_K)[None], np.array([len(K)]), base)` is the new key as a row. The query turns likewise.",
        "Append key and value with `np.concatenate`. Then the rotated query attends to all rows; subtract the largest "
        "logit before exp.",
    ),
)
