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
    return [float(text.strip("\u00a0%")) for text in opened.locator(".clf-readout strong").all_inner_texts()]


def point(opened, name, keys):
    plot = opened.get_by_role("listbox", name=name)
    plot.focus()
    for key in keys:
        opened.keyboard.press(key)
    return opened.locator(f"#{plot.get_attribute('aria-activedescendant')}").text_content()


@pytest.mark.parametrize("chosen", [dict(rank=5, pairs=1), dict(rank=30, pairs=3), dict(rank=17, positions=TURNED)])
def test_readout_and_matrices_are_pythons(mount, python, chosen):
    for name, value in chosen.items():
        setattr(python, name, value)
    opened = mount(python)
    expected = [python.bytes_per_token, 100 * python.missed["keys"], 100 * python.missed["values"]]
    np.testing.assert_allclose(readout(opened), expected, rtol=0, atol=0.0501)
    label = opened.locator(".clf-factors").get_attribute("aria-label")
    said = [python.rank, *([2 * python.slot] if python.slot else []), 144]
    assert list(map(int, re.findall(r"\d+", label))) == said
    shapes = opened.locator(".clf-factor:visible .clf-factor-size").all_inner_texts()
    sizes = ["N × 144", f"N × {python.rank}", f"{python.rank} × 144", f"N × {2 * python.slot}"]
    assert shapes == sizes[: 4 if python.slot else 3]
    says = opened.locator(".clf-absorbable").inner_text()
    assert says.startswith("Absorbable." if python.positions == DECOUPLED else "Not absorbable.")
    assert opened.get_by_role("slider", name="Pairs").count() == (1 if python.slot else 0)


def test_matrices_are_to_scale_and_framed_by_what_is_cached_and_made(mount, python):
    opened = mount(python)
    python.pairs = 3
    opened.evaluate("() => window.handles[0].update({ pairs: 3 })")
    boxes = {}
    for block in opened.locator(".clf-factor-block:visible").all():
        look = block.evaluate("(e) => [e.className.split('-').at(-1), getComputedStyle(e).borderTopStyle]")
        boxes.setdefault(look[0], []).append((look[1], block.bounding_box()))
    frames = {kind: found[0][0] for kind, found in boxes.items()}
    assert frames == {"keys": "dashed", "values": "dashed", "latent": "solid", "learnt": "none", "striped": "solid"}
    width = {kind: sum(box["width"] for _, box in found) for kind, found in boxes.items()}
    scale = width["learnt"] / 144
    assert width["keys"] == width["values"] == pytest.approx(72 * scale, abs=0.1)
    assert width["latent"] == pytest.approx(python.rank * scale, abs=0.1)
    assert width["striped"] == pytest.approx(6 * scale, abs=0.1)
    assert boxes["learnt"][0][1]["height"] == pytest.approx(python.rank * scale, abs=0.1)


def test_the_equation_stands_in_one_line_at_every_width(mount, resize, python):
    python.rank, python.pairs = 36, 3
    opened = mount(python)
    for width in (1280, 820, 660, 390):
        resize(opened, width)
        inside = opened.locator(".clf-factors").evaluate("""(row) => {
          const right = document.querySelector(".clf-body").getBoundingClientRect().right;
          const boxes = [...row.children].map((e) => e.getBoundingClientRect());
          return boxes.every((box, i) => box.right <= right + 1 && (i === 0 || box.left >= boxes[i - 1].right))
            && new Set([...row.querySelectorAll(".clf-factor")].map((e) => e.getBoundingClientRect().top)).size === 1;
        }""")
        assert inside, width


def test_points_of_each_plot_are_pythons(mount, python):
    python.rank, python.pairs = 9, 2
    opened = mount(python)
    sigma = python.singular_values
    kept = point(opened, "Singular values", ["Home", "ArrowRight", "ArrowRight"])
    assert kept == f"direction 3: {100 * sigma[2] / sigma[0]:.1f}\u00a0% of the largest"
    dropped = point(opened, "Singular values", ["ArrowDown", "Home", "ArrowRight"])
    assert dropped == f"direction 10: {100 * sigma[9] / sigma[0]:.1f}\u00a0% of the largest"
    both = point(opened, "Error against bytes", ["ArrowDown", "ArrowDown", "Home", "ArrowRight"])
    curve = unpacked(python.data["both"])[python.layer, 2]
    assert both == f"both: {100 * curve[1]:.1f}\u00a0% missed at {2 * (2 + 4)} bytes, rank 2"
    lost = point(opened, "Energy of the keys", ["Home"])
    assert lost == f"pair 0, lost: {100 * python.energy['lost'][0]:.1f}\u00a0% of the energy"
    turned = point(opened, "Energy of the keys", ["ArrowDown", "ArrowDown", "ArrowRight"])
    assert turned == f"pair 1, still turns: {100 * python.energy['turned'][1]:.1f}\u00a0% of the energy"


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
        f"layer 1, rank 4, slice of 2: keys miss {100 * python.missed['keys']:.1f}\u00a0%, "
        f"values {100 * python.missed['values']:.1f}\u00a0%"
    )


def test_the_measured_choice_is_marked(mount, python):
    python.rank, python.pairs = 24, 2
    opened = mount(python)
    assert opened.locator(".clf-readout > span").last.inner_text() == "+0.44 nats, measured"
    opened.locator("summary").click()
    rows = opened.locator(".clf-rises tbody tr")
    assert rows.all_inner_texts()[2].split("\t") == ["slice of 4", "24", "56", "+0.44"]
    assert opened.locator(".clf-rises tr.clf-current").all_inner_texts() == [rows.nth(2).inner_text()]
