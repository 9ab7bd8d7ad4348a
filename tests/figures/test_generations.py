"""Pictures of a generation's cost draw the numbers that they are given."""

import numpy as np
import pytest

from course_lib.figures.generations import flops_over_length, relative_changes, seconds_of_generation


def test_small_changes_are_drawn_at_the_floor():
    ax = relative_changes({"a": [0.0, 1e-9, 0.5], "b": [1.0, 2.0, 3.0]}, 1e-8).axes[0]
    assert [list(line.get_ydata()) for line in ax.lines] == [[1e-8, 1e-8, 0.5], [1.0, 2.0, 3.0]]
    assert ax.get_yscale() == "log" and ax.get_ylim()[0] < 1e-8


def test_lines_and_crossing_of_each_panel():
    lengths = [16, 64, 256]
    panels = {"one": ({"x": [1, 2, 4], "y": [2, 3, 4]}, 200), "two": ({"x": [5, 6, 7], "y": [6, 7, 8]}, 100)}
    fig = flops_over_length(lengths, panels, 32)
    for ax, (title, (lines, crossing)) in zip(fig.axes, panels.items(), strict=True):
        assert ax.get_title(loc="left") == title
        drawn = {line.get_label(): list(line.get_ydata()) for line in ax.lines[:2]}
        assert drawn == {name: list(values) for name, values in lines.items()}
        assert list(ax.lines[2].get_xdata()) == [crossing, crossing]
        assert f"{crossing} tokens" in {text.get_text() for text in ax.texts}
    with pytest.raises(ValueError, match="at least one panel"):
        flops_over_length(lengths, {}, 32)


def test_the_sum_runs_over_every_length_between_those_timed():
    one, total = seconds_of_generation([1, 3, 5], {"slow": [0.1, 0.3, 0.5]}).axes
    assert np.allclose(one.lines[0].get_ydata(), [100, 300, 500])
    assert np.allclose(total.lines[0].get_ydata(), np.cumsum([0.1, 0.2, 0.3, 0.4, 0.5]))
