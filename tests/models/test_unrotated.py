"""Queries and keys before rotation: rotated, they give the model's own attention weights."""

import numpy as np
import pytest
import torch

from course_lib.config import (
    AlibiLatentConfig,
    GroupedConfig,
    LatentConfig,
    ModelConfig,
    NormalisedKeysConfig,
    Rope,
    RotaryLatentConfig,
)
from course_lib.models import DecoderModel
from course_lib.models.unrotated import queries_and_keys
from course_lib.reference.positions import rotate


def test_rotated_queries_and_keys_give_the_weights_of_the_layer():
    torch.manual_seed(0)
    rope = Rope(base=50.0)
    heads = GroupedConfig(d_model=12, n_heads=3, n_kv_heads=1, rope=rope)
    model = DecoderModel(ModelConfig(vocab_size=9, n_layers=2, attention=heads, d_ff=20)).double().eval()
    tokens = torch.randint(9, (2, 6))
    Q, K = queries_and_keys(model, tokens, layer=1)
    assert Q.shape == (2, 3, 6, 4) and K.shape == (2, 1, 6, 4) and Q.dtype == np.float64
    logits = rotate(Q, np.arange(6), rope) @ rotate(K, np.arange(6), rope).swapaxes(-1, -2) * heads.scale
    logits[..., ~np.tri(6, dtype=bool)] = -np.inf
    P = torch.from_numpy(logits).softmax(-1)
    torch.testing.assert_close(P, model.attention_weights(tokens)[1], rtol=0, atol=1e-12)
    assert not any(module._forward_hooks for module in model.modules())


LATENT = dict(d_model=12, n_heads=3, d_latent=8, d_head=4)


@pytest.mark.parametrize(
    "attention",
    [
        GroupedConfig(d_model=12, n_heads=3, rope=Rope()),
        LatentConfig(**LATENT, d_rope=2),
        RotaryLatentConfig(**LATENT, turned=8),
        RotaryLatentConfig(**LATENT, turned=2),
        AlibiLatentConfig(**LATENT),
        NormalisedKeysConfig(**LATENT),
    ],
    ids=lambda config: type(config).__name__,
)
def test_all_tokens_stand_at_position_0(attention):
    """The same token everywhere: without positions, its queries and keys are the same everywhere."""
    torch.manual_seed(0)
    model = DecoderModel(ModelConfig(vocab_size=9, n_layers=1, attention=attention, d_ff=20)).double().eval()
    for rows in queries_and_keys(model, torch.full((1, 5), 3), layer=0):
        assert rows.shape[2] == 5 and np.abs(rows).max() > 0.1
        np.testing.assert_allclose(rows, rows[:, :, :1].repeat(5, 2), rtol=0, atol=1e-13)
