"""Sampled products: means and errors in closed form, optimal probabilities, and two variants."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multinomial

from course_lib.randomised.column_sampling import (
    expected_squared_error,
    optimal_probabilities,
    proportional_to,
    sampled_product,
    value_probabilities,
)
from course_lib.randomised.leverage import leverage_scores
from course_lib.randomised.poisson_sampling import (
    inclusion_probabilities,
    keep_columns,
    poisson_product,
    poisson_squared_error,
)
from course_lib.randomised.self_normalised import bias_coefficient, error_coefficient, self_normalised_attention
from course_lib.reference.attention import attention, attention_weights, causal_mask

rng = np.random.default_rng(0)
Q, K, V = rng.normal(size=(7, 5)), rng.normal(size=(11, 5)), rng.normal(size=(11, 3))
P = attention_weights(Q, K)
UNIFORM = proportional_to(np.ones(11))
PROBABILITIES = {
    "optimal": optimal_probabilities(P, V),
    "values": value_probabilities(V),
    "uniform": UNIFORM,
    "leverage": proportional_to(leverage_scores(K)),
}


@pytest.mark.parametrize("kind", PROBABILITIES)
def test_mean_and_error_of_a_sampled_product(kind, mean_is):
    """21 entries and one error, 4000 draws of 6 columns: by chance below 2e-5."""
    p, random = PROBABILITIES[kind], np.random.default_rng(1)
    found = np.array([sampled_product(P, V, p, 6, random) for _ in range(4000)])
    mean_is(found, P @ V, within=0.2)
    mean_is(((found - P @ V) ** 2).sum((1, 2)), expected_squared_error(P, V, p, 6), within=0.1)


def test_the_error_is_a_variance_over_the_columns():
    """The exact mean over all 11 columns for m = 1, and 1/m of that for m columns."""
    p = PROBABILITIES["values"]
    one = sum(p[j] * ((np.outer(P[:, j], V[j]) / p[j] - P @ V) ** 2).sum() for j in range(11))
    assert abs(expected_squared_error(P, V, p, 1) - one) < 1e-12
    assert abs(expected_squared_error(P, V, p, 8) - one / 8) < 1e-12


def test_optimal_probabilities_against_a_numerical_minimum():
    """scipy minimises over logarithms of weights, from uniform ones."""

    def error(logarithms):
        return expected_squared_error(P, V, proportional_to(np.exp(logarithms)), 1)

    least = expected_squared_error(P, V, PROBABILITIES["optimal"], 1)
    norms = np.linalg.norm(P, axis=0) * np.linalg.norm(V, axis=1)
    assert abs(least - (norms.sum() ** 2 - ((P @ V) ** 2).sum())) < 1e-12
    found = minimize(error, np.zeros(11))
    assert abs(found.fun - least) < 1e-6 * least
    assert all(expected_squared_error(P, V, p, 1) >= least - 1e-12 for p in PROBABILITIES.values())


def test_one_column_of_weight_is_sampled_exactly():
    sink = np.zeros((7, 11))
    sink[:, 4] = 1.0
    p = optimal_probabilities(sink, V)
    found = sampled_product(sink, V, p, 1, np.random.default_rng(2))
    np.testing.assert_allclose(found, sink @ V, atol=1e-12)
    assert expected_squared_error(sink, V, p, 1) < 1e-12


def test_uniform_sampling_misses_a_sink():
    """All rows give weight 0.9 to key 4: m uniform draws miss it with probability (1 - 1/N)^m, here 0.56 for m = 6."""
    sink = 0.1 * P / (1 - P[:, 4:5]) * (np.arange(11) != 4)
    sink[:, 4] = 0.9
    ratio = expected_squared_error(sink, V, UNIFORM, 6) / expected_squared_error(
        sink, V, optimal_probabilities(sink, V), 6
    )
    assert ratio > 10
    random, draws = np.random.default_rng(3), 2000
    missed = sum(4 not in random.choice(11, size=6, p=UNIFORM) for _ in range(draws)) / draws
    chance = (10 / 11) ** 6
    assert abs(missed - chance) < 5 * np.sqrt(chance * (1 - chance) / draws)  # by chance: 6e-7


def exact_moments(row, values, p, m):
    """E[y_hat - y] and E ||y_hat - y||^2 of one row of the self-normalised estimate, over all counts of the keys."""
    counts = np.array([c for c in product(range(m + 1), repeat=len(p)) if sum(c) == m])
    chances = multinomial.pmf(counts, m, p)
    ratio = counts * (row / p)
    errors = ratio @ values / ratio.sum(1, keepdims=True) - row @ values
    return chances @ errors, chances @ (errors**2).sum(1)


def test_bias_and_error_of_the_self_normalised_estimate_are_of_order_one_over_m():
    """Exact moments over all counts of 3 keys: the first-order terms are right up to 1/m."""
    row, values, p = np.array([0.5, 0.2, 0.3]), V[:3], np.array([0.25, 0.45, 0.3])
    bias, error = bias_coefficient(row[None], values, p)[0], error_coefficient(row[None], values, p)[0]
    for m in (30, 60, 120):
        exact_bias, exact_error = exact_moments(row, values, p, m)
        assert np.abs(m * exact_bias - bias).max() < 3 / m * np.abs(bias).max()
        assert abs(m * exact_error - error) < 5 / m * error


def test_self_normalised_attention_has_the_exact_moments(mean_is):
    """3 keys, 9 draws each, 4000 estimates: 4 means, by chance below 3e-6."""
    q, keys, values, p = Q[:1], K[:3], V[:3], np.array([0.25, 0.45, 0.3])
    y, random = attention(q, keys, values), np.random.default_rng(4)
    bias, error = exact_moments(attention_weights(q, keys)[0], values, p, 9)
    found = np.array([self_normalised_attention(q, keys, values, p, 9, random)[0] for _ in range(4000)])
    mean_is(found, y[0] + bias, within=0.1)
    mean_is(((found - y[0]) ** 2).sum(1), error, within=0.1)


def test_self_normalised_rows_are_convex_combinations_of_values():
    equal, random = np.ones((11, 3)), np.random.default_rng(5)
    np.testing.assert_allclose(self_normalised_attention(Q, K, equal, UNIFORM, 2, random), 1.0, atol=1e-12)
    for _ in range(200):
        found = self_normalised_attention(Q, K, V, UNIFORM, 4, random)
        assert (found <= V.max(0) + 1e-12).all() and (found >= V.min(0) - 1e-12).all()


def test_self_normalised_attention_sees_the_mask_and_a_row_without_keys_is_zero():
    """With one draw, row i under a causal mask is the value that was drawn, or 0 if the key is later."""
    mask, random = causal_mask(11, 11), np.random.default_rng(6)
    for _ in range(200):
        j = next_key(random)
        found = self_normalised_attention(K, K, V, UNIFORM, 1, random, mask)
        np.testing.assert_allclose(found, np.where(np.arange(11)[:, None] >= j, V[j], 0.0), atol=1e-12)


def next_key(random):
    """The key that `random` is going to draw."""
    twin = np.random.default_rng()
    twin.bit_generator.state = random.bit_generator.state
    return twin.choice(11, size=1, p=UNIFORM)[0]


def test_many_keys_come_close_to_attention():
    found = self_normalised_attention(Q, K, V, UNIFORM, 400_000, np.random.default_rng(7), scale=0.2)
    np.testing.assert_allclose(found, attention(Q, K, V, scale=0.2), atol=0.02)


def test_mean_and_error_of_poisson_sampling(mean_is):
    """21 entries, an error and a number of kept columns, 4000 draws: by chance below 2e-5."""
    pi, random = inclusion_probabilities(V, 3.0), np.random.default_rng(8)
    assert pi.max() < 1 and pi.min() > 0.05
    found = np.array([poisson_product(P, V, pi, random) for _ in range(4000)])
    mean_is(found, P @ V, within=0.2)
    mean_is(((found - P @ V) ** 2).sum((1, 2)), poisson_squared_error(P, V, pi), within=0.1)
    mean_is(np.array([keep_columns(pi, random).sum() for _ in range(4000)]), pi.sum(), within=0.05)


def test_poisson_sampling_decides_each_key_when_it_comes():
    pi = inclusion_probabilities(V, 3.0)
    kept = [keep_columns(pi[:n], np.random.default_rng(9)) for n in (4, 11)]
    assert (kept[0] == kept[1][:4]).all()
    assert inclusion_probabilities(V, 1e-9).min() == 1
    certain = poisson_product(P, V, np.ones(11), np.random.default_rng(9))
    np.testing.assert_allclose(certain, P @ V, atol=1e-12)
    assert poisson_squared_error(P, V, np.ones(11)) == 0
