"""Exercise 9.4: queries and keys of the expanded form of a partly rotary latent, e + p wide."""

import numpy as np

from course_lib.config import Rope
from course_lib.exercises.core import Exercise, Stage, edits, randn
from course_lib.reference.positions import rotate


def expanded_heads(Q, W_LK, rows, p, rope):
    n, N, still = Q.shape[1], len(rows), rows.shape[1] - p
    upper, lower = W_LK[:, :still], W_LK[:, still:]
    asking = rotate(Q @ lower.swapaxes(1, 2), np.arange(N - n, N), rope)  # (h, n, p)
    shared = np.broadcast_to(rows[:, still:], (len(Q), N, p))  # turned already, the same for all heads
    return np.concatenate([Q, asking], axis=-1), np.concatenate([rows[:, :still] @ upper, shared], axis=-1)


def _inputs(h: int, n: int, N: int, r: int, p: int) -> tuple:
    return randn(h, n, 5), randn(h, r, 5, seed=1), randn(N, r, seed=2), p, Rope(base=50.0)


EXPANDED_HEADS = Exercise(
    id="9.4",
    title="expanded heads of a partly rotary latent",
    minutes=10,
    difficulty=3,
    solution=expanded_heads,
    stages=(
        Stage(_inputs(3, 2, 7, 10, 6), "three heads, two new tokens behind five cached ones"),
        Stage(_inputs(1, 3, 3, 9, 4), "one head, three tokens, all of them new"),
        Stage(_inputs(3, 4, 4, 8, 2), "three heads, two coordinates turn"),
        Stage(_inputs(1, 1, 1, 8, 2), "one token at position 0, where nothing turns"),
    ),
    mistakes=edits(
        expanded_heads,
        """
        rotate(Q @ lower.swapaxes(1, 2), np.arange(N - n, N), rope) -> Q @ lower.swapaxes(1, 2) | The last p
          coordinates of the queries are not turned. Turn them by the positions of the queries.
        np.arange(N - n, N) -> np.arange(n) | The queries are turned as if they came first. They are the last n of N
          tokens, at N - n ... N - 1.
        np.arange(N - n, N) -> n + np.arange(n) | Query a is put at n + a. It stands at N - n + a.
        np.arange(N - n, N) -> np.full(n, N - n) | All queries turn by N - n here. Query a turns by its own position, N
          - n + a.
        np.arange(N - n, N) -> np.full(n, N - 1) | All queries turn by N - 1 here. Query a turns by its own position, N
          - n + a.
        np.arange(N - n, N) -> np.arange(N, N + n) | The queries stand n positions too far. The first of them is at N -
          n.
        np.arange(N - n, N) -> np.arange(N - n, N)[::-1] | The positions of the queries are in reverse order.
        np.arange(N - n, N) -> -np.arange(N - n, N) | The queries turn backwards, so the scores depend on i + j. Turn
          them by +i.
        rows[:, still:], -> rotate(rows[:, still:], np.arange(N), rope), | The last p coordinates of the rows turn a
          second time. They are turned already in the cache.
        np.arange(N - n, N), rope -> np.arange(N - n, N), Rope() | The given rope is not used. It has a base of its
          own.
        rows.shape[1] - p -> p && (len(Q), N, p) -> (len(Q), N, rows.shape[1] - p) | The row is cut behind its first p
          coordinates. The last p coordinates turn, so cut it behind the first r - p.
        upper, lower = W_LK[:, :still], W_LK[:, still:] -> upper, lower = W_LK[:, p:], W_LK[:, :p] | The blocks of
          W_LK have changed places. The first r - p rows belong to the coordinates that do not turn.
        upper, lower = W_LK[:, :still], W_LK[:, still:] -> upper, lower = W_LK[:, p:], W_LK[:, :p] && rows[:, still:],
          -> rows[:, :p], && rows[:, :still] @ upper -> rows[:, p:] @ upper | The first p coordinates of a row are taken
          for the turned ones. The last p are turned.
        rows[:, still:], -> rows[:, :p], && rows[:, :still] @ upper -> rows[:, p:] @ upper | The rows are cut behind
          their first p coordinates, W_LK behind its first r - p. Cut both behind the first r - p.
        W_LK[:, still:] -> W_LK[:, :p] | The queries are multiplied by the first p rows of W_LK. The turned coordinates
          belong to its last p rows.
        Q @ lower.swapaxes(1, 2), np.arange(N - n, N), rope) -> Q @ W_LK.swapaxes(1, 2), np.arange(N - n, N),
          rope)[..., still:] | The whole query Q W_LK^T is turned, and then cut. Cut it first, since the pairs turn with
          the frequencies of width p.
        [Q, asking] -> [asking, Q] && [rows[:, :still] @ upper, shared] -> [shared, rows[:, :still] @ upper] | The
          turned coordinates come first. The scores are the same, but the last p coordinates are asked for.
        return np.concatenate([Q, asking], axis=-1), np.concatenate([rows[:, :still] @ upper, shared], axis=-1) ->
          return np.concatenate([rows[:, :still] @ upper, shared], axis=-1), np.concatenate([Q, asking], axis=-1) |
          The keys come first. Return the queries, then the keys.
        [Q, asking] -> [Q / np.sqrt(Q.shape[-1]), asking / np.sqrt(Q.shape[-1])] | The queries are divided by
          sqrt(d_QK). No scale is asked for here.
        [Q, asking] -> [Q / np.sqrt(Q.shape[-1] + p), asking / np.sqrt(Q.shape[-1] + p)] | The queries are divided by
          sqrt(d_QK + p). No scale is asked for here.
        np.arange(N - n, N) -> np.arange(N - n, N) + 1 | The queries stand one position too far. The last of N tokens is
          at N - 1.
        np.arange(N - n, N) -> np.arange(N - n, N) - 1 | The queries stand one position too near. The last of N tokens
          is at N - 1.
        upper, lower = W_LK[:, :still], W_LK[:, still:] -> upper, lower = W_LK[:1, :still].repeat(len(Q), 0), W_LK[:1,
          still:].repeat(len(Q), 0) | All heads use W_LK of head 0. Each head has its own.
        upper, lower = W_LK[:, :still] -> upper, lower = W_LK[:1, :still].repeat(len(Q), 0) | The contents of all keys
          are made with W_LK of head 0. Each head has its own.
        W_LK[:, still:] -> W_LK[:1, still:] | The queries of all heads meet W_LK of head 0. Each head has its own.
        [Q, asking] -> [Q / np.sqrt(Q.shape[-1]), asking / np.sqrt(Q.shape[-1])] && [rows[:, :still] @ upper, shared] ->
          [rows[:, :still] @ upper / np.sqrt(Q.shape[-1]), shared / np.sqrt(Q.shape[-1])] | Queries and keys are divided
          by sqrt(d_QK). No scale is asked for here.
        rows[:, still:], -> rotate(rows[:, still:], -np.arange(N), rope), | The last p coordinates of the rows are
          turned back. The keys hold them as they are in the cache.
        rows[:, :still] @ upper -> rows @ W_LK | The turned coordinates count twice. The content of a key is made of
          the first r - p coordinates only.
        return np.concatenate([Q, asking], axis=-1), np.concatenate([rows[:, :still] @ upper, shared], axis=-1) ->
          return np.concatenate([Q, asking], axis=-1) @ np.concatenate([rows[:, :still] @ upper, shared],
          axis=-1).swapaxes(1, 2) | These are the scores. Return the queries and the keys.
        shared = np.broadcast_to(rows[:, still:], (len(Q), N, p)) -> shared = rows[:, still:] @ lower.mean(axis=2,
          keepdims=True) @ np.ones((1, p)) | The turned coordinates of the keys are projected. They enter each head as
          they are in the cache.
        """,
    ),
    hints=(
        "Cut W_LK behind its first r - p rows, `upper, lower = W_LK[:, : r - p], W_LK[:, r - p :]`. Cut the "
        "latent rows behind their first r - p coordinates.",
        "The query brings `Q @ lower.swapaxes(1, 2)` in its last p coordinates. These turn by the position of the "
        "query, N - n ... N - 1.",
        "The keys are `rows[:, : r - p] @ upper`, (h, N, e), and beside them the turned part of the rows as it is. "
        "`np.broadcast_to` gives the latter a head axis.",
    ),
)
