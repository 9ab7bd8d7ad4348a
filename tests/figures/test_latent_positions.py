"""Pictures of positions in latent attention: widths are to scale, hatched is what turns, lines show what was given."""

import numpy as np
from matplotlib.colors import to_hex

from course_lib.figures import latent_positions as pictures
from course_lib.figures.motifs import ROTARY, THINGS


def blocks(ax):
    """(colour, x, y, width, hatched, dashed) of each block."""
    return [
        (
            to_hex(patch.get_edgecolor()),
            patch.get_x(),
            patch.get_y(),
            patch.get_width(),
            patch.get_hatch() == ROTARY,
            patch.get_linestyle() != "-",
        )
        for patch in ax.patches
    ]


def test_each_block_of_a_query_stands_above_the_cached_block_that_it_meets():
    (ax,) = pictures.wired().axes
    made, cached = ([b for b in blocks(ax) if b[5] == dashed] for dashed in (True, False))
    assert [(b[0], b[4]) for b in cached] == [(THINGS["L"].light, False), (THINGS["K"].light, True)]
    assert len(made) == 4 and {b[0] for b in made} == {THINGS["Q"].light}
    for query in made:
        below = [b for b in cached if (b[1], b[3], b[4]) == (query[1], query[3], query[4])]
        assert len(below) == 1 and below[0][2] < query[2]


def test_cached_rows_are_to_scale_and_hatched_where_they_turn():
    (ax,) = pictures.cached_rows().axes
    rows = {}
    for colour, _, y, width, hatched, dashed in blocks(ax):
        assert not dashed
        rows.setdefault(y, []).append((width, hatched, colour == THINGS["L"].light))
    r, p = pictures.R, pictures.P
    assert [rows[y] for y in sorted(rows, reverse=True)] == [
        [(r, False, True)],
        [(r, False, True), (p, True, False)],
        [(r - p, False, True), (p, True, True)],
        [(r, True, True)],
        [(r, False, True), (4, False, False)],
    ]
    lines = [(to_hex(line.get_color()), line.get_xdata()[1]) for line in ax.lines]
    keys = [width for colour, width in lines if colour == THINGS["K"].light]
    values = [width for colour, width in lines if colour == THINGS["V"].light]
    assert keys == [r, r + p, r, r, r + 4] and values == [r] * 5


def test_score_parts_share_one_scale_and_hide_what_is_hidden():
    rng = np.random.default_rng(0)
    content, rotary, mask = rng.normal(size=(4, 4)), 3 * rng.normal(size=(4, 4)), np.tri(4, dtype=bool)
    rotary[0, 3] = 100  # hidden, so it must not set the scale
    images = [ax.images[0] for ax in pictures.score_parts(content, rotary, mask).axes[:3]]
    assert len({image.get_clim() for image in images}) == 1 and images[0].get_clim()[1] < 100
    for image, want in zip(images, (content, rotary, content + rotary), strict=True):
        np.testing.assert_array_equal(image.get_array().mask, ~mask)
        np.testing.assert_allclose(image.get_array()[mask], want[mask])


def test_a_line_for_each_head_and_their_median():
    left = np.random.default_rng(1).uniform(size=(5, 8))
    (ax,) = pictures.left_by_matrices(left).axes
    *heads, median = ax.lines
    np.testing.assert_array_equal([line.get_ydata() for line in heads], left)
    np.testing.assert_array_equal(median.get_ydata(), np.median(left, axis=0))
    np.testing.assert_array_equal(median.get_xdata(), np.arange(1, 9))
