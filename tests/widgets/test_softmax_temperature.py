"""The numbers of figure 3 against torch's softmax, its entropy and its derivative."""

import numpy as np
import pytest
import torch

from course_lib.widgets import SoftmaxTemperature
from course_lib.widgets.base import unpacked

N, D = 7, 22


def arrays():
    rng = np.random.default_rng(4)
    return rng.normal(size=D), rng.normal(size=(N, D))


@pytest.fixture
def figure():
    return SoftmaxTemperature(*arrays())


def test_widths_and_temperatures(figure):
    assert figure.widths == [1, 4, 16, 22]
    assert figure.temperatures == sorted(set(figure.temperatures))
    assert {1.0, 2.0, 4.0, 22**0.5} <= set(figure.temperatures)
    assert (figure.widths[figure.width], figure.temperature) == (16, 1.0)


@pytest.mark.parametrize("width", range(4))
@pytest.mark.parametrize("step", [0, 11, -1])
def test_numbers_are_those_of_torch(figure, width, step):
    figure.width, figure.step = width, range(len(figure.temperatures))[step]
    q, K = (torch.from_numpy(a) for a in arrays())
    d = figure.widths[width]
    scores = K[:, :d] @ q[:d] / figure.temperature
    p = torch.softmax(scores, 0)
    entropy = torch.distributions.Categorical(probs=p).entropy()
    J = torch.autograd.functional.jacobian(lambda s: torch.softmax(s, 0), scores)
    np.testing.assert_allclose(figure.weights, p, rtol=0, atol=1e-7)  # sent as float32
    # Categorical clamps probabilities by 2e-16; the formula of |J| loses half the digits where a weight is near 1.
    np.testing.assert_allclose(figure.keys_looked_at, entropy.exp(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(figure.gradient, torch.linalg.norm(J), rtol=0, atol=1e-7)


def test_the_temperature_is_set_to_the_nearest_by_ratio(figure):
    figure.temperature = 4
    assert figure.temperature == 4.0
    figure.temperature = 4.1
    assert figure.temperature == 4.0
    with pytest.raises(ValueError, match="temperature must be positive, got 0"):
        figure.temperature = 0


def test_at_the_root_of_the_width_weights_are_those_of_scaled_attention(figure):
    figure.width = 3
    figure.temperature = np.sqrt(D)
    q, K = (torch.from_numpy(a) for a in arrays())
    weights = torch.nn.functional.scaled_dot_product_attention(q[None], K, torch.eye(N, dtype=torch.float64))[0]
    np.testing.assert_allclose(figure.weights, weights, rtol=0, atol=1e-7)


def test_alternative_text_and_table_hold_the_numbers(figure):
    assert f"At 1, {figure.keys_looked_at:.1f} keys are looked at" in figure.alt()
    entropy = unpacked(figure.data["entropy"])[figure.width, figure.step]
    assert f"<th>1</th><td>{entropy:.3f}</td><td>{figure.keys_looked_at:.2f}</td>" in figure.table()
    assert repr(figure) == "SoftmaxTemperature(keys=7, widths=[1, 4, 16, 22])"
