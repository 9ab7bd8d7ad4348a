"""Latent attention without a rotary key: each kind equals its reference, its limits, and oracles (float64).

Tolerance 1e-12: sums of tens of terms of size 1 in another order.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from transformers.models.bloom.modeling_bloom import build_alibi_tensor

from course_lib import convert
from course_lib.config import (
    AlibiLatentConfig,
    DynamicRope,
    LatentConfig,
    ModelConfig,
    NormalisedKeysConfig,
    Rope,
    RotaryLatentConfig,
    RotatedKeysConfig,
)
from course_lib.layers.latent_variants import slopes
from course_lib.models import DecoderModel
from course_lib.models.blocks import CAUSAL, new_attention
from course_lib.reference.biases import alibi_slopes, distance_biases
from course_lib.reference.cache import step

D, N = 14, 9
SIZES = dict(d_model=D, n_heads=6, d_latent=10, d_head=4, d_value=3)
ALL = dict(latent_norm=True, d_latent_q=7)
KINDS = {
    "rotary": RotaryLatentConfig(**SIZES, turned=10, rope=Rope(base=50.0, factor=2.0)),
    "partly rotary": RotaryLatentConfig(**SIZES, **ALL, turned=4),
    "rotated keys": RotatedKeysConfig(**SIZES, **ALL),
    "biases": AlibiLatentConfig(**SIZES, **ALL),
    "normalised keys": NormalisedKeysConfig(**SIZES, **ALL),
}
X = torch.randn(2, N, D, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def make(config):
    torch.manual_seed(0)
    layer = new_attention(config, CAUSAL).double()
    for name, weight in layer.named_parameters():
        if name.endswith("gamma"):
            torch.nn.init.uniform_(weight, 0.5, 1.5)
    return layer


def close(got, want):
    torch.testing.assert_close(torch.as_tensor(got), torch.as_tensor(want), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "biases"])
def test_every_kind_equals_its_reference_whole_and_in_chunks(kind):
    layer = make(KINDS[kind])
    reference, cache, held = convert.to_reference(layer), layer.new_cache(), None
    close(layer(X[:1])[0].detach(), step(reference, X[0].numpy())[0])
    for chunk in X[:1].split([4, 1, 1, 3], 1):
        want, held = step(reference, chunk[0].numpy(), held)
        close(layer(chunk, cache)[0], want)
    assert cache.floats_per_token == held.floats_per_token == KINDS[kind].floats_per_token


@pytest.mark.parametrize("p, like", [(0, "none"), (10, "all")])
def test_a_partly_rotary_latent_has_its_limits(p, like):
    """p = 0 has no positions, p = r is the rotary latent, which its reference takes as the default."""
    layer = make(RotaryLatentConfig(**SIZES, turned=p))
    if like == "all":
        want = step(replace(convert.to_reference(layer), turned=None), X[0].numpy())[0]
        return close(layer(X)[0].detach(), want)
    plain = make(LatentConfig(**SIZES))
    for form in ("expanded", "absorbed"):
        close(layer(X, form=form), plain(X, form=form))


@pytest.mark.parametrize("kind", ["rotary", "partly rotary", "rotated keys"])
def test_without_rotation_there_are_no_positions(kind):
    """Angles divided by 10^15. A large base would not do: the first pair turns by 1 per token whatever the base is."""
    layer, plain = make(replace(KINDS[kind], rope=Rope(factor=1e15))), make(replace(KINDS[kind], rope=Rope()))
    latent = make(LatentConfig(**SIZES, **(ALL if kind != "rotary" else {})))
    close(layer(X), latent(X))
    assert (plain(X) - latent(X)).abs().max() > 1e-3


@pytest.mark.parametrize("kind", ["rotary", "partly rotary", "rotated keys", "biases"])
def test_positions_are_relative(kind):
    """Three hidden tokens in front change nothing but the positions of the others."""
    layer, seen = make(KINDS[kind]), torch.ones(N, N).bool()
    seen[3:, :3] = False
    close(layer(X, mask=seen)[:, 3:], layer(X[:, 3:]))
    assert (layer(X)[:, 3:] - layer(X[:, 3:])).abs().max() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_order_counts(kind):
    """A token sees whether earlier ones are exchanged, except where the kind has no positions."""
    layer, last = make(KINDS[kind]), X[:, [1, 0, *range(2, N)]]
    moved = (layer(X)[:, -1] - layer(last)[:, -1]).abs().max()
    assert moved < 1e-12 if kind == "normalised keys" else moved > 1e-3


def test_biases_equal_torch_with_the_references_biases():
    layer = make(AlibiLatentConfig(**SIZES))
    h, b = 6, torch.from_numpy(-alibi_slopes(6)[:, None] * np.arange(N))
    bias = torch.from_numpy(distance_biases(b.numpy(), N, N)).masked_fill(torch.ones(N, N).triu(1).bool(), -torch.inf)
    L = X @ layer.W_L
    Q, K, V = (
        (x @ W).unflatten(-1, (h, -1)).transpose(1, 2) for x, W in ((X, layer.W_Q), (L, layer.W_LK), (L, layer.W_LV))
    )
    heads = F.scaled_dot_product_attention(Q, K, V, attn_mask=bias)
    close(layer(X), heads.transpose(1, 2).flatten(2) @ layer.W_O)


@pytest.mark.parametrize("n_heads", [1, 2, 8, 16])
def test_slopes_equal_blooms(n_heads):
    """BLOOM's biases are slopes times the key's position; those of the key at position 1 are the slopes, in float32."""
    theirs = build_alibi_tensor(torch.ones(1, 2), n_heads, torch.float32)[:, 0, 1]
    torch.testing.assert_close(slopes(n_heads).float(), theirs, rtol=1e-6, atol=0)


def test_normalised_keys_equal_torch():
    layer, h = make(NormalisedKeysConfig(**SIZES)), 6
    L = X @ layer.W_L
    Q, K, V = (
        (x @ W).unflatten(-1, (h, -1)).transpose(1, 2) for x, W in ((X, layer.W_Q), (L, layer.W_LK), (L, layer.W_LV))
    )
    heads = F.scaled_dot_product_attention(Q, F.rms_norm(K, (4,), layer.norm_K.gamma, 1e-6), V, is_causal=True)
    for form in ("expanded", "absorbed"):
        close(layer(X, form=form), heads.transpose(1, 2).flatten(2) @ layer.W_O)


def test_a_step_forms_keys_and_leaves_values_absorbed():
    layer = make(RotatedKeysConfig(**SIZES | {"d_value": 8}))
    cache = layer.new_cache()
    layer(X[:, :8], cache)
    assert layer.verbs(None, 8, 8) is layer
    read = layer.verbs(None, 1, 9)
    K, V = read.read({"L": cache.append({"L": X[:, None, :1, :10]})[0]["L"]})
    assert K.shape == (2, 6, 9, 4) and V.shape == (2, 1, 9, 10)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_each_kind_decodes_as_it_trains_and_comes_back_from_json(kind):
    config = ModelConfig(vocab_size=29, n_layers=2, attention=KINDS[kind], d_ff=20, feedforward="swiglu", norm="rms")
    assert ModelConfig.from_dict(config.as_dict()) == config
    torch.manual_seed(0)
    model = DecoderModel(config).double().eval()
    tokens = torch.randint(29, (3, N), generator=torch.Generator().manual_seed(2))
    want, caches = model(tokens).detach(), model.new_caches()
    close(model.prefill(tokens[:, :5], caches), want[:, 4])
    for i in range(5, N):
        close(model.decode(tokens[:, i : i + 1], caches), want[:, i])


@pytest.mark.parametrize("kind", ["rotary", "partly rotary", "rotary key"])
@pytest.mark.parametrize("held", [0, 2])
def test_padding_makes_no_text_longer(kind, held):
    """Dynamic scaling counts tokens: 5 and 3 of them, in a batch padded to 9, are not past a length of 6."""
    rope = DynamicRope(factor=3.0, length=6)
    layer = make(replace(KINDS[kind], rope=rope) if kind in KINDS else LatentConfig(**SIZES, d_rope=4, rope=rope))
    lengths, cache = torch.tensor([5, 3]), layer.new_cache()
    first = layer(X[:, :held], cache) if held else X[:, :0]
    Y = torch.cat([first, layer(X[:, held:], cache, lengths=lengths - held)], 1)
    for i, n in enumerate(lengths.tolist()):
        close(Y[i : i + 1, :n], layer(X[i : i + 1, :n]).detach())
    assert (layer(X) - make(replace(layer.config, rope=Rope()))(X)).abs().max() > 1e-3
