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


def numbers(text):
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\.?\d*", text)]


def check(opened, python):
    cards = opened.locator(".clf-work")
    assert cards.count() == len(python.works)
    for i, (name, work) in enumerate(python.works.items()):
        title = cards.nth(i).locator(".clf-work-name").inner_text()
        assert title.startswith(f"{name}: ")
        waits = "memory" if work.intensity < python.machine.ridge else "arithmetic"
        assert title.endswith(f"FLOPs per byte, waits for {waits}")
        np.testing.assert_allclose(numbers(title)[0], work.intensity, rtol=0.005)
        times = [text.split()[1:] for text in cards.nth(i).locator("strong").all_inner_texts()]
        shown = [float(number.replace(",", "")) * UNITS[unit] for number, unit in times]
        seconds = [work.bytes / python.machine.bandwidth, work.flops / python.machine.flops]
        np.testing.assert_allclose(shown, seconds, rtol=0.005)
        bars = cards.nth(i).locator(".clf-time").all()
        widths = [
            bar.locator("span").evaluate_all("(all) => all.map((e) => parseFloat(e.style.width))") for bar in bars
        ]
        drawn = [sum(parts) for parts in widths]
        # Parts below half a percent are left out, of five at most.
        np.testing.assert_allclose(drawn, 100 * np.array(seconds) / max(seconds), rtol=0.02)
        decides = cards.nth(i).locator(".clf-decides strong").inner_text()
        assert decides.split()[0] == waits


def test_cards_are_pythons_at_every_choice(mount):
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
    text = opened.locator(".clf-work .clf-shares").first.inner_text()
    assert numbers(text) == [share for share in shares if share]


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
