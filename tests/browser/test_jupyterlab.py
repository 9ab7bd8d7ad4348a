"""Smoke test in a real JupyterLab: the figure appears, is driven by keyboard, and talks with Python."""

import json

import pytest

from course_lib import limits
from course_lib.bench.lab import eventually, run_all, running_lab

pytestmark = pytest.mark.browser

CELL = """
import json, pathlib
import numpy as np
from course_lib.widgets import AttentionMap
P = np.tri(4) / np.tri(4).sum(1, keepdims=True)
figure = AttentionMap(np.stack([P, P[::-1]]), ["the", "cat", "sat", "."], title="Smoke")
def seen(change):
    choice = {name: getattr(figure, name) for name in ("head", "query", "key", "pinned")}
    pathlib.Path("choice.part").write_text(json.dumps(choice))
    pathlib.Path("choice.part").rename("choice.json")
    if change["name"] == "pinned":
        figure.head = 1
figure.observe(seen, ["head", "query", "picked", "pinned"])
figure
"""


@pytest.fixture
def lab(tmp_path):
    with running_lab(tmp_path, [CELL, "'after'"]) as address:
        yield address


def test_figure_is_driven_by_keyboard_in_jupyterlab(lab, open_page, tmp_path):
    page = open_page(offline=False)
    run_all(page, lab)
    grid = page.get_by_role("grid", name="Attention weights")
    grid.wait_for(timeout=1000 * limits.NOTEBOOK)
    grid.focus()
    cells_before = page.locator(".jp-Notebook .jp-Cell").count()
    active = "() => [...document.querySelectorAll('.jp-Notebook .jp-Cell')].map((c) => c.matches('.jp-mod-active'))"
    active_before = page.evaluate(active)
    for key in ("Control+Home", "ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    choice = tmp_path / "choice.json"
    wanted = {"head": 1, "query": 2, "key": 1, "pinned": 2}
    eventually(lambda: choice.exists() and json.loads(choice.read_text()) == wanted)
    page.wait_for_function("() => document.querySelectorAll('.clf input[type=radio]')[1].checked")  # Python chose it
    assert page.evaluate(active) == active_before
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells_before
