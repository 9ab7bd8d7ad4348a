"""Which methods let a later token change an earlier output, with the causal mask applied in all of them."""

from functools import partial

import numpy as np
import pytest

from course_lib.randomised.causality import leak
from course_lib.randomised.column_sampling import (
    optimal_probabilities,
    proportional_to,
    sampled_product,
    value_probabilities,
)
from course_lib.randomised.feature_attention import causal_linear_attention, feature_weights, linear_attention
from course_lib.randomised.hodlr import to_hodlr
from course_lib.randomised.landmarks import landmark_kernel
from course_lib.randomised.leverage import leverage_scores, prefix_leverage_scores
from course_lib.randomised.low_rank import truncated_svd
from course_lib.randomised.lsh import (
    augment_keys,
    augment_queries,
    colliding_pairs,
    hash_codes,
    hyperplanes,
    lsh_attention,
)
from course_lib.randomised.poisson_sampling import inclusion_probabilities, poisson_product
from course_lib.randomised.random_features import orthogonal_directions, positive_features, share_scale
from course_lib.randomised.self_normalised import self_normalised_attention
from course_lib.randomised.sketches import TensorSketch
from course_lib.reference.attention import attention, attention_weights, causal_mask

N, D = 24, 5
rng = np.random.default_rng(0)
Q, K, V = rng.normal(size=(N, D)), rng.normal(size=(N, D)), rng.normal(size=(N, 3))
CAUSAL = causal_mask(N, N)


def features(Q, K, random):
    W = orthogonal_directions(40, D, random)
    return (positive_features(X, W) for X in share_scale(Q, K))


def sampled(p):
    """The sampled product of the causal weights, with probabilities p(P, K, V)."""

    def method(Q, K, V, random):
        P = attention_weights(Q, K, CAUSAL)
        return sampled_product(P, V, p(P, K, V), 12, random)

    return method


def kept_by_prefix_leverage(Q, K, V, random):
    """Attention to keys whose score within their prefix is at least 0.2."""
    return attention(Q, K, V, CAUSAL & (prefix_leverage_scores(K, 0.5) >= 0.2))


def kept_by_leverage(Q, K, V, random):
    return attention(Q, K, V, CAUSAL & (leverage_scores(K) >= 0.2))


def hashed(bound):
    """Hashing of augmented rows with a bound of the keys' lengths that is bound(K)."""

    def method(Q, K, V, random):
        long_K = augment_keys(K, bound(K))
        H = hyperplanes(3, 2, D + 1, random)
        pairs = colliding_pairs(hash_codes(augment_queries(Q), H), hash_codes(long_K, H))
        return attention(Q, K, V, CAUSAL & pairs)

    return method


def sketched(Q, K, V, random):
    """The kernel <q, k>^2, sketched; 4001 buckets keep normalisers away from 0."""
    sketch = TensorSketch.draw(D, 4001, 2, random)
    return causal_linear_attention(sketch(Q), sketch(K), V)[0]


def landmarks(Q, K, V, random):
    """The kernel exp(Q K^T) through every fourth key as a landmark; the mask is applied to the result."""
    return (landmark_kernel(Q, K, K[3::4], 1.0) * CAUSAL) @ V


def low_rank_weights(Q, K, V, random):
    """The best approximation of rank 5 of the causal weights."""
    return truncated_svd(attention_weights(Q, K, CAUSAL), 5) @ V


def hierarchical(Q, K, V, random):
    """The causal weights with blocks below the diagonal of rank 1: later rows of a block change the earlier ones."""
    return to_hodlr(attention_weights(Q, K, CAUSAL), partial(truncated_svd, k=1), leaf=3) @ V


CAUSAL_METHODS = {
    "exact": lambda Q, K, V, random: attention(Q, K, V, CAUSAL),
    "running sum": lambda Q, K, V, random: causal_linear_attention(*features(Q, K, random), V)[0],
    "masked features": lambda Q, K, V, random: feature_weights(*features(Q, K, random), CAUSAL) @ V,
    "Poisson sampling": lambda Q, K, V, random: poisson_product(
        attention_weights(Q, K, CAUSAL), V, inclusion_probabilities(V, 3.0), random
    ),
    "prefix leverage": kept_by_prefix_leverage,
    "hashing": lambda Q, K, V, random: lsh_attention(Q, K, V, hyperplanes(3, 2, D, random), CAUSAL),
    "hashing, fixed bound": hashed(lambda K: 20.0),
    "sketch": sketched,
}
LEAKING_METHODS = {
    "no mask in the sum": lambda Q, K, V, random: linear_attention(*features(Q, K, random), V),
    "columns by norms of P and V": sampled(lambda P, K, V: optimal_probabilities(P, V)),
    "columns by norms of V": sampled(lambda P, K, V: value_probabilities(V)),
    "columns by leverage": sampled(lambda P, K, V: proportional_to(leverage_scores(K))),
    "self-normalised": lambda Q, K, V, random: self_normalised_attention(
        Q, K, V, value_probabilities(V), 12, random, CAUSAL
    ),
    "leverage of all keys": kept_by_leverage,
    "hashing, bound by the longest key": hashed(lambda K: np.linalg.norm(K, axis=1).max()),
    "landmarks": landmarks,
    "low rank of P": low_rank_weights,
    "blocks of low rank below the diagonal": hierarchical,
}


def worst(method) -> float:
    """The largest leak when tokens from 12, 18 and 23 on are replaced, four times each."""
    generator = np.random.default_rng(1)
    return max(leak(method, Q, K, V, start, generator) for start in (12, 18, 23) * 4)


@pytest.mark.parametrize("name", CAUSAL_METHODS)
def test_no_later_token_changes_an_earlier_output(name):
    assert worst(CAUSAL_METHODS[name]) < 1e-10


@pytest.mark.parametrize("name", LEAKING_METHODS)
def test_the_leak_is_seen(name):
    """The outputs are of size 1. A method of this list is not causal, although each applies the mask (but for one)."""
    assert worst(LEAKING_METHODS[name]) > 1e-3


def test_uniform_draws_change_with_the_length_of_the_text_and_not_with_its_tokens():
    uniform = sampled(lambda P, K, V: proportional_to(np.ones(len(K))))
    assert worst(uniform) < 1e-10
    P = attention_weights(Q, K, CAUSAL)
    short, whole = (
        sampled_product(P[:n, :n], V[:n], proportional_to(np.ones(n)), 12, np.random.default_rng(2)) for n in (12, N)
    )
    assert np.abs(short - whole[:12]).max() > 0.1


def test_both_runs_get_the_same_random_numbers():
    assert leak(lambda Q, K, V, random: random.normal(size=V.shape), Q, K, V, 5, np.random.default_rng(3)) == 0


def test_only_outputs_before_the_start_count():
    """y_i = v_i leaks nothing, and y_i = v_{i+1} leaks the change of the first token that is replaced."""
    seen = []

    def next_value(Q, K, V, random):
        seen.append(V)
        return np.roll(V, -1, axis=0)

    assert leak(lambda Q, K, V, random: V, Q, K, V, 5, np.random.default_rng(4)) == 0
    found = leak(next_value, Q, K, V, 5, np.random.default_rng(4))
    assert found == np.abs(seen[0][5] - seen[1][5]).max() > 0
    assert (seen[1][:5] == V[:5]).all() and (seen[1][5:] != V[5:]).all()
