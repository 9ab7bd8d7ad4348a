"""Predictions from configs against the layers themselves: weights, bytes in the cache, FLOPs that torch counts."""

from dataclasses import replace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from course_lib import accounting as A
from course_lib.accounting.forms import partly_rotary, rotated_keys
from course_lib.config import (
    AlibiLatentConfig,
    GroupedConfig,
    LatentConfig,
    NormalisedKeysConfig,
    Rope,
    RotaryLatentConfig,
    RotatedKeysConfig,
)
from course_lib.layers import Cache
from course_lib.models.blocks import CAUSAL, new_attention

BATCH, N = 3, 13
CONFIGS = {
    "multi-head": GroupedConfig(d_model=14, n_heads=6, d_head=10),
    "grouped": GroupedConfig(d_model=14, n_heads=6, n_kv_heads=2, d_head=10, rope=Rope(), qk_norm=True),
    "multi-query": GroupedConfig(d_model=14, n_heads=6, n_kv_heads=1, d_head=10),
    "grouped, window": GroupedConfig(d_model=14, n_heads=6, n_kv_heads=2, d_head=10, window=5),
    "grouped, biases": GroupedConfig(d_model=14, n_heads=6, n_kv_heads=2, d_head=10, bias=True),
    "latent": LatentConfig(d_model=14, n_heads=3, d_latent=11, d_head=7, d_value=5),
    "latent, rotary": LatentConfig(d_model=14, n_heads=3, d_latent=11, d_head=7, d_value=5, d_rope=4),
    "latent, query latent": LatentConfig(
        d_model=14, n_heads=3, d_latent=11, d_head=7, d_value=5, d_rope=4, d_latent_q=9, latent_norm=True
    ),
    "latent, one width": LatentConfig(d_model=14, n_heads=3, d_latent=11, d_head=7, d_rope=4, d_value=11),
    "latent, window": LatentConfig(d_model=14, n_heads=3, d_latent=11, d_head=7, d_value=5, d_rope=4, window=5),
    "rotary latent": RotaryLatentConfig(d_model=14, n_heads=3, d_latent=10, d_head=7, d_value=5, turned=10),
    "partly rotary latent": RotaryLatentConfig(d_model=14, n_heads=3, d_latent=11, d_head=7, d_value=5, turned=4),
    "rotated keys": RotatedKeysConfig(d_model=14, n_heads=3, d_latent=11, d_head=8, d_value=5),
    "biases by distance": AlibiLatentConfig(d_model=14, n_heads=3, d_latent=11, d_head=7, d_value=5),
    "normalised keys": NormalisedKeysConfig(d_model=14, n_heads=3, d_latent=11, d_head=7, d_value=5, latent_norm=True),
}
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


def build(config, dtype=torch.float32):
    torch.manual_seed(0)
    return new_attention(config, CAUSAL).to(dtype).eval()


def forms(config):
    """Each form with the argument that selects it in the layer."""
    if isinstance(config, GroupedConfig):
        return [(A.grouped(config), {})]
    if isinstance(config, RotatedKeysConfig):
        return [(A.expanded(config), {"form": "expanded"})]
    if isinstance(config, RotaryLatentConfig):
        made = partly_rotary(config, config.turned)
        return [(made, {"form": "expanded"}), (A.absorbed(config), {"form": "absorbed"})]
    return [(A.expanded(config), {"form": "expanded"}), (A.absorbed(config), {"form": "absorbed"})]


def counted(layer, X, cache=None, **arguments):
    """FLOPs of one call. The fused CPU kernel of scaled_dot_product_attention is unknown to FlopCounterMode, which
    counts 0 for it; the MATH backend does the same products where they are counted, with all N x N scores."""
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        layer(X, cache, **arguments)
    return counter.get_total_flops()


@every_config
def test_weights_have_the_names_and_shapes_of_the_modules(config):
    module = {name: tuple(weight.shape) for name, weight in build(config).named_parameters()}
    assert A.weights(config) == module
    assert A.parameters(config) == sum(weight.numel() for weight in build(config).parameters())


@every_config
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_bytes_equal_those_of_the_real_cache(config, dtype):
    layer = build(config, getattr(torch, dtype))
    cache = layer.new_cache(capacity=N)
    with torch.no_grad():
        layer(torch.ones(BATCH, N, config.d_model, dtype=getattr(torch, dtype)), cache)
    assert cache.nbytes == A.cache_bytes(config, N, BATCH, dtype)
    assert cache.floats_per_token == config.floats_per_token


@every_config
def test_prefill_flops_equal_those_torch_counts(config):
    layer, X = build(config), torch.ones(BATCH, N, config.d_model)
    for form, arguments in forms(config):
        assert counted(layer, X, **arguments) == A.prefill(form, N, batch=BATCH).flops, form.name


@every_config
@pytest.mark.parametrize("batch", [1, BATCH])
def test_decode_flops_equal_those_torch_counts(config, batch):
    layer, X = build(config), torch.ones(batch, N + 1, config.d_model)
    for form, arguments in forms(config):
        cache = layer.new_cache()
        counted(layer, X[:, :N], cache)
        step = counted(layer, X[:, N:], cache, **arguments)
        assert step == A.decode(form, N, batch=batch).flops, form.name


@every_config
def test_the_usual_forms_of_a_config_are_those_of_its_layer(config):
    """Many tokens are read at once, and one after many."""
    layer, X = build(config), torch.ones(BATCH, 2 * N, config.d_model)
    assert counted(layer, X[:, :-1]) == A.prefill(config, 2 * N - 1, batch=BATCH).flops
    cache = layer.new_cache()
    counted(layer, X[:, :-1], cache)
    assert counted(layer, X[:, -1:], cache) == A.decode(config, 2 * N - 1, batch=BATCH).flops


def test_attention_flops_equal_what_torch_counts_for_its_fused_kernels():
    """All n x N scores, causal or not: on a GPU the fused kernels are counted by this function."""
    config = CONFIGS["latent, rotary"]
    step = A.chunk(A.expanded(config), 4, N, batch=BATCH).flops_by_part["attend"]
    h, rows, e, v = config.n_heads, N + 4, config.d_qk, config.d_value
    assert step == sdpa_flop_count((BATCH, h, 4, e), (BATCH, h, rows, e), (BATCH, h, rows, v))


@pytest.mark.parametrize("name", ["grouped", "latent, query latent"])
def test_chunk_flops_equal_those_torch_counts(name):
    layer, X = build(CONFIGS[name]), torch.ones(BATCH, N + 4, 14)
    for form, arguments in forms(CONFIGS[name]):
        cache = layer.new_cache()
        counted(layer, X[:, :N], cache)
        assert counted(layer, X[:, N:], cache, **arguments) == A.chunk(form, 4, N, batch=BATCH).flops


@pytest.mark.parametrize("name", ["grouped", "latent, query latent"])
def test_generation_with_and_without_cache_equals_what_torch_counts(name):
    config, prompt, new = CONFIGS[name], 4, 5
    layer, X = build(config), torch.ones(BATCH, prompt + new, config.d_model)
    cache = layer.new_cache()
    steps = [X[:, :prompt]] + [X[:, i : i + 1] for i in range(prompt, prompt + new - 1)]
    kept = sum(counted(layer, step, cache) for step in steps)
    fresh = sum(counted(layer, X[:, :tokens]) for tokens in range(prompt, prompt + new))
    assert kept == A.generate_with_cache(config, prompt, new, batch=BATCH).flops
    assert fresh == A.generate_without_cache(config, prompt, new, batch=BATCH).flops


@pytest.mark.parametrize("past", [0, 1, 3, 24, 10**6])
@pytest.mark.parametrize("new", [1, 2, 3, 5, 40])
def test_the_layer_absorbs_when_accounting_says_that_it_is_cheaper(new, past):
    config = CONFIGS["latent, query latent"]
    absorbed, expanded = (A.chunk(r(config), new, past).flops for r in (A.absorbed, A.expanded))
    assert build(config).absorbs(new, past + new) == (absorbed < expanded)


@pytest.mark.parametrize("name", ["latent, query latent", "latent, window"])
@pytest.mark.parametrize("new", [1, 2, 3, 5, 20])
def test_the_layer_takes_the_form_with_fewer_flops(new, name):
    """Counted by torch, after a few cached tokens."""
    layer, past = build(CONFIGS[name]), 6
    X = torch.ones(BATCH, past + new, 14)

    def cost(form):
        cache = layer.new_cache()
        counted(layer, X[:, :past], cache)
        return counted(layer, X[:, past:], cache, form=form)

    assert cost(None) == min(cost("expanded"), cost("absorbed"))


@pytest.mark.parametrize("new", [1, 2, 3, 5, 12, 40])
@pytest.mark.parametrize("past", [1, 3, 6, 24, 200])
@pytest.mark.parametrize("sizes", [(10, 7, 5, 4), (40, 3, 2, 8), (12, 4, 20, 6)], ids=str)
def test_layers_without_a_rotary_key_absorb_when_accounting_says_so(new, past, sizes):
    """A small latent, a large one, and wide values."""
    r, e, v, p = sizes
    widths = dict(d_model=14, n_heads=3, d_latent=r, d_value=v)
    partly, rotated = RotaryLatentConfig(**widths, d_head=e, turned=p), RotatedKeysConfig(**widths, d_head=2 * e)
    flops = lambda reading: A.chunk(reading, new, past).flops  # noqa: E731
    assert build(partly).absorbs(new, past + new) == (flops(A.absorbed(partly)) < flops(partly_rotary(partly, p)))
    layer = build(rotated)
    absorbed = layer.verbs(None, new, past + new) is not layer
    assert absorbed == (flops(rotated_keys(rotated)) < flops(A.expanded(rotated)))


@pytest.mark.parametrize("n", [1, 3, 40])
def test_without_earlier_tokens_a_small_latent_is_expanded_too(n):
    """Here 2 r < e + v: absorbed, n tokens that read themselves take fewer FLOPs; keys and values are formed anyway."""
    config = LatentConfig(d_model=14, n_heads=3, d_latent=3, d_head=7, d_value=5)
    layer = build(config)
    assert layer.absorbs(n, n) and layer.verbs(None, n, n) is layer
    assert layer.verbs(None, n, n + 1) is not layer


@pytest.mark.parametrize("past", [1, 6, 60])
@pytest.mark.parametrize("new", [1, 2, 3, 5, 6, 20])
@pytest.mark.parametrize("window", [4, 5])
def test_a_window_counts_its_own_rows_of_the_past(new, past, window):
    """At most window - 1 of them, however many a cache holds."""
    layer, taken = build(replace(CONFIGS["latent, window"], window=window)), []
    absorbed, expanded = (A.chunk(r(layer.config), new, past).flops for r in (A.absorbed, A.expanded))
    choose = layer.verbs
    layer.verbs = lambda *given: taken.append(choose(*given)) or taken[-1]
    for cache in (layer.new_cache(), Cache()):
        for n in (past, new):
            layer(torch.ones(1, n, 14), cache)
        assert (taken[-1] is not layer) == (absorbed < expanded)
