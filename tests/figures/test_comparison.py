"""Pictures of kinds of attention compared."""

import numpy as np

from course_lib.figures import comparison


def test_recall_has_a_dot_for_each_seed_and_a_line_through_the_means():
    shares = {"one": {8: [0.2, 0.4, 0.3], 16: [1.0, 0.1, 1.0]}, "two": {16: [0.5, 0.7, 0.6]}}
    fig = comparison.recall({"8 pairs": shares, "16 pairs": shares}, level=0.9)
    for ax in fig.axes:
        level, dots, line, others, point = ax.lines
        np.testing.assert_allclose(level.get_ydata(), 90)
        np.testing.assert_allclose(dots.get_xydata(), [(8, 20), (8, 40), (8, 30), (16, 100), (16, 10), (16, 100)])
        np.testing.assert_allclose(line.get_xydata(), [(8, 30), (16, 70)])
        np.testing.assert_allclose(others.get_ydata(), [50, 70, 60])
        np.testing.assert_allclose(point.get_xydata(), [(16, 60)])
        assert [text.get_text() for text in ax.get_xticklabels()] == ["8", "16"]
    assert [ax.get_title(loc="left") or ax.get_title() for ax in fig.axes] == ["8 pairs", "16 pairs"]
