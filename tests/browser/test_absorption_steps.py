"""Figure 12 in Chromium: bars, brackets and tables are Python's."""

import math
import re

import numpy as np
import pytest
import torch

from course_lib import accounting
from course_lib.config import LatentConfig
from course_lib.layers import LatentAttention
from course_lib.widgets.absorption_steps import MADE, STAGES, AbsorptionSteps
from course_lib.widgets.base import unpacked
from course_lib.widgets.numbers.two_forms import FORMS

pytestmark = pytest.mark.browser

WIDTHS = "(all) => all.map((e) => e.getBoundingClientRect().width)"


def figure(d_rope=4):
    torch.manual_seed(1)
    layer = LatentAttention(LatentConfig(d_model=10, n_heads=3, d_latent=7, d_head=5, d_rope=d_rope))
    X = np.random.default_rng(5).normal(size=(11, 10))
    other = {"other": (accounting.model("DeepSeek-V2").layers[0][1], 100)}
    return AbsorptionSteps(layer, X, [f"t{i}" for i in range(11)], cached=5, sizes=other, name="own")


def numbers(text):
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?![\d.])", text)]


def flops_of(python):
    """Of each step, (forms, steps)."""
    factors = python.data["sizes"][python.size]["costs"][python.step]["factors"]
    return np.array([[math.prod(each) if each else 0 for each in factors[form]] for form in FORMS])


@pytest.mark.parametrize(("size", "step", "stage"), [(0, 0, 6), (0, 2, 2), (1, 3, 4)])
def test_bars_hold_the_flops_of_the_steps_shown_on_one_scale(mount, size, step, stage):
    python = figure()
    python.size, python.step, python.stage = size, step, stage
    opened = mount(python)
    flops = flops_of(python)
    assert flops.sum(axis=1).tolist() == [python.costs[form].flops for form in FORMS]
    bars = opened.locator(".clf-running").all()
    shown = np.array([bar.locator(".clf-segment").evaluate_all(WIDTHS) for bar in bars])
    whole = bars[0].bounding_box()["width"]
    expected = np.where(np.arange(len(STAGES)) <= stage, flops, 0) * whole / flops.sum(axis=1).max()
    np.testing.assert_allclose(shown, expected, rtol=0, atol=1.1)  # the gap between two is a pixel
    for form, bar in zip(FORMS, bars, strict=True):
        names = [made for made, _ in MADE[form]]
        assert bar.locator(".clf-segment").evaluate_all("(all) => all.map((e) => e.textContent)") == names
        assert bar.locator(".clf-segment.clf-now").text_content() == names[stage]
    for form, text in zip(range(2), opened.locator(".clf-total").all_inner_texts(), strict=True):
        number, unit = re.fullmatch(r"([\d.,]+)( million| billion)? FLOPs", text).groups()
        value = float(number.replace(",", "")) * {None: 1, " million": 1e6, " billion": 1e9}[unit]
        assert value == pytest.approx(flops[form, : stage + 1].sum(), rel=0.006)


@pytest.mark.parametrize(("size", "step"), [(0, 0), (0, 2), (1, 3)])
def test_tables_hold_the_factors_numbers_and_bytes_of_accounting(mount, size, step):
    python = figure()
    python.size, python.step = size, step
    opened = mount(python)
    opened.locator("summary").click()
    tables = opened.locator(".clf-details .clf-table").all()
    cells = [[row.locator("td").all_inner_texts() for row in table.locator("tbody tr").all()] for table in tables]
    flops = flops_of(python)
    for i in range(len(STAGES)):
        for form in range(2):
            text = cells[1][i][form]
            if text != "none":
                total, factors = text.split("=")
                assert np.prod(numbers(factors)) == numbers(total)[0] == flops[form, i]
    assert [numbers(cell)[0] for cell in cells[1][7]] == flops.sum(axis=1).tolist()
    h, r, e, p, v = (128, 512, 128, 64, 128) if size else (3, 7, 5, 4, 5)
    rows = (100 if size else 5) + python.new_tokens[step]
    assert [numbers(cell)[0] for cell in cells[1][8]] == [rows * (r + p)] * 2
    assert [numbers(cell)[0] for cell in cells[1][9]] == [rows * h * (e + p + v), 0]
    work = python.costs
    expected = [[each.bytes_by_part[part] for each in work.values()] for part in work["expanded"].bytes_by_part]
    assert [[numbers(cell)[0] for cell in row] for row in cells[2][:-1]] == expected
    for cell, each in zip(cells[2][-1], work.values(), strict=True):
        assert cell == f"{each.bytes:,} ({accounting.in_binary_units(each.bytes)})"


@pytest.mark.parametrize(("size", "step"), [(0, 0), (0, 2), (0, 3), (1, 3)])
def test_the_verdict_holds_pythons_ratios(mount, size, step):
    python = figure()
    python.size, python.step = size, step
    said = mount(python).locator(".clf-absorption-verdict").inner_text()
    assert said.startswith(f"{python.new_tokens[step]} new after {100 if size else 5} cached: ")
    pattern = r"(?:(\w+) takes?|(?:(?:and|(\w+)) )?moves?) ([\d.]+) times the (FLOPs|bytes)"
    found = re.findall(pattern, said)
    before = ""
    for one, other, times, name in found:
        before = one or (other if other in FORMS else "") or before
        larger = getattr(python.costs[before], name.lower())
        smaller = min(getattr(work, name.lower()) for work in python.costs.values())
        assert larger > smaller and float(times) == pytest.approx(larger / smaller, rel=0.006)  # three digits
    assert {name for *_, name in found} == {"FLOPs", "bytes"}


def test_the_bracket_stands_around_two_blocks_and_moves_between_the_forms(mount):
    opened = mount(figure())
    inside = """(products) => products.map((product) => {
      const bracket = product.querySelector(".clf-bracket").getBoundingClientRect();
      const blocks = [...product.querySelectorAll(".clf-block")].map((e) => e.getBoundingClientRect());
      return blocks.map((box) => box.left > bracket.left && box.right < bracket.right);
    })"""
    latter, former = [False, True, True], [True, True, False]
    assert opened.locator(".clf-product").evaluate_all(inside) == [latter, latter, former, former]
    made = opened.locator(".clf-chip-made").all_inner_texts()
    products = ["Kh 3 × 6 × 5", "Vh 3 × 6 × 5", "Qh WLKh⊤ 3 × 1 × 7", "Ph L 3 × 1 × 7"]
    assert [" ".join(text.split()) for text in made] == products
    frames = "(all) => all.map((e) => getComputedStyle(e).borderTopStyle)"
    assert set(opened.locator(".clf-block.clf-cached").evaluate_all(frames)) == {"solid"}
    assert set(opened.locator(".clf-block.clf-made, .clf-chip-made").evaluate_all(frames)) == {"dashed"}


def test_steps_that_come_later_are_not_shown(mount):
    opened = mount(figure())
    opened.get_by_role("button", name="Start").click()
    assert opened.evaluate("() => window.changes[0]") == [{"stage": 0}]
    assert opened.locator(".clf-apart").inner_text() == ""
    seen = []
    for _ in range(6):
        opened.get_by_role("button", name="Next").click()
        made = [each for each in opened.locator(".clf-chip-made").all() if each.is_visible()]
        compared = opened.locator(".clf-apart").inner_text()
        seen.append((len(made), [name for name in ("scores", "weights", "heads", "output") if name in compared]))
    scores, weights, heads, output = "scores", "weights", "heads", "output"
    assert seen == [
        (2, []),
        (2, [scores]),
        (2, [scores, weights]),
        (4, [scores, weights]),
        (4, [scores, weights, heads]),
        (4, [scores, weights, heads, output]),
    ]


def test_without_rotary_coordinates_no_rotary_block_is_shown(mount):
    opened = mount(figure(d_rope=0))
    assert opened.locator(".clf-striped:visible").count() == 0
    opened.get_by_role("combobox", name="Shapes").select_option("1")  # of DeepSeek-V2, which has them
    assert opened.locator(".clf-striped:visible").count() == 4


def test_keys_and_differences_are_pythons(mount):
    python = figure()
    python.head = 1
    opened = mount(python)
    opened.locator("summary").click()
    rows = [
        row.split() for row in opened.locator(".clf-details .clf-table").first.locator("tbody tr").all_inner_texts()
    ]
    scores, weights = (unpacked(python.data[name])[:, 1] for name in ("scores", "weights"))
    order = np.argsort(-weights[0])[:4]
    assert [row[0] for row in rows] == [f"t{j}" for j in order]
    for row, j in zip(rows, order, strict=True):
        shown = [float(text.replace("−", "-")) for text in row[2:]]
        np.testing.assert_allclose(shown, [*scores[:, j], weights[0, j]], rtol=0, atol=5.1e-5)
        assert row[2] == row[3]
    apart = opened.locator(".clf-apart").inner_text().replace("\u00a0", " ")
    found = re.findall(r"(\w+) ([\d.]+) × 10⁻([⁰¹²³⁴⁵⁶⁷⁸⁹]+)", apart)
    assert [name for name, *_ in found] == list(python.differences)
    for name, mantissa, power in found:
        digits = int(power.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")))
        assert float(f"{mantissa}e-{digits}") == pytest.approx(python.differences[name], rel=0.06)
