"""Causal attention from blocks: exact for exact blocks, causal for estimates that read the keys of a block."""

import numpy as np
import pytest

from course_lib.randomised import leak
from course_lib.randomised.block_attention import block_attention, of_blocks
from course_lib.randomised.estimates import METHODS, estimate, exact
from course_lib.reference.attention import attention, causal_mask

N, D = 37, 5
Q, K, V = np.random.default_rng(0).normal(size=(3, N, D))


@pytest.mark.parametrize("leaf", [1, 6, N])
def test_exact_blocks_are_causal_attention(leaf):
    found = block_attention(lambda Q, K, V, random: exact(Q, K), leaf)(Q, K, V, np.random.default_rng(0))
    np.testing.assert_allclose(found, attention(Q, K, V, causal_mask(N, N)), rtol=0, atol=1e-12)


def test_each_pair_is_in_one_block_or_in_a_triangle():
    sizes = []

    def block(Q, K, V, random):
        sizes.append((len(Q), len(K)))
        return np.zeros((len(Q), len(K)))

    near = block_attention(block, 6)(Q, K, np.eye(N), np.random.default_rng(0)) != 0
    assert np.array_equal(near, np.tril(near)) and near.diagonal().all()
    assert sum(n * m for n, m in sizes) + near.sum() == N * (N + 1) // 2


def test_a_block_is_estimated_by_the_named_method():
    found = block_attention(of_blocks("keys, uniform", 4), 20)(Q, K, V, np.random.default_rng(3))
    half = N // 2
    A = np.tril(np.exp(D**-0.5 * Q @ K.T))
    A[half:, :half] = estimate("keys, uniform", Q[half:], K[:half], V[:half], 4, np.random.default_rng(3))
    np.testing.assert_allclose(found, A @ V / A.sum(1, keepdims=True), rtol=0, atol=1e-12)


def test_a_row_without_a_positive_sum_sees_its_triangle_alone():
    found = block_attention(lambda Q, K, V, random: np.full((len(Q), len(K)), -1e9), 20)(Q, K, V, None)
    half = N // 2
    alone = attention(Q[half:], K[half:], V[half:], causal_mask(N - half, N - half))
    np.testing.assert_allclose(found[half:], alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", METHODS)
def test_methods_that_do_not_form_all_scores_are_causal(name):
    method = block_attention(of_blocks(name, 3), 6)
    found = max(leak(method, Q, K, V, start, np.random.default_rng(1)) for start in (5, 21, 30))
    assert found > 1e-3 if METHODS[name].forms_all else found < 1e-9
