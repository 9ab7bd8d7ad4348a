"""Bad input of surgery on heads and into latents. A refusal leaves the model as it was."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from course_lib.config import GroupedConfig, LatentConfig, Llama3Rope, LocalLayers, ModelConfig, Rope
from course_lib.models import DecoderModel, EncoderModel
from course_lib.surgery.alignment import align_heads, reorder_heads
from course_lib.surgery.calibration import calibrate
from course_lib.surgery.factors import joint_factors
from course_lib.surgery.kv_heads import Fresh, mean, repeat_heads, share_heads
from course_lib.surgery.latent import decouple, embed, to_latent, truncate


def config(**attention):
    return ModelConfig(vocab_size=7, n_layers=2, attention=GroupedConfig(d_model=6, **attention), d_ff=5)


SHARED = config(n_heads=6, n_kv_heads=3)
GROUPED, ROTARY = DecoderModel(SHARED), DecoderModel(config(n_heads=6, n_kv_heads=3, d_head=4, rope=Rope()))
LLAMA3 = DecoderModel(config(n_heads=3, d_head=4, rope=Llama3Rope(length=8)))
NORMED, BIASED = DecoderModel(config(n_heads=3, qk_norm=True)), DecoderModel(config(n_heads=3, bias=True))
WITH_LATENT = LatentConfig(d_model=6, n_heads=3, d_latent=4, d_head=2)
LATENT = DecoderModel(ModelConfig(vocab_size=7, n_layers=2, attention=WITH_LATENT, d_ff=5))
LOCAL = LocalLayers(attention=GroupedConfig(d_model=6, n_heads=3, window=2), layers=[0])
TWO_KINDS = DecoderModel(replace(SHARED, local=LOCAL))
PARTIAL = DecoderModel(config(n_heads=3, d_head=5, rope=Rope(), turned=4))
TOKENS = [torch.tensor([[0, 1, 2, 3, 4, 5, 6, 1, 3]])]
SEEN = calibrate(ROTARY, TOKENS)

W_K, W_V, SHARE = np.ones((6, 5)), np.ones((6, 4)), partial(share_heads, GROUPED)
LATENTS = (partial(to_latent, rank=2), embed, partial(decouple, d_latent=2, layers=[]))
CHANGES = (partial(share_heads, n_kv_heads=1, how=mean), repeat_heads, partial(align_heads, n_kv_heads=1))
CHANGES += (partial(reorder_heads, orders=[]), partial(truncate, rank=2), *LATENTS)


@pytest.mark.parametrize(
    "model, got, rule",
    [
        (LATENT, "LatentConfig", ("grouped", "KV")),
        (PARTIAL, "4", "turned"),
        (TWO_KINDS, (), ("one kind", "local")),
        (EncoderModel(SHARED), "EncoderModel", "DecoderModel"),
        ("docs-mha", "str", "DecoderModel"),
    ],
)
def test_models_of_another_kind(refuses, model, got, rule):
    for change in CHANGES:
        refuses(partial(change, model), "model", got, rule)


@pytest.mark.parametrize(
    "changes, model, got, rule",
    [
        (LATENTS[:2], ROTARY, "Rope(base=10000.0, factor=1.0)", "rotary"),
        (LATENTS[2:], GROUPED, "none", "rotary"),
        (LATENTS, NORMED, "one", "QK-norm"),
        (LATENTS, BIASED, "some", "biases"),
    ],
)
def test_models_that_cannot_become_latent(refuses, changes, model, got, rule):
    for change in changes:
        refuses(partial(change, model), "model", got, rule)


@pytest.mark.parametrize("n", [0, 2, 6, -1, True, 3.0, None])
def test_numbers_of_heads(refuses, n):
    for change in (partial(share_heads, how=mean), align_heads):
        refuses(partial(change, GROUPED, n_kv_heads=n), "n_kv_heads", repr(n), ("3", "positive"))


@pytest.mark.parametrize("rank", [0, 7, -1, True, 3.0, None])
def test_ranks(refuses, rank):
    for change in (partial(joint_factors, W_K, W_V), partial(truncate, GROUPED), partial(to_latent, GROUPED)):
        refuses(partial(change, rank), "rank", repr(rank), ("1", "6"))
    refuses(lambda: decouple(ROTARY, rank, SEEN), "rank|d_latent", repr(rank), ("1", "6"))


@pytest.mark.parametrize("kept", [range(0), range(3), range(-1, 1), range(1, -1, -1), [0, 1], 2], ids=str)
def test_kept_frequencies(refuses, kept):
    refuses(lambda: decouple(ROTARY, 2, SEEN, kept), "kept", repr(kept), ("0", "1", "range"))


@pytest.mark.parametrize(
    "orders, got, rule",
    [
        ([[0, 1, 2]], "1", "2"),
        ([[0, 1, 2], [0, 1, 1]], "[0, 1, 1]", ("permutation", "0", "2")),
        ([[0, 1], [1, 0]], "[0, 1]", ("permutation", "0", "2")),
    ],
)
def test_orders(refuses, orders, got, rule):
    before = GROUPED.blocks[0].attention.W_K.clone()
    refuses(lambda: reorder_heads(GROUPED, orders), "orders", got, rule)
    assert torch.equal(GROUPED.blocks[0].attention.W_K, before)


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: SHARE(1, "mean"), "how", "'mean'", "function"),
        (lambda: SHARE(1, None), "how", "None", "function"),
        (lambda: SHARE(1, lambda heads: heads.mean(-1)), "how", "(6, 1, 3)", "(6, 1, 1)"),
        (lambda: Fresh(-1), "seed", "-1", "0"),
        (lambda: Fresh(1.0), "seed", "1.0", "0"),
        (lambda: Fresh(None), "seed", "None", "0"),
        (lambda: Fresh(True), "seed", "True", "0"),
        (lambda: joint_factors(W_K, W_V[1:], 2), "W_V", ("(6, 5)", "(5, 4)"), ("W_K", "rows")),
        (lambda: joint_factors(W_K, W_V, 2, np.eye(5)), "gram", "(5, 5)", "(6, 6)"),
        (lambda: joint_factors(W_K, W_V, 2, np.full((6, 6), np.nan)), "gram", "NaN", "finite"),
        (lambda: joint_factors(W_K, W_V, 2, np.zeros((6, 6))), "gram", (), "zero"),
        (lambda: joint_factors(W_K, W_V, 2, np.triu(np.ones((6, 6)))), "gram", (), "symmetric"),
        (lambda: joint_factors(W_K, W_V, 2, np.diag([1.0, 1, 1, 1, 1, -1])), "gram", "-1", ("negative", "eigenvalues")),
        (lambda: truncate(GROUPED, 2, balance=0), "balance", "0", "positive"),
        (lambda: truncate(GROUPED, 2, balance=-1.0), "balance", "-1.0", "positive"),
        (lambda: truncate(GROUPED, 2, balance=np.inf), "balance", "inf", "finite"),
        (lambda: truncate(GROUPED, 2, balance=np.nan), "balance", "nan", "finite"),
        (lambda: calibrate(ROTARY, []), "batches", "none", "tokens"),
        (lambda: calibrate(ROTARY, iter([])), "batches", "none", "tokens"),
        (lambda: truncate(ROTARY, 2, SEEN[:1]), "layers", "1", "2"),
        (lambda: decouple(ROTARY, 2, np.eye(6)), "layers", "ndarray", ("list", "calibrate")),
        (lambda: decouple(ROTARY, 2, [np.eye(6)] * 2), "layers", "list", ("list", "calibrate")),
        (lambda: decouple(ROTARY, 2, None), "layers", "NoneType", ("list", "calibrate")),
        (lambda: decouple(LLAMA3, 2, calibrate(LLAMA3, TOKENS)), "rope", "Llama3Rope", ("base", "d_head", "factor")),
    ],
)
def test_arguments(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule)
