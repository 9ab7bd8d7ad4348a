"""Hashing by hyperplanes: collision rates, attention over pairs that collide, and what is lost."""

import numpy as np
import pytest

from course_lib.randomised.lsh import (
    augment_keys,
    augment_queries,
    buckets,
    colliding_pairs,
    collision_probability,
    hash_codes,
    hyperplanes,
    lsh_attention,
)
from course_lib.randomised.sparse import found_weight, recall_of_heaviest
from course_lib.reference.attention import attention, attention_weights, causal_mask

rng = np.random.default_rng(0)
Q, K, V = rng.normal(size=(7, 5)), rng.normal(size=(11, 5)), rng.normal(size=(11, 3))
P = attention_weights(Q, K)


@pytest.mark.parametrize("bits", [1, 3])
def test_collision_rate_of_a_table(bits, mean_is):
    """77 pairs, 20000 tables: by chance below 5e-5."""
    H = hyperplanes(20_000, bits, 5, np.random.default_rng(1))
    equal = hash_codes(Q, H)[:, :, None] == hash_codes(K, H)[:, None, :]
    mean_is(equal, collision_probability(Q, K, 1, bits), within=0.05)


def test_collision_rate_of_several_tables(mean_is):
    """77 pairs, 2000 draws of 4 tables with 3 bits: by chance below 5e-5."""
    random, found = np.random.default_rng(2), []
    for _ in range(2000):
        H = hyperplanes(4, 3, 5, random)
        found.append(colliding_pairs(hash_codes(Q, H), hash_codes(K, H)))
    mean_is(np.array(found), collision_probability(Q, K, 4, 3), within=0.1)


def test_probabilities_at_known_angles():
    x = np.array([[2.0, 0.0]])
    at = np.array([[7.0, 0.0], [1.0, 1.0], [0.0, 3.0], [-1.0, 0.0]])
    np.testing.assert_allclose(collision_probability(x, at, 1, 2)[0], [1, 9 / 16, 1 / 4, 0], atol=1e-12)
    np.testing.assert_allclose(collision_probability(x, at, 3, 1)[0], [1, 63 / 64, 7 / 8, 0], atol=1e-12)


def test_codes_are_bits_of_signs():
    H = hyperplanes(3, 4, 5, np.random.default_rng(3))
    codes = hash_codes(Q, H)
    assert codes.shape == (3, 7)
    for t in range(3):
        for i in range(7):
            assert codes[t, i] == sum(2**b for b in range(4) if H[t, b] @ Q[i] >= 0)
    assert (hash_codes(5 * Q, H) == codes).all()
    assert (hash_codes(-Q, H) == 15 - codes).all()


def test_buckets_partition_the_rows():
    codes = np.array([5, 0, 5, 3, 0, 5])
    assert {code: rows.tolist() for code, rows in buckets(codes).items()} == {0: [1, 4], 3: [3], 5: [0, 2, 5]}


def test_pairs_against_a_comparison_of_all_codes():
    H = hyperplanes(3, 2, 5, np.random.default_rng(4))
    of_Q, of_K = hash_codes(Q, H), hash_codes(K, H)
    pairs = colliding_pairs(of_Q, of_K)
    assert (pairs == (of_Q[:, :, None] == of_K[:, None, :]).any(0)).all()
    assert 0 < pairs.mean() < 1


def test_attention_over_pairs_is_attention_with_that_mask():
    H, causal = hyperplanes(2, 2, 5, np.random.default_rng(5)), causal_mask(11, 11)
    pairs = colliding_pairs(hash_codes(Q, H), hash_codes(K, H))
    np.testing.assert_allclose(lsh_attention(Q, K, V, H, scale=0.7), attention(Q, K, V, pairs, scale=0.7), atol=1e-12)
    within = colliding_pairs(hash_codes(K, H), hash_codes(K, H)) & causal
    np.testing.assert_allclose(lsh_attention(K, K, V, H, causal), attention(K, K, V, within), atol=1e-12)


def test_limits_of_few_and_many_tables():
    """One bit and 400 tables find every pair that is not at angle pi. 40 bits and one table find none: Y = 0."""
    random = np.random.default_rng(6)
    np.testing.assert_allclose(lsh_attention(Q, K, V, hyperplanes(400, 1, 5, random)), attention(Q, K, V), atol=1e-12)
    assert (lsh_attention(Q, K, V, hyperplanes(1, 40, 5, random)) == 0).all()


def test_what_the_missing_pairs_cost():
    """The l_1 distance of a row is 2 (1 - c), exactly, and outputs are within that times the largest value."""
    pairs = rng.random((7, 11)) < 0.4
    pairs[:, 0] = True
    restricted, c = attention_weights(Q, K, pairs), found_weight(P, pairs)
    np.testing.assert_allclose(np.abs(restricted - P).sum(1), 2 * (1 - c), atol=1e-12)
    errors = np.linalg.norm((restricted - P) @ V, axis=1)
    assert (errors <= 2 * (1 - c) * np.linalg.norm(V, axis=1).max()).all()


def test_recall_by_hand():
    weights = np.array([[0.5, 0.3, 0.2, 0.0], [1.0, 0.0, 0.0, 0.0]])
    pairs = np.array([[True, False, True, True], [True, False, False, False]])
    assert recall_of_heaviest(weights, pairs, 1) == 1.0
    assert recall_of_heaviest(weights, pairs, 2) == 2 / 3  # the second row sees one key only
    assert recall_of_heaviest(weights, pairs, 4) == 3 / 4
    np.testing.assert_allclose(found_weight(weights, pairs), [0.7, 1.0])


def test_recall_is_the_collision_rate_of_the_heaviest_keys(mean_is):
    """1000 draws of 2 tables with 4 bits, one mean: by chance 6e-7."""
    random, found = np.random.default_rng(7), []
    for _ in range(1000):
        H = hyperplanes(2, 4, 5, random)
        found.append(recall_of_heaviest(P, colliding_pairs(hash_codes(Q, H), hash_codes(K, H)), 1))
    heaviest = P.argmax(1)
    mean_is(np.array(found), collision_probability(Q, K, 2, 4)[np.arange(7), heaviest].mean(), within=0.1)


def test_augmented_rows_turn_scores_into_angles():
    bound = 1.3 * np.linalg.norm(K, axis=1).max()
    long_Q, long_K = augment_queries(Q), augment_keys(K, bound)
    np.testing.assert_allclose(np.linalg.norm(long_K, axis=1), 1.0, atol=1e-12)
    expected = Q @ K.T / (np.linalg.norm(Q, axis=1)[:, None] * bound)
    np.testing.assert_allclose(long_Q @ long_K.T / np.linalg.norm(long_Q, axis=1)[:, None], expected, atol=1e-12)
    chances = collision_probability(long_Q, long_K, 1, 6)
    assert (chances.argmax(1) == P.argmax(1)).all()
    plain = collision_probability(Q, K, 1, 6)
    assert (plain.argmax(1) != P.argmax(1)).any()
