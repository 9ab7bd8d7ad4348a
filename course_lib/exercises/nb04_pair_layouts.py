"""Exercise 4.4: the two layouts of the pairs that rotary positions turn."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn


def to_halves(W, n_heads):
    d, width = W.shape
    pairs = W.reshape(d, n_heads, width // n_heads // 2, 2)  # head, pair, first or second
    return pairs.swapaxes(2, 3).reshape(d, width)


def _numbered(rows: int, columns: int) -> np.ndarray:
    return np.add.outer(100.0 * np.arange(rows), np.arange(columns))


def _neighbouring_offsets(W, n_heads):
    p = W.shape[1] // n_heads
    return W[:, [head + j for head in range(n_heads) for j in [*range(0, p, 2), *range(1, p, 2)]]]


LAYOUT = Exercise(
    id="4.4",
    title="two layouts of the pairs (optional)",
    minutes=6,
    difficulty=2,
    solution=to_halves,
    stages=(
        Stage((_numbered(20, 20), 2), "two heads of width 10, W[r, c] = 100 r + c"),
        Stage((_numbered(6, 6), 1), "one head of width 6, W[r, c] = 100 r + c"),
        Stage((randn(7, 30, seed=4), 5), "five heads of width 6, random W"),
    ),
    mistakes=(
        *edits(
            to_halves,
            """
            width // n_heads // 2, 2) -> 2, width // n_heads // 2) | This goes the other way, from halves to neighbours.
                It reads a head as two halves; read it as pairs.
            width // n_heads // 2, 2) -> 2, width // n_heads // 2) && pairs.swapaxes(2, 3) -> pairs[:, :, ::-1] | The
                two halves of each head are exchanged. The columns of even number come first, then those of odd number.
            .swapaxes(2, 3) -> [..., ::-1].swapaxes(2, 3) | The second entries of the pairs come before the first ones,
                so all pairs would turn backwards.
            .swapaxes(2, 3).reshape(d, width) -> .swapaxes(2, 3).reshape(d, width).T | The result is transposed. Give it
                the shape of W.
            .swapaxes(2, 3) -> [..., ::-1].transpose(0, 3, 1, 2) | First come the odd columns of all heads, then the
                even ones of all. Each head keeps its own columns, the even ones first.
            .swapaxes(2, 3) -> [..., ::-1] | The two entries of each pair are exchanged, and each pair stays where it
                was. First come all columns of even number, then all of odd number.
            .swapaxes(2, 3) -> [..., [0, 0]].swapaxes(2, 3) | The columns of even number stand there twice. Those of odd
                number follow the even ones.
            .swapaxes(2, 3) -> [..., [1, 1]].swapaxes(2, 3) | The columns of odd number stand there twice. Those of even
                number come first.
            .swapaxes(2, 3) -> [:, [0] * n_heads].swapaxes(2, 3) | All heads have the columns of head 0. Head h begins
                at column h p.
            .swapaxes(2, 3) -> | Nothing has moved.
            .swapaxes(2, 3) -> .swapaxes(1, 2) | The heads alternate, pair by pair. The columns of one head stay side by
                side; exchange the last two axes.
            .swapaxes(2, 3) -> .swapaxes(1, 3) | The columns of the heads alternate now. Those of one head stay side by
                side.
            .swapaxes(2, 3) -> .transpose(0, 3, 1, 2) | First come the even columns of all heads, then the odd ones of
                all. Each head keeps its own columns.
            .swapaxes(2, 3) -> .swapaxes(2, 3)[:, ::-1] | The heads are in reverse order. Only the columns within a head
                move.
            .swapaxes(2, 3) -> .swapaxes(2, 3)[:, :, :, ::-1] | The even columns are in reverse order, and so are the
                odd ones. Keep the order of the pairs.
            .swapaxes(2, 3) -> [:, :, ::-1, ::-1] | The columns of a head are reversed. Columns 0, 2, 4, ... come first,
                in this order.
            .swapaxes(2, 3).reshape(d, width) -> [..., 0].reshape(d, -1) | Only the columns of even number are there.
                Put those of odd number behind them.
            .swapaxes(2, 3).reshape(d, width) -> .swapaxes(2, 3) | The result still has the axes (d, head, first or
                second, pair). Reshape it to the shape of W.
            .swapaxes(2, 3).reshape(d, width) -> .swapaxes(2, 3).reshape(d, n_heads, -1).swapaxes(0, 1) | The heads are
                the first axis. Put them side by side again, in the shape of W.
            .swapaxes(2, 3).reshape(d, width) -> .swapaxes(2, 3).reshape(d, n_heads, -1) | The heads have an axis of
                their own. Reshape the result to the shape of W.
            return pairs.swapaxes(2, 3).reshape(d, width) -> return np.hstack([pairs[:, 0].swapaxes(1, 2).reshape(d,
                -1), W[:, width // n_heads :]]) | Only the columns of head 0 are reordered. Reorder those of each head.
            """,
        ),
        Mistake(
            lambda W, n_heads: np.vstack([W[::2], W[1::2]]),
            "The rows are moved. Queries and keys are X W, so their entries are columns of W.",
        ),
        Mistake(
            _neighbouring_offsets,
            "Head h begins at column h here. Each head is p columns wide, so it begins at column h p.",
        ),
        Mistake(
            lambda W, n_heads: W[:, [*range(0, W.shape[1] // n_heads, 2), *range(1, W.shape[1] // n_heads, 2)]],
            "Only the columns of head 0 are there. Reorder those of each head.",
        ),
    ),
    hints=(
        "One head: the new order of the columns is 0, 2, 4, ..., then 1, 3, 5, ...",
        "`W.reshape(d, n_heads, p // 2, 2)` has the axes row, head, pair, first or second. Which two change places?",
    ),
)
