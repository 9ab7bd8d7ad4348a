"""The strip of what a token leaves behind is to scale, and its colours say what is what."""

from dataclasses import replace

import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from course_lib.config import GroupedConfig, LatentConfig
from course_lib.figures import motifs, style
from course_lib.figures.left_behind import left_behind, method

MHA = GroupedConfig(d_model=48, n_heads=6, d_head=10)
MLA = LatentConfig(d_model=48, n_heads=6, d_head=10, d_latent=28, d_rope=4)
CONFIGS = [
    MHA,
    replace(MHA, n_kv_heads=2),
    replace(MHA, n_kv_heads=1),
    MLA,
    replace(MLA, d_rope=0, scale=None, rope=None),
]


def rows(fig):
    """Blocks of each row, from the top, from left to right."""
    blocks = [patch for patch in fig.axes[0].patches if isinstance(patch, Rectangle)]
    heights = sorted({patch.get_y() for patch in blocks}, reverse=True)
    return [sorted((p for p in blocks if p.get_y() == y), key=Rectangle.get_x) for y in heights]


def test_a_row_is_as_long_as_its_cache_and_starts_where_the_others_start():
    drawn = rows(left_behind(CONFIGS))
    unit = sum(block.get_width() for block in drawn[0]) / MHA.floats_per_token
    for blocks, config in zip(drawn, CONFIGS, strict=True):
        assert sum(block.get_width() for block in blocks) / unit == pytest.approx(config.floats_per_token)
        assert blocks[0].get_x() == drawn[0][0].get_x()
        ends = [block.get_x() + block.get_width() for block in blocks]
        assert ends[:-1] == pytest.approx([block.get_x() for block in blocks[1:]])


def test_each_block_is_one_row_of_the_cache_in_the_colour_of_its_thing():
    drawn = rows(left_behind(CONFIGS))
    found = [[to_hex(block.get_edgecolor()) for block in blocks] for blocks in drawn]
    K, V, L = (motifs.THINGS[name].light for name in "KVL")
    assert found == [[K] * 6 + [V] * 6, [K] * 2 + [V] * 2, [K, V], [L, K], [L]]


def test_the_rotary_key_alone_is_hatched_and_all_frames_are_solid():
    blocks = [block for row in rows(left_behind(CONFIGS)) for block in row]
    hatched = [block for block in blocks if block.get_hatch()]
    assert [to_hex(block.get_edgecolor()) for block in hatched] == [motifs.THINGS["K"].light]
    assert {block.get_linestyle() for block in blocks} == {motifs.CACHED["linestyle"]}


def test_numbers_stand_beside_the_rows():
    texts = {text.get_text() for text in left_behind(CONFIGS).axes[0].texts}
    assert {"6 (10 + 10) = 120", "2 (10 + 10) = 40", "1 (10 + 10) = 20", "28 + 4 = 32", "28"} <= texts
    assert {"MHA", "GQA", "MQA", "MLA"} <= texts


def test_names_of_methods():
    assert [method(config) for config in CONFIGS] == ["MHA", "GQA", "MQA", "MLA", "MLA"]


def test_it_fits_a_page_and_nothing_is_an_error():
    style.show(left_behind([GroupedConfig(d_model=8192, n_heads=64, d_head=128), MLA]), alt="A strip.")
    with pytest.raises(ValueError, match="configs must hold at least one config"):
        left_behind([])
