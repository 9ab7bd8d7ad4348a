"""Pictures of randomised attention: blocks and triangles cover the causal half, and errors are those given."""

import numpy as np
from matplotlib.patches import Polygon, Rectangle

from course_lib.figures import randomised as pictures


def test_blocks_and_triangles_cover_the_causal_half():
    (ax,) = pictures.partition(256, 64).axes
    blocks = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    triangles = [patch for patch in ax.patches if isinstance(patch, Polygon)]
    assert sorted(block.get_width() for block in blocks) == [64, 64, 128] and len(triangles) == 4
    area = sum(block.get_width() * block.get_height() for block in blocks) + len(triangles) * 64**2 / 2
    assert area == 256**2 / 2
    assert sorted(text.get_text() for text in ax.texts) == ["128", "64", "64"]


def test_lines_are_the_errors_of_their_panel():
    panels = {"one": ([1, 2, 4], {"a": [3.0, 2.0, 1.0]}), "two": ([8, 16], {"b": [0.1, 0.2], "c": [0.3, 0.4]})}
    axes = pictures.errors_over_settings(panels, {"one": "draws", "two": "directions"}).axes
    for ax, (title, (settings, lines)) in zip(axes, panels.items(), strict=True):
        assert ax.get_title(loc="left") == title
        for line, errors in zip(ax.lines[:-1], lines.values(), strict=True):  # the last line is the rule at 1
            np.testing.assert_array_equal(line.get_xdata(), settings)
            np.testing.assert_array_equal(line.get_ydata(), errors)
    assert [ax.get_xlabel() for ax in axes] == ["draws", "directions"]
