"""Curves of notebook 03: the lines are the numbers that were given."""

import numpy as np

from course_lib.figures.multi_head import singular_values, times_by_heads


def test_times_by_heads():
    (ax,) = times_by_heads([1, 4], {"one": [2.0, 3.0], "other": [1.0, 0.5]}, "title").axes
    assert {line.get_label(): line.get_ydata().tolist() for line in ax.lines} == {
        "one": [2.0, 3.0],
        "other": [1.0, 0.5],
    }
    assert ax.get_ylim()[0] == 0 and ax.get_title("left") == "title"


def test_singular_values_are_relative_to_the_largest_and_counted_from_0():
    matrices = {name: np.diag([4.0, 2.0, 1.0]) * size for name, size in (("a", 1), ("b", 7), ("c", 0.1))}
    (ax,) = singular_values(matrices, d_qk=2).axes
    *curves, limit = ax.lines
    for line in curves:
        np.testing.assert_allclose(line.get_xydata(), [[0, 1], [1, 0.5], [2, 0.25]])
    assert set(limit.get_xdata()) == {1.5}  # after the values 0 and 1
