"""The numbers of figure 2 are those of torch's attention; what it opens on and says."""

import numpy as np
import pytest
import torch

from course_lib.widgets import ScoreAnatomy
from course_lib.widgets.base import unpacked

N_Q, N_KV, D_QK, D_V = 5, 7, 11, 3
KEYS = ["the", "cat", "sat", "on", "the", "mat", "."]


def arrays():
    rng = np.random.default_rng(8)
    return [rng.normal(size=shape) for shape in ((N_Q, D_QK), (N_KV, D_QK), (N_KV, D_V))]


def anatomy(mask=None, **options):
    return ScoreAnatomy(*arrays(), KEYS, query_tokens=KEYS[:N_Q], mask=mask, **options)


def by_torch(mask=None, scale=None):
    Q, K, V = map(torch.from_numpy, arrays())
    mask = None if mask is None else torch.from_numpy(mask)
    return torch.nn.functional.scaled_dot_product_attention(Q, K, V, attn_mask=mask, scale=scale).numpy()


@pytest.mark.parametrize("scale", [None, 1.0])
@pytest.mark.parametrize("masked", [False, True])
def test_outputs_are_those_of_torch(masked, scale):
    mask = np.tri(N_Q, N_KV, 2, dtype=bool) if masked else None
    figure = anatomy(mask, scale=scale)
    # Sums of 11 and 7 terms of size 1 in float64.
    np.testing.assert_allclose(figure.outputs, by_torch(mask, scale), rtol=0, atol=1e-13)
    np.testing.assert_allclose(figure.weights.sum(1), 1, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(figure.visible, np.ones((N_Q, N_KV)) if mask is None else mask)


def test_steps_lead_from_one_to_the_next():
    mask = np.tri(N_Q, N_KV, 2, dtype=bool)
    figure = anatomy(mask)
    Q, K, V = arrays()
    np.testing.assert_array_equal(figure.products, Q @ K.T)
    np.testing.assert_allclose(figure.logits, Q @ K.T / np.sqrt(D_QK), rtol=1e-15, atol=0)
    powers, largest = unpacked(figure.data["powers"]), unpacked(figure.data["largest"])
    assert largest.shape == (N_Q, 1) and not powers[~mask].any() and powers.max(axis=1).tolist() == [1.0] * N_Q
    np.testing.assert_allclose(powers / powers.sum(1, keepdims=True), figure.weights, rtol=1e-14, atol=0)
    np.testing.assert_allclose(powers[mask], np.exp(figure.logits - largest)[mask], rtol=1e-15, atol=0)


def test_a_query_that_sees_nothing_gives_zeros():
    mask = np.ones((N_Q, N_KV), bool)
    mask[3] = False
    figure = anatomy(mask)
    figure.query = 3
    assert not figure.weights[3].any() and not figure.outputs[3].any()
    assert np.isfinite(unpacked(figure.data["powers"])).all() and "hidden by the mask" in figure.alt()
    assert "hidden" in figure.table()


def test_opens_on_the_last_query_its_heaviest_key_and_the_first_step():
    figure = anatomy()
    assert (figure.query, figure.key, figure.stage) == (N_Q - 1, figure.weights[-1].argmax(), 0)
    assert f"the weight is {figure.weights[-1].max():.2f}" in figure.alt()


def test_torch_tensors_are_taken():
    figure = ScoreAnatomy(
        *(torch.from_numpy(a).float().requires_grad_() for a in arrays()), KEYS, query_tokens=KEYS[:5]
    )
    assert figure.data["Q"]["dtype"] == "<f8" and repr(figure) == "ScoreAnatomy(queries=5, keys=7, d_QK=11, d_V=3)"


def test_long_vectors_are_cut_in_the_table_and_say_so():
    rng = np.random.default_rng(0)
    figure = ScoreAnatomy(rng.normal(size=(2, 3)), rng.normal(size=(2, 3)), rng.normal(size=(2, 9)), ["a", "b"])
    assert figure.table().count(", …)") == 3
