"""Reference against layers: the same weights, the same values, in one call, in chunks and in both forms."""

import numpy as np
import pytest
import torch

from course_lib import convert
from course_lib.config import GroupedConfig, LatentConfig, Rope
from course_lib.layers import BidirectionalAttention, Cache, GroupedQueryAttention, LatentAttention
from course_lib.reference.cache import step
from course_lib.reference.grouped import GroupedQueryAttention as GroupedReference
from course_lib.reference.latent import LatentAttention as LatentReference
from course_lib.reference.norms import RMSNorm
from course_lib.reference.rotary_latent import RotaryLatentAttention

D = 14
LATENT = dict(d_model=D, n_heads=6, d_latent=11, d_head=5, d_value=3)
CONFIGS = {
    "multi-head": GroupedConfig(d_model=D, n_heads=6, d_head=4),
    "grouped": GroupedConfig(d_model=D, n_heads=6, n_kv_heads=2, d_head=4, rope=Rope(base=50.0, factor=3.0)),
    "multi-query": GroupedConfig(d_model=D, n_heads=6, n_kv_heads=1, d_head=4, rope=Rope(), window=3, scale=0.7),
    "qk-norm": GroupedConfig(d_model=D, n_heads=6, n_kv_heads=3, d_head=4, rope=Rope(), qk_norm=True, qk_norm_eps=1e-3),
    "biases": GroupedConfig(
        d_model=D, n_heads=6, n_kv_heads=2, d_head=4, rope=Rope(), qk_norm=True, qk_norm_eps=1e-3, bias=True
    ),
    "latent": LatentConfig(**LATENT),
    "latent, rotary": LatentConfig(**LATENT, d_rope=4, window=5),
    "latent, all": LatentConfig(**LATENT, d_rope=4, d_latent_q=7, latent_norm=True, rope=Rope(base=99.0), scale=0.3),
    "latent, query": LatentConfig(**LATENT, d_latent_q=7),
}
# float64, sums of tens of terms of size 1 in another order: rounding is about 1e-15, and 1e-12 is asked for.
EXACT = dict(rtol=0, atol=1e-12)


def make_reference(name):
    """Norms get gammas other than 1 and an eps of their own, so that they must be carried over."""
    rng, config = np.random.default_rng(5), CONFIGS[name]
    layer = (GroupedReference if isinstance(config, GroupedConfig) else LatentReference).random(config, rng)
    for holder, field in [(layer, "norm_Q"), (layer, "norm_K"), (layer, "norm"), (layer.W_Q, "norm")]:
        norm = getattr(holder, field, None)
        if norm is not None:
            object.__setattr__(holder, field, RMSNorm(rng.uniform(0.5, 2.0, len(norm.gamma)), eps=1e-3))
    return layer


@pytest.mark.parametrize("name", CONFIGS)
def test_layer_equals_reference(name):
    source = make_reference(name)
    layer = convert.to_layer(source)
    assert layer.config == CONFIGS[name]
    X = np.random.default_rng(0).normal(size=(9, D))
    want, _ = step(source, X)
    got = layer(torch.from_numpy(X)[None])[0].detach().numpy()
    np.testing.assert_allclose(got, want, **EXACT)


@pytest.mark.parametrize("name", CONFIGS)
def test_chunks_and_what_they_leave_equal_the_reference(name):
    source = make_reference(name)
    layer = convert.to_layer(source)
    X, ours, theirs = np.random.default_rng(0).normal(size=(9, D)), Cache(), None
    for chunk in np.split(X, [4, 5, 6]):
        want, theirs = step(source, chunk, theirs)
        got = layer(torch.from_numpy(chunk)[None], ours)[0]
        np.testing.assert_allclose(got.numpy(), want, **EXACT)
    assert ours.floats_per_token == theirs.floats_per_token


@pytest.mark.parametrize("name", [name for name in CONFIGS if name.startswith("latent")])
def test_both_forms_equal_both_forms(name):
    source = make_reference(name)
    X = np.random.default_rng(0).normal(size=(9, D))
    for form, layer in {"expanded": source, "absorbed": source.absorbed()}.items():
        want, _ = step(layer, X)
        got = convert.to_layer(layer)(torch.from_numpy(X)[None], form=form)[0]
        np.testing.assert_allclose(got.detach().numpy(), want, **EXACT)


@pytest.mark.parametrize("name", CONFIGS)
def test_there_and_back(name):
    config = CONFIGS[name]
    layer = (GroupedQueryAttention if isinstance(config, GroupedConfig) else LatentAttention)(config).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(0.5, 1.5)
    back = convert.to_layer(convert.to_reference(layer))
    assert back.config == config
    for key, want in layer.state_dict().items():
        assert torch.equal(back.state_dict()[key], want), key


def test_other_classes_are_refused():
    rotary = LatentConfig(d_model=D, n_heads=6, d_latent=10, d_head=5)
    with pytest.raises(TypeError, match="RotaryLatentAttention"):
        convert.to_layer(RotaryLatentAttention.random(rotary, np.random.default_rng(0)))
    with pytest.raises(TypeError, match="BidirectionalAttention"):
        convert.to_reference(BidirectionalAttention(CONFIGS["multi-head"]))
    with pytest.raises(TypeError, match="LatentAttention, .*got Linear"):
        convert.to_reference(torch.nn.Linear(2, 3))


def test_sizes_without_a_config_are_refused():
    rng = np.random.default_rng(0)
    W = lambda *shape: rng.normal(size=shape)  # noqa: E731
    with pytest.raises(ValueError, match="W_V must have the width of W_K, 4"):
        convert.to_layer(GroupedReference(W_Q=W(6, 7, 4), W_K=W(2, 7, 4), W_V=W(2, 7, 3), W_O=W(6, 3, 7)))
    with pytest.raises(ValueError, match="W_O must lead back to the model width 7"):
        convert.to_layer(GroupedReference(W_Q=W(6, 7, 4), W_K=W(2, 7, 4), W_V=W(2, 7, 4), W_O=W(6, 4, 5)))
