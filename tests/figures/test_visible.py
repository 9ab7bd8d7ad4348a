"""Small squares: what a mask hides is hatched, and weights stand in their cells."""

import numpy as np

from course_lib.figures.visible import masks_side_by_side, weights_side_by_side


def test_masks_fill_what_is_visible_and_nothing_else():
    masks = {"a": np.tri(4, 5, dtype=bool), "b": np.eye(4, 5, dtype=bool)}
    fig = masks_side_by_side(masks)
    assert [ax.get_title("left") for ax in fig.axes] == ["a", "b"]
    for ax, mask in zip(fig.axes, masks.values(), strict=True):
        np.testing.assert_array_equal(~np.ma.getmaskarray(ax.images[0].get_array()), mask)
        assert ax.patch.get_hatch()


def test_weights_are_printed_where_visible_and_the_word_is_framed():
    P = np.array([[1.0, np.nan], [0.25, 0.75]])
    fig = weights_side_by_side({"one": (P, ["x", "y"]), "two": (P, ["y", "x"])}, marked="y")
    for ax, row in zip(fig.axes, (1, 0), strict=True):
        assert [text.get_text() for text in ax.texts] == ["1", ".25", ".75"]
        (frame,) = [patch for patch in ax.patches if not patch.get_fill()]
        assert (frame.get_y(), frame.get_height(), frame.get_width()) == (row - 0.5, 1, 2)
        assert ax.images[0].get_clim() == (0, 1)
