"""Heads on texts, and losses with other weights, against the model itself and against `method_layer`."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig, Rope
from course_lib.models import DecoderModel
from course_lib.randomised.given_weights import HeadsOnTexts
from course_lib.randomised.method_layer import MethodAttention
from course_lib.randomised.swap import in_place_of

GROUPED = GroupedConfig(d_model=14, n_heads=6, n_kv_heads=2, d_head=4, rope=Rope(), bias=True, scale=0.3)
LATENT = LatentConfig(d_model=14, n_heads=3, d_head=4, d_latent=5, d_rope=2, rope=Rope())
TOKENS = torch.randint(23, (3, 10), generator=torch.Generator().manual_seed(1))


def new_model(attention):
    torch.manual_seed(0)
    return DecoderModel(ModelConfig(vocab_size=23, n_layers=3, attention=attention, d_ff=20)).double().eval()


@pytest.fixture(params=[GROUPED, LATENT], ids=["grouped", "latent"])
def model(request):
    return new_model(request.param)


def losses_of(model) -> np.ndarray:
    with torch.no_grad():
        logits = model(TOKENS[:, :-1])
    return F.cross_entropy(logits.mT, TOKENS[:, 1:], reduction="none").numpy()


def test_weights_and_losses_are_those_of_the_model(model):
    texts = HeadsOnTexts(model, TOKENS)
    for heads, P in zip(texts.heads, model.attention_weights(TOKENS[:, :-1]), strict=True):
        np.testing.assert_allclose(heads.P, P.numpy(), rtol=0, atol=1e-12)
        seen = np.tril(np.exp(heads.S))
        np.testing.assert_allclose(seen / seen.sum(-1, keepdims=True), heads.P, rtol=0, atol=1e-12)
    for layer in range(3):
        np.testing.assert_allclose(texts.losses(layer), losses_of(model), rtol=0, atol=1e-12)
        np.testing.assert_allclose(texts.losses(layer, texts.heads[layer].P), losses_of(model), rtol=0, atol=1e-12)
        output = texts.outputs(layer, texts.heads[layer].P)
        np.testing.assert_allclose(texts.losses_from(layer, output), losses_of(model), rtol=0, atol=1e-12)


def test_other_weights_are_those_of_a_method_in_one_layer():
    model = new_model(GROUPED)
    texts = HeadsOnTexts(model, TOKENS)
    P_hat = np.random.default_rng(0).normal(size=(9, 9))

    def method(Q, K, V, random):
        return P_hat @ V

    block = model.blocks[1]
    block.attention = in_place_of(block.attention, lambda c: MethodAttention(c, method, np.random.default_rng(0)))
    found = texts.losses(1, np.broadcast_to(P_hat, texts.heads[1].P.shape))
    np.testing.assert_allclose(found, losses_of(model), rtol=0, atol=1e-12)
