"""The cache contract, for every variant and cache class: how tokens are cut into calls changes nothing."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.config import (
    AlibiLatentConfig,
    GroupedConfig,
    LatentConfig,
    NormalisedKeysConfig,
    Rope,
    RotaryLatentConfig,
    RotatedKeysConfig,
    YarnRope,
)
from course_lib.layers import Cache, WindowCache
from course_lib.models.blocks import CAUSAL, new_attention

# float64 sums of tens of terms of size 1, in another order: a few hundred units of rounding (2e-16) at most.
EXACT = dict(rtol=0, atol=1e-12)
D, SIZES = 14, dict(d_model=14, n_heads=6)
LATENT = dict(**SIZES, d_latent=11, d_head=5, d_value=3, d_rope=4)
CONFIGS = {
    "multi-head": GroupedConfig(**SIZES, d_head=4),
    "grouped": GroupedConfig(**SIZES, n_kv_heads=2, d_head=4, rope=Rope(base=50.0, factor=2.0), qk_norm=True),
    "multi-query": GroupedConfig(**SIZES, n_kv_heads=1, d_head=4, rope=Rope()),
    "windowed": GroupedConfig(**SIZES, n_kv_heads=3, d_head=4, rope=Rope(), window=5),
    "partial": GroupedConfig(**SIZES, n_kv_heads=2, d_head=7, rope=YarnRope(length=29, factor=3.0), turned=4, window=5),
    "biases": GroupedConfig(**SIZES, n_kv_heads=2, d_head=4, rope=Rope(), bias=True),
    "latent": LatentConfig(**LATENT),
    "latent without positions": LatentConfig(**SIZES, d_latent=11, d_head=5),
    "latent, query latent, norms": LatentConfig(**LATENT, d_latent_q=7, latent_norm=True),
    "latent, windowed": LatentConfig(**LATENT, window=4),
    "rotary latent": RotaryLatentConfig(**SIZES, d_latent=10, d_head=5, d_value=3, turned=10),
    "partly rotary latent": RotaryLatentConfig(**SIZES, d_latent=11, d_head=5, d_value=3, turned=4, d_latent_q=7),
    "partly rotary latent, windowed": RotaryLatentConfig(**SIZES, d_latent=11, d_head=5, turned=6, window=4),
    "rotated keys": RotatedKeysConfig(**SIZES, d_latent=11, d_head=4, d_value=3, latent_norm=True),
    "biases by distance": AlibiLatentConfig(**SIZES, d_latent=11, d_head=5, window=4),
    "normalised keys": NormalisedKeysConfig(**SIZES, d_latent=11, d_head=5, d_value=3, window=4),
}
FORMS = {"latent, expanded": "expanded", "latent, absorbed": "absorbed"}
NAMES = [*CONFIGS, *FORMS]


def make(name):
    """The layer of this name, in float64, with the same weights at each call; and its keyword for a form."""
    torch.manual_seed(3)
    config = CONFIGS["latent" if name in FORMS else name]
    layer = new_attention(config, CAUSAL).double()
    for parameter in layer.parameters():
        if parameter.ndim == 1:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    return layer, ({"form": FORMS[name]} if name in FORMS else {})


def caches(layer):
    """Every cache class that suits the layer."""
    window = layer.config.window
    return [Cache, lambda: Cache(54)] + ([] if window is None else [lambda: WindowCache(window, spare=3)])


def tokens(batch, n, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(batch, n, D)))


def close(got, want):
    torch.testing.assert_close(got, want, **EXACT)


def same_tokens(Y, want, lengths):
    for y, w, length in zip(Y, want, lengths, strict=True):
        close(y[:length], w[:length])


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12)
@given(chunks=st.lists(st.integers(1, 9), min_size=1, max_size=6), batch=st.integers(1, 3))
def test_any_chunking_equals_one_call(name, chunks, batch):
    layer, keywords = make(name)
    X = tokens(batch, sum(chunks))
    whole = layer(X).detach()
    for new in [*caches(layer), layer.new_cache]:
        cache = new()
        parts = [layer(x, cache, **keywords) for x in X.split(chunks, dim=1)]
        close(torch.cat(parts, 1), whole)
        assert cache.length == sum(chunks)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12)
@given(data=st.data())
def test_ragged_chunks_equal_each_sequence_alone(name, data):
    """Each call gives each sequence its own number of tokens, none included; padding holds NaN and is never seen."""
    layer, keywords = make(name)
    batch = 3
    counts = data.draw(st.lists(st.lists(st.integers(0, 7), min_size=batch, max_size=batch), min_size=1, max_size=5))
    totals = np.sum(counts, axis=0)
    X = tokens(batch, max(totals.max(), 1))
    alone = [layer(x[None, :total])[0].detach() if total else x[:0] for x, total in zip(X, totals, strict=True)]
    for new in caches(layer):
        cache, done = new(), np.zeros(batch, dtype=int)
        for count in counts:
            chunk = torch.full((batch, max(*count, 1), D), torch.nan, dtype=torch.float64)
            for i in range(batch):
                chunk[i, : count[i]] = X[i, done[i] : done[i] + count[i]]
            Y = layer(chunk, cache, lengths=torch.tensor(count), **keywords)
            for i in range(batch):
                close(Y[i, : count[i]], alone[i][done[i] : done[i] + count[i]])
                close(Y[i, count[i] :], torch.zeros_like(Y[i, count[i] :]))
            done += count
            assert cache.held_lengths.tolist() == done.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_ragged_batch_without_cache(name):
    layer, keywords = make(name)
    X, lengths = tokens(3, 7), torch.tensor([7, 2, 0])
    Y = layer(X, lengths=lengths, **keywords)
    close(Y[0], layer(X[:1])[0])
    close(Y[1, :2], layer(X[1:2, :2])[0])
    assert Y[1, 2:].abs().max() == 0 and Y[2].abs().max() == 0


@pytest.mark.parametrize("name", NAMES)
def test_cached_and_uncached_calls_mix_on_one_layer(name):
    layer, keywords = make(name)
    X, other = tokens(2, 9), tokens(5, 4, seed=1)
    whole, alone = layer(X), layer(other)
    for new in caches(layer):
        cache, second = new(), new()
        parts = [layer(X[:, :4], cache, **keywords)]
        close(layer(other), alone)
        close(layer(other, second, **keywords), alone)
        parts.append(layer(X[:, 4:], cache, **keywords))
        close(torch.cat(parts, 1), whole)


@pytest.mark.parametrize("name", NAMES)
def test_truncation_takes_rejected_tokens_back(name):
    layer, keywords = make(name)
    X, wrong = tokens(2, 13), tokens(2, 3, seed=1)
    whole = layer(X)
    for new in caches(layer):
        cache = new()
        layer(torch.cat([X[:, :9], wrong], 1), cache, **keywords)
        cache.truncate(9)
        close(torch.cat([layer(x, cache, **keywords) for x in X[:, 9:].split([1, 3], 1)], 1), whole[:, 9:])


@pytest.mark.parametrize("name", NAMES)
def test_truncation_of_each_sequence_to_its_own_length(name):
    """As after speculative decoding: of three drafted tokens, three, one and none were accepted."""
    layer, keywords = make(name)
    X, kept = tokens(3, 12), torch.tensor([11, 9, 8])
    for new in caches(layer):
        cache = new()
        layer(X[:, :11], cache, **keywords)
        cache.truncate(kept)
        fresh = tokens(3, 2, seed=5)
        Y = layer(fresh, cache, **keywords)
        for i, k in enumerate(kept):
            close(Y[i], layer(torch.cat([X[i, :k], fresh[i]])[None])[0, -2:])


@pytest.mark.parametrize("name", ["windowed", "latent, windowed"])
def test_a_windowed_cache_without_spare_rows_takes_one_token_back(name):
    layer, _ = make(name)
    X, wrong = tokens(2, 11), tokens(2, 1, seed=1)
    cache = layer.new_cache()
    layer(torch.cat([X[:, :9], wrong], 1), cache)
    cache.truncate(9)
    close(layer(X[:, 9:], cache), layer(X)[:, 9:])


def test_truncation_of_ragged_sequences_to_one_length():
    """Those that are shorter stay as they are."""
    layer, _ = make("grouped")
    cache, X = Cache(), tokens(3, 9)
    layer(X, cache, lengths=torch.tensor([9, 3, 6]))
    cache.truncate(5)
    assert cache.held_lengths.tolist() == [5, 3, 5]
    fresh = tokens(3, 1, seed=1)
    Y = layer(fresh, cache)
    for i, n in enumerate((5, 3, 5)):
        close(Y[i], layer(torch.cat([X[i, :n], fresh[i]])[None])[0, -1:])


@pytest.mark.parametrize("name", NAMES)
def test_reorder_of_the_batch(name):
    layer, keywords = make(name)
    X, indices = tokens(3, 11), torch.tensor([2, 0, 0, 1, 2])
    whole = layer(X[indices])
    for new in caches(layer):
        cache = new()
        layer(X[:, :8], cache, **keywords)
        cache.reorder(indices)
        close(torch.cat([layer(X[indices, t : t + 1], cache, **keywords) for t in (8, 9, 10)], 1), whole[:, 8:])


@pytest.mark.parametrize("name", ["grouped", "windowed"])
@pytest.mark.parametrize("write", [list, torch.tensor, lambda x: torch.tensor(x, dtype=torch.uint8)])
def test_lengths_and_indices_are_lists_or_tensors_of_any_integers(name, write):
    """uint8 would be a mask where torch indexes."""
    layer, _ = make(name)
    new, X = tokens(4, 1, seed=1), tokens(2, 9)
    for cache in (layer.new_cache(), Cache()):
        layer(X, cache)
        cache.truncate(write([8, 9]))
        cache.reorder(write([1, 1, 0, 1]))
        Y = layer(new, cache)
        for i, (j, kept) in enumerate([(1, 9), (1, 9), (0, 8), (1, 9)]):
            close(Y[i], layer(torch.cat([X[j, :kept], new[i]])[None])[0, -1:])


@pytest.mark.parametrize("name", NAMES)
def test_reset_serves_other_sequences(name):
    layer, keywords = make(name)
    for new in caches(layer):
        cache = new()
        layer(tokens(2, 9), cache, **keywords)
        memory = cache.nbytes
        cache.reset()
        assert (cache.length, cache.nbytes) == (0, memory)
        for batch in (2, 4):  # the same batch, then another one
            X = tokens(batch, 6, seed=batch)
            close(torch.cat([layer(x, cache, **keywords) for x in X.split([4, 2], 1)], 1), layer(X))
            cache.reset()


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_chunks_are_the_rows_of_the_weights(name):
    layer, keywords = make(name)
    X = tokens(2, 9)
    _, P = layer(X, return_weights=True)
    cache = Cache()
    _, first = layer(X[:, :4], cache, return_weights=True, **keywords)
    _, rest = layer(X[:, 4:], cache, return_weights=True, **keywords)
    close(first, P[:, :, :4, :4])
    close(rest, P[:, :, 4:])


def test_memory_doubles_and_a_given_capacity_is_kept():
    layer, _ = make("grouped")
    cache, seen = Cache(), []
    for _ in range(70):
        layer(tokens(1, 1), cache)
        seen.append(cache.allocated)
    assert sorted(set(seen)) == [16, 32, 64, 128] and cache.capacity is None
    fixed = Cache(21)
    layer(tokens(2, 5), fixed)
    assert fixed.capacity == fixed.allocated == 21
    assert fixed.nbytes == 2 * 21 * layer.config.floats_per_token * 8


@pytest.mark.parametrize("name", NAMES)
def test_a_token_leaves_as_many_floats_as_its_config_says(name):
    layer, keywords = make(name)
    for new in caches(layer):
        cache = new()
        layer(tokens(2, 3), cache, **keywords)
        assert cache.floats_per_token == layer.config.floats_per_token


def test_a_windowed_cache_never_grows():
    layer, _ = make("windowed")
    cache = layer.new_cache()
    layer(tokens(2, 50), cache)
    assert cache.nbytes == 2 * 5 * layer.config.floats_per_token * 8
    assert cache.length == 50


def test_decoding_writes_in_place():
    layer, _ = make("multi-query")
    cache = Cache(30)
    layer(tokens(2, 5), cache)
    places = {name: rows.data_ptr() for name, rows in cache._buffers.items()}
    for _ in range(10):
        layer(tokens(2, 1), cache)
    assert places == {name: rows.data_ptr() for name, rows in cache._buffers.items()}


@pytest.mark.parametrize("name", NAMES)
def test_memory_on_huge_pages_is_memory(name, monkeypatch):
    """Where the system has them, from HUGE bytes on."""
    monkeypatch.setattr("course_lib.kernels.cpu.HUGE", 1)
    layer, keywords = make(name)
    X, cache = tokens(2, 20), Cache()
    chunks = [layer(X[:, i : i + n], cache, **keywords) for i, n in ((0, 4), (4, 1), (5, 15))]  # it grows in the last
    close(torch.cat(chunks, 1), layer(X).detach())


@pytest.mark.parametrize("dtype, turned", [(torch.float32, True), (torch.float64, True), (torch.bfloat16, False)])
def test_values_lie_as_a_step_reads_them(dtype, turned):
    """Coordinate by coordinate for plain products, row by row for the fused kernel of half precision; keys by rows."""
    layer = make("grouped")[0].to(dtype)
    cache = Cache()
    layer(tokens(2, 5).to(dtype), cache)
    K, V = (cache._buffers[name] for name in "KV")
    assert K.stride(-1) == 1 and (V.stride(-2) == 1) == turned and (V.stride(-1) == 1) != turned


def test_a_cached_call_records_no_gradients():
    layer, _ = make("latent")
    assert layer(tokens(1, 3)).requires_grad
    assert not layer(tokens(1, 3), Cache()).requires_grad


@pytest.mark.parametrize("name", ["windowed", "latent"])
def test_inference_mode_leaves_nothing_behind(name):
    layer, _ = make(name)
    cache, X = layer.new_cache(), tokens(2, 30)
    with torch.inference_mode():
        first = layer(X[:, :20], cache).clone()
    rest = layer(X[:, 20:], cache)
    whole = layer(X)
    whole.sum().backward()
    close(torch.cat([first, rest], 1), whole.detach())


@pytest.mark.parametrize("name", NAMES)
def test_padding_has_neither_weights_nor_an_output(name):
    """With weights as without them; biases are not added to padding either."""
    layer, keywords = make(name)
    X, lengths = tokens(2, 7), torch.tensor([7, 2])
    want = layer(X, lengths=lengths).detach()
    for cache in (None, *(new() for new in caches(layer))):
        Y, P = layer(X, cache, lengths=lengths, return_weights=True, **keywords)
        close(Y.detach(), want)
        assert Y[1, 2:].abs().max() == 0 and P[1, :, 2:].abs().max() == 0
        close(P[1, :, :2].sum(-1).detach(), torch.ones(6, 2, dtype=torch.float64))
