"""Wrong input to the reference is refused with the argument, the value or shape got, and the rule."""

import re
from dataclasses import replace

import numpy as np
import pytest

from course_lib.config import GroupedConfig, LatentConfig, Rope
from course_lib.reference import attention as ref
from course_lib.reference import masks, positions
from course_lib.reference.biases import alibi_slopes, distance_biases
from course_lib.reference.cache import Cache, step, without_cache
from course_lib.reference.feedforward import FeedForward, SwiGLU
from course_lib.reference.grouped import GroupedQueryAttention, grouped_attention
from course_lib.reference.latent import LatentAttention, from_grouped
from course_lib.reference.multi_head import MultiHeadAttention, split_heads
from course_lib.reference.norms import LayerNorm, RMSNorm
from course_lib.reference.rotary_latent import RotaryLatentAttention, RotatedKeysLatentAttention

rng = np.random.default_rng(0)
Q, K, V = rng.normal(size=(7, 5)), rng.normal(size=(11, 5)), rng.normal(size=(11, 3))
X, W = rng.normal(size=(11, 7)), rng.normal(size=(7, 5))
grouped = GroupedQueryAttention.random(GroupedConfig(d_model=7, n_heads=6, n_kv_heads=2, d_head=4), rng)
SIZES = {"d_model": 7, "n_heads": 3, "d_latent": 5, "d_head": 4}
latent = LatentAttention.random(LatentConfig(**SIZES, d_rope=6), rng)
plain = LatentAttention.random(LatentConfig(**SIZES), rng)
factored = LatentAttention.random(LatentConfig(**SIZES, d_latent_q=8, d_rope=6), rng)


def with_entry(array, value):
    array = array.copy()
    array[2, 1] = value
    return array


def ones(*shape):
    return np.ones(shape)


CASES = {
    "width of Q": (lambda: ref.attention(Q[:, :4], K, V), "Q and K must have the same width d_QK, got shapes (7, 4)"),
    "rows of V": (lambda: ref.attention(Q, K, V[1:]), "same number of rows N_KV, got shapes (11, 5) and (10, 3)"),
    "NaN in Q": (lambda: ref.attention(with_entry(Q, np.nan), K, V), "Q must be finite, got nan at (2, 1)"),
    "inf in K": (lambda: ref.attention(Q, with_entry(K, np.inf), V), "K must be finite, got inf at (2, 1)"),
    "NaN in V": (lambda: ref.attention(Q, K, with_entry(V, np.nan)), "V must be finite, got nan at (2, 1)"),
    "NaN in scores": (lambda: ref.softmax_weights(with_entry(Q, np.nan)), "scores must be finite or -inf"),
    "scores overflow": (lambda: ref.attention(1e200 * Q, 1e200 * K, V), "scores must be finite or -inf"),
    "mask transposed": (lambda: ref.attention(Q, K, V, ones(11, 7) > 0), "(N_Q, N_KV) = (7, 11), got (11, 7)"),
    "mask of scores": (lambda: ref.softmax_weights(Q, ones(5, 7) > 0), "(N_Q, N_KV) = (7, 5), got (5, 7)"),
    "kernel that is not finite": (
        lambda: ref.attention(-ones(2, 5), ones(3, 5), ones(3, 1), f=np.log),
        "A = f(scores) must be finite, got nan at (0, 0)",
    ),
    "kernel that sums": (
        lambda: ref.attention(Q, K, V, f=np.sum),
        "f must act entry by entry, got () from scores (7, 11)",
    ),
    "kernel that vanishes": (lambda: ref.attention(Q, K, V, f=np.zeros_like), "sums to zero, so Z cannot be inverted"),
    "W_K of another width": (
        lambda: ref.self_attention(X, W, W[:, :4], W),
        "same width d_QK, got shapes (11, 5) and (11, 4)",
    ),
    "X too narrow": (lambda: ref.cross_attention(X[:, :6], X, W, W, W), "W_Q must have shape (d_Q, d_QK) with d_Q = 6"),
    "token outside": (
        lambda: ref.streaming_attention(X, np.array([3, 11]), W, W, W),
        "queries must hold token numbers from 0 to N - 1 = 10, got [3, 11]",
    ),
    "more queries than keys": (lambda: masks.causal_mask(4, 3), "n_queries must lie between 0 and n_keys = 3, got 4"),
    "negative window": (lambda: masks.window_mask(3, 3, -2), "window must be a positive integer or None, got -2"),
    "window of True": (lambda: masks.window_mask(3, 3, True), "window must be a positive integer or None, got True"),
    "S_i outside": (lambda: masks.visible_mask([[0], [3]], 3), "S_1 must hold key indices from 0 to n_keys - 1 = 2"),
    "negative in S_i": (lambda: masks.indicator_scores(Q, Q, [[-1]] * 7), "S_0 must hold key indices from 0 to 6"),
    "too few S_i": (lambda: masks.indicator_scores(Q, K, [[0]] * 6), "one S_i for each of the 7 queries, got 6"),
    "additive mask": (lambda: masks.additive_scores(Q @ K.T, ones(7, 10) > 0), "(7, 11), got (7, 10)"),
    "odd rotary width": (lambda: positions.rotate(Q, np.arange(7), Rope()), "rotary width p must be even"),
    "too few positions": (
        lambda: positions.rotate(Q[:, :4], np.arange(6), Rope()),
        "positions must have shape (n,) = (7,), got (6,)",
    ),
    "a row alone": (
        lambda: positions.rotate(Q[0, :4], np.arange(1), Rope()),
        "X must have shape (..., n, p), a row for each of n positions, got (4,)",
    ),
    "odd sinusoidal width": (lambda: positions.sinusoidal(np.arange(3), 5), "d must be even and positive, got 5"),
    "past the table": (
        lambda: positions.learned(np.array([2, 11]), X),
        "positions must lie from 0 to 10, the last row",
    ),
    "heads that do not divide": (
        lambda: grouped_attention(ones(5, 7, 4), ones(2, 7, 4), ones(2, 7, 4), None, 1.0),
        "must be a multiple of that of key/value heads, got 5 and 2",
    ),
    "groups that do not divide": (
        lambda: replace(grouped, W_K=ones(4, 7, 4), W_V=ones(4, 7, 4)),
        "h must be a multiple of g, got W_Q with h = 6 and W_K with g = 4",
    ),
    "W_V with other heads": (
        lambda: replace(grouped, W_V=ones(3, 7, 4)),
        "W_V must have shape (g, d, v) with g = 2, d = 7, got (3, 7, 4)",
    ),
    "NaN in a weight": (lambda: replace(grouped, W_O=grouped.W_O * np.nan), "W_O must be finite, got nan at (0, 0, 0)"),
    "negative scale": (lambda: replace(grouped, scale=-1.0), "scale must be a positive finite number, got -1.0"),
    "layer with window 0": (lambda: replace(grouped, window=0), "window must be a positive integer or None, got 0"),
    "odd rotary head": (
        lambda: replace(grouped, W_Q=ones(6, 7, 3), W_K=ones(2, 7, 3), rope=Rope()),
        "width e of a rotated query or key must be even and positive, got 3",
    ),
    "W_L too narrow": (lambda: replace(plain, W_L=ones(7, 4)), "W_LK must have shape (h, r, e) with r = 4"),
    "W_KR alone": (lambda: replace(latent, W_QR=None), "W_QR and W_KR must be given together, got W_KR alone"),
    "odd W_KR": (
        lambda: replace(latent, W_QR=ones(3, 7, 5), W_KR=ones(7, 5)),
        "rotary width p of W_QR and W_KR must be even and positive, got 5",
    ),
    "rope without rows": (lambda: replace(plain, rope=Rope()), "needs W_QR and W_KR, got neither"),
    "W_QR reads L_Q": (lambda: replace(factored, W_QR=ones(3, 7, 6)), "W_QR must have shape (h, r_q, p) with h = 3"),
    "W_LQQ of another latent": (
        lambda: replace(factored.W_Q, W_LQQ=ones(3, 7, 4)),
        "W_LQQ must have shape (h, r_q, e) with r_q = 8, got (3, 7, 4)",
    ),
    "rotary latent, odd": (
        lambda: RotaryLatentAttention.random(LatentConfig(**SIZES), rng),
        "latent width p = turned, which is rotated, must be even and positive, got 5",
    ),
    "more turned than there is": (
        lambda: replace(RotaryLatentAttention.random(LatentConfig(**SIZES | {"d_latent": 6}), rng), turned=8),
        "turned must be at most r = 6, the width of the latent, got 8",
    ),
    "too few biases": (lambda: distance_biases(ones(2, 3), 2, 4), "distances 0 to N - 1 = 3, got 3 of them"),
    "biases of too many queries": (lambda: distance_biases(ones(2, 9), 5, 4), "n must lie between 0 and N = 4, got 5"),
    "slopes of half a head": (lambda: alibi_slopes(1.5), "n_heads must be a positive whole number, got 1.5"),
    "two kinds of position": (
        lambda: RotatedKeysLatentAttention.random(LatentConfig(**SIZES, d_rope=6), rng),
        "W_QR and W_KR must be None",
    ),
    "embedding a rotary layer": (lambda: from_grouped(replace(grouped, rope=Rope())), "must have no rotary positions"),
    "embedding QK-norm": (
        lambda: from_grouped(replace(grouped, norm_Q=RMSNorm(ones(4)))),
        "layer must have no QK-norm to embed exactly",
    ),
    "NaN in X": (lambda: step(grouped, with_entry(X, np.nan)), "X must be finite, got nan at (2, 1)"),
    "X with a batch": (lambda: step(grouped, X[None]), "X must have shape (n, d), got (1, 11, 7)"),
    "X of another width": (lambda: step(plain, X[:, :6]), "X must have width d = 7, got shape (11, 6)"),
    "mask of a whole": (lambda: without_cache(plain, X, ones(11, 7) > 0), "(N_Q, N_KV) = (11, 11), got (11, 7)"),
    "cache of another variant": (
        lambda: step(latent, X, step(grouped, X)[1]),
        "new must hold the rows ['K', 'V'], got ['K_R', 'L']",
    ),
    "cache of another size": (
        lambda: step(plain, X, Cache({"L": ones(4, 6)})),
        "new rows L must fit shape (4, 6) but for axis -2, got (11, 5)",
    ),
    "ragged rows": (lambda: Cache({"K": ones(2, 3, 4), "V": ones(2, 5, 4)}), "the same number of tokens, got {'K': 3"),
    "empty cache": (lambda: Cache().floats_per_token, "needs at least one token"),
    "columns that do not divide": (lambda: split_heads(Q, 3), "must divide into h = 3 heads, got shape (7, 5)"),
    "W_O of other heads": (
        lambda: MultiHeadAttention(W_Q=ones(3, 7, 4), W_K=ones(3, 8, 4), W_V=ones(3, 8, 5), W_O=ones(2, 5, 7)),
        "W_O must have shape (h, v, d_out) with h = 3, v = 5, got (2, 5, 7)",
    ),
    "E too wide": (
        lambda: MultiHeadAttention(W_Q=ones(3, 7, 4), W_K=ones(3, 8, 4), W_V=ones(3, 8, 5), W_O=ones(3, 5, 7))(X, X),
        "W_K must have shape (h, d_KV, e) with d_KV = 7, got (3, 8, 4)",
    ),
    "W_2 does not contract": (
        lambda: FeedForward(W_1=ones(7, 9), b_1=ones(9), W_2=ones(9, 8), b_2=ones(8)),
        "W_2 must have shape (d_ff, d) with d_ff = 9, d = 7, got (9, 8)",
    ),
    "X of another width in SwiGLU": (
        lambda: SwiGLU(W_gate=ones(7, 9), W_up=ones(7, 9), W_down=ones(9, 7))(Q),
        "X must have width d = 7, got shape (7, 5)",
    ),
    "norm of another width": (lambda: RMSNorm(ones(4))(X), "X must have width d = 4 as gamma has, got shape (11, 7)"),
    "beta of another width": (lambda: LayerNorm(ones(4), ones(5)), "beta must have shape (d) with d = 4, got (5,)"),
    "negative eps": (lambda: RMSNorm(ones(4), eps=-1.0), "eps must not be negative, got -1.0"),
}


@pytest.mark.parametrize("name", CASES)
def test_value(name):
    call, message = CASES[name]
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(ValueError, match=re.escape(message)):
        call()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: ref.attention(np.ones((7, 5), dtype=int), K, V), "Q must be a NumPy array of floating-point numbers"),
        (lambda: ref.attention(Q, K, V.tolist()), "V must be a NumPy array of floating-point numbers, got list"),
        (lambda: step(grouped, X.astype(complex)), "X must be a NumPy array of floating-point numbers, got complex128"),
        (lambda: positions.rotate(Q[:, :4], np.arange(7.0), Rope()), "positions must be a NumPy array of integers"),
        (lambda: ref.attention(Q, K, V, ones(7, 11)), "mask must be a boolean NumPy array, got float64"),
        (lambda: ref.kernel_weights(Q, np.square, ones(7, 5)), "mask must be a boolean NumPy array, got float64"),
        (lambda: masks.additive_scores(Q @ K.T, None), "mask must be a boolean NumPy array, got NoneType"),
        (lambda: step(grouped, X, {}), "cache must be a Cache or None, got dict"),
        (lambda: step(W, X), "layer must have scale, window, d_in, queries, compress, read and output, got ndarray"),
    ],
)
def test_type(call, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        call()
