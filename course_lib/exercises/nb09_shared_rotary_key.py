"""Exercise 9.2: logits with decoupled rotary positions, one rotary key for all heads."""

import numpy as np

from course_lib.config import Rope
from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn
from course_lib.reference.positions import rotate


def decoupled_logits(Q, K, Q_R, K_R, rope):
    n, N = Q.shape[-2], len(K_R)
    Q_R = rotate(Q_R, np.arange(N - n, N), rope)  # the queries are the last n of N tokens
    K_R = rotate(K_R, np.arange(N), rope)
    return (Q @ K.swapaxes(-1, -2) + Q_R @ K_R.T) / np.sqrt(Q.shape[-1] + Q_R.shape[-1])


def _all_turned(Q, K, Q_R, K_R, rope):
    n, N = Q.shape[-2], len(K_R)
    queries = np.concatenate([Q, Q_R], axis=-1)
    keys = np.concatenate([K, np.broadcast_to(K_R, (len(K), *K_R.shape))], axis=-1)
    turned = rotate(queries, np.arange(N - n, N), rope) @ rotate(keys, np.arange(N), rope).swapaxes(-1, -2)
    return turned / np.sqrt(queries.shape[-1])


def _inputs(h: int, n: int, N: int, p: int = 4) -> tuple:
    shapes = ((h, n, 6), (h, N, 6), (h, n, p), (N, p))
    return *(randn(*shape, seed=number) for number, shape in enumerate(shapes)), Rope(base=50.0)


DECOUPLED = Exercise(
    id="9.2",
    title="logits with a shared rotary key",
    minutes=10,
    difficulty=3,
    solution=decoupled_logits,
    stages=(
        Stage(_inputs(2, 4, 11), "two heads, four new tokens behind seven cached ones"),
        Stage(_inputs(3, 5, 5), "three heads, five tokens, all of them new"),
        Stage(_inputs(3, 4, 4, p=10), "three heads, rotary parts of width 10"),
        Stage(_inputs(1, 1, 1), "one token at position 0, where nothing turns"),
    ),
    mistakes=(
        Mistake(
            _all_turned, "The whole rows (Q, Q_R) and (K, K_R) are rotated. Positions belong to Q_R and K_R alone."
        ),
    )
    + edits(
        decoupled_logits,
        """
        np.arange(N - n, N) -> np.arange(n) | The queries are turned as if they came first, or the keys as if they
          came N - n tokens later. The keys stand at 0 ... N - 1, the queries at N - n ... N - 1.
        np.arange(N - n, N) -> np.arange(N - n, N) + 1 | The shift is one too large: the queries stand one position
          too far, or the keys one too near.
        np.arange(N - n, N) -> np.arange(N, N + n) | The shift is n too large: the queries stand n positions too far,
          or the keys n too near.
        np.arange(N - n, N) -> n + np.arange(n) | Query a is put at n + a. It stands at N - n + a.
        np.arange(N - n, N) -> np.full(n, N - 1) | All queries stand at N - 1 here. Query a stands at N - n + a.
        np.arange(N - n, N) -> np.full(n, N - n) | All queries stand at N - n here. Query a stands at N - n + a.
        np.arange(N - n, N) -> N - n - np.arange(n) | The positions of the queries fall. Query a stands at N - n + a.
        np.arange(N - n, N) -> np.arange(n - N, 2 * n - N) | Query a is put at n - N + a. It stands at N - n + a.
        np.arange(N - n, N) -> np.arange(N - n, N)[::-1] | The positions of the queries are in reverse order.
        np.sqrt(Q.shape[-1] + Q_R.shape[-1]) -> (np.sqrt(Q.shape[-1]) + np.sqrt(Q_R.shape[-1])) | The logits are divided
          by sqrt(d_QK) + sqrt(d_R). Take the root of the sum d_QK + d_R.
        np.sqrt(Q.shape[-1] + Q_R.shape[-1]) -> np.sqrt(Q.shape[-1]) | The logits are divided by sqrt(d_QK). The inner
          product runs over d_QK + d_R coordinates.
        np.sqrt(Q.shape[-1] + Q_R.shape[-1]) -> np.sqrt(Q_R.shape[-1]) | The logits are divided by sqrt(d_R) alone.
          The inner product runs over d_QK + d_R coordinates.
        np.sqrt(Q.shape[-1] + Q_R.shape[-1]) -> (Q.shape[-1] + Q_R.shape[-1]) | Divide by the square root of d_QK +
          d_R, not by d_QK + d_R.
        np.sqrt(Q.shape[-1] + Q_R.shape[-1]) -> 1 | The scores are not scaled. Divide by sqrt(d_QK + d_R).
        (Q @ K.swapaxes(-1, -2) + Q_R @ K_R.T) / np.sqrt(Q.shape[-1] + Q_R.shape[-1]) -> Q @ K.swapaxes(-1, -2) /
          np.sqrt(Q.shape[-1]) + Q_R @ K_R.T / np.sqrt(Q_R.shape[-1]) | The two parts have scales of their own. They
          are one inner product over d_QK + d_R coordinates, with one scale.
        np.sqrt(Q.shape[-1] + Q_R.shape[-1]) -> np.sqrt(Q.shape[-1] * Q_R.shape[-1]) | The logits are divided by the
          root of d_QK d_R. Take the root of the sum d_QK + d_R.
        np.sqrt(Q.shape[-1] + Q_R.shape[-1]) -> np.sqrt(Q.shape[1] + Q_R.shape[1]) | The logits are divided by the root
          of 2 n, the numbers of queries. Take the widths of Q and Q_R.
        (Q @ K.swapaxes(-1, -2) + Q_R @ K_R.T) -> Q @ K.swapaxes(-1, -2) / np.sqrt(Q.shape[-1]) + Q_R
          @ K_R.T | The content part is divided by sqrt(d_QK), the rotary part
          by sqrt(d_QK + d_R). They are one inner product, with one scale.
        (Q @ K.swapaxes(-1, -2) + Q_R @ K_R.T) -> Q @ K.swapaxes(-1, -2) + Q_R @ K_R.T | Only the rotary part is
          divided by sqrt(d_QK + d_R). Parentheses around the sum are missing.
        rotate(K_R, np.arange(N), rope) -> K_R | K_R is not rotated. Both sides turn, each by its own position, and
          the shift between them remains.
        rotate(Q_R, np.arange(N - n, N), rope) -> Q_R | Q_R is not rotated. Both sides turn, each by its own position,
          and the shift between them remains.
        rotate(Q_R, np.arange(N - n, N), rope) -> Q_R && rotate(K_R, np.arange(N), rope) -> K_R | Nothing is rotated.
          Q_R and K_R carry the positions, so rotate both.
        np.arange(N), rope -> -np.arange(N), rope | K_R turns backwards, so the scores depend on i + j. Rotate it by
          +j.
        np.arange(N - n, N) -> -np.arange(N - n, N) && np.arange(N), rope -> -np.arange(N), rope | Both sides turn
          backwards, so the shift has the wrong sign. Rotate Q_R by +i and K_R by +j.
        np.arange(N - n, N), rope -> np.arange(N - n, N), Rope() && np.arange(N), rope -> np.arange(N), Rope() | The
          given rope is not used. It has a base of its own.
        Q @ K.swapaxes(-1, -2) -> rotate(Q, np.arange(N - n, N), rope) @ rotate(K, np.arange(N), rope).swapaxes(-1,
          -2) | Q and K are rotated as well. Positions belong to Q_R and K_R alone.
        rotate(Q_R, np.arange(N - n, N), rope) -> Q_R && rotate(K_R, np.arange(N), rope) -> K_R && Q @ K.swapaxes(-1,
          -2) -> rotate(Q, np.arange(N - n, N), rope) @ rotate(K, np.arange(N), rope).swapaxes(-1, -2) | Q and K are
          rotated instead of Q_R and K_R. Positions belong to Q_R and K_R alone.
        (Q @ K.swapaxes(-1, -2) + Q_R @ K_R.T) -> Q @ K.swapaxes(-1, -2) | The rotary part is missing. Add Q_R K_R^T
          to the product of the content parts.
        (Q @ K.swapaxes(-1, -2) + Q_R @ K_R.T) -> Q_R @ K_R.T | The content part is missing. Add Q_h K_h^T.
        Q_R @ K_R.T -> Q_R[:1] @ K_R.T | All heads use the rotary queries of head 0. K_R is shared, and each head has
          rotary queries of its own.
        Q_R @ K_R.T -> (Q_R @ K_R.T).sum(axis=0) | The rotary parts of all heads are added. Each head has one of its
          own.
        Q_R @ K_R.T -> np.eye(len(Q))[:, :1, None] * (Q_R @ K_R.T) | Only head 0 has a rotary part. K_R is shared, and
          each head has rotary queries of its own.
        return (Q @ K.swapaxes(-1, -2) + Q_R @ K_R.T) / np.sqrt(Q.shape[-1] + Q_R.shape[-1]) -> return ((Q @
          K.swapaxes(-1, -2) + Q_R @ K_R.T) / np.sqrt(Q.shape[-1] + Q_R.shape[-1])).swapaxes(1, 2) | The logits are
          transposed. Queries are rows and keys are columns.
        return (Q @ K.swapaxes(-1, -2) + Q_R @ K_R.T) / -> S = (Q @ K.swapaxes(-1, -2) + Q_R @ K_R.T) /
          np.sqrt(Q.shape[-1] + Q_R.shape[-1]); return np.exp(S) / np.exp(S).sum(-1, keepdims=True) + 0 * | These are
          the weights already. Return the logits, before the softmax.
        return (Q @ K.swapaxes(-1, -2) + Q_R @ K_R.T) / np.sqrt(Q.shape[-1] + Q_R.shape[-1]) -> return
          np.where(np.tri(n, N, N - n), (Q @ K.swapaxes(-1, -2) + Q_R @ K_R.T) / np.sqrt(Q.shape[-1] + Q_R.shape[-1]),
          -np.inf) | The future is masked. Return all n N logits, without a mask.
        return (Q @ K.swapaxes(-1, -2) + Q_R @ K_R.T) / -> return Q @ K.swapaxes(-1, -2) / np.sqrt(Q.shape[-1] +
          Q_R.shape[-1]) + Q_R @ K_R.T + 0 / | The rotary part is not scaled. Divide the sum of both parts by
          sqrt(d_QK + d_R).
        np.arange(N), rope -> np.arange(1, N + 1), rope | The shift is one too small: the keys
          stand one position too far, or the queries one too near.
        np.arange(N - n, N) -> -np.arange(N - n, N) | The queries turn backwards, so the scores depend on i + j. Rotate
          them by +i.
        """,
    ),
    hints=(
        "The inner product of two concatenated vectors is the sum of two inner products.",
        "`rotate(X, positions, rope)` turns row m of X by positions[m]. It takes (h, n, p) as well as (N, p).",
        "The queries stand at `np.arange(N - n, N)`. K_R has no head axis, and `Q_R @ K_R.T` repeats it for each head.",
    ),
)
