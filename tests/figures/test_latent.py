"""Pictures of latent attention: what is drawn is what accounting counts."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from course_lib import accounting
from course_lib.config import GroupedConfig, LatentConfig
from course_lib.figures import latent

LATENT = LatentConfig(d_model=512, n_heads=16, d_latent=128, d_head=32, d_rope=16, d_latent_q=96)
GROUPED = GroupedConfig(d_model=512, n_heads=16, d_head=32)


def test_two_readings_make_keys_for_every_token_or_one_query():
    """Cells made at a step: d_QK = 3 for each of 15 tokens, or d_L = 5 for the one new token."""
    (ax,) = latent.two_readings().axes
    made = [patch for patch in ax.patches if to_hex(patch.get_facecolor()) == latent.MADE.lower()]
    rows = [patch.get_y() > 5 for patch in made]
    assert (sum(rows), len(rows) - sum(rows)) == (3 * 15, 5)


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


def test_flops_of_a_chunk_cross_where_the_layer_changes_its_reading():
    """Per cached token absorbed is cheaper while n (2 r - e - v) < r (e + v): up to 42. With 2**20 tokens before it,
    what a call does for the new tokens alone is too little to move the border."""
    ax = Figure().add_subplot()
    latent.chunk_flops(LATENT, 2**20, [41, 42, 43, 44], ax)
    expanded, absorbed = (line.get_ydata() for line in ax.lines)
    assert (absorbed < expanded).tolist() == [True, True, False, False]
    assert expanded[0] == accounting.chunk(accounting.expanded(LATENT), 41, 2**20).flops / 41
