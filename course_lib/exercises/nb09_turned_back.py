"""Exercise 9.3: a mix of turned latent rows, turned back by the position of its query."""

import numpy as np

from course_lib.config import Rope
from course_lib.exercises.core import Exercise, Stage, edits, randn
from course_lib.reference.positions import rotate


def relative_mix(P, turned_rows, rope):
    n, N = P.shape[-2:]
    mix = P @ turned_rows
    return rotate(mix, -np.arange(N - n, N), rope)  # the queries are the last n of N tokens


def _inputs(h: int, n: int, N: int) -> tuple:
    A = np.exp(randn(h, n, N)) * np.tri(n, N, N - n)
    return A / A.sum(-1, keepdims=True), randn(N, 6, seed=1), Rope(base=50.0)


TURNED_BACK = Exercise(
    id="9.3",
    title="turn the mix back",
    minutes=6,
    difficulty=2,
    solution=relative_mix,
    stages=(
        Stage(_inputs(3, 2, 7), "three heads, two new tokens behind five cached ones"),
        Stage(_inputs(1, 1, 1), "one head, one token at position 0, where nothing turns"),
        Stage(_inputs(1, 4, 4), "one head, four tokens, all of them new"),
        Stage(_inputs(3, 3, 8), "three heads, three new tokens behind five cached ones"),
    ),
    mistakes=edits(
        relative_mix,
        """
        rotate(mix, -np.arange(N - n, N), rope) -> mix | The mix is not turned back. Turn it by R_{-i}, where i is the
          position of its query.
        -np.arange(N - n, N) -> np.arange(N - n, N) | The mix turns forwards. Turn it back, by -i.
        -np.arange(N - n, N) -> -np.arange(n) | The mixes turn as if the queries came first. They are the last n of N
          tokens, at N - n ... N - 1.
        -np.arange(N - n, N) -> -np.arange(N - n, N) - 1 | The queries stand one position too far. The last of N
          tokens is at N - 1.
        -np.arange(N - n, N) -> -np.arange(N - n, N) + 1 | The queries stand one position too near. The last of N tokens
          is at N - 1.
        P @ turned_rows -> P @ rotate(turned_rows, -np.arange(N), rope) | The rows are turned back by their own
          positions before they are mixed. Mix the rows as they are in the cache.
        P @ turned_rows -> np.exp(P) / np.exp(P).sum(-1, keepdims=True) @ turned_rows | P goes through a softmax again.
          It holds the weights already.
        -np.arange(N - n, N) -> -np.arange(N - n, N)[::-1] | The positions of the queries are in reverse order.
        -np.arange(N - n, N) -> -np.full(n, N - n) | All mixes turn back by the position of the first query. Each query
          has its own position.
        -np.arange(N - n, N) -> -n - np.arange(n) | Query a is put at n + a. It stands at N - n + a.
        -np.arange(N - n, N) -> -N - np.arange(n) - n | Query a is put at N + n + a. It stands at N - n + a.
        -np.arange(N - n, N) -> -np.arange(N, N + n) | The queries stand n positions too far. The first of them is at N
          - n.
        -np.arange(N - n, N) -> -(N - n - np.arange(n)) | The positions of the queries fall. Query a stands at N - n +
          a.
        -np.arange(N - n, N) -> -np.arange(n - N, 2 * n - N) | Query a is put at n - N + a. It stands at N - n + a.
        -np.arange(N - n, N) -> np.full(n, 1 - N) | All mixes turn back by the position of the last token. Each query
          has its own position.
        mix = P @ turned_rows -> mix = P @ rotate(turned_rows, -np.arange(N), rope) && rotate(mix, -np.arange(N - n,
          N), rope) -> mix | Each row is turned back by its own position, so that no position is left. Turn each mix
          back by the position of its query.
        -np.arange(N - n, N) -> np.arange(n) | The mixes turn forwards, by 0 ... n - 1. Turn each one back by the
          position of its query, which is one of the last n.
        -np.arange(N - n, N) -> -np.full(n, N) | All mixes turn back by N. Query a stands at N - n + a.
        P @ turned_rows -> P @ rotate(turned_rows, np.arange(N) - N + 1, rope) && rotate(mix, -np.arange(N - n, N),
          rope) -> mix | The rows turn once more, by j - (N - 1). They are turned by j already, so only turn each mix
          back by the position of its query.
        P @ turned_rows -> P @ rotate(turned_rows, np.arange(N), rope) | The rows turn a second time. Those in the
          cache are turned already.
        N), rope) -> N), Rope()) | The given rope is not used. It has a base of its own.
        P @ turned_rows -> np.broadcast_to(turned_rows[N - n:], (len(P), n, turned_rows.shape[-1])) | The weights are
          not used. Mix the rows with P first.
        return rotate(mix, -np.arange(N - n, N), rope) -> return rotate(mix, -np.arange(N - n, N), rope).mean(axis=0)
          | The heads are averaged. Each head keeps its own mix.
        return rotate(mix, -np.arange(N - n, N), rope) -> return np.concatenate(list(rotate(mix, -np.arange(N - n, N),
          rope)), axis=-1) | The heads are joined already. Return them with a head axis in front.
        """,
    ),
    hints=(
        "The rows in the cache are turned already. Mix them first. The mix of each query then turns as one row.",
        "Turning by R_{-i} is `rotate` with the position -i. It takes arrays (h, n, r) and one position per row.",
        "The queries stand at `np.arange(N - n, N)`, so take `rotate(P @ turned_rows, -np.arange(N - n, N), rope)`.",
    ),
)
