"""Costs of positions in latent attention: against the references' own shapes, and counted by hand."""

from dataclasses import replace

import numpy as np
import pytest

from course_lib import accounting
from course_lib.accounting.positions import schemes
from course_lib.config import LatentConfig
from course_lib.reference.cache import step
from course_lib.reference.latent import LatentAttention
from course_lib.reference.normalised_keys import NormalisedKeysLatentAttention
from course_lib.reference.norms import RMSNorm
from course_lib.reference.rotary_latent import RotaryLatentAttention, RotatedKeysLatentAttention

H, E, V, R, P = 8, 32, 32, 112, 16
CONFIG = LatentConfig(d_model=128, n_heads=H, d_latent=R, d_head=E, d_rope=P)
FOUND = {scheme.name: scheme for scheme in schemes(CONFIG)}
BY_HAND = {  # FLOPs per cached token of a decode step, and widths of the heads' keys and values in prefill
    "none, sinusoids, ALiBi": (2 * H * (R + R), E, V),
    "rotated keys": (2 * H * R * E + 2 * H * (E + R), E, V),
    "decoupled": (2 * H * (R + P + R), E + P, V),
    "partly rotary latent": (2 * H * (R + R), E + P, V + P),
    "rotary latent": (2 * H * (R + R), R, R),
    "none, QK-norm": (2 * H * (R + R), E, V),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_costs_by_hand(name):
    scheme = FOUND[name]
    decoding, key, value = BY_HAND[name]
    assert scheme.flops_per_cached_token == decoding
    assert (scheme.prefilling.d_key, scheme.prefilling.d_value) == (key, value)


@pytest.mark.parametrize("name", BY_HAND)
def test_the_cache_is_that_of_the_reference(name):
    plain, rng = replace(CONFIG, d_rope=0, rope=None, scale=None), np.random.default_rng(0)
    layer = LatentAttention.random(CONFIG if name == "decoupled" else plain, rng)
    if name == "rotated keys":
        layer = RotatedKeysLatentAttention.random(plain, rng)
    if "rotary" in name:
        layer = replace(RotaryLatentAttention.random(plain, rng), turned=P if "partly" in name else R)
    if "QK-norm" in name:
        shared = {f: getattr(layer, f) for f in ("W_Q", "W_L", "W_LK", "W_LV", "W_O")}
        layer = NormalisedKeysLatentAttention(**shared, norm_K=RMSNorm(np.ones(E)))
    assert step(layer, rng.normal(size=(3, 128)))[1].floats_per_token == FOUND[name].cached


def test_heads_of_the_expanded_partly_rotary_latent_are_those_of_the_reference():
    plain, rng = replace(CONFIG, d_rope=0, rope=None, scale=None), np.random.default_rng(0)
    layer = replace(RotaryLatentAttention.random(plain, rng), turned=P).expanded()
    K, V_ = layer.read({"L": rng.normal(size=(5, R))})
    form = FOUND["partly rotary latent"].prefilling
    assert (K.shape[-1], V_.shape[-1]) == (form.d_key, form.d_value)
    assert (K.size + V_.size) / 5 == form.floats_per_row


def test_prefill_is_that_of_accounting_where_it_knows_the_scheme():
    assert FOUND["decoupled"].prefill_flops(64) == accounting.prefill(CONFIG, 64).flops
    plain = replace(CONFIG, d_rope=0, rope=None, scale=None)
    assert FOUND["rotated keys"].prefill_flops(64) == accounting.prefill(plain, 64).flops


def test_a_slice_of_width_p_costs_prefill_alike_with_two_widths():
    """Partly rotary beside decoupled at the same p: the scores cost the same, the mix is p wider."""
    pairs = 64 * 64
    both = (FOUND[name].prefilling.attend * pairs for name in ("partly rotary latent", "decoupled"))
    assert next(both) - next(both) == pairs * H * P


@pytest.mark.parametrize("d_rope", [0, 128])
def test_sizes_without_a_slice_are_refused(d_rope):
    with pytest.raises(ValueError, match="config must have 0 < d_rope <= d_latent = 112, got"):
        schemes(replace(CONFIG, d_rope=d_rope, rope=None, scale=None))
