"""Names at the ends of lines: apart, in order, and at their lines where there is room."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from course_lib.figures.line_names import apart, inside, name_lines


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([], []),
        ([3.0], [3.0]),
        ([0.0, 5.0, 2.0], [0.0, 5.0, 2.0]),
        ([1.0, 1.0], [0.5, 1.5]),
        ([1.5, 1.0, 4.0], [1.75, 0.75, 4.0]),
        ([0.0, 0.0, 1.25], [-0.58333333, 0.41666667, 1.41666667]),  # the pair pushes into the third
    ],
)
def test_places_by_hand(wanted, expected):
    np.testing.assert_allclose(apart(wanted, 1.0), expected, rtol=0, atol=1e-8)


def test_places_are_the_nearest_in_least_squares():
    """Less k times the gap this is isotonic regression, whose solution has a max-min formula (Barlow et al. 1972)."""
    rng = np.random.default_rng(3)
    for n in range(1, 9):
        wanted = rng.uniform(0, 4, n)
        order = np.argsort(wanted)
        expected = np.empty(n)
        shifted = wanted[order] - 0.7 * np.arange(n)
        expected[order] = [
            max(min(shifted[a : b + 1].mean() for b in range(k, n)) for a in range(k + 1)) + 0.7 * k for k in range(n)
        ]
        np.testing.assert_allclose(apart(wanted, 0.7), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([], []),
        ([0.3], [0.3]),
        ([1.2, 0.2], [1.0, 0.2]),
        ([-0.1, 0.1, 0.9], [0.0, 0.2, 0.9]),
        ([1.1, 0.9, 0.7], [1.0, 0.8, 0.6]),
        ([0.2, 0.0, -0.2], [0.4, 0.2, 0.0]),
        ([0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2]),  # one more than there is room for
    ],
)
def test_places_are_moved_inside_by_hand(places, expected):
    np.testing.assert_allclose(inside(np.array(places), 0.2), expected, rtol=0, atol=1e-12)


def test_places_inside_stay_in_order_and_apart():
    rng = np.random.default_rng(5)
    for n in range(1, 8):
        places = inside(apart(rng.uniform(-1, 2, n), 0.14), 0.14)
        assert places.min() >= 0 and places.max() <= 1 + 1e-12
        assert n == 1 or np.diff(np.sort(places)).min() >= 0.14 - 1e-12


def test_names_stand_at_the_ends_of_their_lines():
    ax = Figure().add_subplot()
    lines = [ax.plot([0, 1], [0, y], label=f"to {y}", color=colour)[0] for y, colour in ((4, "C0"), (8, "C1"))]
    ax.set(xlim=(0, 1), ylim=(0, 10))
    name_lines(ax, lines)
    assert [(t.get_text(), t.get_color()) for t in ax.texts] == [("to 4", "C0"), ("to 8", "C1")]
    np.testing.assert_allclose([t.get_position()[1] for t in ax.texts], [0.4, 0.8], rtol=0, atol=1e-12)
