"""Calibration: its sums are in float64 and without dropout, and each layer is converted by its own inputs."""

import numpy as np
import pytest
import torch

from course_lib.config import GroupedConfig, ModelConfig, Rope
from course_lib.models import DecoderModel
from course_lib.surgery.calibration import calibrate
from course_lib.surgery.latent import decouple, factors
from course_lib.surgery.rotary import as_pairs

D, H, G, E, VOCAB = 22, 6, 3, 4, 29


def close(a, b, atol=1e-10):
    np.testing.assert_allclose(a, b, rtol=0, atol=atol)


def new_model(dropout=0.0):
    torch.manual_seed(0)
    attention = GroupedConfig(d_model=D, n_heads=H, n_kv_heads=G, d_head=E, rope=Rope(base=50.0), dropout=dropout)
    config = ModelConfig(vocab_size=VOCAB, n_layers=2, attention=attention, d_ff=13, norm="rms")
    return DecoderModel(config).double().eval()


def texts():
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(VOCAB, (3, 17), generator=generator) for _ in range(5)]


def inputs(model, batches):
    """X of each attention layer, (tokens, d), as the layers see it."""
    found = [[] for _ in model.blocks]
    hooks = [
        block.attention.register_forward_pre_hook(
            lambda _, arguments, seen=seen: seen.append(arguments[0].flatten(0, 1))
        )
        for block, seen in zip(model.blocks, found, strict=True)
    ]
    with torch.no_grad():
        for batch in batches:
            model.attention_weights(batch)
    for hook in hooks:
        hook.remove()
    return [torch.cat(seen).double().numpy() for seen in found]


def test_sums_over_a_model_in_float32_are_in_float64():
    """Products of numbers of 24 bits are exact in float64, and in float32 they are off by 1e-7 of their size."""
    model = new_model().float()
    for layer, X in zip(calibrate(model, texts()), inputs(model, texts()), strict=True):
        close(layer.gram, X.T @ X, atol=1e-12 * np.abs(X.T @ X).max())
        assert layer.gram.dtype == layer.distances.dtype == np.float64


def test_a_model_in_training_is_calibrated_without_dropout_and_stays_in_training():
    model = new_model(dropout=0.5)
    for one, other in zip(calibrate(model, texts()), calibrate(model.train(), texts()), strict=True):
        close(one.gram, other.gram)
        close(one.distances, other.distances)
    assert model.training


def test_each_layer_is_factored_by_its_own_inputs():
    model = new_model()
    found = factors(model, 5, calibrate(model, texts()))
    for one, X, block in zip(found, inputs(model, texts()), model.blocks, strict=True):
        C = np.hstack([one.balance * block.attention.W_K.detach(), block.attention.W_V.detach()])
        sigma = np.linalg.svd(X @ C, compute_uv=False)
        close(one.singular_values, sigma[:D], atol=1e-8 * sigma[0])


def test_the_shared_key_has_most_energy_on_the_calibration_text():
    """Of all unit mixes of the layer's KV heads, at each frequency; without calibration another mix would be best."""
    model = new_model()
    new = decouple(model, 7, calibrate(model, texts()))
    for X, old, block in zip(inputs(model, texts()), model.blocks, new.blocks, strict=True):
        keys = X @ as_pairs(old.attention.W_K.detach().numpy(), G).transpose(1, 0, 2)  # (heads, tokens, pairs)
        shared = X @ as_pairs(block.attention.W_KR.detach().numpy(), 1)[:, 0]
        for i in range(E // 2):
            largest = np.linalg.svd(keys[:, :, i], compute_uv=False)[0]
            assert np.linalg.norm(shared[:, i]) == pytest.approx(largest, rel=1e-8)
