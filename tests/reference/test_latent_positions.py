"""Positions in latent attention: partly rotary latents, biases, normalised keys, matrices in the middle (float64).

Tolerance 1e-12: entries are of size 1 and the longest sum has 24 terms, so rounding stays below 1e-14.
"""

from dataclasses import replace

import numpy as np
import pytest

from course_lib.config import LatentConfig, Rope
from course_lib.reference.attention import attention
from course_lib.reference.biases import alibi_slopes, distance_biases
from course_lib.reference.cache import step
from course_lib.reference.latent import LatentAttention
from course_lib.reference.masks import causal_mask
from course_lib.reference.normalised_keys import NormalisedKeysLatentAttention
from course_lib.reference.norms import RMSNorm
from course_lib.reference.positions import rotate
from course_lib.reference.rotary_latent import RotaryLatentAttention
from course_lib.reference.shift_matrices import left_by_best, shift_basis, shift_factors

H, D, R, E, V, P, N = 3, 7, 10, 4, 5, 6, 11
X = np.random.default_rng(1).normal(size=(N, D))
SIZES = LatentConfig(d_model=D, n_heads=H, d_latent=R, d_head=E, d_value=V)


def close(a, b, atol=1e-12):
    np.testing.assert_allclose(a, b, rtol=0, atol=atol)


def rotary(turned, **more):
    layer = RotaryLatentAttention.random(replace(SIZES, **more), np.random.default_rng(0))
    return replace(layer, turned=turned)


@pytest.mark.parametrize("turned", [2, P, R])
@pytest.mark.parametrize("more", [{}, {"d_latent_q": 8, "latent_norm": True}, {"window": 4}])
def test_expanded_equals_absorbed_to_rounding(turned, more):
    layer = rotary(turned, **more)
    (Y, cache), (expanded, same_cache) = step(layer, X), step(layer.expanded(), X)
    close(expanded, Y, atol=1e-14)
    np.testing.assert_array_equal(cache.rows["L"], same_cache.rows["L"])
    assert cache.floats_per_token == R
    K, V_ = layer.expanded().read(cache.rows)
    assert K.shape == (H, N, E + turned) and V_.shape == (H, N, V + turned)
    close(step(layer.expanded().absorbed(), X)[0], Y)


@pytest.mark.parametrize("turned", [2, P])
def test_a_partly_rotary_latent_by_its_formula(turned):
    """The row that query i sees is L_j with its last p coordinates turned by R_{j-i}, for scores and for values."""
    layer = rotary(turned)
    L, Y = X @ layer.W_L, np.zeros((N, D))
    for i in range(N):
        turning = rotate(L[: i + 1, R - turned :], np.arange(i + 1) - i, Rope())
        seen = np.hstack([L[: i + 1, : R - turned], turning])
        for h in range(H):
            Y[i] += attention(X[i : i + 1] @ layer.W_Q[h], seen @ layer.W_LK[h], seen @ layer.W_LV[h])[0] @ layer.W_O[h]
    close(step(layer, X)[0], Y)


def test_chunks_give_what_one_pass_gives():
    for layer in (rotary(P), rotary(P).expanded()):
        Y, cache = step(layer, X[:4])
        later, _ = step(layer, X[4:], cache)
        close(np.vstack([Y, later]), step(layer, X)[0])


def test_limits_of_a_partly_rotary_latent():
    """All coordinates turned is the rotary latent; a base so large that only pair 0 turns, all of it hidden by
    W_LK and W_LV, is no positions at all."""
    whole = RotaryLatentAttention.random(SIZES, np.random.default_rng(0))
    assert whole.turned == R
    layer = rotary(P, rope=None)
    slow = replace(layer, rope=Rope(base=1e30))
    without_pair = {name: getattr(layer, name).copy() for name in ("W_LK", "W_LV")}
    for W in without_pair.values():
        W[:, R - P : R - P + 2] = 0
    plain = LatentAttention.random(SIZES, np.random.default_rng(0))
    close(step(replace(slow, **without_pair), X)[0], step(replace(plain, **without_pair), X)[0], atol=1e-8)


def test_turned_coordinates_are_relative():
    behind = np.concatenate([np.ones((9, D)), X])
    for layer in (rotary(P, window=4), rotary(P, window=4).expanded()):
        close(step(layer, behind)[0][9 + 3 :], step(layer, X)[0][3:])


def test_alibi_slopes_of_eight_heads_are_the_published_ones():
    np.testing.assert_array_equal(alibi_slopes(8), [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256])


def test_biases_by_loops_and_in_chunks():
    b = np.random.default_rng(2).normal(size=(H, N + 3))
    got = distance_biases(b, 3, N)
    for h, a, j in np.ndindex(H, 3, N):
        i = N - 3 + a
        assert got[h, a, j] == (b[h, i - j] if j <= i else 0)
    np.testing.assert_array_equal(got, distance_biases(b, N, N)[:, -3:])


def test_alibi_is_one_more_coordinate():
    """-m (i - j) = m j - m i, and softmax does not see what is the same in a row."""
    rng = np.random.default_rng(3)
    q, K, V_ = rng.normal(size=(N, E)), rng.normal(size=(N, E)), rng.normal(size=(N, V))
    m, mask = 0.25, causal_mask(N, N)
    logits = q @ K.T / np.sqrt(E) + distance_biases(-m * np.arange(N)[None], N, N)[0]
    P_ = np.where(mask, np.exp(logits), 0)
    longer_q = np.hstack([q / np.sqrt(E), np.full((N, 1), m)])
    longer_K = np.hstack([K, np.arange(N)[:, None]])
    close(attention(longer_q, longer_K, V_, mask, scale=1.0), P_ / P_.sum(1, keepdims=True) @ V_)


def test_normalised_keys_are_absorbed_exactly():
    gamma = np.random.default_rng(4).uniform(0.5, 2, size=E)
    weights = {f: getattr(LatentAttention.random(SIZES, np.random.default_rng(0)), f) for f in ("W_Q", "W_L", "W_LK")}
    weights |= {f: getattr(LatentAttention.random(SIZES, np.random.default_rng(0)), f) for f in ("W_LV", "W_O")}
    layer = NormalisedKeysLatentAttention(**weights, norm_K=RMSNorm(gamma))
    (Y, cache), (absorbed, same) = step(layer, X), step(layer.absorbed(), X)
    close(absorbed, Y, atol=1e-14)
    assert cache.floats_per_token == same.floats_per_token == R + H
    by_hand = np.zeros((N, D))
    for h in range(H):
        K = X @ layer.W_L @ layer.W_LK[h]
        K = gamma * K / np.sqrt((K**2).mean(1, keepdims=True) + 1e-6)
        by_hand += attention(X @ layer.W_Q[h], K, X @ layer.W_L @ layer.W_LV[h], causal_mask(N, N)) @ layer.W_O[h]
    close(Y, by_hand)
    with pytest.raises(ValueError, match="must have width d = 3"):
        replace(layer, norm_K=RMSNorm(np.ones(3)))


def test_matrices_in_the_middle_are_sums_of_e_fixed_ones():
    rng = np.random.default_rng(5)
    W_Q, W_LK, rope = rng.normal(size=(D, E)), rng.normal(size=(R, E)), Rope(base=50.0)
    shifts = np.array([-7, -1, 0, 4])
    got = np.einsum("se,edr->sdr", shift_factors(shifts, E, rope), shift_basis(W_Q, W_LK))
    x, row = rng.normal(size=D), rng.normal(size=R)
    for s, M in zip(shifts, got, strict=True):
        i = 20
        q, k = (rotate((a @ W)[None], np.array([m]), rope)[0] for a, W, m in ((x, W_Q, i), (row, W_LK, i + s)))
        close(x @ M @ row, q @ k)


def test_what_the_best_matrices_leave():
    rng = np.random.default_rng(6)
    W_Q, W_LK, rope, shifts = rng.normal(size=(D, E)), rng.normal(size=(R, E)), Rope(base=50.0), np.arange(30)
    stack = np.einsum("se,edr->sdr", shift_factors(shifts, E, rope), shift_basis(W_Q, W_LK)).reshape(30, -1)
    energy = np.linalg.svd(stack, compute_uv=False)[:E] ** 2
    want = [np.sqrt(energy[m:].sum() / energy.sum()) for m in range(1, E + 1)]
    close(left_by_best(W_Q, W_LK, shifts, rope), want, atol=1e-7)
    assert left_by_best(W_Q, W_LK, shifts[:1], rope)[0] < 1e-7
