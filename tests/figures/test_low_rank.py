"""Pictures of low rank: the numbers given are those drawn."""

import numpy as np

from course_lib.figures import low_rank as pictures


def test_errors_have_a_median_and_a_band_in_each_panel():
    errors = np.random.default_rng(0).uniform(0.01, 1, size=(3, 6))
    left, right = pictures.errors_over_ranks({"one": {"A": errors}, "other": {"A": errors / 2}}, 0.05).axes
    for ax, shown in ((left, errors), (right, errors / 2)):
        np.testing.assert_allclose(ax.lines[0].get_ydata(), np.median(shown, axis=0))
        band = ax.collections[0].get_datalim(ax.transData)
        np.testing.assert_allclose((band.y0, band.y1), (shown.min(), shown.max()))
        assert ax.lines[1].get_ydata()[0] == 0.05


def test_each_head_has_its_median_and_each_layer_its_band():
    trained, untrained = np.random.default_rng(0).integers(1, 50, size=(2, 2, 3, 4))
    (ax,) = pictures.ranks_by_head({"P": trained}, {"P": untrained}).axes
    dots = np.concatenate([line.get_ydata() for line in ax.lines])
    np.testing.assert_array_equal(dots, np.median(trained, axis=1).ravel())
    bands = [band.get_datalim(ax.transData) for band in ax.collections[::2]]
    assert [(band.y0, band.y1) for band in bands] == [(layer.min(), layer.max()) for layer in untrained]


def test_each_rise_is_a_point_with_the_colour_of_its_layer_and_the_marker_of_its_method():
    points = [pictures.Rise("a", 0, 0.1, 0.02), pictures.Rise("b", 0, 0.2, -0.01), pictures.Rise("a", 1, 0.3, 0.4)]
    (ax,) = pictures.rises_over_errors({"error": points}).axes
    drawn = ax.lines[:3]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in drawn] == [point[2:] for point in points]
    assert drawn[0].get_color() == drawn[1].get_color() != drawn[2].get_color()
    assert drawn[0].get_marker() == drawn[2].get_marker() != drawn[1].get_marker()


def test_points_with_small_errors_are_left_out_and_counted():
    points = [pictures.Rise("a", 0, error, 0.1) for error in (0.001, 0.009, 0.01, 0.5)]
    (ax,) = pictures.rises_over_errors({"error": points}, from_error=0.01).axes
    assert [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"] == [0.01, 0.5]
    assert [text.get_text() for text in ax.texts] == ["2 with errors below 0.01 not shown"]
    assert not pictures.rises_over_errors({"error": points}).axes[0].texts


def test_heads_are_numbered_from_0_in_each_layer():
    ranks = np.random.default_rng(0).integers(1, 50, size=(2, 3, 4))
    (ax,) = pictures.ranks_by_head({"P": ranks}, {"P": ranks}).axes
    places = [(int(label.get_text()), label.get_position()[0]) for label in ax.get_xticklabels()]
    dots = np.concatenate([line.get_xdata() for line in ax.lines])
    assert places == [(head, at) for head, at in zip([0, 1, 2, 3] * 2, dots, strict=True)]
