"""The picture of a mixture along a line: what is active is thick, and the output is broken where experts change."""

import numpy as np

from course_lib.figures import routing


def drawn():
    t = np.linspace(0, 1, 5)
    weights = np.stack([0.6 - 0.4 * t, 0.2 + 0.4 * t, np.full(5, 0.2)], axis=1)
    active = np.array([[True, False, False]] * 2 + [[False, True, False]] * 3)
    outputs = {"one": t**2, "other": 1 - t}
    return t, weights, active, outputs, routing.along_a_line(t, weights, active, outputs).axes


def test_each_expert_has_a_thin_line_and_a_thick_one_where_it_is_active():
    t, weights, active, _, (left, _) = drawn()
    for j, (thin, thick) in enumerate(zip(left.lines[0:6:2], left.lines[1:6:2], strict=True)):
        np.testing.assert_array_equal(thin.get_data(), [t, weights[:, j]])
        np.testing.assert_array_equal(np.isfinite(thick.get_ydata()), active[:, j])
        assert thick.get_linewidth() > 2 * thin.get_linewidth()


def test_an_output_is_drawn_in_pieces_and_the_change_lies_between_them():
    t, _, _, outputs, (_, right) = drawn()
    pieces = [line.get_data() for line in right.lines[:4]]
    for values, (first, second) in zip(outputs.values(), (pieces[:2], pieces[2:]), strict=True):
        np.testing.assert_array_equal(first, [t[:2], values[:2]])
        np.testing.assert_array_equal(second, [t[2:], values[2:]])
    assert list(right.lines[4].get_xdata()) == [0.375, 0.375]
    assert [text.get_text() for text in right.get_legend().get_texts()] == list(outputs)


def test_experts_that_are_active_have_different_colours():
    *_, (left, _) = drawn()
    assert len({line.get_color() for line in left.lines[1:6:2]}) == 3
