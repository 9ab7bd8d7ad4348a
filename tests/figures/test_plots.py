"""What is described once is drawn as it is described."""

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from course_lib.figures import motifs, plots, style


def drawn(*series, x=None, y=None, more=(), **options):
    ax = Figure().add_subplot()
    axes = (x or plots.axis("across", 1, 64), y or plots.axis("up", 0, 7))
    plots.draw_plot(ax, plots.plot("what", *axes, *series, **options), *more)
    return ax


def test_axes_have_their_limits_labels_and_ticks():
    x = plots.axis("tokens", 1, 64, log=2, ticks=[1, 8, 64], texts=["one", "eight", "all"])
    ax = drawn(x=x, y=plots.axis("key", -0.6, 2.4, whole=True))
    assert (ax.get_xlim(), ax.get_ylim(), ax.get_title()) == ((1, 64), (-0.6, 2.4), "what")
    assert (ax.get_xscale(), ax.get_xlabel(), ax.get_ylabel()) == ("log", "tokens", "key")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["one", "eight", "all"]
    assert list(ax.get_xticks()) == [1, 8, 64] and len(drawn(x=x | {"log": 10}).get_xticks(minor=True)) == 0
    assert all(float(tick).is_integer() for tick in ax.get_yticks())


def test_series_have_their_colours_dashes_markers_and_fills():
    line = plots.line("keys", "k", "dashed", marker="square", x=[1, 2], y=[3, 4])
    bars = plots.bars("turned", "mla", "hatched")
    ax = drawn(line, plots.points("now", "first", "diamond"), bars, more=([{}, *2 * [{"x": [2, 5], "y": [1, 6]}]],))
    keys, now = ax.lines
    assert (keys.get_color(), keys.get_linestyle(), keys.get_marker()) == (motifs.THINGS["K"].light, "--", "s")
    assert (now.get_color(), now.get_linestyle(), now.get_marker()) == (style.PALETTE[0], "None", "D")
    assert [bar.get_height() for bar in ax.patches] == [1, 6]
    assert {(to_hex(bar.get_edgecolor()), bar.get_hatch()) for bar in ax.patches} == {
        (motifs.METHODS["MLA"].light, motifs.ROTARY)
    }
    np.testing.assert_array_equal(keys.get_xydata(), [[1, 3], [2, 4]])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["keys", "now", "turned"]


def test_a_choice_replaces_what_is_described():
    place = {"x": [1, 2], "y": [3, 4]}
    ax = drawn(plots.line("pair", "q"), plots.line("b", "v"), more=([place | {"name": "pair 3", "chosen": True}],))
    assert [line.get_label() for line in ax.lines] == ["pair 3"] and ax.lines[0].get_linewidth() > 2
    assert ax.get_legend() is None  # it is alone


def test_lines_with_an_end_are_named_there_and_others_may_go_without_a_legend():
    place = {"x": [1, 64], "y": [3, 4]}
    ends = drawn(*(plots.line(name, "q", end=name[0], **place) for name in ("one", "two")))
    assert [text.get_text() for text in ends.texts] == ["one", "two"] and ends.get_legend() is None
    assert drawn(*2 * [plots.line("a", "q", **place)], legend=False).get_legend() is None


def test_a_band_is_shaded_over_the_whole_width():
    (band,) = drawn(plots.line("a", "q", x=[1, 64], y=[3, 4]), band=[1, 2]).patches
    assert (band.get_y(), band.get_height(), band.get_x(), band.get_width()) == (1, 1, 0, 1)
    assert not drawn(plots.line("a", "q", x=[1, 64], y=[3, 4])).patches


def test_rules_cross_the_plot_and_their_labels_stand_inside():
    rules = [{"x": 2, "label": "left"}, {"x": 63, "label": "right"}, {"y": 5, "label": "level"}]
    ax = drawn(more=((), rules))
    assert [list(line.get_xdata()) for line in ax.lines] == [[2, 2], [63, 63], [0, 1]]
    assert [(text.get_text(), text.get_ha()) for text in ax.texts] == [
        ("left", "left"),
        ("right", "right"),
        ("level", "left"),
    ]
