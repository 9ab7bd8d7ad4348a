"""What must hold of the layers whatever their weights are."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

from course_lib.config import (
    AlibiLatentConfig,
    GroupedConfig,
    LatentConfig,
    NormalisedKeysConfig,
    Rope,
    RotaryLatentConfig,
    RotatedKeysConfig,
)
from course_lib.layers import (
    BidirectionalAttention,
    Cache,
    LatentAttention,
    RotaryTable,
    WindowCache,
)
from course_lib.models.blocks import CAUSAL, new_attention

# float64, sums of tens of terms of size 1 in another order.
EXACT = dict(rtol=0, atol=1e-12)
LATENT = dict(d_model=14, n_heads=6, d_latent=11, d_head=5, d_value=3)
LATENTS = {
    "plain": LatentConfig(**LATENT),
    "rotary": LatentConfig(**LATENT, d_rope=4),
    "all": LatentConfig(**LATENT, d_rope=4, d_latent_q=7, latent_norm=True, window=4),
    "rotary latent": RotaryLatentConfig(**LATENT | {"d_latent": 10}, turned=10),
    "partly rotary latent": RotaryLatentConfig(**LATENT, turned=4, d_latent_q=7, latent_norm=True, window=4),
    "biases by distance": AlibiLatentConfig(**LATENT),
    "normalised keys": NormalisedKeysConfig(**LATENT, latent_norm=True),
}
GROUPED = {
    "multi-head": GroupedConfig(d_model=14, n_heads=6, d_head=4),
    "grouped": GroupedConfig(d_model=14, n_heads=6, n_kv_heads=2, d_head=4, rope=Rope(), qk_norm=True, window=4),
}
ALL = LATENTS | GROUPED | {"rotated keys": RotatedKeysConfig(**LATENT | {"d_head": 4})}


def close(got, want, **tolerance):
    torch.testing.assert_close(got, want, **(tolerance or EXACT))


def make(config, seed=0):
    torch.manual_seed(seed)
    return new_attention(config, CAUSAL).double()


def tokens(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def per_head(layer, X):
    """Multi-head attention as a sum over heads, each with key/value head i // (h / g), term by term."""
    config, n = layer.config, X.shape[1]
    e, q, Y = config.d_head, config.n_heads // config.n_kv_heads, 0
    for i in range(config.n_heads):
        mine, theirs = slice(i * e, (i + 1) * e), slice(i // q * e, (i // q + 1) * e)
        Q, K, V = X @ layer.W_Q[:, mine], X @ layer.W_K[:, theirs], X @ layer.W_V[:, theirs]
        scores = (Q @ K.mT / e**0.5).masked_fill(torch.ones(n, n).triu(1).bool(), -torch.inf)
        Y = Y + scores.softmax(-1) @ V @ layer.W_O[mine]
    return Y


@pytest.mark.parametrize("g", [6, 3, 2, 1])
def test_concatenated_equals_the_sum_over_heads(g):
    layer, X = make(GroupedConfig(d_model=14, n_heads=6, n_kv_heads=g, d_head=5)), tokens(2, 9, 14)
    close(layer(X), per_head(layer, X))


@pytest.mark.parametrize("g", [1, 2, 3])
def test_grouped_is_multi_head_with_repeated_weights(g):
    grouped = make(GroupedConfig(d_model=14, n_heads=6, n_kv_heads=g, d_head=4, rope=Rope()))
    full = make(GroupedConfig(d_model=14, n_heads=6, d_head=4, rope=Rope()), seed=1)
    with torch.no_grad():
        for name in ("W_Q", "W_O"):
            full.get_parameter(name).copy_(grouped.get_parameter(name))
        for name in ("W_K", "W_V"):
            W = grouped.get_parameter(name).unflatten(-1, (g, -1)).repeat_interleave(6 // g, 1)
            full.get_parameter(name).copy_(W.flatten(1))
    X = tokens(2, 9, 14)
    close(grouped(X), full(X))


@pytest.mark.parametrize("form", ["expanded", "absorbed"])
def test_full_rank_latent_is_multi_head(form):
    """With d_L = d and W_L = 1 the factors W_LK and W_LV are W_K and W_V themselves."""
    full = make(GroupedConfig(d_model=14, n_heads=6, d_head=5))
    latent = make(LatentConfig(d_model=14, n_heads=6, d_latent=14, d_head=5))
    with torch.no_grad():
        latent.W_L.copy_(torch.eye(14))
        for ours, theirs in dict(W_Q="W_Q", W_LK="W_K", W_LV="W_V", W_O="W_O").items():
            latent.get_parameter(ours).copy_(full.get_parameter(theirs))
    X = tokens(2, 9, 14)
    close(latent(X, form=form), full(X))


@pytest.mark.parametrize("form", ["expanded", "absorbed"])
def test_grouped_embeds_in_latent(form):
    """d_L = 2 g d_head: L is all keys and values side by side, W_LK and W_LV select a group's columns."""
    g, h, e = 2, 6, 4
    grouped = make(GroupedConfig(d_model=14, n_heads=h, n_kv_heads=g, d_head=e))
    latent = make(LatentConfig(d_model=14, n_heads=h, d_latent=2 * g * e, d_head=e))
    select = torch.eye(g * e, dtype=torch.float64).unflatten(-1, (g, e)).repeat_interleave(h // g, 1).flatten(1)
    zeros = torch.zeros_like(select)
    with torch.no_grad():
        latent.W_Q.copy_(grouped.W_Q)
        latent.W_O.copy_(grouped.W_O)
        latent.W_L.copy_(torch.cat([grouped.W_K, grouped.W_V], 1))
        latent.W_LK.copy_(torch.cat([select, zeros]))
        latent.W_LV.copy_(torch.cat([zeros, select]))
    X = tokens(2, 9, 14)
    close(latent(X, form=form), grouped(X))
    assert latent.config.floats_per_token == grouped.config.floats_per_token


@pytest.mark.parametrize("name", LATENTS)
def test_absorbed_equals_expanded_on_values_and_gradients(name):
    layer = make(LATENTS[name])
    results = {}
    for form in ("expanded", "absorbed"):
        X = tokens(2, 9, 14).requires_grad_()
        Y = layer(X, form=form)
        results[form] = [Y, *torch.autograd.grad((Y * tokens(2, 9, 14, seed=1)).sum(), [X, *layer.parameters()])]
    for absorbed, expanded in zip(results["absorbed"], results["expanded"], strict=True):
        # Gradients sum over all tokens as well: a few hundred terms.
        close(absorbed, expanded, rtol=1e-12, atol=1e-11)


@settings(max_examples=25)
@given(st.integers(1, 4), st.integers(1, 7), st.integers(1, 9), st.integers(0, 3), st.integers(1, 6), st.integers(1, 8))
def test_absorbed_equals_expanded_for_any_sizes(h, e, r, pairs, v, n):
    config = LatentConfig(d_model=5, n_heads=h, d_latent=r, d_head=e, d_value=v, d_rope=2 * pairs)
    layer, X = make(config), tokens(2, n, 5)
    close(layer(X, form="absorbed"), layer(X, form="expanded"))


@pytest.mark.parametrize("name", LATENTS)
def test_products_of_factors_are_never_formed(name):
    """No result of an operation has the size of W^{LQK}_h (r, r), of all heads' (h r, r), or of W^{LO} (h r, d)."""

    class Shapes(TorchDispatchMode):
        def __torch_dispatch__(self, f, types, args=(), kwargs=None):
            out = f(*args, **(kwargs or {}))
            seen.extend(
                tuple(x.shape) for x in (out if isinstance(out, tuple | list) else [out]) if hasattr(x, "shape")
            )
            return out

    layer, seen = make(LATENTS[name]), []
    h, r, d = 6, 11, 14
    with Shapes():
        layer(tokens(2, 9, 14), form="absorbed")
    assert seen
    for shape in seen:
        assert math.prod(shape) not in (r * r, h * r * r, h * r * d), shape


@pytest.mark.parametrize("name", ALL)
def test_gradcheck(name):
    layer, X = make(ALL[name]), tokens(1, 5, 14).requires_grad_()
    forms = [dict(form="expanded"), dict(form="absorbed")] if name in LATENTS else [{}]
    for keywords in forms:
        assert torch.autograd.gradcheck(lambda x, kw=keywords: layer(x, **kw), X)


@pytest.mark.parametrize("name", ALL)
def test_the_future_changes_nothing(name):
    layer, X = make(ALL[name]), tokens(2, 9, 14)
    changed = torch.cat([X[:, :6], tokens(2, 3, 14, seed=1)], 1)
    Y, Z = layer(X), layer(changed)
    close(Y[:, :6], Z[:, :6])
    assert (Y[:, 6:] - Z[:, 6:]).abs().amin(-1).min() > 1e-9


@pytest.mark.parametrize("name", ["all", "grouped"])
def test_a_window_hides_what_is_older(name):
    layer, X = make(ALL[name]), tokens(2, 9, 14)
    _, P = layer(X, return_weights=True)
    distance = torch.arange(9)[:, None] - torch.arange(9)
    seen = (distance >= 0) & (distance < 4)
    assert P[:, :, ~seen].abs().max() == 0
    assert P[:, :, seen].min() > 0


@pytest.mark.parametrize("name", ALL)
def test_kernel_and_weights_give_the_same_values(name):
    layer, X = make(ALL[name]), tokens(2, 9, 14)
    mask = torch.rand(2, 9, 9) < 0.7
    mask[0, 3] = False
    for keywords in ({}, {"mask": mask}, {"mask": mask[0]}, {"lengths": torch.tensor([9, 4])}):
        Y, P = layer(X, return_weights=True, **keywords)
        close(layer(X, **keywords), Y)
        sums = P.sum(-1)
        close(sums[sums != 0], torch.ones_like(sums[sums != 0]))
    Y, P = layer(X, mask=mask, return_weights=True)
    assert P[0, :, 3].abs().max() == 0 and Y[0, 3].abs().max() == 0


@pytest.mark.parametrize("name", ALL)
def test_a_mask_speaks_of_positions_in_every_cache(name):
    layer, X = make(ALL[name]), tokens(2, 9, 14)
    mask = torch.rand(2, 9, 9) < 0.7
    whole = layer(X, mask=mask).detach()
    for cache in (Cache(), *([WindowCache(4)] if layer.config.window else [])):
        parts = [layer(X[:, a:b], cache, mask=mask[:, a:b, :b]) for a, b in ((0, 5), (5, 6), (6, 9))]
        close(torch.cat(parts, 1), whole)


@pytest.mark.parametrize("dtype, atol", [(torch.float32, 5e-6), (torch.bfloat16, 0.05)])
@pytest.mark.parametrize("name", ALL)
def test_lower_precision_follows_float64(name, dtype, atol):
    """Outputs have standard deviation 0.8 and pass through up to five products, each rounded once more.

    Units of rounding are 6e-8 and 4e-3; the largest errors measured are 1e-6 and 0.013. Weights and input are rounded
    alike on both sides, so that only the arithmetic differs.
    """
    layer, X = make(ALL[name]), tokens(2, 9, 14)
    rounded, low = make(ALL[name]), make(ALL[name]).to(dtype)
    rounded.load_state_dict({k: w.to(dtype).double() for k, w in layer.state_dict().items()})
    want = rounded(X.to(dtype).double())
    forms = [dict(form="expanded"), dict(form="absorbed")] if name in LATENTS else [{}]
    for keywords in forms:
        close(low(X.to(dtype), **keywords).double(), want, rtol=0, atol=atol)


def test_permuting_tokens_permutes_the_output_without_mask_and_positions_only():
    config, order = GroupedConfig(d_model=14, n_heads=6, n_kv_heads=2, d_head=4), [4, 0, 3, 1, 2]
    torch.manual_seed(0)
    layer, X = BidirectionalAttention(config).double(), tokens(2, 5, 14)
    close(layer(X[:, order]), layer(X)[:, order])
    causal = make(config)
    assert (causal(X[:, order]) - causal(X)[:, order]).abs().max() > 0.1
    placed = BidirectionalAttention(replace(config, rope=Rope())).double()
    assert (placed(X[:, order]) - placed(X)[:, order]).abs().max() > 0.1


def test_bidirectional_windows_reach_to_both_sides():
    layer = BidirectionalAttention(replace(GROUPED["grouped"], window=3)).double()
    _, P = layer(tokens(2, 9, 14), lengths=torch.tensor([9, 4]), return_weights=True)
    seen = (torch.arange(9)[:, None] - torch.arange(9)).abs() < 3
    real = torch.arange(9) < torch.tensor([9, 4])[:, None]
    assert torch.equal(P[:, 0] > 0, seen & real[:, None] & real[..., None])


def test_far_positions_keep_their_angles_in_bfloat16():
    """Angles are computed in float64; rounding cos and sin of a far position would turn it elsewhere."""
    config = GroupedConfig(d_model=14, n_heads=1, d_head=8, rope=Rope())
    low, far = make(config).bfloat16(), torch.tensor([100_003])
    x = tokens(1, 1, 1, 8).bfloat16()
    close(low.rotary.rotate(x, far).double(), low.rotary.rotate(x.double(), far), rtol=0.01, atol=0.01)


def test_rotary_inner_products_depend_on_the_shift_only():
    table, q, k = RotaryTable(Rope(base=77.0, factor=1.5), 6), tokens(1, 6), tokens(1, 6, seed=1)
    turn = lambda x, m: table.rotate(x, torch.tensor([m]))  # noqa: E731
    for m, n in ((0, 5), (3, 8), (200, 205)):
        close(turn(q, m) @ turn(k, n).T, q @ turn(k, 5).T)
    close(turn(q, 0), q)


def test_rotary_by_hand():
    """A quarter turn: base and factor such that position 1 turns the only pair by pi / 2."""
    table = RotaryTable(Rope(factor=2 / torch.pi), 2)
    close(
        table.rotate(torch.tensor([[3.0, 5.0]], dtype=torch.float64), torch.tensor([1])),
        torch.tensor([[-5.0, 3.0]], dtype=torch.float64),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_angles_made_in_inference_mode_serve_training(dtype):
    table, x = RotaryTable(Rope(base=77.0), 6), tokens(1, 6).to(dtype)
    with torch.inference_mode():
        want = table.rotate(x, torch.tensor([3])).square().sum()
    x.requires_grad_()
    table.rotate(x, torch.tensor([3])).square().sum().backward()
    close(x.grad, 2 * x.detach(), rtol=1e-6, atol=1e-6 if dtype == torch.float32 else 1e-12)  # a rotation keeps lengths
    close(want, x.detach().square().sum(), rtol=1e-6, atol=0)


def test_angles_are_computed_once():
    layer = make(GroupedConfig(d_model=14, n_heads=6, d_head=4, rope=Rope(base=123.0)))
    layer(tokens(1, 9, 14))
    tables, calls = dict(layer.rotary._tables), []
    original = layer.rotary._new
    layer.rotary._new = lambda *wanted: calls.append(wanted) or original(*wanted)
    try:
        cache = Cache()
        for _ in range(60):
            layer(tokens(1, 1, 14), cache)
    finally:
        del layer.rotary._new
    assert not calls and tables.keys() == layer.rotary._tables.keys()


def test_dropout_acts_in_training_only():
    config = GroupedConfig(d_model=14, n_heads=6, d_head=4, dropout=0.5)
    layer, X = make(config), tokens(2, 9, 14)
    dropped = layer(X)
    assert (dropped - layer(X)).abs().max() > 0.01
    _, P = layer(X, return_weights=True)
    close(P.sum(-1), torch.ones(2, 6, 9, dtype=torch.float64))
    layer.eval()
    close(layer(X), layer(X))
    # The mean over many draws is the value without dropout: standard error about 1 / sqrt(1000).
    layer.train()
    mean = torch.stack([layer(X[:1]).detach() for _ in range(1000)]).mean(0)
    close(mean, layer.eval()(X[:1]), rtol=0, atol=0.15)


def test_decoding_absorbs_and_prefill_expands():
    """DeepSeek-V2's sizes, per head: n (m + n) 768 < 131072 m after m cached tokens, up to 170 new ones for large m."""
    config = LatentConfig(d_model=8, n_heads=1, d_latent=512, d_head=128, d_rope=64)
    layer, used = LatentAttention(config).double(), []
    for past, most in ((24, 53), (1024, 148), (8192, 167), (10**5, 170)):
        assert [layer.absorbs(n, past + n) for n in (1, most, most + 1)] == [True, True, False]
    layer.read = lambda rows, read=layer.read: used.append("expanded") or read(rows)
    cache = Cache()
    layer(tokens(1, 5, 8))
    layer(tokens(1, 1, 8), cache)
    layer(tokens(1, 1, 8), cache)
    assert used == ["expanded", "expanded"]
    layer(tokens(1, 200, 8), cache)
    assert used == ["expanded"] * 3


def test_decoding_never_copies_the_cache():
    """The most memory that one operation takes in a step stays far below the cache, for grouped and absorbed heads."""
    grouped = make(GroupedConfig(d_model=16, n_heads=8, n_kv_heads=2, d_head=32)).float()
    latent = make(LatentConfig(d_model=16, n_heads=8, d_latent=96, d_head=8, d_rope=8)).float()
    for layer in (grouped, latent):
        cache = Cache(5002)
        layer(tokens(1, 5000, 16).float(), cache)
        layer(tokens(1, 1, 16).float(), cache)  # the first step may try several ways
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as measured:
            layer(tokens(1, 1, 16).float(), cache)
        largest = max(event.self_cpu_memory_usage for event in measured.key_averages())
        # Scores of 8 heads over 5001 tokens are 160 kB, and one operation makes two such at most.
        assert largest < 0.25 * cache.nbytes, (largest, cache.nbytes)


@pytest.mark.parametrize("n", range(1, 8))
def test_a_window_on_both_sides_hides_what_is_far(n):
    """Also where the sequence is shorter than both sides together; with the fused kernel as with weights."""
    layer, X = BidirectionalAttention(replace(GROUPED["grouped"], window=3)).double(), tokens(2, n, 14)
    Y, P = layer(X, return_weights=True)
    assert torch.equal(P[1, 4] > 0, (torch.arange(n)[:, None] - torch.arange(n)).abs() < 3)
    close(layer(X), Y)
