"""Exercises 7.6 and 7.7: the mean of key heads, and how much of them it keeps."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, draw

D, WIDTH = 5, 3


# 7.6 ------------------------------------------------------------------------------------------------------------------


def mean_pool(W_K, n_heads, n_kv_heads):
    d, width = W_K.shape
    groups = W_K.reshape(d, n_kv_heads, n_heads // n_kv_heads, width // n_heads)  # (d, g, heads of a group, e)
    return groups.mean(axis=2).reshape(d, -1)


def _neighbouring_columns(W_K, n_heads, n_kv_heads):
    return W_K.reshape(len(W_K), -1, n_heads // n_kv_heads).mean(axis=2)


def _every_gth_head(W_K, n_heads, n_kv_heads):
    return W_K.reshape(len(W_K), n_heads // n_kv_heads, -1).mean(axis=1)


def _heads_fastest(W_K, n_heads, n_kv_heads):
    d = len(W_K)
    groups = W_K.reshape(d, -1, n_kv_heads, n_heads // n_kv_heads).mean(axis=3)
    return groups.transpose(0, 2, 1).reshape(d, -1)


def _axes_kept(W_K, n_heads, n_kv_heads):
    return mean_pool(W_K, n_heads, n_kv_heads).reshape(len(W_K), n_kv_heads, -1)


def _first(W_K, n_heads, n_kv_heads):
    d, width = W_K.shape
    return W_K.reshape(d, n_kv_heads, n_heads // n_kv_heads, -1)[:, :, 0].reshape(d, -1)


def _within_heads(W_K, n_heads, n_kv_heads):
    return W_K.reshape(len(W_K), n_heads, -1).mean(axis=2)


POOL = Exercise(
    id="7.6",
    title="pool the key weights",
    minutes=8,
    difficulty=2,
    solution=mean_pool,
    stages=(
        Stage((draw(D, 4 * WIDTH), 4, 4), "as many KV heads as before: nothing changes"),
        Stage((draw(D, 4 * WIDTH), 4, 1), "four heads of width 3 become one"),
        Stage(
            (np.arange(12.0)[None] // WIDTH + np.zeros((D, 1)), 4, 2),
            "two heads of four: the columns of head k hold the number k",
        ),
        Stage((draw(D, 6 * WIDTH), 6, 2), "six random heads of width 3 become two"),
    ),
    mistakes=(
        Mistake(
            _neighbouring_columns,
            "columns that stand side by side are averaged, which are coordinates of one head; average the same "
            "coordinate of neighbouring heads",
        ),
        Mistake(
            _every_gth_head,
            "heads k, k + g, k + 2g, ... are averaged; a group are h / g neighbours, so the axes are (d, g, h / g, e)",
        ),
        Mistake(
            _heads_fastest,
            "the columns are cut as if heads were the fast axis; column c belongs to head c // e",
        ),
        Mistake(_axes_kept, "the pooled heads are right; put them side by side again, (d, g e)"),
        Mistake(_first, "this keeps the first head of each group; average all of them"),
        Mistake(_within_heads, "each head is averaged to one number; average over the heads of a group instead"),
        Mistake(
            lambda W_K, h, g: mean_pool(W_K, h, g) * (h // g),
            "this is the sum of the heads of a group; divide by their number h / g",
        ),
        Mistake(
            lambda W_K, h, g: mean_pool(W_K, h, g) / g,
            "divided by h, the number of all heads; a mean over a group is divided by h / g",
        ),
        Mistake(
            lambda W_K, h, g: mean_pool(W_K, h, g) * (h // g) ** 0.5,
            "divided by sqrt(h / g); a mean is divided by the number of heads",
        ),
    ),
    hints=(
        "Column c of W_K is coordinate c % e of head c // e. Give each of the three numbers group, head in the group, "
        "and coordinate an axis of its own.",
        "`W_K.reshape(d, g, h // g, e)`; average over the axis of the heads in a group, and reshape back.",
    ),
)

# 7.7 ------------------------------------------------------------------------------------------------------------------


def kept_by_mean(heads):
    return len(heads) * np.square(heads.mean(0)).sum() / np.square(heads).sum()


def _opposite() -> np.ndarray:
    W = draw(D, WIDTH)
    return np.stack([W, -W])


def _apart(q: int) -> np.ndarray:
    """q heads whose weights are orthogonal to each other and of equal length."""
    return np.eye(q)[:, :, None] * np.ones((1, 1, WIDTH))


M = "M is `heads.mean(0)`, over the heads alone, and has their shape"


def _kept_over(axis):
    """The share with a mean over other axes."""
    return lambda heads: len(heads) * np.square(heads.mean(axis)).sum() / np.square(heads).sum()


def _largest(W):
    """The largest singular value."""
    return np.linalg.norm(W, ord=2)


KEPT = Exercise(
    id="7.7",
    title="how much of its heads does a mean keep?",
    minutes=8,
    difficulty=2,
    solution=kept_by_mean,
    stages=(
        Stage((np.stack([draw(D, WIDTH)] * 3),), "three equal heads: everything is kept, 1"),
        Stage((_opposite(),), "two opposite heads: the mean is 0, nothing is kept"),
        Stage((_apart(4),), "four orthogonal heads of equal length: 1/4 is kept"),
        Stage((draw(3, D, WIDTH),), "three random heads"),
    ),
    mistakes=(
        Mistake(
            lambda heads: np.square(heads.mean(0)).sum() / np.square(heads).sum(),
            "the mean stands in for each of the q heads, so its square counts q times",
        ),
        Mistake(lambda heads: 1 - kept_by_mean(heads), "this is the share that is lost; asked for is what is kept"),
        Mistake(
            lambda heads: kept_by_mean(heads) ** 0.5,
            "this is a ratio of lengths; the share is one of squared lengths, which add up (Pythagoras)",
        ),
        Mistake(
            lambda heads: np.square(heads.mean((1, 2))).sum() / np.square(heads).sum(),
            f"the mean is taken over entries; {M}",
        ),
        Mistake(_kept_over((1, 2)), f"each head is averaged to one number; {M}"),
        Mistake(_kept_over(1), f"each head is averaged over its rows; {M}"),
        Mistake(_kept_over(2), f"each head is averaged over its columns; {M}"),
        Mistake(
            lambda heads: np.mean([np.square(heads.mean(0)).sum() / np.square(W).sum() for W in heads]),
            "this is the mean of a share for each head; asked for is one share, of the squares of all heads together",
        ),
        Mistake(
            lambda heads: len(heads) * _largest(heads.mean(0)) ** 2 / sum(_largest(W) ** 2 for W in heads),
            "these are spectral norms, what `ord=2` means for a matrix; ||.|| is the Frobenius norm, over all entries",
        ),
        Mistake(
            lambda heads: len(heads) ** 2 * kept_by_mean(heads),
            "this is the sum of the heads; M is divided by q",
        ),
        Mistake(
            lambda heads: len(heads) * np.square(heads.mean(0)).sum(),
            "this is what is kept, not its share: divide by the sum of squares of all heads",
        ),
    ),
    hints=(
        "Replace each head by the mean M of all q. The squares of what is left sum to q ||M||^2.",
        "Divide by what was there: ||W_1||^2 + ... + ||W_q||^2, the squares of all entries.",
    ),
)
