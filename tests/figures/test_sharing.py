"""Pictures of shared heads: who reads what, in the motifs, and lines through the numbers that they are given."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from course_lib.config import GroupedConfig, LatentConfig
from course_lib.exercises.nb07_kv_sharing import kv_heads_read
from course_lib.figures import motifs, style
from course_lib.figures.devices import on_each_device, split_over_devices
from course_lib.figures.sharing import head_groups, intensity_over_batch, milliseconds_over_tokens
from course_lib.figures.turned import two_heads
from course_lib.figures.uptraining import held_out

GQA = GroupedConfig(d_model=64, n_heads=16, n_kv_heads=4)
MLA = LatentConfig(d_model=64, n_heads=16, d_head=4, d_latent=10, d_rope=2)


@pytest.mark.parametrize("g", [1, 2, 3, 6])
def test_each_query_head_has_a_line_to_the_head_it_reads(g):
    (ax,) = head_groups(6, [g]).axes
    numbers = [text for text in ax.texts if text.get_text().isdigit()]
    below = {float(text.get_position()[0]): int(text.get_text()) for text in numbers if text.get_position()[1] < 0}
    found = {float(line.get_xdata()[0]): below[float(line.get_xdata()[1])] for line in ax.lines}
    assert [found[i] for i in range(6)] == kv_heads_read(6, g)


def test_each_row_of_panels_is_named_at_its_left():
    axes = head_groups(8, [8, 4, 2, 1]).axes
    named = [[text.get_text() for text in ax.texts if not text.get_text().isdigit()] for ax in axes]
    assert named == [["query\nheads", "KV\nheads"], [], ["query\nheads", "KV\nheads"], []]


@pytest.mark.parametrize("counts", [(8, 4, 2, 1), (12, 3), (16,), (8, 2, 1)])
def test_it_fits_a_notebook(counts):
    assert style.show(head_groups(max(counts), counts), alt="Heads.").alt == "Heads."


def test_queries_are_made_now_and_keys_and_values_are_cached():
    (ax,) = head_groups(4, [2]).axes
    drawn = [(to_hex(patch.get_edgecolor()), patch.get_linestyle()) for patch in ax.patches]
    Q, K, V = (motifs.THINGS[name].light for name in "QKV")
    solid = motifs.CACHED["linestyle"]
    assert [colour for colour, _ in drawn] == [Q] * 4 + [K, V] * 2
    assert all((line == solid) == (colour != Q) for colour, line in drawn)


def test_lines_and_titles_have_the_colour_of_the_method():
    axes = head_groups(4, [4, 2, 1]).axes
    assert [ax.get_title(loc="left") for ax in axes[:3]] == [
        "$g = 4$: multi-head", "$g = 2$: grouped-query", "$g = 1$: multi-query"
    ]  # fmt: skip
    for ax, name in zip(axes, ("MHA", "GQA", "MQA"), strict=False):
        assert {line.get_color() for line in ax.lines} == {motifs.METHODS[name].light}


@pytest.mark.parametrize("n_heads, counts", [(0, [1]), (4, [3]), (4, []), (4, [0]), (4.0, [2])])
def test_bad_numbers(n_heads, counts):
    with pytest.raises(ValueError, match="must be"):
        head_groups(n_heads, counts)


def test_lines_are_the_numbers_in_the_colours_of_the_methods():
    ax = intensity_over_batch([1, 2, 4], 16, {16: [1, 2, 3], 4: [2, 3, 4], 1: [5, 6, 7]}).axes[0]
    curves = [line for line in ax.lines if line.get_marker() != "None"]
    assert [list(line.get_ydata()) for line in curves] == [[1, 2, 3], [2, 3, 4], [5, 6, 7]]
    assert [line.get_color() for line in curves] == [motifs.METHODS[m].light for m in ("MHA", "GQA", "MQA")]
    assert {"attention alone: 1", "attention alone: 4", "attention alone: 16"} == {text.get_text() for text in ax.texts}
    times = milliseconds_over_tokens([512, 1024], {"a": [1.0, 2.0], "b": [3.0, 4.0]}, "times").axes[0]
    assert [list(line.get_ydata()) for line in times.lines] == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(("devices", "heads"), [(1, 4), (2, 2), (4, 1), (16, 1)])
def test_a_device_holds_its_share_of_the_kv_heads_and_one_at_least(devices, heads):
    assert on_each_device(GQA, devices).n_kv_heads == heads
    assert on_each_device(MLA, devices) is MLA


def test_split_heads_are_drawn_to_scale_and_a_latent_row_once():
    fig = split_over_devices([GQA, MLA], (1, 4, 8))
    widths = {}
    for patch in fig.axes[0].patches:
        widths[patch.get_y()] = widths.get(patch.get_y(), 0) + patch.get_width()
    rows = np.array([widths[y] for y in sorted(widths, reverse=True)])
    assert rows / rows[0] == pytest.approx(np.array([32, 8, 8, 12]) / 32)
    style.show(fig, alt="Devices.")
    with pytest.raises(ValueError, match="devices must"):
        split_over_devices([GQA], (3,))


def test_turning_a_turned_copy_brings_back_all_of_it():
    heads = np.random.default_rng(0).normal(size=(7, 2))
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    axes = two_heads(heads, heads @ quarter).axes
    titles = [ax.get_title(loc="left") for ax in axes]
    assert titles[5] == "their mean keeps 1.00" and titles[2] == "their mean keeps 0.50"  # at right angles, row by row
    assert np.allclose(axes[5].patches[0].get_xy()[:7], heads) and np.allclose(axes[4].patches[0].get_xy()[:7], heads)
    with pytest.raises(ValueError, match="first and second"):
        two_heads(heads, heads[:3])


def test_uptraining_draws_curves_and_levels():
    curves = {"mean": [3.0, 2.0], "first": [4.0, 2.5]}
    ax = held_out([0, 10], curves, {"before": ("MHA", 1.5), "scratch": ("GQA", 1.7)}, "4 from 8").axes[0]
    assert {line.get_label(): list(line.get_ydata()) for line in ax.lines[:2]} == curves
    assert [line.get_ydata()[0] for line in ax.lines[2:]] == [1.5, 1.7]
    assert [line.get_color() for line in ax.lines[2:]] == [motifs.METHODS[m].light for m in ("MHA", "GQA")]
    assert len({line.get_linestyle() for line in ax.lines[:2]}) == 2
