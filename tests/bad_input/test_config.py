"""Sizes that make no layer are refused when the config is made, with the field, its value and the rule."""

import pytest

from course_lib.config import DynamicRope, GroupedConfig, LatentConfig, Llama3Rope, Rope
from course_lib.rope import rope_from_dict

GROUPED = {"d_model": 24, "n_heads": 6}
LATENT = {"d_model": 24, "n_heads": 6, "d_latent": 5, "d_head": 4}


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"n_kv_heads": 4}, "n_heads must be a multiple of n_kv_heads, got n_heads = 6, n_kv_heads = 4"),
        ({"n_heads": 7}, "d_model must be a multiple of n_heads, got d_model = 24, n_heads = 7"),
        ({"d_model": 0}, "d_model must be a positive integer, got 0"),
        ({"d_model": 24.0}, "d_model must be a positive integer, got 24.0"),
        ({"n_heads": True}, "n_heads must be a positive integer, got True"),
        ({"window": -3}, "window must be a positive integer, got -3"),
        ({"d_head": 5, "rope": Rope()}, "d_head must be even, got d_head = 5"),
        ({"dropout": 1.0}, r"dropout must lie in \[0, 1\), got 1.0"),
        ({"scale": 0.0}, "scale must be a positive finite number, got 0.0"),
        ({"scale": float("nan")}, "scale must be a positive finite number, got nan"),
    ],
)
def test_grouped(wrong, message):
    with pytest.raises(ValueError, match=message):
        GroupedConfig(**(GROUPED | wrong))


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"d_rope": 3}, "d_rope must be even and not negative, got d_rope = 3"),
        ({"d_rope": -2}, "d_rope must be even and not negative, got d_rope = -2"),
        ({"rope": Rope()}, "needs rotary coordinates, but d_rope = 0"),
        ({"d_latent": None}, "d_latent must be a positive integer, got None"),
        ({"d_latent_q": 0}, "d_latent_q must be a positive integer, got 0"),
        ({"window": 0}, "window must be a positive integer, got 0"),
        ({"scale": -1.0}, "scale must be a positive finite number, got -1.0"),
    ],
)
def test_latent(wrong, message):
    with pytest.raises(ValueError, match=message):
        LatentConfig(**(LATENT | wrong))


@pytest.mark.parametrize(
    "kind, wrong, message",
    [
        (Rope, {"base": 1.0}, "base must be larger than 1, got 1.0"),
        (Rope, {"factor": 0.0}, "factor must be positive, got 0.0"),
        (DynamicRope, {"length": 0}, "length must be a positive integer, got 0"),
        (DynamicRope, {"length": 9, "factor": -1.0}, "factor must be positive, got -1.0"),
        (Llama3Rope, {"length": 8.0}, "length must be a positive integer, got 8.0"),
        (
            Llama3Rope,
            {"length": 8, "low": 4.0},
            "low must be positive and smaller than high, got low = 4.0, high = 4.0",
        ),
    ],
)
def test_rope(kind, wrong, message):
    with pytest.raises(ValueError, match=message):
        kind(**wrong)


def test_dynamic_scaling_of_a_single_pair():
    with pytest.raises(ValueError, match="dynamic scaling needs vectors wider than 2, got width 2"):
        DynamicRope(length=3).base_at(4, 2)


def test_rope_of_an_unknown_kind():
    with pytest.raises(ValueError, match="rope's kind must be one of linear, dynamic, llama3, got 'yarn'"):
        rope_from_dict({"kind": "yarn"})
