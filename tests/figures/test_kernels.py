"""Curves of notebook 02: lines and bands are the numbers that were given."""

import numpy as np

from course_lib.figures.kernels import by_width, regressions


def test_regressions_show_data_truth_and_estimate_in_each_panel():
    x, data = np.linspace(0, 1, 7), (np.array([0.1, 0.8]), np.array([2.0, 3.0]))
    estimates = {0.1: x + 1, 2.0: x + 2}
    fig = regressions(x, x**2, data, estimates)
    for ax, (bandwidth, estimate) in zip(fig.axes, estimates.items(), strict=True):
        points, truth, line = ax.lines
        np.testing.assert_array_equal(points.get_xydata().T, data)
        np.testing.assert_array_equal(truth.get_ydata(), x**2)
        np.testing.assert_array_equal(line.get_ydata(), estimate)
        assert ax.get_title("left") == f"bandwidth {bandwidth}"


def test_by_width_shows_mean_median_and_the_middle_of_the_queries():
    rng, widths = np.random.default_rng(0), (1, 4, 16)
    keys = {name: rng.uniform(1, 9, size=(3, 101)) for name in ("one", "two")}
    norms = {name: rng.uniform(0.1, 9, size=(3, 101)) for name in ("one", "two")}
    left, right = by_width(widths, keys, norms).axes
    lines = {line.get_label(): line.get_ydata() for ax in (left, right) for line in ax.lines}
    for at, name in enumerate(norms):
        np.testing.assert_allclose(lines[name], keys[name].mean(-1))
        np.testing.assert_allclose(lines[f"{name}: median"], np.sort(norms[name])[:, 50])
        np.testing.assert_allclose(lines[f"{name}: mean"], norms[name].mean(-1))
        outline = right.collections[at].get_paths()[0].vertices
        first = outline[np.isclose(outline[:, 0], widths[0]), 1]
        np.testing.assert_allclose([first.min(), first.max()], np.sort(norms[name])[0, [10, 90]])
