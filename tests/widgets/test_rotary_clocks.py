"""The numbers of figure 6 against Hugging Face's rotary embedding, and the identities of rotation."""

import numpy as np
import pytest
import torch
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

from course_lib.config import Rope
from course_lib.widgets.base import unpacked
from course_lib.widgets.rotary_clocks import RotaryClocks

P, N = 10, 13


def vectors():
    return np.random.default_rng(8).normal(size=(2, P))


@pytest.fixture
def figure():
    return RotaryClocks(*vectors(), positions=N)


def turned_by_llama(x, factor):
    """(N, P) at positions 0 to N - 1; Llama pairs column i with i + P / 2, so even columns are put first."""
    config = LlamaConfig(hidden_size=P, num_attention_heads=1)  # its base is 10,000 by default
    order = np.concatenate([np.arange(0, P, 2), np.arange(1, P, 2)])
    rows = torch.from_numpy(np.tile(x[order], (N, 1)))[None, None]
    at = torch.arange(N, dtype=torch.float32)[None] / factor
    cos, sin = LlamaRotaryEmbedding(config)(rows, at)
    result = np.empty((N, P))
    result[:, order] = apply_rotary_pos_emb(rows, rows, cos, sin)[0][0, 0]
    return result


@pytest.mark.parametrize("factor", [1.0, 4.0])
def test_scores_are_those_of_llama(factor):
    figure = RotaryClocks(*vectors(), rope=Rope(factor=factor), positions=N)
    q, k = (turned_by_llama(x, factor) for x in vectors())
    # Llama computes angles, up to 12 radians here, in float32: their error is about 1e-6.
    np.testing.assert_allclose(figure.scores, q @ k.T, rtol=0, atol=2e-5)
    np.testing.assert_allclose(unpacked(figure.data["q"]), q, rtol=0, atol=1e-5)
    np.testing.assert_allclose(unpacked(figure.data["k"]), k, rtol=0, atol=1e-5)


def test_the_base_sets_the_frequencies():
    figure = RotaryClocks(*vectors(), rope=Rope(base=500.0, factor=2.0), positions=N)
    np.testing.assert_allclose(figure.data["theta"], [500 ** (-2 * i / P) / 2 for i in range(P // 2)], rtol=1e-14)


def test_a_score_depends_on_the_shift_only(figure):
    for shift, score in zip(figure.shifts, figure.by_shift, strict=True):
        diagonal = np.diag(figure.scores, -shift)
        assert len(diagonal) == N - abs(shift)
        np.testing.assert_allclose(diagonal, score, rtol=0, atol=1e-13)  # rounding of ten products of size 1


def test_waves_are_the_parts_of_a_matrix_power(figure):
    """Term i at shift s is q_i^T R^{-s} k_i, with R the rotation by theta_i, multiplied out."""
    q, k = vectors()
    for i in range(P // 2):
        theta = 10_000 ** (-2 * i / P)
        R = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
        part = slice(2 * i, 2 * i + 2)
        for shift, row in zip(figure.shifts, figure.waves, strict=True):
            expected = q[part] @ np.linalg.matrix_power(R, -shift) @ k[part]
            assert abs(row[i] - expected) < 1e-13
    np.testing.assert_allclose(figure.waves.sum(axis=1), figure.by_shift, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("m", "n"), [(0, 0), (7, 2), (2, 7), (12, 1)])
def test_terms_and_angles_of_the_chosen_positions(figure, m, n):
    figure.query, figure.key = m, n
    assert figure.shift == m - n and figure.score == figure.scores[m, n]
    q, k = (x.reshape(-1, 2) for x in vectors())
    lengths = np.linalg.norm(q, axis=1), np.linalg.norm(k, axis=1)
    np.testing.assert_allclose(figure.terms, lengths[0] * lengths[1] * np.cos(figure.angles), rtol=0, atol=1e-13)
    np.testing.assert_allclose(figure.terms, figure.waves[figure.shifts == m - n][0], rtol=0, atol=1e-13)
    start = np.arctan2(k[:, 1], k[:, 0]) - np.arctan2(q[:, 1], q[:, 0])
    turn = start + (n - m) * np.array(figure.data["theta"])
    np.testing.assert_allclose(np.exp(1j * figure.angles), np.exp(1j * turn), rtol=0, atol=1e-13)
    np.testing.assert_allclose(unpacked(figure.data["lengths"]), lengths, rtol=1e-14)


def test_alternative_text_and_table_hold_the_numbers(figure):
    figure.query, figure.key = 7, 2
    past = figure.scores[-1, ::-1]  # shifts 0, 1, ...
    assert f"add up to the score {figure.score:.2f}" in figure.alt()
    assert f"highest, {past.max():.2f}, at {past.argmax()}." in figure.alt()
    assert f"<td>{figure.angles[3]:.3f}</td><td>{figure.terms[3]:.3f}</td>" in figure.table()
    assert f"<td>{figure.score:.3f}</td>" in figure.table()
    assert repr(figure) == "RotaryClocks(pairs=5, positions=13)"


def test_vectors_of_zeros_are_shown():
    figure = RotaryClocks(np.zeros(4), np.zeros(4), positions=3)
    assert figure.score == 0 and "score 0.00" in figure.alt() and "<figure>" in figure.twin()
