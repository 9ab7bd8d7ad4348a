"""Pictures of positions: what is drawn is what sines, rotations and measurements say."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle, Wedge

from course_lib.exercises.nb04_pair_layouts import to_halves
from course_lib.figures import motifs, positions, style


def test_sines_as_stripes_and_two_shifts_of_a_pair_by_the_same_angle():
    stripes, pair = positions.sines(20, 8, pairs=(1,), shift=3).axes
    rows = stripes.images[0].get_array()
    assert rows.shape == (8, 20) and rows[2, 5] == pytest.approx(np.sin(5 * 0.1)) and rows[3, 5] == np.cos(5 * 0.1)
    points, *paths = (np.array(line.get_data()) for line in pair.lines)
    np.testing.assert_allclose(points[:, 4], [np.sin(0.4), np.cos(0.4)], rtol=0, atol=1e-14)
    for path, start in zip(paths, (0, 3), strict=True):
        x, y = path
        turned = np.unwrap(np.arctan2(x, y))
        np.testing.assert_allclose(turned[[0, -1]], [0.1 * start, 0.1 * (start + 3)], rtol=0, atol=1e-14)
    assert pair.get_title(loc="left").endswith("= 0.30$")


@pytest.mark.parametrize(
    "query, key, between", [(1.0, 0.4, 0.6), (0.2, 6.2, 2 * np.pi - 6.0), (3.0, 9.0, 2 * np.pi - 6.0)]
)
def test_the_drawn_angle_is_the_smaller_one_between_the_hands(query, key, between):
    ax = Figure().add_subplot()
    positions.clock(ax, query, key)
    (wedge,) = (patch for patch in ax.patches if isinstance(patch, Wedge))
    assert np.radians((wedge.theta2 - wedge.theta1) % 360) == pytest.approx(between, abs=1e-9)
    assert wedge.get_hatch() == motifs.ROTARY and any(isinstance(patch, Circle) for patch in ax.patches)


def test_hands_at_equal_distances_enclose_equal_angles():
    theta = np.array([1.0, 0.2])
    axes = positions.hands_together(np.array([0.3, 2.0]), np.array([1.1, 5.0]), theta, [(2, 0), (7, 5)]).axes
    widths = [w.theta2 - w.theta1 for ax in axes for w in ax.patches if isinstance(w, Wedge)]
    np.testing.assert_allclose(np.mod(widths[0::2], 360), np.mod(widths[1::2], 360), rtol=0, atol=1e-9)
    hands = [text.xy for text in axes[0].texts if getattr(text, "arrow_patch", None)]
    np.testing.assert_allclose(hands[0], [np.sin(0.3 + 2), np.cos(0.3 + 2)], rtol=0, atol=1e-12)


def test_layouts_show_the_permutation_of_exercise_4_4():
    (ax,) = positions.layouts(6).axes
    numbers = {(text.get_position()): text.get_text() for text in ax.texts if text.get_text().isdigit()}
    below = [numbers[(place + 0.5, 0.21)] for place in range(6)]
    assert below == [f"{column:.0f}" for column in to_halves(np.arange(6.0)[None], 1)[0]]
    fills = {(box.get_x(), box.get_y()): box.get_facecolor() for box in ax.patches if isinstance(box, Rectangle)}
    assert fills[(0, 1.0)] == fills[(1, 1.0)] == fills[(0, 0.0)] == fills[(3, 0.0)] != fills[(2, 1.0)]
    ends = [tuple(line.get_xdata() - 0.5) for line in ax.lines]
    assert {int(start): int(end) for start, end in ends} == {0: 0, 2: 1, 4: 2, 1: 3, 3: 4, 5: 5}


def test_wavelengths_and_the_mean_score():
    left, right = positions.wavelengths_and_fading(8, (100.0,), 30, np.arange(1, 50)).axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), 2 * np.pi * 100 ** (np.arange(4) / 4), rtol=1e-12)
    g, estimate = (line.get_ydata() for line in right.lines[:2])
    assert g[9] == pytest.approx(np.mean(np.cos(10 * 100 ** (-np.arange(4) / 4))))
    assert estimate[9] == pytest.approx(1 - (np.log(10) + np.euler_gamma) / np.log(100))


def test_losses_are_means_over_blocks():
    curve = np.arange(64.0)
    first, second = positions.losses({"one": {"a": curve, "b": curve[:32]}, "two": {"c": curve}}, 32).axes
    np.testing.assert_allclose(first.lines[0].get_data(), [[8, 24, 40, 56], [7.5, 23.5, 39.5, 55.5]])
    assert len(first.lines[1].get_xdata()) == 2 and [ax.get_title("left") for ax in (first, second)] == ["one", "two"]


def test_singular_values_end_where_the_latent_does():
    (ax,) = positions.singular_values(np.array([4.0, 2.0, 0.0, 0.0]), np.array([5.0, 4.0, 3.0, 1.0]), 2).axes
    np.testing.assert_allclose(ax.lines[0].get_data(), [[0, 1], [1, 0.5]])
    np.testing.assert_allclose(ax.lines[1].get_data(), [[0, 1, 2, 3], [1, 0.8, 0.6, 0.2]])


def test_all_can_be_shown():
    assert style.show(positions.layouts(8), alt="A picture.").alt == "A picture."
