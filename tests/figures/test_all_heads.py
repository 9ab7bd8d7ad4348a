"""All heads in one picture: the numbers that stand there are those given, and can be read on their colours."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from course_lib.figures.all_heads import MOST_NUMBERS, head_table, head_tables, leading, small_maps


def drawn_table(values, **look):
    ax = Figure().add_subplot()
    head_table(ax, values, **look)
    return ax


@pytest.mark.parametrize("signed", [False, True])
def test_numbers_contrast_with_every_colour(signed, contrast):
    """At least 4.5 : 1, which ordinary text needs."""
    values = np.linspace(-1 if signed else 0, 1, 252).reshape(21, MOST_NUMBERS)
    ax = drawn_table(values, signed=signed)
    (image,) = ax.images
    assert len(ax.texts) == values.size
    for text in ax.texts:
        head, layer = text.get_position()
        assert contrast(text.get_color(), image.to_rgba(values[layer, head])) >= 4.5


def test_a_table_says_its_values_and_what_was_removed():
    values = np.array([[0.25, -3.0, -0.001], [1.0, 2.0, 0.5]])
    ax = drawn_table(values, signed=True, removed=[(1, 0)])
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["0.25", "-3.00", "0.00", "1.00\nremoved", "2.00", "0.50"]
    assert ax.images[0].get_clim() == (-3.0, 3.0)  # as far on both sides, or white would not be zero
    assert drawn_table(np.zeros((1, 2)), signed=True).images[0].get_clim() == (-1.0, 1.0)
    assert drawn_table(abs(values) / 3, signed=False).images[0].get_clim() == (0.0, 1.0)


def test_small_maps_show_each_head_once():
    P = np.random.default_rng(0).dirichlet(np.ones(5), size=(11, 5))
    fig = small_maps(P, [f"head {i}" for i in range(11)], "eleven heads", "share")
    *axes, bar = fig.axes
    shown = [ax for ax in axes if ax.images]
    assert (
        (fig.get_suptitle(), bar.get_ylabel()) == ("eleven heads", "share")
        and len(axes) == 16
        and [ax.get_title("left") for ax in shown] == [f"head {i}" for i in range(11)]
    )
    for ax, weights in zip(shown, P, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), weights)
        assert ax.images[0].get_clim() == (0.0, 1.0)


def test_tables_side_by_side_end_at_their_own_largest_value():
    tables = {"large": np.array([[0.5, 0.25]]), "small": np.array([[0.16, 0.01]])}
    fig = head_tables(tables, "two", framed=[(0, 1)])
    drawn = {ax.get_title("left"): ax for ax in fig.axes if ax.get_title("left")}
    assert {name: ax.images[0].get_clim() for name, ax in drawn.items()} == {"large": (0, 0.5), "small": (0, 0.16)}
    for ax in drawn.values():
        centres = {tuple(np.round(patch.get_bbox().get_points().mean(0), 9)) for patch in ax.patches}
        assert centres == {(1, 0)}  # head 1 of layer 0


def test_heads_that_were_not_measured_stay_empty():
    ax = drawn_table(np.array([[np.nan, -0.5]]), signed=True)
    assert [text.get_text() for text in ax.texts] == ["-0.50"] and ax.images[0].get_clim() == (-0.5, 0.5)
    assert ax.images[0].get_array().mask.tolist() == [[True, False]]


@pytest.mark.parametrize(("heads", "numbers"), [(12, 24), (13, 0)])
def test_layers_of_many_heads_show_colours_alone(heads, numbers):
    assert len(drawn_table(np.ones((2, heads)), signed=False).texts) == numbers


def test_the_leading_heads_in_words():
    values = np.array([[0.1, np.nan, 0.7], [0.4, 0.2, 0.3]])
    expected = (
        "the largest values are 0.70 in head 2 of layer 0 and 0.40 in head 0 of layer 1; all others are at most 0.30."
    )
    assert leading(values) == expected
