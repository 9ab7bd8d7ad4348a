"""Figure 9 in Chromium: times, shares and points are those of Python's accounting."""

import re

import numpy as np
import pytest

from course_lib import accounting
from course_lib.accounting import Machine
from course_lib.widgets.roofline import BATCHES, Device, Roofline

pytestmark = pytest.mark.browser
UNITS = {"h": 3600, "min": 60, "s": 1, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}


def figure():
    devices = [
        Device(Machine("sheet", 3.35e12, 989e12), source="x"),
        Device(Machine("here", 1.7e10, 1.3e11), "float32"),
    ]
    return Roofline({name: accounting.model(name) for name in ("DeepSeek-V2", "Qwen2.5-0.5B")}, devices)


WIDTH = "(track) => [...track.querySelectorAll('.clf-data')].reduce((sum, e) => sum + parseFloat(e.style.width), 0)"


def numbers(text):
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\.?\d*", text)]


def check(opened, python):
    """Times, bars on one scale for each phase, and which form is slower by how much."""
    steps = opened.locator(".clf-step")
    assert steps.count() == len(python.works)
    seconds = {
        name: [work.bytes / python.machine.bandwidth, work.flops / python.machine.flops]
        for name, work in python.works.items()
    }
    for i, (name, work) in enumerate(python.works.items()):
        phase, _, form = name.partition(", ")
        title, step = steps.nth(i).locator(".clf-step-name").inner_text(), steps.nth(i)
        assert title.startswith(f"{form or 'GQA'}: ") and title.endswith(" FLOPs per byte")
        np.testing.assert_allclose(numbers(title), [work.intensity], rtol=0.005)
        times = [text.split() for text in step.locator(".clf-time > :last-child").all_inner_texts()]
        shown = [float(number.replace(",", "")) * UNITS[unit] for number, unit in times]
        np.testing.assert_allclose(shown, seconds[name], rtol=0.005)
        drawn = [track.evaluate(WIDTH) for track in step.locator(".clf-time-track").all()]
        rivals = [each for other, each in seconds.items() if other.startswith(phase)]
        # Parts below half a percent are left out, of five at most.
        np.testing.assert_allclose(drawn, 100 * np.array(seconds[name]) / np.max(rivals), rtol=0.02)
        waits = "memory" if work.intensity < python.machine.ridge else "arithmetic"
        assert step.locator(".clf-decides > :first-child").inner_text() == waits
        assert step.locator(".clf-shares").inner_text().startswith(f"waits for {waits}: ")
        ratio = max(seconds[name]) / min(map(max, rivals))
        slower = step.locator(".clf-slower").all_inner_texts()
        assert [text.endswith(" times as long") for text in slower] == [True] * (ratio >= 1.05)
        np.testing.assert_allclose([numbers(text)[0] for text in slower], [ratio] * len(slower), rtol=0.05)


def test_times_are_pythons_at_every_choice(mount):
    python = figure()
    opened = mount(python)
    check(opened, python)
    for change in ({"model": 1}, {"batch": 0}, {"context": 0}, {"device": 1}, {"model": 0, "context": 11, "batch": 10}):
        opened.evaluate("(chosen) => window.handles[0].update(chosen)", change)
        for name, value in change.items():
            setattr(python, name, value)
        check(opened, python)


def test_shares_of_what_is_moved_are_pythons(mount):
    python = figure()
    opened = mount(python)
    moved = python.works["decode, absorbed"].bytes_by_part
    shares = sorted((round(100 * size / sum(moved.values())) for size in moved.values()), reverse=True)
    opened.locator("summary").click()
    cells = opened.locator(".clf-table tbody tr").first.locator("td").all_inner_texts()
    assert numbers(cells[3]) == [share for share in shares if share]
    assert numbers(opened.locator(".clf-shares").first.inner_text()) == [share for share in shares if share >= 5]


def test_the_caption_of_notebook_08_is_what_the_bar_says(mount):
    opened = mount(figure())
    assert opened.locator(".clf-slower").first.inner_text() == "72 times as long"
    assert opened.locator(".clf-step").nth(1).locator(".clf-slower").count() == 1


def test_forms_are_drawn_as_the_motifs_say(mount):
    """Round is absorbed, square expanded, a prefill hollow; cached has a solid frame, made now a dashed one."""
    opened = mount(figure())
    kinds = "(all) => all.map((e) => [e.firstElementChild.tagName, e.classList.contains('clf-prefill')])"
    trails = opened.locator(".clf-plot .clf-colour-mla").evaluate_all(kinds)
    assert trails == [["circle", False], ["path", False], ["circle", True], ["path", True]]
    for part, style in (("cache", "solid"), ("expanded", "dashed")):
        frames = opened.locator(f".clf-spent-{part}").evaluate_all(
            "(all) => all.map((e) => getComputedStyle(e).borderTopStyle)"
        )
        assert set(frames) == {style}


def test_marks_of_the_steps_are_whole_where_their_names_wrap(mount):
    opened = mount(figure(), viewport={"width": 220, "height": 700})
    boxes = opened.locator(".clf-step-name svg").evaluate_all(
        "(all) => all.map((e) => e.getBoundingClientRect().width)"
    )
    assert boxes == [14] * 4


def test_points_are_walked_said_and_chosen(mount):
    python = figure()
    opened = mount(python)
    plot = opened.get_by_role("listbox", name="Roofline")
    plot.focus()
    for key in ("Home", "ArrowRight", "ArrowRight"):
        opened.keyboard.press(key)
    python.texts = BATCHES[2]
    intensity, _ = python.points["decode, absorbed"]
    point = opened.locator(f"#{plot.get_attribute('aria-activedescendant')}")
    assert point.text_content().startswith("decode, absorbed, batch 4: ")
    np.testing.assert_allclose(numbers(point.text_content())[1], intensity, rtol=0.005)
    opened.keyboard.press("Enter")
    assert opened.evaluate("() => window.changes[0]") == [{"batch": 2}]
    check(opened, python)
    assert opened.locator(".clf-plot .clf-chosen").count() == 4
    assert opened.locator(".clf-plot text", has_text="here").count() == 1  # roofs have names


def test_roofs_are_read_too(mount):
    opened = mount(figure())
    plot = opened.get_by_role("listbox", name="Roofline")
    plot.focus()
    for _ in range(5):
        opened.keyboard.press("ArrowDown")
    text = opened.locator(f"#{plot.get_attribute('aria-activedescendant')}").text_content()
    assert text == "here: 17 GB/s and 130 GFLOP/s in float32 (measured here), ridge at 7.65 FLOPs per byte"
    opened.keyboard.press("Enter")  # a roof is no batch
    assert opened.evaluate("() => window.changes[0]") == []
