"""The numbers of figure 12: the tensors by NumPy's formulas, the outputs by the layer, FLOPs by torch's counter."""

import math

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from course_lib import accounting
from course_lib.config import LatentConfig
from course_lib.layers import LatentAttention
from course_lib.widgets.absorption_steps import AbsorptionSteps, power_above
from course_lib.widgets.base import unpacked
from course_lib.widgets.numbers.two_forms import EQUAL, FORMS

D, H, R, E, V, P, CACHED, T = 22, 3, 7, 5, 11, 4, 6, 13


def new_layer(**more):
    torch.manual_seed(3)
    return LatentAttention(LatentConfig(**dict(d_model=D, n_heads=H, d_latent=R, d_head=E, d_value=V, d_rope=P) | more))


def rows(seed=0):
    return np.random.default_rng(seed).normal(size=(T, D))


def figure(layer=None, **more):
    return AbsorptionSteps(layer or new_layer(), rows(), [f"t{i}" for i in range(T)], cached=CACHED, **more)


def tensors(f):
    return {name: unpacked(array).astype(float) for name, array in f.data["tensors"].items()}


def close(a, b, atol=2e-6):
    """The pictures are sent as float32: spacing 1.2e-7 at 1, and the largest numbers here are about 10."""
    np.testing.assert_allclose(a, b, rtol=0, atol=atol)


def test_tensors_follow_from_each_other_by_the_formulas_of_the_figure():
    layer = new_layer()
    t = tensors(figure(layer))
    W = {name: p.detach().double().numpy() for name, p in layer.named_parameters()}
    W_LK, W_LV = W["W_LK"].reshape(R, H, E), W["W_LV"].reshape(R, H, V)
    X = rows()[: CACHED + 1]
    close(t["L"], X @ W["W_L"])
    close(t["Q"], (X[-1] @ W["W_Q"]).reshape(H, E))
    close(t["K"], np.einsum("nr,rhe->hne", t["L"], W_LK))
    close(t["V"], np.einsum("nr,rhv->hnv", t["L"], W_LV))
    close(t["asking"], np.einsum("he,rhe->hr", t["Q"], W_LK))
    rotary = np.einsum("hp,np->hn", t["Q_R"], t["K_R"])
    expanded = np.einsum("he,hne->hn", t["Q"], t["K"]) + rotary
    absorbed = np.einsum("hr,nr->hn", t["asking"], t["L"]) + rotary
    close(t["scores"], np.stack([expanded, absorbed]) / math.sqrt(E + P))
    weights = np.exp(t["scores"])
    close(t["weights"], weights / weights.sum(-1, keepdims=True))
    close(t["mixed"], np.einsum("hn,nr->hr", t["weights"][1], t["L"]))
    close(t["heads"][0], np.einsum("hn,hnv->hv", t["weights"][0], t["V"]))
    close(t["heads"][1], np.einsum("hr,rhv->hv", t["mixed"], W_LV))
    close(t["output"], t["heads"].reshape(2, H * V) @ W["W_O"])


@pytest.mark.parametrize("more", [{}, {"d_rope": 0}, {"d_latent_q": 9, "latent_norm": True}, {"scale": 0.3}])
def test_outputs_are_those_of_the_layer(more):
    layer = new_layer(**more)
    f = figure(layer)
    exact = layer.double()
    X = torch.from_numpy(rows())[None]
    for i, reading in enumerate(FORMS):
        cache = exact.new_cache()
        with torch.no_grad():
            exact(X[:, :CACHED], cache)
            Y = exact(X[:, CACHED : CACHED + 1], cache, reading=reading)
        close(tensors(f)["output"][i], Y[0, 0].numpy())
    assert {p.dtype for p in new_layer(**more).parameters()} == {torch.float32}  # the copy was made double, not it


def test_differences_are_rounding_and_grow_with_the_rows_compared():
    f = figure()
    assert f.new_tokens == [1, 2, 4, 7] and f.costs.keys() == set(FORMS)
    before = dict.fromkeys(EQUAL, 0.0)
    for f.step in range(4):
        assert all(before[name] <= f.differences[name] < 1e-13 for name in EQUAL)
        before = f.differences
    assert max(before.values()) > 0  # two orders of rounding: not one result twice


def test_a_reading_with_a_wrong_scale_would_be_seen(monkeypatch):
    from course_lib.layers.latent import AbsorbedReading

    right = AbsorbedReading.queries
    monkeypatch.setattr(AbsorbedReading, "queries", lambda self, X, at: 1.1 * right(self, X, at))
    assert min(figure().differences.values()) > 1e-3


def test_differences_are_those_of_the_new_tokens_that_are_chosen(monkeypatch):
    from course_lib.layers.latent import AbsorbedReading

    right = AbsorbedReading.queries
    fifth = torch.eye(T - CACHED, dtype=torch.float64)[4, :, None]  # of seven new tokens one is asked for wrongly
    monkeypatch.setattr(AbsorbedReading, "queries", lambda self, X, at: (1 + fifth) * right(self, X, at))
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
            for reading, work in f.costs.items():
                cells = costs["cells"][reading]
                assert sum(cell["flops"] for cell in cells) == work.flops == costs["totals"][reading]["flops"]
                assert 2 * sum(cell["made"] for cell in cells) == work.bytes_by_part["expanded"]
                assert work.bytes == costs["totals"][reading]["bytes"] == sum(costs["bytes"][reading].values())
                attended = [cells[i]["flops"] for i in ((2, 5) if reading == "expanded" else (2, 4))]
                assert sum(attended) == work.flops_by_part["attend"]
            assert costs["numbers"]["made"] * 2 == sum(cell["made"] for cell in costs["cells"]["expanded"])


def test_factors_of_each_step_are_the_sizes_of_its_products():
    """By hand, for 4 new tokens after the 6 cached ones: 10 rows are seen."""
    f = figure()
    f.step = 2
    cells = f.data["sizes"][0]["costs"][f.step]["cells"]
    asking = D * (R + P) + D * H * (E + P)  # rows to cache, and queries
    keys, values = [2, H, 10, R, E], [2, H, 10, R, V]
    scores, mix = [2, H, 4, 10, E + P], [2, H, 4, 10, V]
    first, last = [2, 4, asking], [2, 4, H * V * D]
    assert [c["factors"] for c in cells["expanded"]] == [first, keys, scores, [], values, mix, last]
    to_latent, over_rows, mixed, heads = [2, H, 4, R, E], [2, H, 4, 10, R + P], [2, H, 4, 10, R], [2, H, 4, R, V]
    assert [c["factors"] for c in cells["absorbed"]] == [first, to_latent, over_rows, [], mixed, heads, last]
    made = [0, 2 * 10 * H * (E + P), 0, 0, 2 * 10 * H * V, 0, 0]
    assert [c["made"] for c in cells["expanded"]] == made and not any(c["made"] for c in cells["absorbed"])


@pytest.mark.parametrize("reading", FORMS)
def test_flops_are_those_that_torch_counts(reading):
    layer = new_layer(d_value=E + P)  # else the fused kernel pads keys or values to the width of the other
    f, X = figure(layer), torch.from_numpy(rows()).float()[None]
    f.step = 2
    cache = layer.new_cache()
    layer(X[:, :CACHED], cache)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        layer(X[:, CACHED : CACHED + 4], cache, reading=reading)
    assert f.costs[reading].flops == counter.get_total_flops()


def test_opens_on_one_token_of_the_layer_itself_with_all_steps_shown():
    f = figure(name="mine")
    assert (f.head, f.step, f.size, f.stage) == (0, 0, 0, 6) and f.size_names == ["mine"] and f.new_tokens[f.step] == 1
    assert "sizes of mine, 1 new and 6 cached" in f.alt() and "differ by less than 1e-12" in f.alt()
    assert repr(f) == "AbsorptionSteps(heads=3, cached=6, new=[1, 2, 4, 7], sizes=['mine'])"


def test_bounds_in_words_do_not_depend_on_the_last_bits():
    assert [power_above(x) for x in (0.0, 1e-16, 3e-15, 9e-13, 2e-12, 0.5)] == [*["1e-12"] * 4, "1e-9", "1e0"]


def test_formulas_are_those_of_the_sizes():
    """A query latent, norms, no rotary coordinates and another scale each change what is computed."""
    plain = figure().data["sizes"][0]["formulas"]
    assert plain["both"] == {"Q": "Q_h = X W^Q_h", "L": "L = X W^L"}
    assert plain["expanded"] == {"scores": "S_h = (Q_h K_h^⊤ + Q^R_h K^R{}^⊤) / √9"}
    assert plain["absorbed"] == {"scores": "S_h = (A_h L^⊤ + Q^R_h K^R{}^⊤) / √9"}
    layer = new_layer(d_rope=0, latent_norm=True, scale=0.3)
    own, other = figure(layer, sizes={"DeepSeek-V2": (accounting.model("DeepSeek-V2").layers[0][1], 9)}).data["sizes"]
    assert own["formulas"]["both"] == {"Q": "Q_h = X W^Q_h", "L": "L = norm(X W^L)"}
    assert own["formulas"]["absorbed"] == {"scores": "S_h = (A_h L^⊤) × 0.3"}
    assert other["formulas"]["both"] == {"Q": "Q_h = norm(X W^{LQ}) W^{LQQ}_h", "L": "L = norm(X W^L)"}
    assert other["formulas"]["expanded"] == {"scores": "S_h = (Q_h K_h^⊤ + Q^R_h K^R{}^⊤) / √192"}
