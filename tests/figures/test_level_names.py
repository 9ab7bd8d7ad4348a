"""Names of level lines stand where no curve crosses them, and apart."""

import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure

from course_lib.figures import level_names, plots

LEVELS = {"low": 3.0, "middle": 5.0, "high": 5.5}
FREE = {"x": [0, 10], "y": [0.0, 2.0]}  # below all levels
STEEP = {"x": [0, 0.5, 10], "y": [1.0, 6.5, 8.0]}  # through all levels, at the left


def drawn(*curves):
    ax = Figure().add_subplot()
    lines = [plots.line(f"curve {i}", "q", end=str(i), **curve) for i, curve in enumerate(curves)]
    described = plots.plot("what", plots.axis("x", 0, 10), plots.axis("y", 0, 10), *lines)
    plots.draw_plot(ax, described, rules=[{"y": y, "label": name} for name, y in LEVELS.items()])
    return ax


def heights(ax):
    """The height of each name, in the units of the axis."""
    return {text.get_text(): 10 * text.get_position()[1] for text in ax.texts if text.get_text() in LEVELS}


def test_without_a_curve_in_the_way_names_stand_on_their_lines_or_a_gap_above_the_next():
    found = heights(drawn(FREE))
    on = {name: y + 10 * level_names.ABOVE for name, y in LEVELS.items()}
    assert found == pytest.approx(on | {"high": on["middle"] + 10 * level_names.GAP})


def test_names_stand_above_a_curve_and_lines_lead_down_to_their_levels():
    ax = drawn(FREE, STEEP)
    found = heights(ax)
    assert list(found) == ["high", "middle", "low"] and min(found.values()) > 6.5
    gaps = [above - below for above, below in itertools.pairwise(found.values())]
    assert gaps == pytest.approx([10 * level_names.GAP] * 2)
    leaders = [line for line in ax.lines if len(line.get_xdata()) == 2 and line.get_transform() == ax.transAxes]
    assert [10 * line.get_ydata()[0] for line in leaders] == pytest.approx(sorted(LEVELS.values(), reverse=True))
    starts = [text.get_position()[0] for text in ax.texts if text.get_text() in LEVELS]
    assert all(line.get_xdata()[0] < start for line, start in zip(leaders, starts, strict=True))
    assert starts == sorted(starts)  # no leader passes through a name below it


def test_names_that_would_leave_the_axes_move_down_together():
    found = level_names.places([0.9, 0.5], [0.99, 0.99])
    assert found == pytest.approx([1 - level_names.GAP, 1 - 2 * level_names.GAP])


@pytest.mark.parametrize(("end", "expected"), [(0.0, 1.0), (0.5, 2.0), (1.0, 3.0), (5.0, 3.0), (-1.0, -np.inf)])
def test_the_highest_place_of_a_curve_is_found_between_its_points_too(end, expected):
    assert level_names.highest(np.array([[0.0, 1.0], [1.0, 3.0], [2.0, 0.0]]), end) == expected
