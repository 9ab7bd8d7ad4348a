"""Bad input of random features, sampled products, leverage scores, hashing, sketches and their costs."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from course_lib.config import GroupedConfig, LatentConfig
from course_lib.layers import Cache, GroupedQueryAttention
from course_lib.randomised import attention_costs as costs
from course_lib.randomised import column_sampling as columns
from course_lib.randomised import feature_errors, leverage, lsh, poisson_sampling, sketch_errors, sparse
from course_lib.randomised import random_features as features
from course_lib.randomised import self_normalised as normalised
from course_lib.randomised.causality import leak
from course_lib.randomised.feature_attention import (
    RecurrentState,
    causal_linear_attention,
    feature_weights,
    linear_attention,
)
from course_lib.randomised.feature_layer import FeatureAttention, with_features
from course_lib.randomised.method_layer import MethodAttention, with_method
from course_lib.randomised.sketches import CountSketch, TensorSketch
from course_lib.randomised.state_cache import StateCache
from course_lib.randomised.swap import in_place_of

rng = np.random.default_rng(0)
Q, K, V = rng.normal(size=(7, 5)), rng.normal(size=(11, 5)), rng.normal(size=(11, 3))
P, p = np.full((7, 11), 1 / 11), np.full(11, 1 / 11)
W, PHI = rng.normal(size=(4, 5)), np.ones((11, 4))
state = RecurrentState.empty(4, 3).append(PHI, V)
sketch = CountSketch.draw(5, 3, rng)
H = lsh.hyperplanes(2, 3, 5, rng)
ZERO_AT_2 = p * (np.arange(11) != 2) * 11 / 10


SIZES = GroupedConfig(d_model=6, n_heads=3)
layer, exact = FeatureAttention(SIZES, 4, rng), GroupedQueryAttention(SIZES)
X = torch.ones(2, 5, 6)


def mean(Q, K, V, random):
    return np.tile(V.mean(0), (len(V), 1))


def cached():
    """The state after X."""
    cache = layer.new_cache()
    layer(X, cache)
    return cache


def with_entry(array, place, value):
    array = array.copy()
    array[place] = value
    return array


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: features.share_scale(Q, K[:, :4]), "K", "(11, 4)", ("N_KV", "d_QK = 5")),
        (lambda: features.share_scale(Q, K, 0.0), "scale", "0.0", ("positive", "finite")),
        (lambda: features.share_scale(Q, K, "one"), "scale", "'one'", ("positive", "finite")),
        (lambda: features.gaussian_directions(0, 5, rng), "m", "0", ("integer", "1")),
        (lambda: features.orthogonal_directions(4, 2.0, rng), "d", "2.0", ("integer", "1")),
        (lambda: features.gaussian_directions(4, 5, np.random), "random", "module", "Generator"),
        (lambda: features.orthogonal_directions(4, 5, 0), "random", "int", "Generator"),
        (lambda: features.positive_features(Q, W[:, :4]), "W", "(4, 4)", ("m", "d = 5")),
        (lambda: features.positive_features(Q, W[:0]), "W", "(0, 5)", "one"),
        (lambda: features.positive_features(with_entry(Q, (2, 1), np.nan), W), "X", ("nan", "(2, 1)"), "finite"),
        (lambda: features.positive_features(Q, with_entry(W, 1, 20.0)), "W", "1000", "710"),
        (lambda: features.trigonometric_features(with_entry(Q, 1, 20.0), W), "X", "1000", "710"),
        (lambda: feature_errors.positive_mse(Q, K, 0), "m", "0", ("integer", "1")),
        (lambda: feature_errors.orthogonal_mse(Q, K[:, :4], 3), "K", "(11, 4)", "d = 5"),
        (lambda: feature_errors.trigonometric_mse(Q, K, True), "m", "True", "integer"),
        (lambda: feature_errors.orthogonal_mse(20 * Q, 20 * Q, 3), "z", (), ("0", "700")),
        (lambda: feature_errors.block_covariance(np.array([-1.0]), 3), "z", (), ("0", "700")),
        (lambda: feature_errors.block_covariance(np.ones(2), 0), "d", "0", ("integer", "1")),
        (lambda: feature_weights(PHI, PHI[:, :3]), "Phi_K", "(11, 3)", "m = 4"),
        (lambda: feature_weights(0 * PHI, PHI), "A", "zero", "Z"),
        (lambda: linear_attention(PHI, PHI, V[:10]), "V", "(10, 3)", "N_KV = 11"),
        (lambda: linear_attention(with_entry(PHI, 3, 0.0), PHI, V), "Phi_Q", "3", "0"),
        (lambda: causal_linear_attention(PHI, PHI[:10], V), "Phi_K", "(10, 4)", "n = 11"),
        (lambda: causal_linear_attention(PHI, PHI, V, chunk=0), "chunk", "0", ("integer", "1")),
        (lambda: causal_linear_attention(PHI, with_entry(PHI, 0, 0.0), V), "Phi_K", "query 0", "normaliser"),
        (lambda: causal_linear_attention(PHI, PHI, V[:, :2], state), "V", "(11, 2)", "d_V = 3"),
        (lambda: RecurrentState.empty(0, 3), "m", "0", ("integer", "1")),
        (lambda: RecurrentState.empty(4, 1.5), "d_V", "1.5", ("integer", "1")),
        (lambda: RecurrentState(np.zeros((4, 3)), np.zeros(3), 0), "z", "(3,)", "m = 4"),
        (lambda: RecurrentState(np.zeros((4, 3)), np.zeros(4), -1), "length", "-1", "0"),
        (lambda: state.append(PHI[:, :3], V), "Phi_K", "(11, 3)", "m = 4"),
        (lambda: state.append(PHI, V[:, :2]), "V", "(11, 2)", "d_V = 3"),
        (lambda: state.read(PHI[:, :3]), "Phi_Q", "(11, 3)", "m = 4"),
        (lambda: RecurrentState.empty(4, 3).read(PHI), "length", "0", "one"),
        (lambda: state.truncate(5), "length", "5", ("truncate", "sum")),
        (lambda: columns.proportional_to(np.array([0.5, -1.0])), "weights", "-1.0", "negative"),
        (lambda: columns.proportional_to(np.zeros(3)), "weights", "3 zeros", "0"),
        (lambda: columns.optimal_probabilities(P, V[:10]), "V", "(10, 3)", "N_KV = 11"),
        (lambda: columns.value_probabilities(0 * V), "weights", "11 zeros", "0"),
        (lambda: columns.sampled_product(P, V, p[:10], 3, rng), "p", "10", "11"),
        (lambda: columns.sampled_product(P, V, with_entry(p, 2, -0.5), 3, rng), "p", "-0.5", "negative"),
        (lambda: columns.sampled_product(P, V, 2 * p, 3, rng), "p", (), ("sum", "1")),
        (lambda: columns.sampled_product(P, V, p, 0, rng), "m", "0", ("integer", "1")),
        (lambda: columns.sampled_product(P, V, p, 3, None), "random", "NoneType", "Generator"),
        (lambda: columns.expected_squared_error(P, V, ZERO_AT_2, 3), "p", "column 2", "positive"),
        (lambda: columns.expected_squared_error(P, V, p, 2.0), "m", "2.0", ("integer", "1")),
        (lambda: normalised.self_normalised_attention(Q, K, V[:9], p, 3, rng), "V", "(9, 3)", "N_KV = 11"),
        (lambda: normalised.self_normalised_attention(Q, K, V, p[:5], 3, rng), "p", "5", "11"),
        (lambda: normalised.self_normalised_attention(Q, K, V, p, 3, rng, P[1:] > 0), "mask", "(6, 11)", "(7, 11)"),
        (lambda: normalised.self_normalised_attention(Q, K, V, p, 3, rng, None, -1.0), "scale", "-1.0", "positive"),
        (lambda: normalised.bias_coefficient(P, V, ZERO_AT_2), "p", "column 2", "positive"),
        (lambda: normalised.error_coefficient(P, V, p[:3]), "p", "3", "11"),
        (lambda: poisson_sampling.inclusion_probabilities(V, np.inf), "threshold", "inf", "finite"),
        (lambda: poisson_sampling.keep_columns(2 * np.ones(3), rng), "pi", "2.0", ("0", "1")),
        (lambda: poisson_sampling.keep_columns(p, 1), "random", "int", "Generator"),
        (lambda: poisson_sampling.poisson_product(P, V, p[:4], rng), "pi", "(4,)", "N_KV = 11"),
        (lambda: poisson_sampling.poisson_squared_error(P, V, ZERO_AT_2), "pi", "column 2", "positive"),
        (lambda: leverage.leverage_scores(K[0]), "K", "(5,)", ("N", "d_QK")),
        (lambda: leverage.ridge_leverage_scores(K, 0), "ridge", "0", ("positive", "finite")),
        (lambda: leverage.prefix_leverage_scores(K, -2.0), "ridge", "-2.0", "positive"),
        (lambda: leverage.column_bounds(Q[:, :4], K), "K", "(11, 5)", "d_QK = 4"),
        (lambda: leverage.extreme_query(K, 11), "j", "11", ("0", "10")),
        (lambda: leverage.extreme_query(K, -1), "j", "-1", ("0", "10")),
        (lambda: leverage.heavy_keys(K, 1.5), "share", "1.5", "1"),
        (lambda: lsh.hyperplanes(2, 63, 5, rng), "bits", "63", "62"),
        (lambda: lsh.hyperplanes(0, 3, 5, rng), "tables", "0", ("integer", "1")),
        (lambda: lsh.hyperplanes(2, 3, 5, 7), "random", "int", "Generator"),
        (lambda: lsh.hash_codes(Q[:, :4], H), "H", "(2, 3, 5)", "d = 4"),
        (lambda: lsh.buckets(np.zeros((2, 3), dtype=int)), "codes", "(2, 3)", ("(n)", "integers")),
        (lambda: lsh.colliding_pairs(np.zeros((2, 3)), np.zeros((3, 3))), "codes_Q", "float64", "integers"),
        (lambda: lsh.colliding_pairs([[1]], np.ones((3, 3), dtype=int)), "codes_Q", "list", "integers"),
        (lambda: lsh.colliding_pairs(lsh.hash_codes(Q, H), lsh.hash_codes(K, H)[:1]), "codes_K", ("2", "1"), "tables"),
        (lambda: lsh.collision_probability(Q, with_entry(K, 2, 0.0), 1, 2), "K", "0", ("length", "positive")),
        (lambda: lsh.collision_probability(Q, K, 1, 0), "bits", "0", ("integer", "1")),
        (lambda: lsh.lsh_attention(Q, K, V, H[..., :4]), "H", "(2, 3, 4)", "d_QK = 5"),
        (lambda: lsh.lsh_attention(Q, K, V, H, P[:, :9] > 0), "mask", "(7, 9)", "(7, 11)"),
        (lambda: lsh.augment_keys(np.eye(3), 0.5), "bound", "0.5", ("at least", "1")),
        (lambda: lsh.augment_queries(Q[0]), "Q", "(5,)", ("N_Q", "d_QK")),
        (lambda: sparse.recall_of_heaviest(P, P > 0, 12), "count", "12", "11"),
        (lambda: sparse.recall_of_heaviest(0 * P, P > 0, 2), "P", "none", "0"),
        (lambda: sparse.found_weight(P, P[1:] > 0), "mask", "(6, 11)", "(7, 11)"),
        (lambda: CountSketch.draw(5, 0, rng), "r", "0", ("integer", "1")),
        (lambda: CountSketch.draw(5, 3, rng.random), "random", (), "Generator"),
        (lambda: replace(sketch, h=sketch.h + 3), "h", (), ("0", "r - 1 = 2")),
        (lambda: replace(sketch, h=sketch.h[:4]), "h", "(4,)", ("integer", "5")),
        (lambda: replace(sketch, h=list(range(5))), "h", "list", ("integer", "5")),
        (lambda: replace(sketch, s=2 * sketch.s), "s", (), ("1", "-1")),
        (lambda: sketch(Q[:, :4]), "X", "(7, 4)", "d = 5"),
        (lambda: TensorSketch(()), "parts", "none", "one"),
        (lambda: TensorSketch((sketch, CountSketch.draw(5, 4, rng))), "parts", ("(5, 3)", "(5, 4)"), "same"),
        (lambda: TensorSketch.draw(5, 3, 0, rng), "p", "0", ("integer", "1")),
        (lambda: sketch_errors.sketch_variance(Q, K[:, :4], 3, 2), "K", "(11, 4)", "d = 5"),
        (lambda: sketch_errors.sketch_variance_bound(Q, K, 0, 2), "r", "0", ("integer", "1")),
        (lambda: leak(lambda Q, K, V, random: V, K, K, V, 11, rng), "start", "11", ("1", "10")),
        (lambda: leak(lambda Q, K, V, random: V, Q, K, V, 3, rng), "K", "(11, 5)", "N = 7"),
        (lambda: leak(lambda Q, K, V, random: K, K, K, V, 3, rng), "method", "(11, 5)", "(11, 3)"),
        (lambda: leak(lambda Q, K, V, random: V, K, K, V, 3, 0), "random", "int", "Generator"),
        (lambda: costs.exact_attention_work(4, 0, 5, 3), "N", "0", ("integer", "1")),
        (lambda: costs.linear_attention_work(9, 5, 3, 2.0), "m", "2.0", "integer"),
        (lambda: costs.causal_linear_attention_work(9, 5, 3, 4, 0), "chunk", "0", "1"),
        (lambda: costs.lsh_attention_work(9, 5, 3, 2, 2, -1), "pairs", "-1", "0"),
        (lambda: costs.leverage_scores_work(4, 5), "N", "4", "d = 5"),
        (lambda: costs.exact_attention_work(1, 9, 5, 3, "float12"), "dtype", "'float12'", "float64"),
        (lambda: costs.landmark_attention_work(5, 7, 3, 2, 0), "m", "0", "1"),
        (lambda: costs.tensor_sketch_flops(9, 5, 4, 0), "p", "0", "1"),
    ],
)
def test_values(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule)


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: FeatureAttention(SIZES, 0, rng), "m", "0", ("integer", "1")),
        (
            lambda: FeatureAttention(LatentConfig(d_model=6, n_heads=3, d_latent=4, d_head=2), 4, rng),
            "config",
            "LatentConfig",
            "GroupedConfig",
        ),
        (lambda: FeatureAttention(SIZES, 4, 0), "random", "int", "Generator"),
        (lambda: FeatureAttention(replace(SIZES, window=7), 4, rng), "window", "7", "None"),
        (lambda: FeatureAttention(replace(SIZES, dropout=0.5), 4, rng), "dropout", "0.5", "0"),
        (lambda: in_place_of(layer, lambda config: layer), "layer", "FeatureAttention", "GroupedQueryAttention"),
        (lambda: with_features(exact, 4, rng), "model", "GroupedQueryAttention", "DecoderModel"),
        (lambda: layer(X, Cache()), "cache", "Cache", "StateCache"),
        (lambda: exact(X, StateCache()), "rows", ("K", "V"), ("Phi_K", "U")),
        (lambda: layer(X, cached(), mask=torch.ones(5, 10, dtype=torch.bool)), "mask", "cache", "None"),
        (lambda: layer(X, cached(), return_weights=True), "return_weights", (), "cache"),
        (lambda: layer(X[:1], cached()), "batch", "1", "2"),
        (lambda: FeatureAttention(SIZES, 5, rng)(X, cached()), "rows", ("4", "5"), "layer"),
        (lambda: MethodAttention(replace(SIZES, window=7), mean, rng), "window", "7", "None"),
        (lambda: MethodAttention(SIZES, 3, rng), "method", "int", "function"),
        (lambda: MethodAttention(SIZES, mean, 3), "random", "int", "Generator"),
        (lambda: with_method(exact, mean, rng), "model", "GroupedQueryAttention", "DecoderModel"),
        (lambda: MethodAttention(SIZES, mean, rng)(X, Cache()), "cache", "Cache", "None"),
        (lambda: MethodAttention(SIZES, mean, rng)(X, lengths=torch.tensor([5, 2])), "lengths", (), "None"),
        (lambda: MethodAttention(SIZES, mean, rng)(X, return_weights=True), "return_weights", (), "False"),
        (lambda: MethodAttention(SIZES, lambda *_: Q, rng)(X), "method", "(7, 5)", "(5, 2)"),
        (lambda: cached().truncate(3), "length", "3", ("truncate", "sum")),
        (lambda: cached().floats_per_token, "floats_per_token", (), "StateCache"),
    ],
)
def test_layer_and_state(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule)


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: features.positive_features([[1.0]], W), "X", "list", "NumPy"),
        (lambda: linear_attention(PHI, PHI, np.ones((11, 3), dtype=int)), "V", "int64", "floating-point"),
        (lambda: sparse.found_weight(P, P), "mask", "float64", "boolean"),
        (lambda: columns.proportional_to([1.0, 2.0]), "weights", "list", "NumPy"),
    ],
)
def test_types(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule, error=TypeError)
