"""Pictures of caches and of the roofline: what is drawn is what the numbers say."""

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from course_lib import accounting
from course_lib.exercises.nb06_chunk_masks import chunk_mask
from course_lib.exercises.nb06_ring_slots import positions_in_ring
from course_lib.figures import motifs, style
from course_lib.figures.caching import GAP, chunk_masks, ring_table, rows_per_step
from course_lib.figures.roofline import roofline
from course_lib.figures.serving import padded_batch, shared_prefix

matplotlib.use("Agg")


def squares(ax):
    """At each (column, row): "made" for a dashed frame, "cached" for a solid one, "hidden" for grey hatches."""
    found = {}
    for patch in (p for p in ax.patches if isinstance(p, Rectangle)):
        place = (round(patch.get_x()), round(patch.get_y() + 0.5 - GAP / 2))
        if patch.get_hatch():
            found[place] = "hidden"
        else:
            state = "cached" if patch.get_linestyle() == motifs.CACHED["linestyle"] else "made"
            assert found.setdefault(place, state) == state  # key and value alike
    return found


def colours(ax):
    return {to_hex(patch.get_edgecolor()) for patch in ax.patches}


def test_without_a_cache_every_row_is_computed_again_and_with_one_only_the_new_one():
    fig = rows_per_step(5)
    without, cached = (squares(ax) for ax in fig.axes)
    triangle = {(token, step) for step in range(5) for token in range(step + 1)}
    assert set(without) == set(cached) == triangle
    assert set(without.values()) == {"made"}
    assert {place for place, state in cached.items() if state == "made"} == {(i, i) for i in range(5)}
    assert [ax.get_title(loc="left") for ax in fig.axes] == [
        "no cache: 15 rows computed",
        "with cache: 5 rows computed",
    ]
    assert colours(fig.axes[0]) == {motifs.THINGS["K"].light, motifs.THINGS["V"].light}


@pytest.mark.parametrize(("tokens", "window"), [(9, 4), (2, 5)])
def test_ring_table_shows_the_position_in_each_slot(tokens, window):
    ax = ring_table(tokens, window).axes[0]
    texts = {(text.get_position()): text.get_text() for text in ax.texts}
    for row in range(tokens):
        held = [int(texts.get((slot, row), -1)) for slot in range(window)]
        assert held == positions_in_ring(row + 1, window).tolist()
    written = {place for place, state in squares(ax).items() if state == "made"}
    assert written == {(p % window, p) for p in range(tokens)}


def test_chunk_masks_show_what_is_visible_and_where_it_comes_from():
    past = np.array([1, 4, 0])
    masks = chunk_mask(2, past)
    for ax, mask, cached in zip(chunk_masks(masks, past).axes, masks, past, strict=True):
        found = squares(ax)
        for token, position in np.ndindex(mask.shape):
            state = "hidden" if not mask[token, position] else "cached" if position < cached else "made"
            assert found[position, token] == state
    with pytest.raises(ValueError, match="masks must be"):
        chunk_masks(masks, past[:2])


def test_each_text_of_a_batch_goes_on_at_its_own_position():
    before, after = (squares(ax) for ax in padded_batch((1, 4), 2).axes)
    assert before == {(0, 0): "cached"} | {(p, 0): "hidden" for p in (1, 2, 3)} | {(p, 1): "cached" for p in range(4)}
    assert after == before | {(1, 0): "made", (2, 0): "made", (4, 1): "made", (5, 1): "made"}


def test_questions_follow_one_prefix():
    found = squares(shared_prefix(3, (1, 2)).axes[0])
    cached = {(position, row): "cached" for position in range(3) for row in range(2)}
    assert found == cached | {(3, 0): "made", (3, 1): "made", (4, 1): "made"}


def test_lengths_are_positive():
    for draw in (lambda: padded_batch((), 1), lambda: padded_batch((2, 0), 1), lambda: shared_prefix(0, (1,))):
        with pytest.raises(ValueError, match="must"):
            draw()


def test_roofline_draws_the_roof_and_the_points_in_the_machine_s_unit():
    machine = accounting.Machine("a machine", bandwidth=3e9, flops=7e9)
    points = {"decode": {"1": (0.5, 1e9), "8": (4.0, 5e9)}, "prefill": {"512": (90.0, 6.5e9)}}
    ax = roofline(machine, points).axes[0]
    roof = ax.lines[0]
    for x, y in zip(*roof.get_data(), strict=True):
        assert y == pytest.approx(machine.attainable(x) / 1e9, rel=1e-12)
    assert (
        machine.ridge in roof.get_xdata()
        and ax.get_ylabel() == "rate (GFLOP/s)"
        and ax.get_title("left") == "a machine"
    )
    drawn = {line.get_label(): list(zip(*line.get_data(), strict=True)) for line in ax.lines[2:]}
    assert drawn == {"decode": [(0.5, 1.0), (4.0, 5.0)], "prefill": [(90.0, 6.5)]}
    assert {line.get_marker() for line in ax.lines[2:]} == {"o", "s"}
    assert {"1", "8", "512", "ridge: 2.3 FLOPs per byte"} <= {text.get_text() for text in ax.texts}
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    assert left < 0.5 and right > 90 and low < 1 and high > 7


@pytest.mark.parametrize(("flops", "unit"), [(989e12, "TFLOP/s"), (2e9, "GFLOP/s"), (5e5, "MFLOP/s")])
def test_units_follow_the_machine(flops, unit):
    machine = accounting.Machine("a machine", bandwidth=1e9, flops=flops)
    assert roofline(machine, {"a": {"b": (1.0, flops)}}).axes[0].get_ylabel() == f"rate ({unit})"


def test_pictures_can_be_shown():
    for fig in (rows_per_step(3), ring_table(3, 2), padded_batch((5, 17, 24), 4)):
        assert style.show(fig, alt="A picture.").alt == "A picture."
