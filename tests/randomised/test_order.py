"""Spearman's correlation is scipy's, and rounding errors do not change it."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from course_lib.randomised import order_correlation


@pytest.mark.parametrize("seed", range(5))
def test_it_is_scipys_with_and_without_ties(seed):
    random = np.random.default_rng(seed)
    x, y = random.standard_normal((2, 40))
    assert order_correlation(x, y) == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)
    x, y = x.round(), y.round(1)
    assert order_correlation(x, y) == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)


def test_rounding_does_not_order_what_is_equal():
    random = np.random.default_rng(0)
    x = np.repeat(random.random(10), 3)
    y = random.random(30)
    noisy = x + 1e-13 * random.standard_normal(30)
    assert order_correlation(noisy, y) == order_correlation(x, y) != spearmanr(noisy, y).statistic


def test_the_same_order_has_the_correlation_one():
    x = np.array([3.0, 1.0, 2.0])
    assert order_correlation(x, np.exp(x)) == pytest.approx(1) and order_correlation(x, -x) == pytest.approx(-1)
