"""Positions (paper, sections 1 and 7): added to the rows, or rotating queries and keys. Positions count from 0."""

import numpy as np
from jaxtyping import Float, Int

from course_lib.config import Rope, require
from course_lib.reference.checks import require_positions, require_real


def require_even(name: str, width: int) -> None:
    """Raises ValueError unless the width is even and positive: sines, cosines and rotations come in pairs."""
    require(width % 2 == 0 and width > 0, f"{name} must be even and positive, got {width}")


def frequencies(width: int, base: float) -> Float[np.ndarray, "pairs"]:
    """theta_i = base^{-2 i / width} for pair i, in radians per position."""
    return base ** (-np.arange(0, width, 2) / width)


def rotary_frequencies(rope: Rope, width: int, length: int = 0) -> Float[np.ndarray, "pairs"]:
    """The angle by which pair i turns from one position to the next in a text of `length` tokens: theta_i or less."""
    return np.array(rope.frequencies(width, length))


def sinusoidal(positions: Int[np.ndarray, "n"], d: int, base: float = 10_000.0) -> Float[np.ndarray, "n d"]:
    """Rows to add to the embeddings: for position m, sin(m theta_i) in column 2 i and cos(m theta_i) in 2 i + 1."""
    require_positions(positions, len(positions))
    require_even("d", d)
    angles = positions[:, None] * frequencies(d, base)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(positions), d)


def learned(positions: Int[np.ndarray, "n"], table: Float[np.ndarray, "n_max d"]) -> Float[np.ndarray, "n d"]:
    """Rows of a learned table to add to the embeddings. Raises ValueError for positions outside the table."""
    require_positions(positions, len(positions))
    wrong = positions[(positions < 0) | (positions >= len(table))]
    require(wrong.size == 0, f"positions must lie from 0 to {len(table) - 1}, the last row of table, got {wrong[:1]}")
    return table[positions]


def rotate(X: Float[np.ndarray, "*b n p"], positions: Int[np.ndarray, "n"], rope: Rope) -> Float[np.ndarray, "*b n p"]:
    """a R_m x for the row x at position m: pair (2 i, 2 i + 1) turns by the angle m theta_i, scaled as `rope` says.

    R_m is orthogonal and R_m^T R_n = R_{n - m}, so that <R_m q, R_n k> = <q, R_{n - m} k> depends on the shift only.
    a is the amplitude of `rope`, 1 for most kinds: rows become a times as long, and inner products a^2 times as large.
    Negative positions turn back. Raises ValueError when p is odd, and when X is a single row without an axis of rows.
    """
    require_real("X", X)
    require(X.ndim > 1, f"X must have shape (..., n, p), a row for each of n positions, got {X.shape}")
    require_even("rotary width p", X.shape[-1])
    require_positions(positions, X.shape[-2])
    rope.require_width(X.shape[-1])
    length = int(np.abs(positions).max(initial=0)) + 1
    angles = positions[:, None] * rotary_frequencies(rope, X.shape[-1], length)
    cos, sin = rope.amplitude * np.cos(angles), rope.amplitude * np.sin(angles)
    first, second = X[..., 0::2], X[..., 1::2]
    return np.stack([cos * first - sin * second, sin * first + cos * second], axis=-1).reshape(X.shape)


def rotate_last(
    X: Float[np.ndarray, "*b n w"], positions: Int[np.ndarray, "n"], rope: Rope, turned: int
) -> Float[np.ndarray, "*b n w"]:
    """The rows with their last `turned` coordinates rotated as `rotate` does; the others stay as they are."""
    still, turning = np.split(X, [X.shape[-1] - turned], axis=-1)
    return np.concatenate([still, rotate(turning, positions, rope)], axis=-1)
