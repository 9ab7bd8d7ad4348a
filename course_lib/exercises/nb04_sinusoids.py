"""Exercises 4.1 and 4.2: rows of sines and cosines, the matrix that shifts them."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits

# 4.1 ------------------------------------------------------------------------------------------------------------------


def sinusoidal(positions, d, base):
    theta = base ** (-np.arange(0, d, 2) / d)  # one frequency for each pair of columns
    angles = positions[:, None] * theta
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(positions), d)


def _column_by_column(positions, d, base):
    angles = positions[:, None] * base ** (-np.arange(d) / d)
    return np.where(np.arange(d) % 2 == 0, np.sin(angles), np.cos(angles))


def _column_number_as_pair_number(positions, d, base):
    return _column_by_column(positions, d, base**2)


SINUSOIDAL = Exercise(
    id="4.1",
    title="rows of sines and cosines",
    minutes=5,
    difficulty=1,
    solution=sinusoidal,
    stages=(
        Stage((np.array([0, 1, 2, 3, 5]), 2, 10_000.0), "positions 0, 1, 2, 3 and 5, one pair: sin m and cos m"),
        Stage((np.array([1]), 6, 10_000.0), "position 1, three pairs"),
        Stage((np.array([3, 0, 11]), 10, 50.0), "positions 3, 0 and 11, five pairs, base 50"),
        Stage((np.array([0.5, -2.0, 7.3]), 6, 300.0), "positions 0.5, -2 and 7.3, three pairs, base 300"),
    ),
    mistakes=(
        *edits(
            sinusoidal,
            """
            np.sin(angles), np.cos(angles) -> np.cos(angles), np.sin(angles) | Sine and cosine are exchanged. The sine
                stands at column 2 i, the cosine at 2 i + 1.
            np.sin(angles), np.cos(angles) -> np.cos(angles), 0 * angles | The cosines overwrite the sines, and the
                columns 2 i + 1 are 0. The cosine stands at column 2 i + 1.
            np.sin(angles), np.cos(angles) -> 0 * angles, np.cos(angles) | The columns 2 i are 0. The sines stand there.
            np.sin(angles), np.cos(angles) -> np.sin(angles), 0 * angles | The columns 2 i + 1 are 0. The cosines stand
                there.
            np.cos(angles)] -> np.sin(angles)] | Both columns of a pair are sines. The second one is the cosine.
            axis=-1 -> axis=1 | All sines stand before all cosines. Put the two of one frequency side by side, at 2 i
                and 2 i + 1.
            axis=-1 -> axis=0 | Numbers of different positions stand in one row. Join sines and cosines along a new last
                axis before you reshape.
            positions[:, None] * theta -> theta[:, None] * positions | The angles have the axes (pair, position) when
                you make rows of them. Rows are positions, so take positions[:, None] * theta.
            np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(positions), d) -> np.sin(angles) | Only the
                sines are there. Put the cosine of each angle behind its sine.
            .reshape(len(positions), d) -> | The pairs have an axis of their own, (n, d / 2, 2). Reshape to (n, d).
            len(positions), d) -> len(positions), d).T | The result is transposed. Rows are positions, (n, d).
            -np.arange(0, d, 2) / d -> -np.arange(d // 2) / d | The exponent of pair i is -2 i / d. Yours is -i / d, so
                the frequencies fall only half as far.
            -np.arange(0, d, 2) -> -2 * np.arange(0, d, 2) | The exponent of pair i is -2 i / d. Yours is -4 i / d, so
                the frequencies fall too fast.
            -np.arange(0, d, 2) -> np.arange(0, d, 2) | The frequencies grow with i. The exponent is negative, so later
                pairs turn more slowly.
            -np.arange(0, d, 2) -> -np.arange(2, d + 2, 2) | The first frequency is base^0 = 1. Yours begin with i = 1;
                pairs count from 0.
            np.arange(0, d, 2) / d -> np.arange(0, d, 2)[::-1] / d | The frequencies are in reverse order. Pair 0 turns
                fastest, by one radian at each step.
            -np.arange(0, d, 2) / d -> -np.arange(0, d, 2) // d | The exponent is rounded down to a whole number. Divide
                with `/`, not with `//`.
            / d) -> / max(d - 2, 1)) | The last frequency is 1 / base here. With i = d / 2 - 1 it is base^(-(d - 2) /
                d), a little larger.
            / d) -> / (d - 2)) | The exponent divides by d - 2, which is 0 for one pair. It divides by d.
            positions[:, None] * theta -> positions[:, None] * np.ones(d // 2) | All pairs turn at the same speed. Pair
                i turns by m theta_i.
            positions[:, None] * theta -> 2 * np.pi * positions[:, None] * theta | theta_i is in radians per position
                already. There is no factor 2 pi.
            positions[:, None] * theta -> np.radians(positions[:, None] * theta) | The angles m theta_i are radians
                already. Do not convert them from degrees.
            positions[:, None] -> (positions[:, None] + 1) | 1 is added to the positions. Use them as they are given.
            positions[:, None] -> np.arange(len(positions))[:, None] | The rows are those of positions 0, 1, 2, ... Use
                the positions that are given.
            positions[:, None] -> abs(positions)[:, None] | The sign of the positions is lost. They may be negative.
            positions[:, None] -> positions.astype(int)[:, None] | The positions are made whole numbers. They may be
                fractions.
            base ** -> 10_000.0 ** | The base is always 10000. Use the one that is given.
            [np.sin(angles), -> [np.cos(angles), | Both columns of a pair are cosines. The first one is the sine.
            -np.arange(0, d, 2) -> -np.arange(1, d, 2) | The exponent of pair i is -(2 i + 1) / d here. It is -2 i / d,
                so the first frequency is 1.
            -np.arange(0, d, 2) / d -> -np.arange(0, d, 2) | The exponent is not divided by d, so the frequencies fall
                too fast.
            """,
        ),
        Mistake(
            _column_by_column,
            "Each column has a frequency of its own. The two columns of a pair share one, or they are no rotation.",
        ),
        Mistake(
            _column_number_as_pair_number,
            "The exponent counts columns where it should count pairs. Columns 2 i and 2 i + 1 share -2 i / d.",
        ),
    ),
    hints=(
        "The frequencies are `theta = base ** (-np.arange(0, d, 2) / d)`, one for each of the d / 2 pairs.",
        "All angles at once: `positions[:, None] * theta` has shape (n, d / 2).",
        "Make P of shape (n, d). Fill `P[:, 0::2]` with the sines and `P[:, 1::2]` with the cosines.",
    ),
)


# 4.2 ------------------------------------------------------------------------------------------------------------------


def shift_matrix(s, d, base):
    T = np.zeros((d, d))
    for i in range(d // 2):
        angle = s * base ** (-2 * i / d)
        cos, sin = np.cos(angle), np.sin(angle)
        # A row times the block: (sin u, cos u) becomes (sin(u + v), cos(u + v)).
        T[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[cos, -sin], [sin, cos]]
    return T


def _from_position_0(s, d, base):
    return np.linalg.pinv(sinusoidal(np.array([0]), d, base)) @ sinusoidal(np.array([s]), d, base)


def _frequency_of_each_column(s, d, base):
    angles, first = s * base ** (-np.arange(d) / d), np.arange(0, d, 2)
    T = np.diag(np.cos(angles))
    T[first, first + 1], T[first + 1, first] = -np.sin(angles[1::2]), np.sin(angles[0::2])
    return T


SHIFT = Exercise(
    id="4.2",
    title="a shift is a linear map",
    minutes=7,
    difficulty=2,
    solution=shift_matrix,
    stages=(
        Stage((0, 6, 10_000.0), "shift 0: nothing changes, so T_0 is the identity"),
        Stage((1, 6, 50.0), "shift 1, three pairs, base 50"),
        Stage((3, 10, 120.0), "shift 3, five pairs, base 120"),
        Stage((-2, 6, 700.0), "shift -2: back"),
    ),
    mistakes=(
        *edits(
            shift_matrix,
            """
            = s * -> = abs(s) * | A negative shift goes forward as well. The sine changes its sign with s.
            [[cos, -sin], [sin, cos]] -> [[cos, sin], [-sin, cos]] | This matrix shifts by -s. It is right for columns,
                T_s a, or for pairs (cos, sin). Here rows multiply from the left, a T_s, and the sine comes first.
            [[cos, -sin], [sin, cos]] -> [[cos, sin], [sin, cos]] | One sine lacks its minus sign: cos(u + v) = cos u
                cos v - sin u sin v.
            [[cos, -sin], [sin, cos]] -> [[cos, -sin], [-sin, cos]] | One sine too many is negative: sin(u + v) = sin u
                cos v + cos u sin v.
            [[cos, -sin], [sin, cos]] -> [[cos, sin], [sin, -cos]] | This is a reflection, not the identity for s = 0.
                The cosines on the diagonal have the same sign.
            [[cos, -sin], [sin, cos]] -> [[sin, cos], [cos, -sin]] | The two columns of each block are exchanged. The
                first column makes the new sine, since a pair is (sin, cos).
            [[cos, -sin], [sin, cos]] -> [[sin, -cos], [cos, sin]] | Sine and cosine are exchanged. For s = 0 each block
                is the identity, so the cosines stand on its diagonal.
            [[cos, -sin], [sin, cos]] -> [[cos, 0], [0, cos]] | Only the cosines are there. sin(u + v) needs cos u sin v
                as well, so the two columns of a pair mix.
            [[cos, -sin], [sin, cos]] -> [[sin, 0], [0, cos]] | Sines and cosines of s theta_i stand on the diagonal.
                The two columns of a pair mix: sin(u + v) = sin u cos v + cos u sin v.
            * base ** (-2 * i / d) -> | All pairs turn by s. Pair i turns by s theta_i.
            (-2 * i / d) -> (-i / d) | The exponent of pair i is -2 i / d. Yours is -i / d, so later pairs turn too far.
            (-2 * i / d) -> (-4 * i / d) | The exponent of pair i is -2 i / d. Yours is -4 i / d, so later pairs turn
                too little.
            (-2 * i / d) -> (-2 * i // d) | The exponent is rounded down to a whole number. Divide with `/`, not with
                `//`.
            (-2 * i / d) -> (2 * i / d) | The frequencies grow with i. The exponent is negative, so later pairs turn
                more slowly.
            (-2 * i / d) -> (-2 * (i + 1) / d) | The first frequency is base^0 = 1. Yours begin with i = 1; pairs count
                from 0.
            (-2 * i / d) -> (-2 * i / max(d - 2, 1)) | The last frequency is 1 / base here. With i = d / 2 - 1 it is
                base^(-(d - 2) / d), a little larger.
            angle = s * -> angle = np.radians(s) * | The angle s theta_i is in radians already. Do not convert it from
                degrees.
            angle = s * -> angle = 2 * np.pi * s * | theta_i is in radians per position already. There is no factor 2
                pi.
            angle = s * -> angle = (s + 1) * | These blocks turn by (s + 1) theta_i. A shift by s turns by s theta_i.
            base ** -> 10_000.0 ** | The base is always 10000. Use the one that is given.
            T[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] -> T[np.ix_([i, i + d // 2], [i, i + d // 2])] | These blocks join
                column i with column i + d / 2. Here a pair stands side by side, at 2 i and 2 i + 1.
            T[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] -> T[i : i + 2, i : i + 2] | The blocks overlap. Block i begins at
                row and column 2 i.
            = np.zeros((d, d)) -> = np.ones((d, d)) | Ones stand outside the blocks. Pairs do not mix, so put zeros
                there.
            = np.zeros((d, d)) -> = np.zeros((d // 2, 2, 2)) && T[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] -> T[i] | These
                are the d / 2 blocks, one by one. Put them on the diagonal of one matrix (d, d).
            = np.zeros((d, d)) -> = np.zeros((2, 2)) && range(d // 2) -> range(1) | This is the block of pair 0 alone.
                Each pair has a block on the diagonal of one matrix (d, d).
            T[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] -> T[np.ix_([i, i + d // 2], [i, i + d // 2])] && [[cos, -sin],
                [sin, cos]] -> [[cos, sin], [-sin, cos]] | These blocks join column i with column i + d / 2, and they
                shift by -s. Here a pair stands side by side, and rows multiply from the left.
            (-2 * i / d) -> (-2 * (d // 2 - 1 - i) / d) | The frequencies are in reverse order. Pair 0 turns fastest, by
                one radian at each step.
            (-2 * i / d) -> (-2 * i) | The exponent is not divided by d, so later pairs turn too little.
            (-2 * i / d) -> (-2 / d) | All pairs have the exponent -2 / d. That of pair i is -2 i / d.
            """,
        ),
        Mistake(lambda s, d, base: np.eye(d), "Nothing is shifted. Each pair turns by s theta_i."),
        Mistake(
            lambda s, d, base: np.roll(np.eye(d), s, axis=1),
            "This matrix moves the columns of a row. A shift changes the position m: each pair turns by s theta_i.",
        ),
        Mistake(
            lambda s, d, base: np.eye(d, k=s),
            "This matrix moves the columns of a row and drops some. A shift changes the position m: each pair turns by "
            "s theta_i.",
        ),
        Mistake(
            lambda s, d, base: s * shift_matrix(1, d, base),
            "This is s times the shift by 1. Shifting s times is its s-th power, the identity for s = 0.",
        ),
        Mistake(
            lambda s, d, base: sinusoidal(np.array([s]), d, base)[0],
            "This is the row at position s. Return a matrix (d, d) that shifts the row of every position m.",
        ),
        Mistake(
            lambda s, d, base: sinusoidal(np.array([s]), d, base),
            "This matrix has one row, that of position s. Return a matrix (d, d) that shifts every row.",
        ),
        Mistake(
            lambda s, d, base: shift_matrix(1, d, base) ** s,
            "Each entry is raised to the power s. The power of a matrix is np.linalg.matrix_power.",
        ),
        Mistake(
            _from_position_0,
            "This matrix is right for position 0 only. Its pairs mix; turn each pair by itself, for all m.",
        ),
        Mistake(
            _frequency_of_each_column,
            "Each column has a frequency of its own. The two columns of a pair share one, or they are no rotation.",
        ),
    ),
    hints=(
        "One pair: (sin u, cos u) has to become (sin(u + v), cos(u + v)) with v = s theta_i.",
        "sin(u + v) = sin u cos v + cos u sin v gives the first column (cos v, sin v) of the 2 x 2 block.",
        "cos(u + v) = cos u cos v - sin u sin v gives the second column (-sin v, cos v). Put the blocks on the "
        "diagonal.",
    ),
)
