"""Pictures of latent attention: what is drawn is what accounting counts."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from course_lib import accounting
from course_lib.config import GroupedConfig, LatentConfig
from course_lib.figures import latent, motifs

LATENT = LatentConfig(d_model=512, n_heads=16, d_latent=128, d_head=32, d_rope=16, d_latent_q=96)
GROUPED = GroupedConfig(d_model=512, n_heads=16, d_head=32)


def frames(ax, made_now: bool) -> list:
    """Blocks that are made now, or that are cached or learnt."""
    return [patch for patch in ax.patches if isinstance(patch.get_linestyle(), tuple) == made_now]


def area(patches) -> float:
    return sum(patch.get_width() * patch.get_height() for patch in patches)


def test_heads_and_rows_are_to_scale():
    """One token leaves 24, 12 and 8 numbers; in MHA and GQA the four heads read what is cached, in MLA what is made."""
    (ax,) = latent.heads_and_rows().axes
    rows = {y: sum(p.get_width() for p in ax.patches if p.get_y() == y and p.get_x() < 30) for y in (7.6, 4.2, 0.8)}
    assert rows == {7.6: 24, 4.2: 12, 0.8: 8}
    made = frames(ax, made_now=True)
    assert {patch.get_y() for patch in made} == {0.8} and sum(p.get_width() for p in made) == 4 * 2 * 3
    read = [text.get_text() for text in ax.texts if text.get_position()[1] == 4.2 + 0.7]
    assert read[-8:] == ["$K_0$", "$V_0$"] * 2 + ["$K_1$", "$V_1$"] * 2


def test_two_forms_make_keys_for_every_token_or_one_query():
    """Cells made beside Q itself (3, twice and once): d_QK = 3 for each of 15 tokens, or d_L = 5 for the one new."""
    (ax,) = latent.two_forms().axes
    made = frames(ax, made_now=True)
    expanded, absorbed = ([p for p in made if (p.get_y() < 11) == above] for above in (True, False))
    assert (area(expanded) - 2 * 3, area(absorbed) - 3) == (3 * 15, 5)
    assert {to_hex(p.get_edgecolor()) for p in made} == {motifs.THINGS[name].light for name in "QK"}


def test_stored_numbers_and_where_they_meet():
    tokens = range(0, 3001, 1000)
    (ax,) = latent.storage_over_tokens(LATENT, GROUPED, tokens).axes
    multi_head, printed, merged, factored, *meetings = ax.lines
    for line, storage, config in (
        (multi_head, accounting.grouped_storage, GROUPED),
        (printed, accounting.merged_storage_printed, LATENT),
        (merged, accounting.merged_storage, LATENT),
        (factored, accounting.factored_storage, LATENT),
    ):
        want = [sum(storage(config, t).values()) / 1e6 for t in tokens]
        np.testing.assert_allclose(line.get_ydata(), want, rtol=1e-15)
    for point, line in zip(meetings, (printed, merged), strict=True):
        ((x,), (y,)) = point.get_data()
        for crossing in (multi_head, line):
            drawn = np.interp(x, crossing.get_xdata(), crossing.get_ydata())
            assert y == pytest.approx(drawn, abs=1024e-6)  # one token more or less, of 2 x 16 x 32 numbers


def test_costs_are_drawn_for_each_new_token():
    best = {"expanded": {1: 8.0, 4: 8.0}, "absorbed": {1: 1.0, 4: 2.0}}
    counted, timed = latent.counted_and_timed(LATENT, 100, best, 2).axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in timed.lines}
    assert drawn == {"expanded": [8.0, 2.0], "absorbed": [1.0, 0.5]}
    assert list(counted.lines[2].get_xdata()) == [2, 2] and counted.texts[0].get_text().startswith("2 ")


def test_flops_of_a_chunk_cross_where_the_layer_changes_its_form():
    """Per cached token absorbed is cheaper while n (2 r - e - v) < r (e + v): up to 42. With 2**20 tokens before it,
    what a call does for the new tokens alone is too little to move the border."""
    ax = Figure().add_subplot()
    latent.chunk_flops(LATENT, 2**20, [41, 42, 43, 44], ax)
    expanded, absorbed = (line.get_ydata() for line in ax.lines)
    assert (absorbed < expanded).tolist() == [True, True, False, False]
    assert expanded[0] == accounting.chunk(accounting.expanded(LATENT), 41, 2**20).flops / 41 / 1e6
