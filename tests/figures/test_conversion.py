"""Pictures of conversions: the numbers given are those drawn."""

import numpy as np
import pytest

from course_lib.figures import conversion as pictures


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_rises_show_the_mean_and_each_sample(rng):
    rises = {"one": rng.uniform(0.1, 1, size=(1, 3)), "many": rng.uniform(0.1, 1, size=(4, 3))}
    (ax,) = pictures.rises_over_ranks((8, 16, 32), rises).axes
    one, many, *samples = (line.get_ydata() for line in ax.lines)
    np.testing.assert_array_equal(one, rises["one"][0])
    np.testing.assert_allclose(many, rises["many"].mean(0))
    np.testing.assert_array_equal(samples, rises["many"])


def test_the_mix_shows_all_points_and_shares_that_add_up(rng):
    keys = rng.normal(size=(20, 3)) + 1j * rng.normal(size=(20, 3))
    energy, U = np.linalg.eigh(keys.conj().T @ keys)
    mixed, shares = keys @ U[:, ::-1], energy[::-1] / energy.sum()
    axes = pictures.unitary_mix(keys, mixed, shares).axes
    for ax, points in zip(axes, [*keys.T, *mixed.T], strict=True):
        np.testing.assert_array_equal(ax.lines[0].get_xdata() + 1j * ax.lines[0].get_ydata(), points)
        assert max(np.abs(points)) < ax.get_xlim()[1]
    stated = [int(ax.get_xlabel().removesuffix(" %")) for ax in axes]
    assert abs(sum(stated[:3]) - 100) <= 1 and stated[3:] == [round(100 * share) for share in shares]
    framed = [ax.spines["left"].get_linewidth() > 1 for ax in axes]
    assert framed == [False, False, False, True, False, False]


def test_energy_and_rotation_have_a_line_for_each_layer(rng):
    energies, rotations = rng.uniform(size=(5, 8)), rng.uniform(size=(5, 8))
    left, right = pictures.energy_and_rotation(energies, rotations, heads=4).axes
    np.testing.assert_array_equal([line.get_ydata() for line in left.lines[:5]], energies)
    np.testing.assert_array_equal([line.get_ydata() for line in right.lines], rotations)
    assert left.lines[5].get_ydata()[0] == 1 / 4


def test_the_best_model_stands_on_top():
    (ax,) = pictures.losses_as_dots({"worse": 2.5, "best": 2.0, "worst": 3.0}, "Losses").axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["best", "worse", "worst"]
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [2.0, 2.5, 3.0])
    assert ax.yaxis_inverted() and ax.get_title(loc="left") == "Losses"
