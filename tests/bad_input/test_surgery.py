"""What surgery on heads refuses, and how it says so."""

import re

import pytest
import torch

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig
from course_lib.models import DecoderModel, EncoderModel
from course_lib.surgery.alignment import align_heads, reorder_heads
from course_lib.surgery.heads import Fresh, mean, repeat_heads, share_heads


def config(attention):
    return ModelConfig(vocab_size=7, n_layers=2, attention=attention, d_ff=5)


GROUPED = config(GroupedConfig(d_model=6, n_heads=6, n_kv_heads=3))
LATENT = config(LatentConfig(d_model=6, n_heads=3, d_latent=4, d_head=2))


@pytest.mark.parametrize("n", [0, 2, 6, -1, True, 3.0, None])
@pytest.mark.parametrize("change", [lambda m, n: share_heads(m, n, mean), align_heads])
def test_number_of_heads(change, n):
    with pytest.raises(ValueError, match=re.escape(f"n_kv_heads must be a positive integer that divides the model's 3 KV heads, got {n!r}")):  # fmt: skip # noqa: E501
        change(DecoderModel(GROUPED), n)


CHANGES = [lambda m: share_heads(m, 1, mean), repeat_heads, lambda m: align_heads(m, 1), lambda m: reorder_heads(m, [])]


@pytest.mark.parametrize("change", CHANGES)
def test_other_models(change):
    with pytest.raises(ValueError, match="model must have grouped attention, with KV heads, got a LatentConfig"):
        change(DecoderModel(LATENT))
    with pytest.raises(ValueError, match="model must be a DecoderModel, got EncoderModel"):
        change(EncoderModel(GROUPED))
    with pytest.raises(ValueError, match="model must be a DecoderModel, got str"):
        change("docs-mha")


@pytest.mark.parametrize("how", ["mean", None, 0])
def test_how_that_is_no_function(how):
    with pytest.raises(ValueError, match=f"how must be a function of grouped heads.*got {how!r}"):
        share_heads(DecoderModel(GROUPED), 1, how)


def test_how_that_pools_the_wrong_axis():
    with pytest.raises(ValueError, match=re.escape("how must return heads of shape (6, 1, 1), got (6, 1, 3)")):
        share_heads(DecoderModel(GROUPED), 1, lambda heads: heads.mean(-1))


@pytest.mark.parametrize("seed", [-1, 1.0, None, True])
def test_seed(seed):
    with pytest.raises(ValueError, match=f"seed must be a whole number from 0, got {seed!r}"):
        Fresh(seed)


@pytest.mark.parametrize("orders, message", [
    ([[0, 1, 2]], "orders must be one for each of 2 layers, got 1"),
    ([[0, 1, 2], [0, 1, 1]], r"each of orders must be a permutation of 0 ... 2, got \[0, 1, 1\]"),
    ([[0, 1], [1, 0]], r"each of orders must be a permutation of 0 ... 2, got \[0, 1\]"),
])  # fmt: skip
def test_orders(orders, message):
    model = DecoderModel(GROUPED)
    before = model.blocks[0].attention.W_K.clone()
    with pytest.raises(ValueError, match=message):
        reorder_heads(model, orders)
    assert torch.equal(model.blocks[0].attention.W_K, before)
