"""Latent attention: its two forms, its limits (multi-head, grouped), and what its positions allow (float64).

Tolerance 1e-12: entries are of size 1 and the longest sum has 24 terms, so rounding stays below 1e-14.
"""

from dataclasses import fields, replace

import numpy as np
import pytest

from course_lib.config import GroupedConfig, LatentConfig, Rope
from course_lib.reference.cache import step, without_cache
from course_lib.reference.grouped import GroupedQueryAttention
from course_lib.reference.latent import AbsorbedLatentAttention, LatentAttention, QueryLatent, from_grouped
from course_lib.reference.positions import rotate
from course_lib.reference.rotary_latent import RotaryLatentAttention, RotatedKeysLatentAttention

H, D, R, E, V, P, N = 3, 7, 10, 4, 5, 6, 11
X = np.random.default_rng(1).normal(size=(N, D))


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def latent(cls=LatentAttention, **more):
    config = LatentConfig(d_model=D, n_heads=H, d_latent=R, d_head=E, d_value=V, **more)
    return cls.random(config, np.random.default_rng(0))


@pytest.mark.parametrize("more", [{}, {"d_rope": P}, {"d_latent_q": 8}, {"d_rope": P, "d_latent_q": 8, "window": 4}])
@pytest.mark.parametrize("latent_norm", [False, True])
def test_absorbed_equals_expanded(more, latent_norm):
    layer = latent(latent_norm=latent_norm, **more)
    (expanded, cache), (absorbed, same_cache) = step(layer, X), step(layer.absorbed(), X)
    close(absorbed, expanded)
    for name in cache.rows:
        np.testing.assert_array_equal(cache.rows[name], same_cache.rows[name])


def test_the_formulas_of_both_forms_by_loops():
    """exp(L_Q W_LQK L^T / sqrt(e + p)) and W_LO as in the paper, with the matrices that the code never forms."""
    layer = latent(d_latent_q=8, d_rope=P)
    positions = np.arange(N)
    L_Q, L = X @ layer.W_Q.W_LQ, X @ layer.W_L
    K_R = rotate(X @ layer.W_KR, positions, Rope())
    Y = np.zeros((N, D))
    for h in range(H):
        W_LQK = layer.W_Q.W_LQQ[h] @ layer.W_LK[h].T
        Q_R = rotate(L_Q @ layer.W_QR[h], positions, Rope())
        A = np.tril(np.exp((L_Q @ W_LQK @ L.T + Q_R @ K_R.T) / np.sqrt(E + P)))
        Y += A / A.sum(-1, keepdims=True) @ L @ (layer.W_LV[h] @ layer.W_O[h])
    close(step(layer, X)[0], Y)
    close(step(layer.absorbed(), X)[0], Y)


def test_the_scale_survives_absorption():
    """Taking the width r + p of the absorbed query for the scale would give other values."""
    layer = replace(latent(d_rope=P), scale=None).absorbed()
    assert layer.scale == pytest.approx((E + P) ** -0.5, rel=1e-15)
    wrong = replace(layer, scale=(R + P) ** -0.5)
    assert np.abs(step(wrong, X)[0] - step(layer, X)[0]).max() > 0.01


def test_a_query_latent_is_a_factored_W_Q():
    layer = latent(d_latent_q=8)
    product = replace(layer, W_Q=layer.W_Q.W_LQ @ layer.W_Q.W_LQQ)
    close(step(layer, X)[0], step(product, X)[0])


def test_a_full_rank_latent_is_multi_head():
    """W_L = 1 (r = d), W_LK = W_K, W_LV = W_V."""
    heads = GroupedQueryAttention.random(GroupedConfig(d_model=D, n_heads=H, d_head=E), np.random.default_rng(2))
    layer = LatentAttention(W_Q=heads.W_Q, W_L=np.eye(D), W_LK=heads.W_K, W_LV=heads.W_V, W_O=heads.W_O)
    close(step(layer, X)[0], step(heads, X)[0])


@pytest.mark.parametrize("g", [1, 2, 6])
@pytest.mark.parametrize("window", [None, 3])
def test_grouped_embeds_exactly_in_latent(g, window):
    config = GroupedConfig(d_model=D, n_heads=6, n_kv_heads=g, d_head=E, window=window, scale=0.3)
    grouped = GroupedQueryAttention.random(config, np.random.default_rng(3))
    layer = from_grouped(grouped)
    assert layer.W_L.shape == (D, 2 * g * E)
    Y, cache = step(grouped, X)
    for form in (layer, layer.absorbed()):
        same, latent_cache = step(form, X)
        close(same, Y)
        assert latent_cache.floats_per_token == cache.floats_per_token


@pytest.mark.parametrize("cls", [RotatedKeysLatentAttention, RotaryLatentAttention])
def test_positions_are_relative(cls):
    """Tokens far behind, out of sight of the window, move all positions and change nothing."""
    layer = replace(latent(cls), window=4)
    shifted = step(layer, np.concatenate([np.ones((9, D)), X]))[0][9 + 3 :]
    close(shifted, step(layer, X)[0][3:])


@pytest.mark.parametrize("layer", [latent(d_rope=P), latent(RotatedKeysLatentAttention), latent(RotaryLatentAttention)])
def test_positions_break_permutation_equivariance_and_none_keeps_it(layer):
    order = np.random.default_rng(4).permutation(N)
    plain = latent()
    close(without_cache(plain, X[order]), without_cache(plain, X)[order])
    assert np.abs(without_cache(layer, X[order]) - without_cache(layer, X)[order]).max() > 0.01


def test_rotary_latent_by_its_formula():
    """Scores q_i^T W_LK^T R_{j-i} L_j / sqrt(e), values R_{j-i} L_j."""
    layer = latent(RotaryLatentAttention)
    L, Y = X @ layer.W_L, np.zeros((N, D))
    for h in range(H):
        Q = X @ layer.W_Q[h] @ layer.W_LK[h].T
        for i in range(N):
            seen = rotate(L[: i + 1], np.arange(i + 1) - i, Rope())
            a = np.exp(seen @ Q[i] / np.sqrt(E))
            Y[i] += a / a.sum() @ seen @ layer.W_LV[h] @ layer.W_O[h]
    close(step(layer, X)[0], Y)


def test_rope_on_up_projected_keys_cannot_be_absorbed():
    """Absorption needs one matrix M for all pairs, but the pair (i, j) has M = W_Q R_{i-j} W_LK^T.

    The best single M in least squares is the mean over the shifts; what it leaves is large. So is the change of the
    output when the rotation is dropped. Without RoPE the same measure is zero to rounding.
    """
    layer = latent(RotatedKeysLatentAttention)

    def unexplained(turned):
        """turned (shifts, r, e): W_LK^T under each R_s; relative size of what no single M explains."""
        M = np.einsum("de,sre->sdr", layer.W_Q[0], turned)
        return np.linalg.norm(M - M.mean(0)) / np.linalg.norm(M)

    shifts = [rotate(layer.W_LK[0], np.full(R, s), Rope()) for s in range(N)]
    assert unexplained(np.stack(shifts)) > 0.3
    assert unexplained(np.stack([layer.W_LK[0]] * N)) < 1e-15
    shared = {f.name: getattr(layer, f.name) for f in fields(layer) if f.name != "rope"}
    dropped = AbsorbedLatentAttention(**shared)
    assert np.abs(step(dropped, X)[0] - step(layer, X)[0]).max() > 0.1
    with pytest.raises(ValueError, match="must not rotate its up-projected keys"):
        layer.absorbed()


def test_latent_is_not_in_general_a_grouped_layer_of_the_same_cache():
    """Grouped attention with g (e + v) floats has one W_K for a whole group; keys of a latent differ in all heads."""
    layer = latent()
    maps = np.stack([layer.W_L @ W for W in layer.W_LK])
    assert np.linalg.matrix_rank(maps.transpose(1, 0, 2).reshape(D, H * E)) == D > E


def test_a_cached_latent_is_normalised():
    layer = latent(d_latent_q=8, latent_norm=True)
    assert isinstance(layer.W_Q, QueryLatent)
    rms = np.sqrt((step(layer, X)[1].rows["L"] ** 2).mean(-1))
    np.testing.assert_allclose(rms, 1, atol=1e-5)  # eps = 1e-6 beside a mean square of order 1
