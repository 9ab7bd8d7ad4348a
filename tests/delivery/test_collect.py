"""The live figures that were collected are those of the notebooks."""

import html
import re
from importlib.metadata import version

import nbformat
import pytest
from cells import code_cells, saved_figure
from collect import LIVE, made_from
from notebook_kernels import NOTEBOOKS

SAVED = {
    f"{path.stem}/{node.id}": figure["text/html"]
    for path in sorted(NOTEBOOKS.glob("*.ipynb"))
    for node in code_cells(nbformat.read(path, as_version=4))
    if (figure := saved_figure(node))
}
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
MEASURED = re.compile(rf"{NUMBER.pattern}(?= (?:µs|ms|s)\b)")  # times, which differ from run to run


def told(twin: str) -> tuple[str, list[float]]:
    """The alternative text of a figure's still picture, without its numbers, and these, without measured times."""
    (text,) = re.findall(r'alt="([^"]*)"', twin)
    text = MEASURED.sub("", html.unescape(text))
    return NUMBER.sub("", text), [float(number.replace(",", "")) for number in NUMBER.findall(text)]


@pytest.mark.parametrize("name", SAVED)
def test_a_figure_says_what_it_says_in_the_notebook(name):
    """Only the cells that it needs have run for it: nothing that would change its numbers was left out.

    Notebook 05 trains its model, and sums in another order lead to weights that differ in the second digit.
    """
    page = (LIVE / f"{name}.page.html").read_text(encoding="utf-8")
    said, numbers = told(page.partition('data-figure="twin">')[2].partition("</main>")[0])
    expected, others = told(SAVED[name])
    assert said == expected and numbers == pytest.approx(others, rel=0.02, abs=0.02)


@pytest.mark.parametrize("package", ["matplotlib", "pillow", "numpy"])
def test_a_figure_is_collected_again_after_a_raised_pin(package, monkeypatch):
    notebook = min(NOTEBOOKS.glob("*.ipynb"))
    before = made_from(notebook)
    monkeypatch.setattr("collect.version", lambda name: "raised" if name == package else version(name))
    assert made_from(notebook) != before


def test_every_figure_was_collected():
    assert {f"{path.parent.name}/{path.name.split('.')[0]}" for path in LIVE.glob("*/*.page.html")} == SAVED.keys()
