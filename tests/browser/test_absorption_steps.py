"""Figure 12 in Chromium: what stands there is Python's, cell by cell."""

import re

import numpy as np
import pytest
import torch

from course_lib import accounting
from course_lib.config import LatentConfig
from course_lib.layers import LatentAttention
from course_lib.widgets.absorption_steps import AbsorptionSteps
from course_lib.widgets.base import unpacked
from course_lib.widgets.numbers.two_forms import FORMS

pytestmark = pytest.mark.browser


def figure():
    torch.manual_seed(1)
    layer = LatentAttention(LatentConfig(d_model=10, n_heads=3, d_latent=7, d_head=5, d_rope=4))
    X = np.random.default_rng(5).normal(size=(11, 10))
    other = {"other": (accounting.model("DeepSeek-V2").layers[0][1], 100)}
    return AbsorptionSteps(layer, X, [f"t{i}" for i in range(11)], cached=5, sizes=other, name="own")


def numbers(text):
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?![\d.])", text)]


@pytest.mark.parametrize(("size", "step"), [(0, 0), (0, 2), (1, 3)])
def test_factors_and_sums_of_each_step_are_those_of_accounting(mount, size, step):
    python = figure()
    python.size, python.step = size, step
    opened = mount(python)
    shown = {reading: [] for reading in FORMS}
    for stage in opened.locator(".clf-absorption > li").all():
        costs = stage.locator(".clf-cost").all_inner_texts()
        for i, reading in enumerate(FORMS):
            shown[reading].append(costs[min(i, len(costs) - 1)])
    sums = opened.locator(".clf-absorption-totals").inner_text()
    for reading, work in python.costs.items():
        total = 0
        for text in shown[reading]:
            if text != "no products":
                left, right = text.split(" FLOPs")[0].split(" = ")
                assert np.prod(numbers(left)) == numbers(right)[0]
                total += numbers(right)[0]
        assert total == work.flops
        assert f"{accounting.in_binary_units(work.bytes)} moved" in sums
    table = opened.locator(".clf-absorption-bytes tbody tr").all()
    cells = [row.locator("td").all_inner_texts() for row in table]
    expected = [[work.bytes_by_part[part] for work in python.costs.values()] for part in work.bytes_by_part]
    assert [[numbers(cell)[0] for cell in row] for row in cells[:-1]] == expected
    assert [numbers(cell)[0] for cell in cells[-1]] == [work.bytes for work in python.costs.values()]


@pytest.mark.parametrize(("size", "step"), [(0, 0), (0, 2), (1, 3)])
def test_verdict_and_legend_hold_pythons_ratios_and_numbers(mount, size, step):
    python = figure()
    python.size, python.step = size, step
    opened = mount(python)
    said = opened.locator(".clf-absorption-verdict").inner_text()
    for name in ("FLOPs", "bytes"):
        absorbed, expanded = (getattr(python.costs[reading], name.lower()) for reading in ("absorbed", "expanded"))
        times, way = re.search(rf"([\d.]+) times (as many|fewer) {name}", said).groups()
        ratio = absorbed / expanded if way == "as many" else expanded / absorbed
        assert ratio > 1 and float(times) == pytest.approx(ratio, rel=0.006)  # three digits
    both = opened.locator(".clf-cost").filter(has_text="written and read").all_inner_texts()
    assert ["with Kᴿ in each head" in text for text in both] == [True, False]  # keys, values
    h, r, e, p, v = (128, 512, 128, 64, 128) if size else (3, 7, 5, 4, 5)
    rows = (100 if size else 5) + python.new_tokens[step]
    held = [numbers(text)[0] for text in opened.locator(".clf-places b").all_inner_texts()]
    assert held == [rows * (r + p), rows * h * (e + p + v)]


def test_pictures_have_a_pixel_for_each_number_of_the_chosen_head(mount):
    python = figure()
    python.head = 2
    opened = mount(python)
    sizes = opened.locator("canvas.clf-tensor").evaluate_all("(all) => all.map((c) => [c.height, c.width])")
    assert sizes == [[1, 5], [1, 4], [6, 7], [6, 4], [6, 5], [1, 7], [1, 6], [1, 6], [1, 6], [1, 6], [6, 5], [1, 7]] + (
        [[1, 5], [1, 5], [1, 10], [1, 10]]
    )
    pixels = "(c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    shown = np.array(opened.locator("canvas.clf-tensor").nth(4).evaluate(pixels)).reshape(-1, 4)[:, :3]
    K = unpacked(python.data["tensors"]["K"])[2].ravel()
    table = np.frombuffer(python.data["signed_palette"], np.uint8).reshape(256, 3)
    # Half a step of the table either way, where float32 rounds to the other side.
    at = 255 * (K / np.abs(K).max() + 1) / 2
    nearest = [
        np.abs(table[[int(np.floor(x)), int(np.ceil(x))]].astype(int) - c).sum(1).min()
        for x, c in zip(at, shown, strict=True)
    ]
    assert max(nearest) == 0


def test_formulas_are_set_with_raised_and_lowered_parts(mount):
    python = figure()
    python.size = 1
    shown = mount(python).locator(".clf-tensor-figure figcaption > span:first-child")
    texts = shown.evaluate_all("(all) => all.map((each) => each.innerHTML)")
    assert texts[0] == "Q<sub>h</sub> = norm(X W<sup>LQ</sup>) W<sup>LQQ</sup><sub>h</sub>"
    assert texts[4] == "K<sub>h</sub> = L W<sup>LK</sup><sub>h</sub>"
    rotary = "Q<sup>R</sup><sub>h</sub> K<sup>R</sup><sup>⊤</sup>"
    assert texts[6] == f"S<sub>h</sub> = (Q<sub>h</sub> K<sub>h</sub><sup>⊤</sup> + {rotary}) / √192"
    assert texts[7] == f"S<sub>h</sub> = (A<sub>h</sub> L<sup>⊤</sup> + {rotary}) / √192"


def test_keys_and_differences_are_pythons(mount):
    python = figure()
    python.head = 1
    opened = mount(python)
    rows = [row.split() for row in opened.locator(".clf-absorption-keys tbody tr").all_inner_texts()]
    scores, weights = (unpacked(python.data["tensors"][name])[:, 1] for name in ("scores", "weights"))
    order = np.argsort(-weights[0])[:4]
    assert [row[0] for row in rows] == [f"t{j}" for j in order]
    for row, j in zip(rows, order, strict=True):
        shown = [float(text.replace("−", "-")) for text in row[2:]]
        np.testing.assert_allclose(shown, [*scores[:, j], weights[0, j]], rtol=0, atol=5.1e-5)
        assert row[2] == row[3]
    apart = [text for text in opened.locator(".clf-apart").all_inner_texts() if text]
    for text, value in zip(apart, python.differences.values(), strict=True):
        mantissa, power = re.fullmatch(r"largest difference ([\d.]+) × 10⁻(.*)", text).groups()
        digits = int(power.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")))
        assert float(f"{mantissa}e-{digits}") == pytest.approx(value, rel=0.06)


def test_later_steps_stay_covered_and_cached_and_made_are_told_apart(mount):
    opened = mount(figure())
    opened.get_by_role("button", name="Start").click()
    assert opened.evaluate("() => window.changes[0]") == [{"stage": 0}]
    assert opened.locator("canvas.clf-cached:visible").count() == 2
    assert opened.locator("canvas.clf-made:visible").count() == 0 and opened.locator(".clf-apart:visible").count() == 0
    for made in (1, 1, 1, 2, 2, 2):
        opened.get_by_role("button", name="Next").click()
        assert opened.locator("canvas.clf-made:visible").count() == made
    styles = opened.evaluate(
        "() => ['cached', 'made'].map((p) => getComputedStyle(document.querySelector('canvas.clf-' + p)).borderStyle)"
    )
    assert styles == ["solid", "dashed"]
