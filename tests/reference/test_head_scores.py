"""Scores of heads against torch's entropy and distances, loops over queries, and heads whose score is known."""

import numpy as np
import pytest
import torch

from course_lib.reference import head_scores

HEADS, PERIOD = (2, 3), 5
N = 2 * PERIOD
TOLERANCE = {"rtol": 0, "atol": 1e-14}  # sums of at most ten terms below one


@pytest.fixture
def P():
    A = np.tril(np.random.default_rng(11).exponential(size=(*HEADS, N, N)))
    return A / A.sum(-1, keepdims=True)


def looking_back(steps):
    """One head that looks `steps` tokens back, at the first token where there is none."""
    P = np.zeros((N, N))
    P[np.arange(N), np.maximum(np.arange(N) - steps, 0)] = 1
    return P


def test_entropy_is_torchs(P):
    expected = torch.special.entr(torch.from_numpy(P)).sum(-1).mean(-1)
    np.testing.assert_allclose(head_scores.entropy(P), expected, **TOLERANCE)
    assert head_scores.entropy(looking_back(3)) == 0
    np.testing.assert_allclose(head_scores.entropy(np.full((3, 7), 1 / 7)), np.log(7), **TOLERANCE)


def test_previous_token_and_induction_are_means_over_queries(P):
    for head in np.ndindex(HEADS):
        before = [P[head][i, i - 1] for i in range(1, N)]
        came_next = [P[head][i, i - PERIOD + 1] for i in range(PERIOD, N)]
        np.testing.assert_allclose(head_scores.previous_token(P)[head], sum(before) / len(before), **TOLERANCE)
        np.testing.assert_allclose(head_scores.induction(P, PERIOD)[head], sum(came_next) / PERIOD, **TOLERANCE)
    for steps in range(N):
        assert head_scores.induction(looking_back(steps), PERIOD) == (steps == PERIOD - 1)
    assert [head_scores.previous_token(looking_back(steps)) for steps in (0, 1)] == [0, 1]


def test_distances_are_half_the_city_block_distance(P):
    heads = P.reshape(-1, N, N)
    rows = torch.from_numpy(heads).transpose(0, 1).contiguous()  # (N, heads, N)
    expected = torch.cdist(rows, rows, p=1).mean(0) / 2
    np.testing.assert_allclose(head_scores.distances(heads), expected, **TOLERANCE)
    strangers = np.stack([np.eye(N), np.eye(N)[::-1]])
    assert head_scores.distances(strangers)[0, 1] == 1


def test_scores_agree_with_the_exercises(P):
    from course_lib.exercises import nb03_head_scores as exercises

    for heads in P:
        np.testing.assert_array_equal(head_scores.previous_token(heads), exercises.previous_token_score(heads))
        np.testing.assert_array_equal(head_scores.induction(heads, PERIOD), exercises.induction_score(heads, PERIOD))


def test_heads_by_turns_are_those_of_sorted_scores(P):
    """Drawn from two sorted lists in turn, those that were drawn before left out."""
    scores = head_scores.previous_token(P), head_scores.induction(P, PERIOD)
    lists = [sorted(np.ndindex(HEADS), key=lambda head: -score[head]) for score in scores]  # noqa: B023
    expected = []
    for k in range(len(lists[0])):
        expected += [heads[k] for heads in lists if heads[k] not in expected]
    assert head_scores.by_turns(*scores) == expected and len(expected) == 6
    same = np.zeros((2, 2))
    assert head_scores.by_turns(same, same) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_layers_and_heads_that_lead():
    ranked = [(3, 1), (0, 0), (3, 0), (2, 1), (0, 1), (2, 0), (1, 0), (1, 1)]
    for count, layers in ((1, [3]), (2, [0, 3]), (3, [0, 2, 3]), (9, [0, 1, 2, 3])):
        assert head_scores.leading_layers(ranked, count) == layers
    # The best two, and of the six others the first and the fourth.
    assert head_scores.best_and_others(ranked, 4) == sorted([(3, 1), (0, 0), (3, 0), (2, 0)])
    assert head_scores.best_and_others(ranked, 1) == [(3, 1)]
    assert head_scores.best_and_others(ranked, 8) == head_scores.best_and_others(ranked, 20) == sorted(ranked)
