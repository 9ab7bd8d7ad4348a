"""Exercises 7.6 and 7.7: the mean of key heads, and which share of their squared norm it keeps."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits, randn

# 7.6 ------------------------------------------------------------------------------------------------------------------


def mean_pool(W_K, n_heads, n_kv_heads):
    d, width = W_K.shape
    heads = W_K.reshape(d, n_kv_heads, n_heads // n_kv_heads, width // n_heads)  # (d, g, heads of a group, e)
    return heads.mean(axis=2).reshape(d, -1)


POOL = Exercise(
    id="7.6",
    title="pool the key weight matrices",
    minutes=8,
    difficulty=2,
    solution=mean_pool,
    stages=(
        Stage((np.arange(30.0)[None] // 5 + np.zeros((7, 1)), 6, 2),
              "six heads become two, and the columns of head k hold the number k"),
        Stage((randn(5, 9), 3, 1), "three heads of width 3 become one"),
        Stage((randn(7, 18), 6, 2), "six random heads of width 3 become two"),
        Stage((randn(5, 30), 10, 5), "ten random heads of width 3 become five"),
        Stage((randn(4, 10), 5, 5), "as many KV heads as before, so nothing changes"),
    ),
    mistakes=edits(
        mean_pool,
        """
        heads.mean(axis=2).reshape(d, -1) -> W_K.reshape(d, -1, n_heads // n_kv_heads).mean(axis=2) | Neighbouring
            columns are averaged, which are coordinates of one head. Average the same coordinate of neighbouring heads.
        heads.mean(axis=2).reshape(d, -1) -> W_K.reshape(d, n_heads // n_kv_heads, -1).mean(axis=1) | Heads k, k + g,
            k + 2g, ... are averaged. The heads of a group are neighbours, so the axes are (d, g, h / g, e).
        heads.mean(axis=2).reshape(d, -1) -> W_K.reshape(d, width // n_heads, n_kv_heads, -1).mean(axis=3).swapaxes(1,
            2).reshape(d, -1) | The columns are cut as if the heads were the fast axis. Column c belongs to head c // e.
        heads.mean(axis=2).reshape(d, -1) -> heads.mean(axis=2) | The pooled heads are right. Put them side by side
            again, (d, g e).
        heads.mean(axis=2) -> heads[:, [0] * n_kv_heads].mean(axis=2) | The heads of group 0 are averaged for each
            group. Group k begins at head k h / g.
        heads.mean(axis=2) -> heads[:, :, 0] | This keeps the first head of each group. Average all of them.
        heads.mean(axis=2) -> heads[:, :, -1] | This keeps the last head of each group. Average all of them.
        heads.mean(axis=2) -> (heads[:, :, -1] / (n_heads // n_kv_heads)) | Of the sum only the last head of each group
            is left. Add each head to the others of its group.
        heads.mean(axis=2) -> heads.mean(axis=(1, 2), keepdims=True).repeat(n_kv_heads, axis=1) | All h heads are
            averaged. Average the h / g heads of each group alone.
        heads.mean(axis=2).reshape(d, -1) -> W_K[:, : n_kv_heads * (width // n_heads)] | These are the first g heads as
            they are. Average the h / g heads of each group.
        heads.mean(axis=2).reshape(d, -1) -> W_K.reshape(n_kv_heads, n_heads // n_kv_heads, d, -1).mean(
            axis=1).swapaxes(0, 1).reshape(d, -1) | `reshape` with the heads in front cuts W_K along its
            rows. The heads are blocks of columns, so their axis comes after that of the rows.
        heads.mean(axis=2) -> (heads.sum(axis=2) * (n_heads // n_kv_heads)) | The sum of the heads of a group is
            multiplied by their number. Divide by it.
        heads.mean(axis=2) -> (heads.mean(axis=2) * (np.arange(n_kv_heads) < n_kv_heads - 1)[:, None]) | The last group
            is missing. The loop runs over all g groups.
        heads.mean(axis=2) -> (heads[:, :, :-1].sum(axis=2) / (n_heads // n_kv_heads)) | The last head of each group is
            missing in the sum. A group has h / g heads.
        heads.mean(axis=2) -> W_K.reshape(d, n_heads, -1)[:, np.add.outer(np.arange(n_kv_heads), np.arange(n_heads //
            n_kv_heads))].mean(axis=2) | Group k begins at head k here, so groups overlap. It begins at head k h / g.
        heads.mean(axis=2).reshape(d, -1) -> np.concatenate(list(heads.mean(axis=2).swapaxes(0, 1))) | The pooled heads
            stand one below the other. Put them side by side, (d, g e).
        heads.mean(axis=2) -> heads.mean(axis=3) | Each head is averaged to one number. Average over the heads of a
            group instead.
        heads.mean(axis=2) -> heads.sum(axis=2) | This is the sum of the heads of a group. Divide by their number h / g.
        heads.mean(axis=2) -> (heads.sum(axis=2) / n_heads) | The sum is divided by h, the number of all heads. A mean
            over a group is divided by h / g.
        heads.mean(axis=2) -> (heads.sum(axis=2) / n_kv_heads) | The sum is divided by g, the number of groups. A mean
            over a group is divided by h / g.
        heads.mean(axis=2) -> (heads.sum(axis=2) / (n_heads // n_kv_heads) ** 0.5) | The sum is divided by sqrt(h / g).
            A mean is divided by the number of heads.
        heads.mean(axis=2).reshape(d, -1) -> np.repeat(heads.mean(axis=2), n_heads // n_kv_heads, axis=1).reshape(d,
            -1) | Each pooled head stands here h / g times. Return it once, (d, g e).
        """,
    ),
    hints=(
        "Column c of W_K is coordinate c % e of head c // e. Give each of the three numbers group, head in the group, "
        "and coordinate an axis of its own.",
        "`W_K.reshape(d, g, h // g, e)` has these axes. Average over the heads in a group, and reshape back.",
    ),
)  # fmt: skip

# 7.7 ------------------------------------------------------------------------------------------------------------------


def kept_by_mean(heads):
    M = heads.mean(axis=0)
    return len(heads) * np.square(M).sum() / np.square(heads).sum()


KEPT = Exercise(
    id="7.7",
    title="how much of its heads does a mean keep?",
    minutes=8,
    difficulty=2,
    solution=kept_by_mean,
    stages=(
        Stage((randn(3, 5, 4),), "three random heads"),  # first, because all wrong formulas differ here
        Stage((np.diag([1.0, 2.0, 3.0, 5.0])[:, :, None] * np.ones(7),), "four orthogonal heads, so 1/4 is kept"),
        Stage((np.stack([randn(7, 3)] * 5),), "five equal heads, so everything is kept, 1"),
        Stage((np.stack([randn(5, 3), -randn(5, 3)]),), "two opposite heads, so the mean is 0 and nothing is kept"),
    ),
    mistakes=edits(
        kept_by_mean,
        """
        len(heads) * np.square(M) -> np.square(M) | The mean stands in for each of the q heads, so its square counts q
            times.
        return len(heads) -> return 1 - len(heads) | This is the share that is lost. Return the share that is kept.
        return len(heads) * np.square(M).sum() / np.square(heads).sum() -> return (len(heads) * np.square(M).sum() /
            np.square(heads).sum()) ** 0.5 | This is a ratio of lengths. The share is one of squared lengths, which add
            up (Pythagoras).
        heads.mean(axis=0) -> heads.mean() | The mean is one number. M is `heads.mean(0)`, over the heads alone, and has
            their shape.
        heads.mean(axis=0) -> heads.mean(axis=(1, 2)) | Each head is averaged to one number. M is `heads.mean(0)`, over
            the heads alone, and has their shape.
        heads.mean(axis=0) -> heads.mean(axis=1) | Each head is averaged over its rows. M is `heads.mean(0)`, over the
            heads alone, and has their shape.
        heads.mean(axis=0) -> heads.mean(axis=2) | Each head is averaged over its columns. M is `heads.mean(0)`, over
            the heads alone, and has their shape.
        len(heads) * np.square(M).sum() / np.square(heads).sum() -> np.mean(np.square(M).sum() /
            np.square(heads).sum(axis=(1, 2))) | This is the mean of a share for each head. Return one share, of the
            squares of all heads together.
        np.square(M).sum() / np.square(heads).sum() -> np.linalg.norm(M, 2) ** 2 / np.square(np.linalg.norm(heads, 2,
            axis=(1, 2))).sum() | These are spectral norms, which is what `ord=2` means for a matrix. ||.|| is the
            Frobenius norm, over all entries.
        return len(heads) * np.square(M).sum() / np.square(heads).sum() -> return (np.square(M).sum() /
            np.square(heads).sum()) ** 0.5 | This is ||M|| divided by the root of the sum of squares. The share is
            q ||M||^2 divided by that sum, without roots.
        len(heads) * np.square(M).sum() / np.square(heads).sum() -> len(heads) * np.linalg.norm(M) /
            np.linalg.norm(heads, axis=(1, 2)).sum() | These are lengths. The share is one of squared lengths, which add
            up (Pythagoras).
        np.square(heads).sum() -> np.linalg.norm(heads, axis=(1, 2)).sum() ** 2 | The norms of the heads are added and
            then squared. Square each, then add.
        len(heads) * np.square(M) -> len(heads) ** 2 * np.square(M) | This is q times the share. The sum of the heads
            has the square q^2 ||M||^2, and a mean of squares over all heads is divided by q already.
        np.square(M).sum() -> M.sum() ** 2 | The entries of M are added and then squared. Square each, then add.
        / np.square(heads).sum() -> / heads.sum() ** 2 | The entries of the heads are added and then squared. Square
            each, then add.
        np.square(M).sum() / np.square(heads).sum() -> np.abs(M).sum() / np.abs(heads).sum() | These are sums of
            absolute values. The share is one of squares.
        return len(heads) * np.square(M).sum() / np.square(heads).sum() -> return np.square(heads).sum() / (len(heads) *
            np.square(M).sum()) | The share is upside down. Divide what is kept by what there was.
        len(heads) * np.square(M).sum() / np.square(heads).sum() -> 1 - heads.var(axis=0).sum() / np.square(heads).sum()
            | `var` is the mean over the heads of the squared differences. Compare sums over all heads in both places.
        return len(heads) * np.square(M).sum() / np.square(heads).sum() -> return 1.0 | This says that nothing is lost.
            The differences from the mean add up to 0, so square them first.
        len(heads) * np.square(M).sum() / np.square(heads).sum() -> 1 + np.square(heads - M).sum() /
            np.square(heads).sum() | The share that is lost is added to 1. Subtract it.
        len(heads) * np.square(M).sum() / np.square(heads).sum() -> 1 - np.square(heads - M).sum() /
            np.square(heads).mean() | A sum of squares is divided by a mean of squares. Take sums in both places.
        len(heads) * np.square(M).sum() / np.square(heads).sum() -> 1 - np.square(heads - M).sum() / heads.sum() | What
            is lost is divided by the sum of the entries as they are. Divide by the sum of their squares.
        len(heads) * np.square(M).sum() / np.square(heads).sum() -> 1 - (np.square(heads - M).sum() /
            np.square(heads).sum()) ** 0.5 | A root is subtracted from 1. What is kept and what is lost add up as
            squares, without a root.
        np.square(M).sum() -> np.sqrt(np.square(M).sum()) | The norm of M is not squared. The share is one of squared
            lengths.
        / np.square(heads).sum() -> / heads.sum() | The entries of the heads are added as they are. Add their squares.
        len(heads) * np.square(M).sum() / np.square(heads).sum() -> 1 - np.square(heads - M).sum() | The part that is
            lost is not divided by the sum of squares of all heads.
        len(heads) * np.square(M).sum() / np.square(heads).sum() -> 1 - np.square(heads - heads.mean()).sum() /
            np.square(heads).sum() | One number is subtracted from all entries. M is `heads.mean(0)`, which has the
            shape of a head.
        len(heads) * np.square(M).sum() / np.square(heads).sum() -> 1 - np.square(heads - heads.sum(axis=0)).sum() /
            np.square(heads).sum() | The sum of the heads stands in for their mean. M is divided by q.
        len(heads) * np.square(M).sum() / np.square(heads).sum() -> 1 - np.square(heads - M).mean() /
            np.square(heads).sum() | The mean of squares is divided by a sum of squares. Take sums in both places.
        np.square(M) -> np.square(len(heads) * M) | This is the sum of the heads. M is divided by q.
        / np.square(heads).sum() -> | This is what is kept, not its share. Divide by the sum of squares of all heads.
        """,
    ),
    hints=(
        "Replace each head by the mean M of all q. The squares of what is left sum to q ||M||^2.",
        "Divide by what was there, which is ||W_1||^2 + ... + ||W_q||^2, the squares of all entries.",
    ),
)
