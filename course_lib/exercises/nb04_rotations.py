"""Exercises 4.3 and 4.5: rotary positions, a base for a long text."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn

# 4.3 ------------------------------------------------------------------------------------------------------------------


def rotate(X, positions, base):
    p = X.shape[1]
    angles = positions[:, None] * base ** (-np.arange(0, p, 2) / p)  # one for each row and pair
    cos, sin = np.cos(angles), np.sin(angles)
    first, second = X[:, ::2], X[:, 1::2]
    return np.stack([cos * first - sin * second, sin * first + cos * second], axis=-1).reshape(X.shape)


def _angles(X, positions, base):
    return positions[:, None] * base ** (-np.arange(0, X.shape[1], 2) / X.shape[1])


def _angles_of_neighbours(X, positions, base):
    angles, (first, second) = np.repeat(_angles(X, positions, base), 2, axis=1), np.split(X, 2, axis=1)
    return X * np.cos(angles) + np.concatenate([-second, first], axis=1) * np.sin(angles)


def _angles_of_halves(X, positions, base):
    angles = np.tile(_angles(X, positions, base), 2)
    partners = np.stack([-X[:, 1::2], X[:, 0::2]], axis=-1).reshape(X.shape)
    return X * np.cos(angles) + partners * np.sin(angles)


def _overwritten(X, positions, base):
    Y, cos, sin = X.astype(float), np.cos(_angles(X, positions, base)), np.sin(_angles(X, positions, base))
    Y[:, 0::2] = cos * Y[:, 0::2] - sin * Y[:, 1::2]
    Y[:, 1::2] = sin * Y[:, 0::2] + cos * Y[:, 1::2]  # reads what the line above has written
    return Y


def _frequency_of_each_column(X, positions, base):
    p = X.shape[1]
    angles = positions[:, None] * base ** (-np.arange(p) / p)
    partners = np.stack([-X[:, 1::2], X[:, 0::2]], axis=-1).reshape(X.shape)
    return X * np.cos(angles) + partners * np.sin(angles)


_WHOLE = np.array([[3, -2, 5, 1], [4, 7, -6, 2], [1, 0, 8, -3]], dtype=np.int64)

ROTATE = Exercise(
    id="4.3",
    title="rotary positions",
    minutes=8,
    difficulty=2,
    solution=rotate,
    stages=(
        Stage((randn(3, 6), np.array([0, 0, 0]), 10_000.0), "three tokens at position 0: nothing turns"),
        Stage(
            (np.vstack([[1.0, 0.0] * 3, randn(2, 6, seed=2)]), np.array([2, 1, 5]), 70.0),
            "the pairs of row 0 are (1, 0) at position 2: they turn to (cos 2 theta_i, sin 2 theta_i)",
        ),
        Stage((randn(5, 8), np.array([4, 0, 11, 2, 2]), 50.0), "five tokens, four pairs, base 50"),
        Stage((randn(3, 10, seed=1), np.array([0.5, -2.0, 7.3]), 300.0), "positions 0.5, -2 and 7.3, base 300"),
        Stage((_WHOLE, np.array([2, 1, 5]), 90.0), "X holds whole numbers (dtype int64); its rotation does not"),
    ),
    mistakes=(
        *edits(
            rotate,
            """
            cos * first - sin * second, sin * first + cos * second -> cos * first + sin * second, cos * second - sin *
                first | The pairs turn backwards. Dot products of queries and keys would not change, but (1, 0) goes to
                (cos m, sin m). As a row, R_m x is x R_m^T.
            X[:, ::2], X[:, 1::2] -> np.split(X, 2, axis=1) && axis=-1 -> axis=1 | Pair i is made of columns i and i + p
                / 2. That layout is used as well, but here a pair stands at 2 i and 2 i + 1.
            X[:, ::2], X[:, 1::2] -> np.split(X, 2, axis=1) | The pairs are read from columns i and i + p / 2 and
                written to 2 i and 2 i + 1. Read them from 2 i and 2 i + 1 too.
            axis=-1 -> axis=1 | All first entries of the pairs come before all second ones. Put each pair back where it
                was.
            axis=-1 -> axis=0 | Numbers of different tokens stand in one row. Join the two entries along a new last axis
                before you reshape.
            .reshape(X.shape) -> .reshape(X.shape).T | The result is transposed. Give it the shape of X.
            .reshape(X.shape) -> | The pairs have an axis of their own, (n, p / 2, 2). Reshape the result to X.shape.
            return np.stack([cos * first - sin * second, sin * first + cos * second], axis=-1).reshape(X.shape) ->
                return (cos + 1j * sin) * (first + 1j * second) | The pairs are still complex numbers. Put the real
                parts at columns 2 i, the imaginary parts at 2 i + 1.
            sin * first + cos * second -> cos * first + sin * second | Sine and cosine are exchanged in the second
                entry. It is sin a x + cos a y.
            cos * first - sin * second, sin * first + cos * second -> sin * first + cos * second, 0 * first | The second
                entries overwrite the first ones. They belong at the columns 2 i + 1.
            cos * first - sin * second, sin * first + cos * second -> cos * first - sin * second, 0 * first | The
                columns 2 i + 1 are 0. The second entries sin a x + cos a y stand there.
            cos * first - sin * second -> cos * first - sin * first | Both terms of the first entry are made of x. It is
                cos a x - sin a y.
            cos * first - sin * second -> cos * second - sin * second | Both terms of the first entry are made of y. It
                is cos a x - sin a y.
            sin * first + cos * second -> sin * second + cos * second | Both terms of the second entry are made of y. It
                is sin a x + cos a y.
            cos * first - sin * second, sin * first + cos * second -> cos + 0 * first, sin + 0 * first | These are
                cosines and sines without X. Turn the pairs of X by the angles.
            sin * first + cos * second -> cos * second - sin * first | The second entry has a minus sign, so lengths
                change. It is sin a x + cos a y.
            cos * first - sin -> cos * first + sin | The first entry lacks its minus sign, so lengths change. It is cos
                a x - sin a y.
            sin * first + cos -> sin * first - cos | The second entry has a minus sign too many. It is sin a x + cos a
                y.
            cos * first - sin * second, sin * first + cos * second -> cos * first, cos * second | The pairs are
                multiplied by cosines only. A rotation mixes the two entries of a pair.
            cos * first - sin * second, sin * first + cos * second -> sin * first, cos * second | X is multiplied by a
                table of sines and cosines. A rotation mixes the two entries of a pair.
            cos * first - sin * second, sin * first + cos * second -> first + sin, second + cos | Sines and cosines are
                added to X. A rotation multiplies each pair by a 2 x 2 matrix.
            cos * first - sin * second, sin * first + cos * second -> cos * second - sin * first, sin * second + cos *
                first | The two entries of each pair are exchanged. The first is column 2 i, the second column 2 i + 1.
            cos * first - sin * second, sin * first + cos * second -> sin, cos | This is a table of sines and cosines
                without X. Turn the pairs of X.
            = positions[:, None] -> = 2 * positions[:, None] | The pairs turn by twice the angle. Pair i turns by m
                theta_i.
            np.cos(angles), np.sin(angles) -> np.sin(angles), np.cos(angles) | Sine and cosine are exchanged. At
                position 0 the cosine is 1, and nothing turns.
            * base ** (-np.arange(0, p, 2) / p) -> * np.ones(p // 2) | All pairs turn at the same speed. Pair i turns by
                m theta_i.
            -np.arange(0, p, 2) / p -> -2 * np.arange(0, p, 2) / p | The exponent of pair i is -2 i / p. Yours is -4 i /
                p, so later pairs turn too little.
            -np.arange(0, p, 2) / p -> -np.arange(p // 2) / p | The exponent of pair i is -2 i / p, with p the width of
                X. Yours is -i / p, so later pairs turn too far.
            -np.arange(0, p, 2) / p -> np.arange(0, p, 2) / p | The frequencies grow with i. The exponent is negative,
                so later pairs turn more slowly.
            -np.arange(0, p, 2) -> -np.arange(2, p + 2, 2) | The first frequency is base^0 = 1. Yours begin with i = 1;
                pairs count from 0.
            -np.arange(0, p, 2) / p -> -np.arange(0, p, 2) / (p - 2) | The last frequency is 1 / base here. With i = p /
                2 - 1 it is base^(-(p - 2) / p), a little larger.
            -np.arange(0, p, 2) / p -> -np.arange(0, p, 2) // p | The exponent is rounded down to a whole number. Divide
                with `/`, not with `//`.
            np.arange(0, p, 2) / p -> np.arange(0, p, 2)[::-1] / p | The frequencies are in reverse order. Pair 0 turns
                fastest, by one radian at each step.
            positions[:, None] -> positions | The angle of pair i is taken from positions[i]. All pairs of row r turn by
                positions[r], so the positions need an axis for the pairs: positions[:, None].
            = positions[:, None] -> = np.radians(positions)[:, None] | The angles m theta_i are radians already. Do not
                convert them from degrees.
            = positions[:, None] -> = 2 * np.pi * positions[:, None] | theta_i is in radians per position already. There
                is no factor 2 pi.
            positions[:, None] -> (positions[:, None] + 1) | 1 is added to the positions. Use them as they are given.
            positions[:, None] -> np.arange(len(X))[:, None] | The rows are taken to stand at 0, 1, 2, ... Use the
                positions that are given.
            positions[:, None] -> positions[0] | All rows turn by the first position. Row r turns by positions[r].
            positions[:, None] -> (positions[:, None] - positions[0]) | Positions are counted from that of the first
                row. Dot products would not change, but row r turns by positions[r].
            positions[:, None] -> abs(positions)[:, None] | The sign of the positions is lost. Negative positions turn
                backwards.
            positions[:, None] -> positions.astype(int)[:, None] | The positions are made whole numbers. They may be
                fractions.
            base ** -> 10_000.0 ** | The base is always 10000. Use the one that is given.
            X[:, ::2], X[:, 1::2] -> X.view(float)[:, ::2], X.view(float)[:, 1::2] | The bits of whole numbers are read
                as floats. Convert X first, with `X.astype(float)`.
            .reshape(X.shape) -> .reshape(X.shape).astype(X.dtype) | The result is cut to whole numbers, as X holds
                whole numbers here. Make an array of floats for it, `np.empty(X.shape)`.
            cos * first - sin * second -> cos * first | The first entry lacks its second term. It is cos a x - sin a y.
            sin * first + cos * second -> cos * second | The second entry lacks its first term. It is sin a x + cos a y.
            -np.arange(0, p, 2) / p -> -np.arange(0, p, 2) | The exponent is not divided by p, so later pairs turn too
                little.
            -np.arange(0, p, 2) -> -np.arange(1, p, 2) | The exponent of pair i is -(2 i + 1) / p here. It is -2 i / p,
                so the first frequency is 1.
            (-np.arange(0, p, 2) / p) -> (-2 / p) | All pairs have the exponent -2 / p. That of pair i is -2 i / p.
            """,
        ),
        Mistake(
            _angles_of_neighbours,
            "Two layouts are mixed. The angles belong to neighbours, but columns i and i + p / 2 are joined.",
        ),
        Mistake(
            _angles_of_halves,
            "Two layouts are mixed. Neighbours are joined, but the angles belong to columns i and i + p / 2.",
        ),
        Mistake(
            _overwritten,
            "The second entry of a pair is computed from the first one after that was overwritten. Keep a copy.",
        ),
        Mistake(
            _frequency_of_each_column,
            "Each column has a frequency of its own. The two columns of a pair share one, or they are no rotation.",
        ),
        Mistake(lambda X, positions, base: X.copy(), "Nothing turns. Pair i of row r turns by positions[r] theta_i."),
    ),
    hints=(
        "The angles are `positions[:, None] * base ** (-np.arange(0, p, 2) / p)`, of shape (n, p / 2).",
        "The first entries of all pairs are `X[:, 0::2]`, the second ones `X[:, 1::2]`.",
        "A turn by a makes (x, y) to (cos a x - sin a y, sin a x + cos a y). Fill the columns 0::2 and 1::2 of a new "
        "array of floats with these.",
    ),
)


# 4.5 ------------------------------------------------------------------------------------------------------------------


def smallest_base(p, N):
    return (N / (2 * np.pi)) ** (p / (p - 2))  # N base^(-(p - 2) / p) = 2 pi


BASE = Exercise(
    id="4.5",
    title="a base for a long text",
    minutes=4,
    difficulty=1,
    solution=smallest_base,
    stages=(
        Stage((10, 900), "width 10, 900 positions"),
        Stage((4, 7), "two pairs, 7 positions"),
        Stage((128, 131_072), "width 128, 131072 positions"),
    ),
    mistakes=edits(
        smallest_base,
        """
        N / (2 * np.pi) -> N | The slowest pair turns by one radian here. A whole turn is 2 pi.
        2 * np.pi -> np.pi | The slowest pair makes half a turn here. A whole turn is 2 pi.
        2 * np.pi -> 360 | The angles are radians, so a whole turn is 2 pi, not 360.
        2 * np.pi -> 6.28 | 2 pi is rounded. Take `np.pi`.
        return (N / (2 * np.pi)) ** (p / (p - 2)) -> return N | This is the wavelength. Solve N theta = 2 pi for the
            base.
        (N / (2 * np.pi)) ** -> N / (2 * np.pi) ** | `**` binds more strongly than `/`. Put N / (2 pi) in brackets.
        (p / (p - 2)) -> p / (p - 2) | `**` binds more strongly than `/`. Put p / (p - 2) in brackets.
        p / (p - 2) -> p / p - 2 | `p / p - 2` is -1. Put p - 2 in brackets.
        (N / (2 * np.pi)) -> (N * 2 * np.pi) | N and 2 pi are multiplied. The wavelength is 2 pi / theta = N, so 1 /
            theta is N / (2 pi).
        (N / (2 * np.pi)) -> (N / 2 * np.pi) | `N / 2 * np.pi` is N pi / 2. Write N / (2 * np.pi).
        (N / (2 * np.pi)) -> ((N - 1) / (2 * np.pi)) | The pair makes its turn in N - 1 steps here. Its wavelength is N.
        (N / (2 * np.pi)) -> (N // (2 * np.pi)) | N / (2 pi) is cut to a whole number. Divide with `/`, not with `//`.
        (p / (p - 2)) -> 1 | The slowest pair is taken for i = p / 2. Pairs count from 0, so it is i = p / 2 - 1.
        (p / (p - 2)) -> (p / (p - 1)) | The slowest pair has the number i = p / 2 - 1, so its exponent is -(p - 2) / p,
            not -(p - 1) / p.
        (p / (p - 2)) -> (p / (p - 4)) | The slowest pair is the last one, i = p / 2 - 1. Yours is i = p / 2 - 2.
        2 * np.pi -> 4 * np.pi | The slowest pair makes two turns here. One whole turn is 2 pi.
        (p / (p - 2)) -> (p / 2) | This is the base for pair i = 1. The slowest pair is the last one, i = p / 2 - 1.
        (p / (p - 2)) -> ((p - 2) / p) | The root is taken the wrong way round. From base^((p - 2) / p) = N / (2 pi)
            follows the power p / (p - 2).
        (N / (2 * np.pi)) -> (2 * np.pi / N) | This is 1 / base. The exponent of theta is negative: theta = base^(-(p -
            2) / p) = 2 pi / N.
        p / (p - 2) -> 2 * p / (p - 2) | The exponent of pair i is -2 i / p, not -i / p. For the last pair it is -(p -
            2) / p.
        p / (p - 2) -> p / (2 * p - 4) | The exponent of pair i is -2 i / p, not -4 i / p. For the last pair it is -(p -
            2) / p.
        (N / (2 * np.pi)) ** -> 2 * np.pi * N ** | 2 pi divides N, and both are under the root: base = (N / (2 pi))^(p /
            (p - 2)).
        (N / (2 * np.pi)) ** (p / (p - 2)) -> N ** (p / (p - 2)) / (2 * np.pi) | 2 pi is under the root as well: base =
            (N / (2 pi))^(p / (p - 2)).
        return (N / (2 * np.pi)) ** (p / (p - 2)) -> return np.ceil((N / (2 * np.pi)) ** (p / (p - 2))) | The base is
            rounded up. It need not be a whole number; return it as it is.
        return (N / (2 * np.pi)) ** (p / (p - 2)) -> return np.floor((N / (2 * np.pi)) ** (p / (p - 2))) | The base is
            cut to a whole number. Return it as it is.
        return (N / (2 * np.pi)) ** -> return np.log(N / (2 * np.pi)) * | This is the logarithm of the base. Take its
            exponential.
        return (N / (2 * np.pi)) ** (p / (p - 2)) -> return 10_000.0 | This is the usual base, whatever p and N are.
            Solve N theta = 2 pi for the base.
        """,
    ),
    hints=(
        "The slowest pair is the last one, i = p / 2 - 1. What is its theta?",
        "Its theta is base^(-(p - 2) / p), and over N positions the pair turns by N theta. Set this to 2 pi.",
    ),
)
