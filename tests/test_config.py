"""Derived sizes of the configs; the numbers of DeepSeek-V2 are from its paper, 2405.04434."""

import dataclasses

import pytest

from course_lib.config import GroupedConfig, LatentConfig, Rope


def test_defaults_of_grouped_attention():
    config = GroupedConfig(d_model=42, n_heads=6)
    assert (config.n_kv_heads, config.d_head, config.d_qk, config.d_value) == (6, 7, 7, 7)
    assert config.scale == pytest.approx(7**-0.5)
    assert config.floats_per_token == 2 * 42


def test_sharing_heads_shrinks_the_cache_by_the_group_size():
    mha, gqa, mqa = (GroupedConfig(d_model=60, n_heads=12, n_kv_heads=g) for g in (12, 3, 1))
    assert mha.floats_per_token == 4 * gqa.floats_per_token == 12 * mqa.floats_per_token


def test_scale_may_differ_from_the_head_width():
    assert GroupedConfig(d_model=5376, n_heads=32, d_head=128, scale=168**-0.5).scale == 168**-0.5  # Gemma 3 27B


def test_latent_cache_and_scale_of_deepseek_v2():
    config = LatentConfig(d_model=5120, n_heads=128, d_latent=512, d_head=128, d_rope=64, d_latent_q=1536)
    assert config.floats_per_token == 576
    assert config.d_qk == 192 and config.scale == pytest.approx(192**-0.5)
    assert config.d_value == 128 and config.rope == Rope()


def test_configs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        GroupedConfig(d_model=8, n_heads=2).d_model = 9
