"""The cache contract for every variant: any chunking equals one call, and nothing depends on the future (float64).

Tolerance 1e-12: entries are of size 1 and the longest sum has 24 terms, so rounding stays below 1e-14.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.config import GroupedConfig, LatentConfig, Rope
from course_lib.reference.cache import Cache, step, without_cache
from course_lib.reference.grouped import GroupedQueryAttention
from course_lib.reference.latent import AbsorbedLatentAttention, LatentAttention
from course_lib.reference.masks import causal_mask
from course_lib.reference.normalised_keys import NormalisedKeysLatentAttention
from course_lib.reference.norms import RMSNorm
from course_lib.reference.rotary_latent import RotaryLatentAttention, RotatedKeysLatentAttention

N, D = 11, 7


def grouped(**more):
    return GroupedQueryAttention.random(GroupedConfig(d_model=D, n_heads=6, d_head=4, **more), np.random.default_rng(0))


def latent(cls=LatentAttention, r=5, **more):
    config = LatentConfig(d_model=D, n_heads=3, d_latent=r, d_head=4, d_value=2, **more)
    return cls.random(config, np.random.default_rng(0))


def partly_rotary():
    return replace(latent(RotaryLatentAttention, r=10, window=4), turned=6)


def normalised_keys():
    weights = {name: getattr(latent(), name) for name in ("W_Q", "W_L", "W_LK", "W_LV", "W_O")}
    return NormalisedKeysLatentAttention(**weights, norm_K=RMSNorm(np.linspace(0.5, 2, 4)))


FULL = {"d_rope": 6, "d_latent_q": 8, "latent_norm": True}
VARIANTS = {
    "multi-head": grouped(),
    "grouped, rotary": grouped(n_kv_heads=2, rope=Rope(base=500.0, factor=2.0)),
    "multi-query, QK-norm, window": grouped(n_kv_heads=1, rope=Rope(), qk_norm=True, window=3),
    "latent": latent(),
    "latent, everything": latent(**FULL, window=4),
    "absorbed": latent(AbsorbedLatentAttention),
    "absorbed, everything": latent(AbsorbedLatentAttention, **FULL, window=4),
    "rotated keys": latent(RotatedKeysLatentAttention),
    "rotary latent": latent(RotaryLatentAttention, r=8),
    "partly rotary latent": partly_rotary(),
    "partly rotary latent, expanded": partly_rotary().expanded(),
    "normalised keys": normalised_keys(),
    "normalised keys, absorbed": normalised_keys().absorbed(),
}
FLOATS = (48, 16, 8, 5, 11, 5, 11, 5, 8, 10, 10, 8, 8)
X = np.random.default_rng(1).normal(size=(N, D))
every_variant = pytest.mark.parametrize("name", VARIANTS)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


@every_variant
@given(cuts=st.lists(st.integers(0, N), max_size=5).map(sorted))
def test_any_chunking_equals_one_call(name, cuts):
    layer, cache, chunks = VARIANTS[name], Cache(), []
    for chunk in np.split(X, cuts):
        Y, cache = step(layer, chunk, cache)
        chunks.append(Y)
    whole, at_once = step(layer, X)
    close(np.concatenate(chunks), whole)
    for rows in at_once.rows:
        close(cache.rows[rows], at_once.rows[rows])


@every_variant
def test_the_future_changes_no_earlier_row(name):
    changed = X.copy()
    changed[6:] = 3.0 * changed[6:] + 1.0
    before, after = (step(VARIANTS[name], rows)[0] for rows in (X, changed))
    close(after[:6], before[:6])
    assert np.abs(after[6:] - before[6:]).max() > 0.1


@pytest.mark.parametrize("name, floats", list(zip(VARIANTS, FLOATS, strict=True)))
def test_floats_per_token(name, floats):
    assert step(VARIANTS[name], X)[1].floats_per_token == floats


@every_variant
def test_a_window_forgets_and_no_window_does_not(name):
    changed = X.copy()
    changed[0] += 1.0
    moved = np.abs(step(VARIANTS[name], changed)[0][-1] - step(VARIANTS[name], X)[0][-1]).max()
    assert moved == 0 if VARIANTS[name].window else moved > 1e-4


def test_a_cache_never_changes():
    layer = VARIANTS["latent"]
    _, cache = step(layer, X[:4])
    before = cache.rows["L"].copy()
    first, _ = step(layer, X[4:7], cache)
    second, longer = step(layer, X[4:7], cache)
    assert cache.length == 4 and longer.length == 7
    np.testing.assert_array_equal(cache.rows["L"], before)
    np.testing.assert_array_equal(first, second)
    with pytest.raises(ValueError, match="read-only"):
        cache.rows["L"][0] = 0.0
    with pytest.raises(TypeError):
        cache.rows["L"] = before


def test_caching_needs_a_causal_mask():
    """Without one, earlier rows depend on later tokens: what was computed before they came is no longer right."""
    layer = VARIANTS["multi-head"]
    close(without_cache(layer, X, causal_mask(N, N)), step(layer, X)[0])
    assert np.abs(without_cache(layer, X)[:6] - without_cache(layer, X[:6])).max() > 0.1
