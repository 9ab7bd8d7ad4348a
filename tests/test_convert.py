"""Reference against layers: the same weights, the same values, in one call, in chunks and in both forms."""

import numpy as np
import pytest
import torch

from course_lib import convert
from course_lib.config import GroupedConfig, LatentConfig, LongRope, Rope, YarnRope
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
    "partial": GroupedConfig(
        d_model=D, n_heads=6, n_kv_heads=2, d_head=7, rope=YarnRope(base=50.0, factor=4.0, length=29), turned=4
    ),
    "latent": LatentConfig(**LATENT),
    "latent, rotary": LatentConfig(**LATENT, d_rope=4, window=5),
    "latent, all": LatentConfig(**LATENT, d_rope=4, d_latent_q=7, latent_norm=True, rope=Rope(base=99.0), scale=0.3),
    "latent, query": LatentConfig(**LATENT, d_latent_q=7),
    "latent, yarn": LatentConfig(**LATENT, d_rope=6, rope=YarnRope(base=50.0, factor=4.0, length=29)),
    "latent, long": LatentConfig(
        **LATENT, d_rope=4, rope=LongRope(factor=4.0, length=29, short=(1.0, 1.5), long=(2.0, 3.5))
    ),
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


def test_what_is_given_by_halves_is_refused():
    rng, norm = np.random.default_rng(0), RMSNorm(np.ones(4))
    W = lambda *shape: rng.normal(size=shape)  # noqa: E731
    sizes = dict(W_Q=W(6, 7, 4), W_K=W(2, 7, 4), W_V=W(2, 7, 4), W_O=W(6, 4, 7))
    for norms in (dict(norm_Q=norm), dict(norm_K=norm)):
        with pytest.raises(ValueError, match="norm_Q and norm_K must be given together"):
            convert.to_layer(GroupedReference(**sizes, **norms))
    with pytest.raises(ValueError, match="b_Q, b_K, b_V, b_O must be given together"):
        convert.to_layer(GroupedReference(**sizes, b_V=W(2, 4)))


@pytest.mark.parametrize("normed", ["norm", "query latent"])
def test_latents_of_which_one_is_normalised_are_refused(normed):
    source = make_reference("latent, all")
    half = source if normed == "query latent" else source.W_Q
    object.__setattr__(half, "norm", None)
    with pytest.raises(ValueError, match="the query latent and L must both have a norm, or neither"):
        convert.to_layer(source)


def test_a_latent_output_of_another_width_is_refused():
    source = make_reference("latent")
    object.__setattr__(source, "W_O", np.ones((6, 3, D + 1)))
    with pytest.raises(ValueError, match=f"W_O must lead back to the model width {D}"):
        convert.to_layer(source)


@pytest.mark.parametrize("name", CONFIGS)
def test_copies_do_not_change_with_their_source(name):
    """Training the layer leaves the reference alone, and the other way round."""
    source = make_reference(name)
    layer, X = convert.to_layer(source), np.random.default_rng(0).normal(size=(9, D))
    copied = convert.to_reference(layer)
    want, _ = step(copied, X)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(2.0)
    np.testing.assert_array_equal(step(copied, X)[0], want)
    np.testing.assert_array_equal(step(source, X)[0], want)
