"""Bad input of the reference and of the copies between it and torch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from course_lib.config import GroupedConfig, LatentConfig, Rope
from course_lib.convert import to_layer, to_reference
from course_lib.layers import RMSNorm as TorchNorm
from course_lib.reference import attention as ref
from course_lib.reference import from_torch, head_scores, masks, positions
from course_lib.reference.biases import alibi_slopes, distance_biases
from course_lib.reference.cache import Cache, step, without_cache
from course_lib.reference.feedforward import FeedForward, SwiGLU
from course_lib.reference.grouped import GroupedQueryAttention, grouped_attention
from course_lib.reference.latent import LatentAttention, from_grouped
from course_lib.reference.multi_head import MultiHeadAttention, split_heads
from course_lib.reference.normalised_keys import NormalisedKeysLatentAttention
from course_lib.reference.norms import LayerNorm, RMSNorm
from course_lib.reference.rotary_latent import RotaryLatentAttention, RotatedKeysLatentAttention

rng = np.random.default_rng(0)
Q, K, V = rng.normal(size=(7, 5)), rng.normal(size=(11, 5)), rng.normal(size=(11, 3))
X, W = rng.normal(size=(11, 7)), rng.normal(size=(7, 5))
grouped = GroupedQueryAttention.random(GroupedConfig(d_model=7, n_heads=6, n_kv_heads=2, d_head=4), rng)
SIZES = {"d_model": 7, "n_heads": 3, "d_latent": 5, "d_head": 4}
latent = LatentAttention.random(LatentConfig(**SIZES, d_rope=6), rng)
plain = LatentAttention.random(LatentConfig(**SIZES), rng)
turned = RotaryLatentAttention.random(LatentConfig(**SIZES | {"d_latent": 6}), rng)
factored = LatentAttention.random(LatentConfig(**SIZES, d_latent_q=8, d_rope=6), rng)


def with_entry(array, value):
    array = array.copy()
    array[2, 1] = value
    return array


def ones(*shape):
    return np.ones(shape)


HEADS = dict(W_Q=ones(3, 7, 4), W_K=ones(3, 8, 4), W_V=ones(3, 8, 5))
PARTS = {name: getattr(latent, name) for name in ("W_Q", "W_L", "W_LK", "W_LV", "W_O", "W_QR", "W_KR", "scale")}
biased = torch.nn.MultiheadAttention(6, 2)
torch.nn.init.ones_(biased.out_proj.bias)


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: ref.attention(Q[:, :4], K, V), "Q", ("(7, 4)", "(11, 5)"), ("K", "d_QK")),
        (lambda: ref.attention(Q, K, V[1:]), "V", ("(11, 5)", "(10, 3)"), ("K", "N_KV")),
        (lambda: ref.attention(with_entry(Q, np.nan), K, V), "Q", ("nan", "(2, 1)"), "finite"),
        (lambda: ref.attention(Q, with_entry(K, np.inf), V), "K", ("inf", "(2, 1)"), "finite"),
        (lambda: ref.attention(Q, K, with_entry(V, np.nan)), "V", ("nan", "(2, 1)"), "finite"),
        (lambda: ref.softmax_weights(with_entry(Q, np.nan)), "scores", "NaN", ("finite", "-inf")),
        (lambda: ref.attention(1e200 * Q, 1e200 * K, V), "scores", "+inf", ("finite", "-inf")),
        (lambda: ref.attention(Q, K, V, ones(11, 7) > 0), "mask", "(11, 7)", ("(N_Q, N_KV)", "(7, 11)")),
        (lambda: ref.softmax_weights(Q, ones(5, 7) > 0), "mask", "(5, 7)", ("(N_Q, N_KV)", "(7, 5)")),
        (lambda: masks.additive_scores(Q @ K.T, ones(7, 10) > 0), "mask", "(7, 10)", "(7, 11)"),
        (lambda: without_cache(plain, X, ones(11, 7) > 0), "mask", "(11, 7)", "(11, 11)"),
        (lambda: ref.attention(-ones(2, 5), ones(3, 5), ones(3, 1), f=np.log), "f", ("nan", "(0, 0)"), "finite"),
        (lambda: ref.attention(Q, K, V, f=np.sum), "f", "()", "(7, 11)"),
        (lambda: ref.attention(Q, K, V, f=np.zeros_like), "f", "zero", "Z"),
        (lambda: ref.self_attention(X, W, W[:, :4], W), "K", ("(11, 5)", "(11, 4)"), "d_QK"),
        (lambda: ref.cross_attention(X[:, :6], X, W, W, W), "W_Q", "(7, 5)", ("(d_Q, d_QK)", "d_Q = 6")),
        (lambda: ref.streaming_attention(X, np.array([3, 11]), W, W, W), "queries", "[3, 11]", ("0", "10")),
        (lambda: masks.causal_mask(4, 3), "n_queries", "4", ("0", "n_keys = 3")),
        (lambda: masks.window_mask(3, 3, -2), "window", "-2", ("positive", "None")),
        (lambda: masks.window_mask(3, 3, True), "window", "True", ("integer", "None")),
        (lambda: replace(grouped, window=0), "window", "0", ("positive", "None")),
        (lambda: masks.visible_mask([[0], [3]], 3), "S_1", "3", ("0", "2")),
        (lambda: masks.indicator_scores(Q, Q, [[-1]] * 7), "S_0", "-1", ("0", "6")),
        (lambda: masks.indicator_scores(Q, K, [[0]] * 6), "sets", "6", "7"),
        (lambda: positions.rotate(Q, np.arange(7), Rope()), "p", "5", "even"),
        (lambda: positions.rotate(Q[:, :4], np.arange(6), Rope()), "positions", "(6,)", "(7,)"),
        (lambda: positions.rotate(Q[0, :4], np.arange(1), Rope()), "X", "(4,)", "(..., n, p)"),
        (lambda: positions.sinusoidal(np.arange(3), 5), "d", "5", "even"),
        (lambda: positions.learned(np.array([2, 11]), X), "positions", "[11]", ("0", "10", "table")),
        (lambda: distance_biases(ones(2, 3), 2, 4), "b", "3", "N - 1 = 3"),
        (lambda: distance_biases(ones(2, 9), 5, 4), "n", "5", ("0", "N = 4")),
        (lambda: alibi_slopes(1.5), "n_heads", "1.5", ("positive", "whole|integer")),
        (
            lambda: grouped_attention(ones(5, 7, 4), ones(2, 7, 4), ones(2, 7, 4), None, 1.0),
            "heads",
            ("5", "2"),
            "multiple",
        ),
        (lambda: replace(grouped, W_K=ones(4, 7, 4), W_V=ones(4, 7, 4)), "W_K", "g = 4", ("W_Q", "h = 6")),
        (lambda: replace(grouped, W_V=ones(3, 7, 4)), "W_V", "(3, 7, 4)", ("(g, d, v)", "g = 2", "d = 7")),
        (lambda: replace(grouped, W_O=grouped.W_O * np.nan), "W_O", ("nan", "(0, 0, 0)"), "finite"),
        (lambda: replace(grouped, scale=-1.0), "scale", "-1.0", ("positive", "finite")),
        (lambda: replace(grouped, W_Q=ones(6, 7, 3), W_K=ones(2, 7, 3), rope=Rope()), "e", "3", "even"),
        (lambda: replace(plain, W_L=ones(7, 4)), "W_LK", "(3, 5, 4)", ("(h, r, e)", "r = 4")),
        (lambda: replace(latent, W_QR=None), "W_QR", (), "W_KR"),
        (lambda: replace(latent, W_QR=ones(3, 7, 5), W_KR=ones(7, 5)), "W_QR", "5", ("W_KR", "even")),
        (lambda: replace(plain, rope=Rope()), "rope", "Rope", ("W_QR", "W_KR")),
        (lambda: replace(factored, W_QR=ones(3, 7, 6)), "W_QR", "(3, 7, 6)", "8"),
        (lambda: replace(factored.W_Q, W_LQQ=ones(3, 7, 4)), "W_LQQ", "(3, 7, 4)", ("(h, r_q, e)", "r_q = 8")),
        (lambda: RotaryLatentAttention.random(LatentConfig(**SIZES), rng), "turned", "5", "even"),
        (lambda: replace(turned, turned=8), "turned", "8", "r = 6"),
        (lambda: RotatedKeysLatentAttention.random(LatentConfig(**SIZES, d_rope=6), rng), "W_QR", (), ("W_KR", "None")),
        (lambda: RotatedKeysLatentAttention.random(LatentConfig(**SIZES), rng).absorbed(), "layer", (), "R_{i-j}"),
        (lambda: NormalisedKeysLatentAttention(**PARTS, norm_K=RMSNorm(ones(4))), "W_QR", (), ("W_KR", "None")),
        (lambda: from_grouped(replace(grouped, rope=Rope())), "layer", "Rope", "rotary"),
        (lambda: from_grouped(replace(grouped, norm_Q=RMSNorm(ones(4)))), "layer", "one", "QK-norm"),
        (lambda: step(grouped, with_entry(X, np.nan)), "X", ("nan", "(2, 1)"), "finite"),
        (lambda: step(grouped, X[None]), "X", "(1, 11, 7)", "(n, d)"),
        (lambda: step(plain, X[:, :6]), "X", "(11, 6)", "d = 7"),
        (lambda: step(latent, X, step(grouped, X)[1]), "new", "['K_R', 'L']", "['K', 'V']"),
        (lambda: step(plain, X, Cache({"L": ones(4, 6)})), "L", "(11, 5)", "(4, 6)"),
        (lambda: Cache({"K": ones(2, 3, 4), "V": ones(2, 5, 4)}), "rows", "{'K': 3, 'V': 5}", "tokens"),
        (lambda: Cache().floats_per_token, "floats_per_token", "empty", "one"),
        (lambda: split_heads(Q, 3), "M", "(7, 5)", "h = 3"),
        (
            lambda: MultiHeadAttention(**HEADS, W_O=ones(2, 5, 7)),
            "W_O",
            "(2, 5, 7)",
            ("(h, v, d_out)", "h = 3", "v = 5"),
        ),
        (lambda: MultiHeadAttention(**HEADS, W_O=ones(3, 5, 7))(X, X), "W_K", "(3, 8, 4)", "d_KV = 7"),
        (lambda: FeedForward(W_1=W, b_1=ones(5), W_2=ones(5, 8), b_2=ones(8)), "W_2", "(5, 8)", ("d_ff = 5", "d = 7")),
        (lambda: SwiGLU(W_gate=W, W_up=W, W_down=W.T)(Q), "X", "(7, 5)", "d = 7"),
        (lambda: RMSNorm(ones(4))(X), "X", "(11, 7)", "d = 4"),
        (lambda: LayerNorm(ones(4), ones(5)), "beta", "(5,)", "d = 4"),
        (lambda: RMSNorm(ones(4), eps=-1.0), "eps", "-1.0", "negative"),
        (lambda: LayerNorm(ones(4), ones(4), eps=-1.0), "eps", "-1.0", "negative"),
        (lambda: head_scores.induction(np.eye(10), 4), "period", "4", "10"),
        (lambda: head_scores.induction(np.eye(10), 10), "period", "10", "10"),
        (lambda: head_scores.induction(np.eye(10), 0), "period", "0", "10"),
        (lambda: head_scores.induction(np.eye(10), 5.0), "period", "5.0", "10"),
        (lambda: head_scores.induction(np.eye(2), True), "period", "True", "2"),
        (lambda: head_scores.previous_token(np.ones((1, 1))), "P", (), "two"),
        (lambda: from_torch.attention(biased), "out_proj.bias", (), "zero"),
        (lambda: to_layer(replace(grouped, W_V=ones(2, 7, 5), W_O=ones(6, 5, 7))), "W_V", "5", ("W_K", "4")),
        (lambda: to_layer(replace(grouped, W_O=ones(6, 4, 8))), "W_O", "(6, 4, 8)", "7"),
        (lambda: to_layer(replace(grouped, norm_Q=RMSNorm(ones(4)))), "norm_Q", (), "norm_K"),
        (lambda: to_layer(replace(grouped, b_O=ones(7))), "b_O", (), ("b_Q", "b_K", "b_V")),
        (lambda: to_layer(replace(factored, norm=RMSNorm(ones(5)))), "norm", "one", ("query latent", "L")),
    ],
)
def test_values(refuses, call, argument, got, rule):
    with np.errstate(over="ignore", invalid="ignore"):
        refuses(call, argument, got, rule)


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: ref.attention(np.ones((7, 5), dtype=int), K, V), "Q", "int64", "floating-point"),
        (lambda: ref.attention(Q, K, V.tolist()), "V", "list", ("NumPy", "floating-point")),
        (lambda: step(grouped, X.astype(complex)), "X", "complex128", "floating-point"),
        (lambda: positions.rotate(Q[:, :4], np.arange(7.0), Rope()), "positions", "float64", "integers"),
        (lambda: ref.attention(Q, K, V, ones(7, 11)), "mask", "float64", "boolean"),
        (lambda: ref.kernel_weights(Q, np.square, ones(7, 5)), "mask", "float64", "boolean"),
        (lambda: masks.additive_scores(Q @ K.T, None), "mask", "NoneType", ("boolean", "NumPy")),
        (lambda: step(grouped, X, {}), "cache", "dict", ("Cache", "None")),
        (lambda: step(W, X), "layer", "ndarray", ("scale", "window", "d_in", "queries", "compress", "read", "output")),
        (lambda: to_layer(W), "source", "ndarray", "reference"),
        (lambda: to_reference(TorchNorm(4)), "layer", "RMSNorm", ("GroupedQueryAttention", "LatentAttention")),
    ],
)
def test_types(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule, TypeError)
