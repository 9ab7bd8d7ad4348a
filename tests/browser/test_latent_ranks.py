"""Figure 11 in Chromium: numbers, pictures and points of the plots are Python's."""

import re

import numpy as np
import pytest

from course_lib.widgets.base import unpacked
from course_lib.widgets.latent_ranks import DECOUPLED, TURNED, LatentRanks

pytestmark = pytest.mark.browser


@pytest.fixture
def python():
    return LatentRanks.example("the cat that we saw on the mat".split())


def readout(opened):
    return [float(text.strip("%")) for text in opened.locator(".clf-readout strong").all_inner_texts()]


def point(opened, name, keys):
    plot = opened.get_by_role("listbox", name=name)
    plot.focus()
    for key in keys:
        opened.keyboard.press(key)
    return opened.locator(f"#{plot.get_attribute('aria-activedescendant')}").text_content()


@pytest.mark.parametrize("chosen", [dict(rank=5, pairs=1), dict(rank=30, pairs=3), dict(rank=17, positions=TURNED)])
def test_readout_bar_and_matrices_are_pythons(mount, python, chosen):
    for name, value in chosen.items():
        setattr(python, name, value)
    opened = mount(python)
    expected = [python.bytes_per_token, 100 * python.missed["keys"], 100 * python.missed["values"]]
    np.testing.assert_allclose(readout(opened), expected, rtol=0, atol=0.0501)
    label = opened.locator(".clf-store-row p").inner_text()
    assert label.endswith(f"= {python.numbers_per_token} of 144 numbers")
    whole = opened.locator(".clf-store").bounding_box()["width"]
    parts = opened.locator(".clf-part").evaluate_all("(all) => all.map((e) => e.getBoundingClientRect().width)")
    shares = np.array([python.rank, 2 * python.slot]) / 144
    np.testing.assert_allclose(np.array(parts) / whole, shares, rtol=0, atol=0.003)  # the frame takes two pixels
    shapes = opened.locator(".clf-factor:visible figcaption > span").all_inner_texts()
    sizes = [tuple(map(int, re.findall(r"\d+", text))) for text in shapes]
    assert sizes == [(36, 144), (36, python.rank), (python.rank, 144), (36, 2 * python.slot)][: 4 if python.slot else 3]
    says = opened.locator(".clf-absorbable").inner_text()
    assert says.startswith("Absorbable:" if python.positions == DECOUPLED else "Not absorbable:")
    assert opened.get_by_role("slider", name="Pairs").count() == (1 if python.slot else 0)


def test_points_of_each_plot_are_pythons(mount, python):
    python.rank, python.pairs = 9, 2
    opened = mount(python)
    sigma = python.singular_values
    kept = point(opened, "Singular values", ["Home", "ArrowRight", "ArrowRight"])
    assert kept == f"direction 3: {100 * sigma[2] / sigma[0]:.1f}% of the largest"
    dropped = point(opened, "Singular values", ["ArrowDown", "Home", "ArrowRight"])
    assert dropped == f"direction 10: {100 * sigma[9] / sigma[0]:.1f}% of the largest"
    both = point(opened, "Error against bytes", ["Home", "ArrowRight"])
    curve = unpacked(python.data["both"])[python.layer, 2]
    assert both == f"both: {100 * curve[1]:.1f}% missed at {2 * (2 + 4)} bytes, rank 2"
    lost = point(opened, "Energy of the keys", ["Home"])
    assert lost == f"pair 0, lost with the rotation: {100 * python.energy['lost'][0]:.1f}% of the energy"
    turned = point(opened, "Energy of the keys", ["ArrowDown", "ArrowDown", "ArrowRight"])
    assert turned == f"pair 1, keeps its rotation: {100 * python.energy['turned'][1]:.1f}% of the energy"


def test_bars_are_stacked_to_the_energy_of_the_pair(mount, python):
    opened = mount(python)
    bars = opened.locator(".clf-pairs g.clf-series").all()
    heights = np.array([[r.bounding_box()["height"] for r in bar.locator("rect").all()] for bar in bars])
    energy = np.cumsum([python.energy[name] for name in ("turned", "content", "lost")], axis=0)[::-1]
    np.testing.assert_allclose(heights / heights[0].sum(), energy / energy[0].sum(), rtol=0, atol=0.02)  # edges


def test_dragging_the_rank_is_shown_at_once_and_told_when_let_go(mount, python):
    opened = mount(python)
    slider = opened.get_by_role("slider", name="Rank")
    slider.evaluate("(e) => { e.value = 3; e.dispatchEvent(new Event('input')); }")
    python.rank = 4
    assert readout(opened)[0] == python.bytes_per_token and opened.evaluate("() => window.changes[0]") == []
    slider.evaluate("(e) => e.dispatchEvent(new Event('change'))")
    assert opened.evaluate("() => window.changes[0]") == [{"rank": 4}]
    said = opened.locator("[aria-live=polite]").inner_text()
    assert said == (
        f"layer 1, rank 4, slice of 2: keys miss {100 * python.missed['keys']:.1f}%, "
        f"values {100 * python.missed['values']:.1f}%"
    )


def test_the_measured_choice_is_marked(mount, python):
    python.rank, python.pairs = 24, 2
    opened = mount(python)
    rows = opened.locator(".clf-rises tbody tr")
    assert rows.all_inner_texts()[2].split("\t") == ["slice of 4", "24", "56", "+0.44"]
    assert opened.locator(".clf-rises tr.clf-current").all_inner_texts() == [rows.nth(2).inner_text()]
