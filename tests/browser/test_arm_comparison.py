"""Figure 13 in Chromium: numbers, points and sentences are Python's, and names in the plane can be read."""

import numpy as np
import pytest

from course_lib.widgets.arm_comparison import ArmComparison
from course_lib.widgets.numbers.example_arms import made_up

pytestmark = pytest.mark.browser

NAMES = """() => [...document.querySelectorAll(".clf-plane-of-arms .clf-end")].map((e) => {
  const { left, top, right, bottom } = e.getBoundingClientRect();
  return [e.textContent, left, top, right, bottom];
})"""
AXES = """() => [...document.querySelectorAll(".clf-plot")].map((e) => [e.ariaLabel,
  [...e.querySelectorAll(".clf-name")].map((name) => name.textContent).join(" ").trim()])"""
FIRST_OF = """(place) => {
  const { left, top, width, height } = document.querySelectorAll(".clf-plane-of-arms .clf-plot g.clf-series")[place]
    .firstChild.getBoundingClientRect();
  return [left + width / 2, top + height / 2];
}"""


@pytest.fixture
def python(tokens):
    return ArmComparison(made_up(tokens), "MLA-16", "GQA2")


def signed(value):
    return f"{value:+.4f}".replace("-", "−")


def point(opened, name, keys):
    plot = opened.get_by_role("listbox", name=name)
    plot.focus()
    for key in keys:
        opened.keyboard.press(key)
    return opened.locator(f"#{plot.get_attribute('aria-activedescendant')}").text_content()


@pytest.mark.parametrize("chosen", [("MLA-16", "GQA2"), ("MHA", "NoPE latent"), ("MQA-64", "MLA-4"), ("MHA", "MHA")])
def test_mean_interval_and_sentence_are_pythons(mount, python, chosen):
    python.first, python.second = chosen
    opened = mount(python)
    numbers = opened.locator(".clf-of-arms strong").all_inner_texts()
    interval = python.pair["interval"]
    assert numbers == [signed(python.pair["mean"]), *([" to ".join(map(signed, interval))] if interval else [])]
    assert opened.locator(".clf-arm-words").inner_text() == python.pair["words"]
    opened.locator("summary").click()
    below = [int((python.differences.mean(axis) < 0).sum()) for axis in (1, 0)]
    assert opened.locator("details p").inner_text() == (
        f"{chosen[0]} has the smaller loss for {below[0]} of {len(python.shared_seeds)} seeds, and in the mean over "
        f"seeds on {below[1]} of 100 documents."
    )


def test_points_of_the_differences_are_pythons(mount, python):
    opened = mount(python)
    D = python.differences
    order = np.argsort(D.mean(0), kind="stable")
    third = point(opened, "A − B by document", ["Home", "ArrowRight", "ArrowRight"])
    assert third == f"{python.ranked[2]}, seed 0: {signed(D[0, order[2]])}"
    last = point(opened, "A − B by document", ["ArrowDown"] * 6 + ["End"])
    assert last == f"{python.ranked[-1]}, mean over seeds: {signed(D.mean(0).max())}"
    assert point(opened, "A − B by seed", ["Home", "ArrowRight"]) == f"seed 1: {signed(D[1].mean())}"
    assert point(opened, "A − B by seed", ["ArrowDown"]) == f"mean of all: {signed(python.pair['mean'])}"
    upper = point(opened, "A − B by seed", ["ArrowDown", "End"])
    assert upper == f"interval, upper end: {signed(python.pair['interval'][1])}"


def test_dots_and_band_stand_where_the_differences_are(mount, python):
    """Heights in pixels are a straight line of the differences; the band reaches from -0.02 to 0.02."""
    opened = mount(python)
    plot = opened.get_by_role("listbox", name="A − B by document")
    dots = plot.locator("g.clf-series").nth(2).locator("circle")
    heights = dots.evaluate_all("(all) => all.map((e) => Number(e.getAttribute('cy')))")
    values = python.differences[2][np.argsort(python.differences.mean(0))]
    slope, offset = np.polyfit(values, heights, 1)
    np.testing.assert_allclose(slope * values + offset, heights, rtol=0, atol=0.01)
    band = plot.locator(".clf-shaded")
    top, height = (float(band.get_attribute(name)) for name in ("y", "height"))
    np.testing.assert_allclose([top, top + height], [slope * 0.02 + offset, slope * -0.02 + offset], rtol=0, atol=0.01)


def test_a_click_on_an_arm_makes_it_a_and_on_b_exchanges_the_two(mount, python):
    opened = mount(python)
    losses = dict(zip(python.data["arms"], python.data["means"], strict=True))
    falling = sorted(losses, key=losses.get, reverse=True)
    opened.mouse.click(*opened.evaluate(FIRST_OF, falling.index("NoPE latent")))
    assert opened.evaluate("() => window.changes[0]") == [{"first": "NoPE latent"}]
    assert opened.get_by_label("Arm A").input_value() == str(python.data["arms"].index("NoPE latent"))
    opened.get_by_label("Arm A").select_option("GQA2")
    assert opened.evaluate("() => window.changes[0].at(-1)") == {"first": "GQA2", "second": "NoPE latent"}
    opened.get_by_label("Arm B").select_option("GQA2")
    assert opened.evaluate("() => window.changes[0].at(-1)") == {"first": "NoPE latent", "second": "GQA2"}


def test_a_point_of_the_plane_says_loss_and_cost(mount, python):
    python.cost = "decode FLOPs"
    opened = mount(python)
    arm = python.data["arms"][int(np.argmax(python.data["means"]))]
    flops = python.data["costs"]["decode FLOPs"]["values"][python.data["arms"].index(arm)]
    said = point(opened, "Cost and loss", ["Home"] + ["PageUp"] * 3)
    assert said == f"{arm}: loss {max(python.data['means']):.4f}, decode FLOPs {flops:,.0f}"
    paid = opened.locator(".clf-arms p").last.inner_text()
    a, b = (python.data["means"][python.data["arms"].index(arm)] for arm in ("MLA-16", "GQA2"))
    assert paid == f"A 4,096, B 1,024 FLOPs per cached token. Loss: A {a:.4f}, B {b:.4f}."


@pytest.mark.parametrize("width", [390, 700, 820, 1280])
@pytest.mark.parametrize("cost", ["cached numbers", "decode FLOPs"])
def test_names_of_all_arms_can_be_read(mount, python, width, cost):
    python.first, python.second, python.cost = "RoPE on up-projected keys", "NoPE latent, sinusoids", cost
    opened = mount(python, viewport={"width": width, "height": 900})
    names = opened.evaluate(NAMES)
    marked = {python.first: "A: ", python.second: "B: "}
    assert {name for name, *_ in names} == {marked.get(arm, "") + arm for arm in python.data["arms"]}
    assert all(right <= width for *_, right, _ in names)
    names.sort(key=lambda name: name[2])
    assert all(upper[4] - 4 <= lower[2] for upper, lower in zip(names, names[1:], strict=False))  # 4: air of letters


def test_on_a_slide_a_and_b_and_the_best_arms_have_names(python, open_page, tmp_path):
    url = python.save(tmp_path / "slide.html", layout="slide").as_uri()
    opened = open_page(url, viewport={"width": 1184, "height": 560})
    opened.wait_for_selector(".clf-end")
    names = [name for name, *_ in opened.evaluate(NAMES)]
    assert {"A: MLA-16", "B: GQA2"} < set(names) and len(names) < 10
    losses = dict(zip(python.data["arms"], python.data["means"], strict=True))
    best = [arm for arm in sorted(losses, key=losses.get) if arm not in ("MLA-16", "GQA2")]
    assert {name for name in names if name in losses} == set(best[: len(names) - 2])


def test_times_are_offered_where_they_were_measured(mount, python, tokens):
    figure = ArmComparison(made_up(tokens), "MLA-16", "GQA2", ms={"GQA2": 1.5, "MHA": 2.0})
    opened = mount(figure)
    opened.get_by_label("Cost", exact=True).select_option("decode ms")
    assert {name for name, *_ in opened.evaluate(NAMES)} == {"B: GQA2", "MHA"}
    said = opened.locator(".clf [aria-live=polite]").inner_text()
    assert said.startswith("A not measured, B 1.5 ms of a decode step. Loss: A 2.")
    assert mount(python).get_by_label("Cost", exact=True).locator("option").all_inner_texts() == [
        "cached numbers",
        "decode FLOPs",
    ]


def test_tables_hold_the_documents_at_both_ends_and_all_arms(mount, python):
    opened = mount(python)
    opened.locator("summary").click()
    documents, arms = opened.locator(".clf-arm-tables table").all()
    rows = documents.locator("tbody tr").all_inner_texts()
    assert [row.split("\t")[0] for row in rows] == python.ranked[:5] + python.ranked[-5:]
    D = python.differences[:, python.data["documents"].index(python.ranked[0])]
    assert rows[0].split("\t")[1:] == [signed(D.mean()), signed(D.min()), signed(D.max())]
    head, body = python.data["table"]
    assert arms.locator("tbody tr").all_inner_texts() == ["\t".join(row) for row in body]
    assert arms.locator(".clf-current").inner_text().startswith("MLA-16\t")


def test_axes_are_named_as_in_the_twin(mount, python):
    twin = [(ax.get_title(loc="left"), f"{ax.get_xlabel()} {ax.get_ylabel()}".strip()) for ax in python.drawing().axes]
    assert [tuple(each) for each in mount(python).evaluate(AXES)] == twin
