"""Bad input to figure 6: each message names argument, value and rule."""

import numpy as np
import pytest

from course_lib.widgets.rotary_clocks import RotaryClocks


@pytest.mark.parametrize(
    ("q", "k", "message"),
    [
        (np.ones(4), np.ones(6), "q and k must have the same width p, got 4 and 6"),
        (np.ones(5), np.ones(5), "q and k must have an even width, for pairs, got 5"),
        (np.ones(66), np.ones(66), "q and k must have at most 64 columns, got 66"),
        (np.ones((2, 4)), np.ones(4), r"q must be numbers with 1 axes, got shape \(2, 4\)"),
        (np.ones(4), np.ones(0), r"k must be numbers with 1 axes, got shape \(0,\)"),
        (np.ones(4), np.full(4, np.nan), "k must be finite, got NaN or infinity"),
        (np.full(4, "a"), np.ones(4), "q must be numbers"),
    ],
)
def test_vectors(q, k, message):
    with pytest.raises(ValueError, match=message):
        RotaryClocks(q, k)


@pytest.mark.parametrize("positions", [1, 65, 8.0, True, "8", None])
def test_positions(positions):
    with pytest.raises(ValueError, match="positions must be a whole number from 2 to 64, got"):
        RotaryClocks(np.ones(4), np.ones(4), positions=positions)


def test_rope():
    with pytest.raises(TypeError, match="rope must be a Rope, got 10000"):
        RotaryClocks(np.ones(4), np.ones(4), rope=10000)
