"""Exercises 4.1 and 4.2: rows of sines and cosines, the matrix that shifts them."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage

# 4.1 ------------------------------------------------------------------------------------------------------------------


def sinusoidal(positions, d, base):
    theta = base ** (-np.arange(0, d, 2) / d)  # one frequency for each pair of columns
    angles = positions[:, None] * theta
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(positions), d)


def _with_frequencies(frequencies):
    """The rows with other frequencies, `frequencies(d, base)`."""

    def answer(positions, d, base):
        angles = positions[:, None] * frequencies(d, base)
        return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(positions), d)

    return answer


def _cosines_first(positions, d, base):
    return sinusoidal(positions, d, base).reshape(len(positions), -1, 2)[:, :, ::-1].reshape(len(positions), d)


def _in_halves(positions, d, base):
    P = sinusoidal(positions, d, base)
    return np.concatenate([P[:, 0::2], P[:, 1::2]], axis=1)


def _frequency_of_each_column(positions, d, base):
    angles = positions[:, None] * base ** (-np.arange(d) / d)
    return np.where(np.arange(d) % 2 == 0, np.sin(angles), np.cos(angles))


SINUSOIDAL = Exercise(
    id="4.1",
    title="rows of sines and cosines",
    minutes=5,
    difficulty=1,
    solution=sinusoidal,
    stages=(
        Stage((np.arange(5), 2, 10_000.0), "positions 0 to 4, one pair: sin m and cos m"),
        Stage((np.array([1]), 6, 10_000.0), "position 1, three pairs"),
        Stage((np.array([3, 0, 11]), 10, 50.0), "positions 3, 0 and 11, five pairs, base 50"),
    ),
    mistakes=(
        Mistake(_cosines_first, "sine and cosine are exchanged; the sine stands at column 2 i, the cosine behind it"),
        Mistake(
            _in_halves,
            "all sines stand before all cosines; here the two of one frequency stand side by side, at 2 i and 2 i + 1",
        ),
        Mistake(
            _frequency_of_each_column,
            "each column has a frequency of its own; the two columns of a pair share one, or they are no rotation",
        ),
        Mistake(
            _with_frequencies(lambda d, base: base ** (-np.arange(d // 2) / d)),
            "the exponent of pair i is -2 i / d; yours is -i / d, so the frequencies fall only half as far",
        ),
        Mistake(
            _with_frequencies(lambda d, base: base ** (-2 * np.arange(0, d, 2) / d)),
            "the exponent of pair i is -2 i / d; yours is twice that, so the frequencies fall too fast",
        ),
        Mistake(
            _with_frequencies(lambda d, base: base ** (np.arange(0, d, 2) / d)),
            "the frequencies grow with i; the exponent is negative, so that later pairs turn more slowly",
        ),
        Mistake(
            _with_frequencies(lambda d, base: 2 * np.pi * base ** (-np.arange(0, d, 2) / d)),
            "theta_i is in radians per position already; there is no factor 2 pi",
        ),
        Mistake(
            _with_frequencies(lambda d, base: base ** (-np.arange(2, d + 2, 2) / d)),
            "pairs count from 0, so the first frequency is base^0 = 1; yours begin with i = 1",
        ),
        Mistake(
            _with_frequencies(lambda d, base: np.geomspace(1, 1 / base, d // 2)),
            "the last frequency is 1 / base here; with i = d / 2 - 1 it is base^(-(d - 2) / d), a little larger",
        ),
        Mistake(
            lambda positions, d, base: sinusoidal(np.arange(len(positions)), d, base),
            "the rows are those of positions 0, 1, 2, ...; use the positions that are given",
        ),
        Mistake(
            lambda positions, d, base: sinusoidal(positions + 1, d, base),
            "positions count from 0, so nothing is added to them",
        ),
        Mistake(
            lambda positions, d, base: sinusoidal(positions, d, 10_000.0),
            "the base is always 10000; use the one that is given",
        ),
    ),
    hints=(
        "The frequencies are `theta = base ** (-np.arange(0, d, 2) / d)`, one for each of the d / 2 pairs.",
        "All angles at once: `positions[:, None] * theta` has shape (n, d / 2).",
        "Make P of shape (n, d) and fill `P[:, 0::2]` with the sines, `P[:, 1::2]` with the cosines.",
    ),
)


# 4.2 ------------------------------------------------------------------------------------------------------------------


def shift_matrix(k, d, base):
    S = np.zeros((d, d))
    for i in range(d // 2):
        angle = k * base ** (-2 * i / d)
        c, s = np.cos(angle), np.sin(angle)
        S[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[c, -s], [s, c]]  # (sin u, cos u) -> (sin(u + v), cos(u + v))
    return S


def _block_by_block(block, angle=lambda k, i, d, base: k * base ** (-2 * i / d)):
    """A block-diagonal matrix of `block(cos, sin)`."""

    def answer(k, d, base):
        S = np.zeros((d, d))
        for i in range(d // 2):
            a = angle(k, i, d, base)
            S[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = block(np.cos(a), np.sin(a))
        return S

    return answer


def _cosines_only(k, d, base):
    return np.diag(np.diag(shift_matrix(k, d, base)))


def _for_halves(k, d, base):
    order = np.concatenate([np.arange(0, d, 2), np.arange(1, d, 2)])
    return shift_matrix(k, d, base)[np.ix_(order, order)]


SHIFT = Exercise(
    id="4.2",
    title="a shift is a linear map",
    minutes=7,
    difficulty=2,
    solution=shift_matrix,
    stages=(
        Stage((0, 4, 10_000.0), "shift 0: nothing changes, so S is the identity"),
        Stage((1, 2, 10_000.0), "shift 1, one pair"),
        Stage((3, 6, 100.0), "shift 3, three pairs, base 100"),
        Stage((-2, 6, 100.0), "shift -2: back"),
    ),
    mistakes=(
        Mistake(
            lambda k, d, base: shift_matrix(abs(k), d, base),
            "a negative shift goes forward as well; the sine changes its sign with k",
        ),
        Mistake(
            lambda k, d, base: shift_matrix(k, d, base).T,
            "this matrix shifts by -k: it is written for columns, S p; rows multiply from the left, p S, so transpose",
        ),
        Mistake(
            _block_by_block(lambda c, s: [[c, s], [s, c]]),
            "one sine lacks its minus sign: cos(u + v) = cos u cos v - sin u sin v",
        ),
        Mistake(
            _block_by_block(lambda c, s: [[c, -s], [s, c]], lambda k, i, d, base: float(k)),
            "all pairs turn by k; pair i turns by k theta_i",
        ),
        Mistake(
            _block_by_block(lambda c, s: [[c, -s], [s, c]], lambda k, i, d, base: k * base ** (-i / d)),
            "the exponent of pair i is -2 i / d; yours is -i / d, so later pairs turn too far",
        ),
        Mistake(
            _block_by_block(lambda c, s: [[c, -s], [s, c]], lambda k, i, d, base: k * base ** (2 * i / d)),
            "the frequencies grow with i; the exponent is negative, so that later pairs turn more slowly",
        ),
        Mistake(
            _cosines_only,
            "only the cosines are there; sin(u + v) needs cos u sin v as well, so the two columns of a pair mix",
        ),
        Mistake(
            _for_halves,
            "these blocks join column i with column i + d / 2; here a pair stands side by side, at 2 i and 2 i + 1",
        ),
        Mistake(
            lambda k, d, base: k * shift_matrix(1, d, base),
            "S_k is not k times S_1, nor zero for k = 0; shifting k times is the k-th power of S_1",
        ),
        Mistake(
            lambda k, d, base: sinusoidal(np.array([k]), d, base)[0],
            "this is the row at position k; a matrix (d, d) is asked for that works at every position m",
        ),
    ),
    hints=(
        "One pair: (sin u, cos u) has to become (sin(u + v), cos(u + v)) with v = k theta_i: addition theorems.",
        "sin(u + v) = sin u cos v + cos u sin v gives the first column (cos v, sin v) of the 2 x 2 block.",
        "cos(u + v) = cos u cos v - sin u sin v gives the second column (-sin v, cos v). Blocks on the diagonal.",
    ),
)
