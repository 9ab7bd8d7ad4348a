"""The numbers of figure 12: scores by NumPy's formulas, outputs by the layer, FLOPs by torch's counter."""

import math

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from course_lib import accounting
from course_lib.config import LatentConfig
from course_lib.layers import LatentAttention
from course_lib.layers.latent import Absorbed
from course_lib.widgets.absorption_steps import AbsorptionSteps, power_above
from course_lib.widgets.base import unpacked
from course_lib.widgets.numbers.two_forms import EQUAL, FORMS, follow

D, H, R, E, V, P, CACHED, T = 22, 3, 7, 5, 11, 4, 6, 13


def new_layer(**more):
    torch.manual_seed(3)
    return LatentAttention(LatentConfig(**dict(d_model=D, n_heads=H, d_latent=R, d_head=E, d_value=V, d_rope=P) | more))


def rows(seed=0):
    return np.random.default_rng(seed).normal(size=(T, D))


def figure(layer=None, **more):
    return AbsorptionSteps(layer or new_layer(), rows(), [f"t{i}" for i in range(T)], cached=CACHED, **more)


def weights_of(layer):
    return {name: p.detach().double().numpy() for name, p in layer.named_parameters()}


@pytest.mark.parametrize("more", [{}, {"scale": 0.3}])
def test_scores_and_weights_follow_from_the_formulas_of_the_figure(more):
    layer = new_layer(d_rope=0, **more)
    f, W, X = figure(layer), weights_of(layer), rows()[: CACHED + 1]
    L, Q = X @ W["W_L"], (X[-1] @ W["W_Q"]).reshape(H, E)
    keys = np.einsum("nr,rhe->hne", L, W["W_LK"].reshape(R, H, E))
    asking = np.einsum("he,rhe->hr", Q, W["W_LK"].reshape(R, H, E))
    products = [np.einsum("he,hne->hn", Q, keys), np.einsum("hr,nr->hn", asking, L)]
    scores = np.stack(products) * more.get("scale", E**-0.5)
    # Sent as float32: spacing 1.2e-7 at 1, and the largest numbers here are about 10.
    np.testing.assert_allclose(unpacked(f.data["scores"]), scores, rtol=0, atol=2e-6)
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    np.testing.assert_allclose(unpacked(f.data["weights"]), weights, rtol=0, atol=2e-6)


@pytest.mark.parametrize("more", [{}, {"d_rope": 0}, {"d_latent_q": 9, "latent_norm": True}, {"scale": 0.3}])
def test_what_is_compared_ends_in_the_outputs_of_the_layer(more):
    layer = new_layer(**more)
    figure(layer)
    assert {p.dtype for p in layer.parameters()} == {torch.float32}  # a copy was made double, not it
    layer, at = layer.double(), torch.arange(T)
    X = torch.from_numpy(rows())[None]
    for name, form in {"expanded": layer, "absorbed": Absorbed(layer)}.items():
        cache = layer.new_cache()
        with torch.no_grad():
            layer(X[:, :CACHED], cache)
            Y = layer(X[:, CACHED:], cache, form=name)
            found = follow(form, layer, X[:, CACHED:], at[CACHED:], layer.compress(X, at))
        np.testing.assert_allclose(found["output"].numpy(), Y.numpy(), rtol=0, atol=1e-12)


def test_differences_are_rounding_and_grow_with_the_rows_compared():
    f = figure()
    assert f.new_tokens == [1, 2, 4, 7] and f.costs.keys() == set(FORMS)
    before = dict.fromkeys(EQUAL, 0.0)
    for f.step in range(4):
        assert all(before[name] <= f.differences[name] < 1e-13 for name in EQUAL)
        before = f.differences
    assert max(before.values()) > 0  # two orders of rounding: not one result twice


def test_a_form_with_a_wrong_scale_would_be_seen(monkeypatch):
    right = Absorbed.queries
    monkeypatch.setattr(Absorbed, "queries", lambda self, X, at: 1.1 * right(self, X, at))
    assert min(figure().differences.values()) > 1e-3


def test_differences_are_those_of_the_new_tokens_that_are_chosen(monkeypatch):
    right = Absorbed.queries
    fifth = torch.eye(T - CACHED, dtype=torch.float64)[4, :, None]  # of seven new tokens one is asked for wrongly
    monkeypatch.setattr(Absorbed, "queries", lambda self, X, at: (1 + fifth) * right(self, X, at))
    f = figure()
    for step, new in enumerate([1, 2, 4, 7]):
        f.step = step
        assert all((difference > 1e-3) == (new >= 5) for difference in f.differences.values())


@pytest.mark.parametrize("more", [{}, {"d_rope": 0}, {"d_latent_q": 9}])
def test_steps_add_up_to_what_accounting_counts(more):
    f = figure(new_layer(**more), sizes={"other": (accounting.model("DeepSeek-V2").layers[0][1], 8192)})
    for f.size in range(2):
        for f.step in range(4):
            costs = f.data["sizes"][f.size]["costs"][f.step]
            for form, work in f.costs.items():
                flops = [math.prod(each) if each else 0 for each in costs["factors"][form]]
                assert sum(flops) == work.flops == costs["totals"][form]["flops"]
                assert work.bytes == costs["totals"][form]["bytes"] == sum(costs["bytes"][form].values())
                attended = [flops[i] for i in ((2, 5) if form == "expanded" else (2, 4))]
                assert sum(attended) == work.flops_by_part["attend"]
            # Two bytes a number, written once and read once.
            assert 2 * 2 * costs["numbers"]["made"] == f.costs["expanded"].bytes_by_part["expanded"]


def test_factors_of_each_step_are_the_sizes_of_its_products():
    """By hand, for 4 new tokens after the 6 cached ones: 10 rows are seen."""
    costs = figure().data["sizes"][0]["costs"][2]
    asking = D * (R + P) + D * H * (E + P)  # rows to cache, and queries
    keys, values = [2, H, 10, R, E], [2, H, 10, R, V]
    scores, mix = [2, H, 4, 10, E + P], [2, H, 4, 10, V]
    first, last = [2, 4, asking], [2, 4, H * V * D]
    assert costs["factors"]["expanded"] == [first, keys, scores, [], values, mix, last]
    to_latent, over_rows, mixed, heads = [2, H, 4, R, E], [2, H, 4, 10, R + P], [2, H, 4, 10, R], [2, H, 4, R, V]
    assert costs["factors"]["absorbed"] == [first, to_latent, over_rows, [], mixed, heads, last]
    assert costs["numbers"] == {"cached": 10 * (R + P), "made": 10 * H * (E + P + V)}


@pytest.mark.parametrize("form", FORMS)
def test_flops_are_those_that_torch_counts(form):
    layer = new_layer(d_value=E + P)  # else the fused kernel pads keys or values to the width of the other
    f, X = figure(layer), torch.from_numpy(rows()).float()[None]
    f.step = 2
    cache = layer.new_cache()
    layer(X[:, :CACHED], cache)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        layer(X[:, CACHED : CACHED + 4], cache, form=form)
    assert f.costs[form].flops == counter.get_total_flops()


def test_opens_on_one_token_of_the_layer_itself_with_all_steps_shown():
    f = figure(name="mine")
    assert (f.head, f.step, f.size, f.stage) == (0, 0, 0, 6) and f.size_names == ["mine"] and f.new_tokens[f.step] == 1
    assert "sizes of mine, 1 new and 6 cached" in f.alt() and "differ by less than 1e-12" in f.alt()
    assert repr(f) == "AbsorptionSteps(heads=3, cached=6, new=[1, 2, 4, 7], sizes=['mine'])"


def test_bounds_in_words_do_not_depend_on_the_last_bits():
    assert [power_above(x) for x in (0.0, 1e-16, 3e-15, 9e-13, 2e-12, 0.5)] == [*["1e-12"] * 4, "1e-9", "1e0"]


def test_the_twin_names_both_brackets_and_its_bars_hold_all_flops_and_bytes():
    f = figure()
    f.step = 1
    panels = f.drawing().axes
    for ax, of in zip(panels, ("flops", "bytes"), strict=True):
        parts = {
            form: [bar.get_width() for bar in ax.patches if bar.get_y() == y]
            for form, y in ((FORMS[0], -0.25), (FORMS[1], 0.75))
        }
        ratio = getattr(f.costs["absorbed"], of) / getattr(f.costs["expanded"], of)
        assert sum(parts["absorbed"]) / sum(parts["expanded"]) == pytest.approx(ratio, rel=1e-9)
        assert max(map(sum, parts.values())) == pytest.approx(100)
    labels = [label.get_text() for label in panels[0].get_yticklabels()]
    assert "(W^{LK" in labels[0] and "(Q_h" in labels[1]


def test_first_try_takes_all_new_tokens_and_then_one():
    f = figure()
    assert f.first_try() == ("7 new tokens at once", {"step": 3})
    f.step = 3
    assert f.first_try() == ("one new token", {"step": 0})
