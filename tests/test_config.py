"""Derived sizes of the configs; the numbers of DeepSeek-V2 are from its paper, 2405.04434."""

import dataclasses
import json

import pytest

from course_lib.config import DynamicRope, GroupedConfig, LatentConfig, Llama3Rope, ModelConfig, Rope


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


@pytest.mark.parametrize(
    "rope", [None, Rope(factor=2.0), DynamicRope(factor=2.0, length=9), Llama3Rope(length=7, high=3)]
)
def test_rotary_positions_come_back_from_json(rope):
    attention = GroupedConfig(d_model=8, n_heads=2, rope=rope)
    config = ModelConfig(vocab_size=5, n_layers=1, attention=attention, d_ff=3)
    assert ModelConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config


def test_linear_scaling_has_no_name_in_json_as_in_cards_from_before():
    attention = GroupedConfig(d_model=8, n_heads=2, rope=Rope())
    config = ModelConfig(vocab_size=5, n_layers=1, attention=attention, d_ff=3)
    assert config.as_dict()["attention"]["rope"] == {"base": 10_000.0, "factor": 1.0}


def test_configs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        GroupedConfig(d_model=8, n_heads=2).d_model = 9
