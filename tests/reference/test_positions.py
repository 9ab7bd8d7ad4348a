"""Positions: values worked by hand, and the identities they are chosen for (float64).

Tolerance 1e-12: entries are of size 1, angles below 1e3 are exact to 1e-13.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.config import Rope
from course_lib.reference.positions import learned, rotate, sinusoidal

P = 6
position = st.integers(0, 700)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def at(x, m, rope=None):
    return rotate(x[None], np.array([m]), rope or Rope())[0]


def test_sinusoidal_by_hand():
    table = sinusoidal(np.array([0, 3]), 4, base=100.0)
    close(table, [[0, 1, 0, 1], [np.sin(3), np.cos(3), np.sin(0.3), np.cos(0.3)]])


@given(m=position, shift=position)
def test_sinusoidal_products_depend_on_the_shift_only(m, shift):
    a, b = sinusoidal(np.array([m, m + shift]), P)
    zero, at_shift = sinusoidal(np.array([0, shift]), P)
    close(a @ b, zero @ at_shift)


def test_learned_rows(rng):
    table = rng.normal(size=(9, 5))
    np.testing.assert_array_equal(learned(np.array([8, 0, 3]), table), np.stack([table[8], table[0], table[3]]))


def test_rotary_by_hand_pairs_are_neighbours():
    x = np.array([1.0, 0.0, 0.0, 2.0])
    theta = np.array([1.0, 100.0**-0.5])
    c, s = np.cos(3 * theta), np.sin(3 * theta)
    close(at(x, 3, Rope(base=100.0)), [c[0], s[0], -2 * s[1], 2 * c[1]])
    close(at(x, 6, Rope(base=100.0, factor=2.0)), at(x, 3, Rope(base=100.0)))


def test_position_zero_turns_nothing(rng):
    x = rng.normal(size=P)
    np.testing.assert_array_equal(at(x, 0), x)


@given(m=position, n=position)
def test_rotary_products_depend_on_the_shift_only(m, n):
    """<R_m q, R_n k> = <q, R_{n - m} k>."""
    q, k = np.random.default_rng(1).normal(size=(2, P))
    close(at(q, m) @ at(k, n), q @ at(k, n - m))


@pytest.mark.parametrize("m", [1, 40])
def test_a_shift_is_seen(m):
    q = np.random.default_rng(m).normal(size=P)
    assert abs(at(q, m) @ q - q @ q) > 0.1
    close(np.linalg.norm(at(q, m)), np.linalg.norm(q))


def test_rows_of_several_heads_turn_by_their_own_position(rng):
    X = rng.normal(size=(3, 5, P))
    positions = np.array([4, 0, 9, 2, 7])
    Y = rotate(X, positions, Rope())
    for head in range(3):
        for i, m in enumerate(positions):
            close(Y[head, i], at(X[head, i], int(m)))
    close(rotate(Y, -positions, Rope()), X)
