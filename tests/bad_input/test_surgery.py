"""What surgery on heads and into latents refuses, and how it says so."""

import re

import numpy as np
import pytest
import torch

from course_lib.config import GroupedConfig, LatentConfig, Llama3Rope, ModelConfig, Rope
from course_lib.models import DecoderModel, EncoderModel
from course_lib.surgery.alignment import align_heads, reorder_heads
from course_lib.surgery.calibration import calibrate
from course_lib.surgery.factors import joint_factors
from course_lib.surgery.heads import Fresh, mean, repeat_heads, share_heads
from course_lib.surgery.latent import decouple, embed, to_latent, truncate


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


ROTARY = config(GroupedConfig(d_model=6, n_heads=6, n_kv_heads=3, d_head=4, rope=Rope()))
TOKENS = [torch.tensor([[0, 1, 2, 3, 4, 5, 6, 1, 3]])]


def refused(message):
    return pytest.raises(ValueError, match=re.escape(message))


@pytest.mark.parametrize("rank", [0, 7, -1, True, 3.0, None])
def test_rank(rank):
    message = f"rank must be a whole number from 1 to 6, got {rank!r}"
    with refused(message):
        joint_factors(np.ones((6, 5)), np.ones((6, 4)), rank)
    for change in (truncate, to_latent):
        with refused(message):
            change(DecoderModel(GROUPED), rank)
    model = DecoderModel(ROTARY)
    with refused(message):
        decouple(model, rank, calibrate(model, TOKENS))


def test_factors_of_weights_that_do_not_fit():
    W_K, W_V = np.ones((6, 5)), np.ones((6, 4))
    with refused("W_K and W_V must be matrices with the same rows, got shapes (6, 5) and (5, 4)"):
        joint_factors(W_K, W_V[1:], 2)
    with refused("gram must have shape (6, 6), got (5, 5)"):
        joint_factors(W_K, W_V, 2, np.eye(5))
    with refused("gram must be finite, got NaN or infinity"):
        joint_factors(W_K, W_V, 2, np.full((6, 6), np.nan))
    for gram in (np.zeros((6, 6)), np.triu(np.ones((6, 6)))):
        with refused("gram must be symmetric and not zero"):
            joint_factors(W_K, W_V, 2, gram)
    with refused("gram must have no negative eigenvalues, got -1"):
        joint_factors(W_K, W_V, 2, np.diag([1.0, 1, 1, 1, 1, -1]))


@pytest.mark.parametrize("balance", [0, -1.0, np.inf, np.nan])
def test_balance(balance):
    with refused(f"balance must be a positive finite number, got {balance}"):
        truncate(DecoderModel(GROUPED), 2, balance=balance)


def test_calibration():
    model = DecoderModel(ROTARY)
    for nothing in ([], iter([])):
        with refused("batches must hold tokens to calibrate on, got none"):
            calibrate(model, nothing)
    with refused("layers must be one for each of 2, got 1"):
        truncate(model, 2, calibrate(model, TOKENS)[:1])
    for layers in (np.eye(6), [np.eye(6)] * 2, None):
        with refused(f"layers must be a list from calibrate(model, batches), got {type(layers).__name__}"):
            decouple(model, 2, layers)


@pytest.mark.parametrize("kept", [range(0), range(3), range(-1, 1), range(1, -1, -1), [0, 1], 2])
def test_kept_frequencies(kept):
    model = DecoderModel(ROTARY)
    with refused(f"kept must be a non-empty rising range within 0 ... 1, got {kept!r}"):
        decouple(model, 2, calibrate(model, TOKENS), kept)


def test_frequencies_that_are_not_geometric():
    model = DecoderModel(config(GroupedConfig(d_model=6, n_heads=3, d_head=4, rope=Llama3Rope(length=8))))
    with refused("rope must have frequencies base**(-2 i / d_head) / factor, got Llama3Rope(base=10000.0, factor=1.0"):
        decouple(model, 2, calibrate(model, TOKENS))


def test_models_that_cannot_become_latent():
    rotary, plain = DecoderModel(ROTARY), DecoderModel(GROUPED)
    for change in (lambda m: to_latent(m, 2), embed):
        with refused("rotary positions"):
            change(rotary)
    with refused("model must have rotary positions to decouple, got none"):
        decouple(plain, 2, calibrate(plain, TOKENS))
    for change in (truncate, to_latent):
        with refused("model must have grouped attention, with KV heads, got a LatentConfig"):
            change(DecoderModel(LATENT), 2)
    for more, said in (({"qk_norm": True}, "no QK-norm"), ({"bias": True}, "no biases")):
        model = DecoderModel(config(GroupedConfig(d_model=6, n_heads=3, **more)))
        for change in (embed, lambda m: to_latent(m, 2), lambda m: decouple(m, 2, [])):
            with refused(f"model must have {said}"):
                change(model)
