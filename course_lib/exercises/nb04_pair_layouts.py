"""Exercise 4.4: the two layouts of the pairs that rotary positions turn."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage


def to_halves(W, n_heads):
    d, width = W.shape
    pairs = W.reshape(d, n_heads, width // n_heads // 2, 2)  # head, pair, first or second
    return pairs.swapaxes(2, 3).reshape(d, width)


def _to_pairs(W, n_heads):
    return W.reshape(len(W), n_heads, 2, -1).swapaxes(2, 3).reshape(W.shape)


def _numbered(size: int) -> np.ndarray:
    return np.add.outer(10.0 * np.arange(size), np.arange(size))


def _second_first(W, n_heads):
    return W.reshape(len(W), n_heads, -1, 2)[..., ::-1].swapaxes(2, 3).reshape(W.shape)


LAYOUT = Exercise(
    id="4.4",
    title="two layouts of the pairs (optional)",
    minutes=6,
    difficulty=2,
    solution=to_halves,
    stages=(
        Stage((_numbered(4), 1), "one head of width 4, W[r, c] = 10 r + c"),
        Stage((_numbered(6), 1), "one head of width 6, W[r, c] = 10 r + c"),
        Stage((np.random.default_rng(4).normal(size=(7, 18)), 3), "three heads of width 6"),
    ),
    mistakes=(
        Mistake(lambda W, n_heads: W.copy(), "nothing has moved"),
        Mistake(
            _to_pairs,
            "this goes the other way, from halves to neighbours; for width 4 both ways agree, for width 6 they do not",
        ),
        Mistake(
            _second_first,
            "the second entries of the pairs come before the first ones, so all pairs would turn backwards",
        ),
        Mistake(
            lambda W, n_heads: to_halves(W, 1),
            "the columns of all heads are sorted as if they were one head; each head keeps its own columns",
        ),
        Mistake(
            lambda W, n_heads: W.reshape(len(W), n_heads, -1, 2).swapaxes(1, 3).reshape(W.shape),
            "the columns of the heads alternate now; those of one head stay side by side",
        ),
        Mistake(
            lambda W, n_heads: to_halves(W.T, n_heads).T,
            "the rows are moved; queries and keys are X W, so their entries are columns of W",
        ),
        Mistake(
            lambda W, n_heads: W.reshape(len(W), n_heads, -1)[:, :, ::-1].reshape(W.shape),
            "the columns of a head are reversed; columns 0, 2, 4, ... come first, in this order",
        ),
    ),
    hints=(
        "One head: the new order of the columns is 0, 2, 4, ..., then 1, 3, 5, ...",
        "`W.reshape(d, n_heads, p // 2, 2)` has the axes head, pair, first or second. Which two axes change places?",
    ),
)
