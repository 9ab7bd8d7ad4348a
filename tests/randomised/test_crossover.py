"""Times of approximations at an error to keep: readers against the NumPy methods, and the choice of settings."""

import numpy as np
import pytest
import torch

from course_lib.models import shipped
from course_lib.randomised import crossover
from course_lib.randomised.crossover import FarBlock, Row
from course_lib.randomised.given_weights import HeadsOnTexts
from course_lib.randomised.landmarks import centred, landmark_kernel
from course_lib.randomised.random_features import positive_features
from course_lib.randomised.timed_methods import READERS, outputs, random_pivots

BLOCK = FarBlock(*torch.from_numpy(np.random.default_rng(0).normal(size=(3, 2, 40, 6)) * 0.7).float())
Q, K, V = (rows[0] for rows in BLOCK)


def sums(name, m, seed=0):
    return READERS[name](Q, K, V, m, np.random.default_rng(seed))(Q).double().numpy()


def kernel_sums(A):
    return A @ np.column_stack([V.numpy(), np.ones(len(V))])


def test_all_keys_and_all_landmarks_are_exact():
    wanted = kernel_sums(np.exp(Q.double().numpy() @ K.double().numpy().T))
    np.testing.assert_allclose(sums("keys", 40), wanted, rtol=1e-4)
    np.testing.assert_allclose(sums("landmarks", 40), wanted, rtol=1e-4)
    assert crossover.sums_error("keys", BLOCK, 40, np.random.default_rng(0)) < 1e-5


def test_landmarks_are_those_of_the_package_at_the_same_pivots():
    keys = (K - K.mean(0)).double()
    _, pivots = random_pivots(keys, 9, np.random.default_rng(4))
    X, Y = Q.double().numpy(), K.double().numpy()
    A = np.exp(X @ Y.mean(0))[:, None] * landmark_kernel(X, centred(Y), centred(Y)[pivots], 1.0)
    np.testing.assert_allclose(sums("landmarks", 9, seed=4), kernel_sums(A), rtol=2e-4)


def test_features_are_those_of_the_package_with_the_same_directions():
    W = np.random.default_rng(5).standard_normal((7, 6))
    A = positive_features(Q.double().numpy(), W) @ positive_features(K.double().numpy(), W).T
    np.testing.assert_allclose(sums("features", 7, seed=5), kernel_sums(A), rtol=1e-4)


@pytest.mark.parametrize("name", READERS)
def test_outputs_that_are_timed_are_quotients_of_the_sums(name):
    found = outputs(name, Q, K, V, 11, np.random.default_rng(7)).numpy()
    wanted = sums(name, 11, seed=7)
    np.testing.assert_allclose(found, wanted[:, :-1] / wanted[:, -1:], rtol=1e-4, atol=1e-6)


def test_the_error_is_that_of_sums_in_units_of_the_exact_row_sums():
    few = FarBlock(*(rows[:1] for rows in BLOCK))
    A = kernel_sums(np.exp(Q.double().numpy() @ K.double().numpy().T))
    off = (sums("keys", 8, seed=6) - A) / A[:, -1:]
    found = crossover.sums_error("keys", few, 8, np.random.default_rng(6))
    assert found == pytest.approx(np.linalg.norm(off) / np.linalg.norm(A / A[:, -1:]), rel=1e-4)


def test_the_least_setting_has_the_error_and_the_one_before_does_not(monkeypatch):
    errors = {16: 0.9, 32: 0.4}
    monkeypatch.setattr(crossover, "sums_error", lambda name, block, m, random: errors[m])
    assert crossover.least_setting("keys", BLOCK, 0.5, np.random.default_rng(0)) == 32
    assert crossover.least_setting("keys", BLOCK, 0.9, np.random.default_rng(0)) == 16
    assert crossover.least_setting("keys", BLOCK, 0.1, np.random.default_rng(0)) is None


def test_faster_from_the_least_length_after_which_it_stays_faster():
    times = {256: 2.0, 1024: 0.5, 4096: 2.0, 16384: 0.5, 65536: 0.1}
    rows = [Row("keys", 0, 0.3, N, 16, ms, 1.0) for N, ms in times.items()]
    assert crossover.faster_from(rows, "keys", 0) == 16384
    assert crossover.faster_from([*rows[:-1], Row("keys", 0, 0.3, 65536, None, None, 1.0)], "keys", 0) is None
    assert crossover.faster_from(rows, "keys", 1) is None


def test_far_blocks_pool_halves_of_texts_and_rows_hold_both_times():
    model = shipped.load("docs-mha").model
    ids = torch.arange(513) % 500
    blocks = crossover.far_blocks(model, ids, 512, heads=(1, 6))
    texts = HeadsOnTexts(model, torch.stack([ids[:257], ids[256:]])).heads
    assert len(blocks) == len(texts) and blocks[0].Q.shape == (2, 256, 32)
    scaled = texts[2].scale ** 0.5
    np.testing.assert_allclose(blocks[2].K[1, 128:], scaled * texts[2].K[1, 6, :128], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(blocks[2].Q[0, :128], scaled * texts[2].Q[0, 1, 128:], rtol=1e-5, atol=1e-6)
    rows = crossover.measure(model, ids, [256, 512], {"keys": 64}, np.random.default_rng(0))
    assert [(row.layer, row.N) for row in rows] == [(layer, N) for layer in range(4) for N in (256, 512)]
    assert all(row.exact_ms > 0 and (row.m is None) == (row.ms is None) for row in rows)


def test_the_error_to_keep_is_the_median_over_single_texts_and_each_length_has_its_own_setting(monkeypatch):
    errors = iter([1.0, 5.0, 2.0] * 4)  # of the three texts of 256 tokens, in each of four layers
    monkeypatch.setattr(crossover, "sums_error", lambda *given: next(errors))
    monkeypatch.setattr(crossover, "least_setting", lambda name, block, error, random: block.K.shape[1] // 8)
    model, ids = shipped.load("docs-mha").model, torch.arange(769) % 500
    rows = crossover.measure(model, ids, [256, 768], {"keys": 64}, np.random.default_rng(0))
    assert [(row.N, row.error, row.m) for row in rows] == [(256, 2.0, 16), (768, 2.0, 48)] * 4
