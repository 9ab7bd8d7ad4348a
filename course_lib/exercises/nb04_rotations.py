"""Exercises 4.3 and 4.5: rotary positions, a base for a long text."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, draw

N, P = 5, 6  # tokens, rotary width


# 4.3 ------------------------------------------------------------------------------------------------------------------


def rotate(X, positions, base):
    theta = base ** (-np.arange(0, X.shape[1], 2) / X.shape[1])
    cos, sin = np.cos(positions[:, None] * theta), np.sin(positions[:, None] * theta)
    first, second = X[:, 0::2], X[:, 1::2]
    return np.stack([cos * first - sin * second, sin * first + cos * second], axis=-1).reshape(X.shape)


def _turned(X, angles, sign=-1.0):
    cos, sin = np.cos(angles), np.sin(angles)
    first, second = X[:, 0::2], X[:, 1::2]
    return np.stack([cos * first + sign * sin * second, sin * first + cos * second], axis=-1).reshape(X.shape)


def _angles(X, positions, base, factor=1.0):
    return positions[:, None] * base ** (-factor * np.arange(0, X.shape[1], 2) / X.shape[1])


def _halves(X, positions, base):
    cos, sin = np.cos(_angles(X, positions, base)), np.sin(_angles(X, positions, base))
    first, second = np.split(X, 2, axis=1)
    return np.concatenate([cos * first - sin * second, sin * first + cos * second], axis=1)


def _layouts_mixed(X, positions, base):
    angles = np.repeat(_angles(X, positions, base), 2, axis=1)
    first, second = np.split(X, 2, axis=1)
    return X * np.cos(angles) + np.concatenate([-second, first], axis=1) * np.sin(angles)


def _pieces_in_halves(X, positions, base):
    Y = rotate(X, positions, base)
    return np.concatenate([Y[:, 0::2], Y[:, 1::2]], axis=1)


def _overwritten(X, positions, base):
    Y = X.astype(float)
    cos, sin = np.cos(_angles(X, positions, base)), np.sin(_angles(X, positions, base))
    Y[:, 0::2] = cos * Y[:, 0::2] - sin * Y[:, 1::2]
    Y[:, 1::2] = sin * Y[:, 0::2] + cos * Y[:, 1::2]  # reads what the line above has written
    return Y


def _added(X, positions, base):
    angles = _angles(X, positions, base)
    return X + np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(X.shape)


ROTATE = Exercise(
    id="4.3",
    title="rotary positions",
    minutes=8,
    difficulty=2,
    solution=rotate,
    stages=(
        Stage((draw(1, P), np.array([0]), 10_000.0), "position 0: nothing turns"),
        Stage(
            (np.array([[1.0, 0.0]] * 4), np.arange(4), 10_000.0),
            "the vector (1, 0) at positions 0 to 3: it turns to (cos m, sin m)",
        ),
        Stage((draw(N, P), np.array([4, 0, 11, 2, 2]), 50.0), "five tokens, three pairs, base 50"),
    ),
    mistakes=(
        Mistake(
            lambda X, positions, base: rotate(X, -positions, base),
            "the pairs turn backwards; scores would not notice, but (1, 0) goes to (cos m, sin m), and R_m x as a row "
            "is x R_m^T",
        ),
        Mistake(
            _halves,
            "pair i is made of columns i and i + p / 2; that is the other layout in use, here a pair stands at 2 i and "
            "2 i + 1",
        ),
        Mistake(
            _layouts_mixed,
            "two layouts are mixed: the angles belong to neighbours, but rotate_half joins columns i and i + p / 2",
        ),
        Mistake(
            _pieces_in_halves,
            "all first entries come before all second ones in your result; put each pair back where it was",
        ),
        Mistake(
            _overwritten,
            "the second entry of a pair is computed from the first one after that was overwritten; keep a copy",
        ),
        Mistake(
            lambda X, positions, base: _turned(X, _angles(X, positions, base), sign=1.0),
            "the minus sign is missing, so this is no rotation: lengths change",
        ),
        Mistake(
            lambda X, positions, base: _turned(X, _angles(X, positions, base, factor=0.0)),
            "all pairs turn at the same speed; pair i turns by m theta_i",
        ),
        Mistake(
            lambda X, positions, base: _turned(X, _angles(X, positions, base, factor=2.0)),
            "theta_i = base^(-2 i / p) with p the width of X; your exponent is twice that",
        ),
        Mistake(
            lambda X, positions, base: _turned(X, _angles(X, positions, base, factor=0.5)),
            "theta_i = base^(-2 i / p) with p the width of X; your exponent is half of that",
        ),
        Mistake(
            lambda X, positions, base: rotate(X, positions + 1, base),
            "positions count from 0, so nothing is added to them",
        ),
        Mistake(
            lambda X, positions, base: rotate(X, np.arange(len(X)), base),
            "the rows are taken to stand at 0, 1, 2, ...; use the positions that are given",
        ),
        Mistake(
            lambda X, positions, base: rotate(X, positions, 10_000.0),
            "the base is always 10000; use the one that is given",
        ),
        Mistake(
            lambda X, positions, base: rotate(X, positions - positions[0], base),
            "positions are counted from that of the first row; scores would not notice, but row m turns by its own",
        ),
        Mistake(_added, "sines and cosines are added to X; a rotation multiplies each pair by a 2 x 2 matrix"),
        Mistake(lambda X, positions, base: X.copy(), "nothing turns; row m turns by its position"),
    ),
    hints=(
        "The angles are `positions[:, None] * base ** (-np.arange(0, p, 2) / p)`, of shape (n, p / 2).",
        "The first entries of all pairs are `X[:, 0::2]`, the second ones `X[:, 1::2]`.",
        "A turn by a makes (x, y) to (cos a x - sin a y, sin a x + cos a y). Fill the columns 0::2 and 1::2 of a new "
        "array with these.",
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
        Stage((4, 1000), "two pairs, 1000 positions"),
        Stage((64, 8192), "width 64, 8192 positions"),
        Stage((128, 131_072), "width 128, 131072 positions"),
    ),
    mistakes=(
        Mistake(
            lambda p, N: N ** (p / (p - 2)),
            "the slowest pair turns by one radian here; a whole turn is 2 pi",
        ),
        Mistake(
            lambda p, N: (N / np.pi) ** (p / (p - 2)),
            "the slowest pair makes half a turn here; a whole turn is 2 pi",
        ),
        Mistake(
            lambda p, N: N / (2 * np.pi),
            "the slowest pair is taken for i = p / 2; pairs count from 0, so it is i = p / 2 - 1",
        ),
        Mistake(
            lambda p, N: (N / (2 * np.pi)) ** (p / (p - 1)),
            "the exponent of the slowest pair is -(p - 2) / p, not -(p - 1) / p: its number is i = p / 2 - 1",
        ),
        Mistake(
            lambda p, N: (N / (2 * np.pi)) ** ((p - 2) / p),
            "the equation is solved the wrong way round: base^((p - 2) / p) = N / (2 pi), so the root is p / (p - 2)",
        ),
        Mistake(
            lambda p, N: (2 * np.pi / N) ** (p / (p - 2)),
            "this is 1 / base: the exponent of theta is negative, theta = base^(-(p - 2) / p) = 2 pi / N",
        ),
        Mistake(
            lambda p, N: (N / (2 * np.pi)) ** (2 * p / (p - 2)),
            "the exponent of pair i is -2 i / p, not -i / p; for the last pair that is -(p - 2) / p",
        ),
        Mistake(
            lambda p, N: 2 * np.pi * N ** (p / (p - 2)),
            "2 pi divides N, and is under the root too: base = (N / (2 pi))^(p / (p - 2))",
        ),
    ),
    hints=(
        "The slowest pair is the last one, i = p / 2 - 1. What is its theta?",
        "theta = base^(-(p - 2) / p), and over N positions the pair turns by N theta. Set this to 2 pi.",
    ),
)
