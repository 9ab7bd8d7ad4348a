"""Causal matrices in the HODLR format: sums of squared errors, storage by a loop, and attention of a trained model."""

from functools import partial

import numpy as np
import pytest

from course_lib.randomised.hodlr import to_hodlr
from course_lib.randomised.low_rank import svd_within, truncated_svd
from course_lib.randomised.matrix_costs import hodlr_entries
from course_lib.randomised.ranges import randomized_svd


def close(a, b, atol=1e-10):
    np.testing.assert_allclose(a, b, rtol=0, atol=atol)


def lower(n=77, seed=0):
    return np.tril(np.random.default_rng(seed).normal(size=(n, n)))


@pytest.mark.parametrize("n, leaf", [(77, 10), (64, 8), (9, 16), (1, 1), (5, 1)])
def test_full_ranks_give_the_matrix(n, leaf):
    P = lower(n)
    found = to_hodlr(P, partial(svd_within, tolerance=0.0), leaf)
    close(found.matrix(), P)
    X = np.random.default_rng(1).normal(size=(n, 3))
    close(found @ X, P @ X)
    assert found.size == n and max(len(part.part) for part in found.leaves) <= leaf


@pytest.mark.parametrize("rank", [0, 1, 4])
def test_the_squared_error_is_the_sum_over_the_blocks(rank):
    P = lower()
    found = to_hodlr(P, partial(truncated_svd, k=rank), 10)
    total = 0.0
    for block in found.blocks:
        a, b = block.part.U.shape[0], block.part.Vt.shape[1]
        held = P[block.row : block.row + a, block.column : block.column + b]
        total += np.sum(np.linalg.svd(held, compute_uv=False)[rank:] ** 2)
    close(np.linalg.norm(P - found.matrix()) ** 2, total, atol=1e-9)
    close(np.triu(found.matrix(), 1), 0, atol=0)
    assert found.ranks == [rank] * len(found.blocks)


@pytest.mark.parametrize("tolerance", [0.3, 0.1, 1e-3])
def test_a_tolerance_holds_for_the_whole_matrix(heads, tolerance):
    for head in heads:
        found = to_hodlr(head.P, partial(svd_within, tolerance=tolerance), 16)
        assert np.linalg.norm(head.P - found.matrix()) <= tolerance * np.linalg.norm(head.P)


@pytest.mark.parametrize("n, leaf", [(77, 10), (64, 8), (9, 16)])
def test_entries_stored_against_a_count(n, leaf):
    """Each place of the lower triangle is either in a leaf or in exactly one block, and nothing is stored twice."""
    found = to_hodlr(lower(n), partial(truncated_svd, k=1), leaf)
    covered, numbers = np.zeros((n, n), dtype=int), 0
    for part in found.leaves:
        m = len(part.part)
        covered[part.row : part.row + m, part.row : part.row + m] += np.tri(m, dtype=int)
        numbers += np.tri(m, dtype=int).sum()
    for block in found.blocks:
        a, b = block.part.U.shape[0], block.part.Vt.shape[1]
        covered[block.row : block.row + a, block.column : block.column + b] += 1
        numbers += a + b
    np.testing.assert_array_equal(covered, np.tri(n, dtype=int))
    assert found.entries == numbers == hodlr_entries(n, leaf, 1)


def test_entries_in_closed_form():
    """n = 2^L leaf: n (leaf + 1) / 2 + r n L."""
    found = to_hodlr(lower(80), partial(truncated_svd, k=3), 10)
    assert found.entries == 80 * 11 // 2 + 3 * 80 * 3


def test_a_semiseparable_matrix_needs_rank_1():
    """P_ij = x_i y_j for j <= i has blocks of rank 1 below the diagonal, though its own rank is full."""
    random = np.random.default_rng(3)
    P = np.tril(np.outer(random.uniform(1, 2, 60), random.uniform(1, 2, 60)))
    found = to_hodlr(P, partial(svd_within, tolerance=1e-12), 5)
    assert set(found.ranks) == {1} and np.linalg.matrix_rank(P) == 60
    close(found.matrix(), P)


def test_randomised_compression_of_attention_is_near_the_best(heads):
    """With 4 vectors more and 2 powers, on the 4 layers: at most 5 % more error than by truncated SVDs of rank 6."""
    random = np.random.default_rng(0)
    for head in heads[::2]:
        best = to_hodlr(head.P, partial(truncated_svd, k=6), 32)
        found = to_hodlr(head.P, partial(randomized_svd, k=6, oversampling=4, powers=2, random=random), 32)
        errors = [np.linalg.norm(head.P - each.matrix()) for each in (best, found)]
        assert errors[0] * (1 - 1e-12) <= errors[1] <= 1.05 * errors[0]


def test_attention_compresses_better_by_blocks_than_as_a_whole(heads):
    """At equal numbers stored, the HODLR format of P has a smaller error than a truncated SVD in all eight heads."""
    for head in heads:
        found = to_hodlr(head.P, partial(truncated_svd, k=4), 32)
        whole = truncated_svd(head.P, found.entries // 400)
        assert whole.entries <= found.entries < 0.5 * np.tri(200).sum()
        assert np.linalg.norm(head.P - found.matrix()) < np.linalg.norm(head.P - whole.matrix())
