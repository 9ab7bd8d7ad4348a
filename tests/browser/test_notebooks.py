"""Every notebook with interactive figures in a real JupyterLab: figures fit a screen and are operated by keys.

The cells that show figures run there, and those that they need. Of the others, whose tests are elsewhere, the page has
the tables that were saved.
"""

from pathlib import Path

import nbformat
import pytest
from cells import code_cells, for_figures, saved_figure
from playwright.sync_api import TimeoutError

from course_lib import limits
from course_lib.bench.lab import run_all, serving

pytestmark = pytest.mark.browser
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"

# Those that run or wait, and errors: of a notebook that has run, both are empty.
WAITING = (
    "() => [...document.querySelectorAll('.jp-Notebook .jp-InputPrompt')].every((p) => !p.textContent.includes('*'))"
)
STARTED = (
    "() => [...document.querySelectorAll('.jp-Notebook .jp-InputPrompt')].some((p) => /\\d|\\*/.test(p.textContent))"
)
ERRORS = "[data-mime-type='application/vnd.jupyter.error'], [data-mime-type='application/vnd.jupyter.stderr']"
SHUT_DOWN = "() => window.jupyterapp.serviceManager.sessions.shutdownAll()"  # a kernel holds up to a gigabyte
# Of each figure: its name, height and width, and whether its buttons Reset and Try would change nothing.
AT_REST = """() => [...document.querySelectorAll(".jp-Notebook .clf:has(.clf-reset)")].map((e) => {
  const { height, width } = e.getBoundingClientRect();
  const idle = (name) => e.querySelector(name).ariaDisabled === "true";
  return { name: e.ariaLabel, height, width, reset: idle(".clf-reset"), tried: idle(".clf-try") };
})"""
SCROLLING = """() => [...document.querySelectorAll(".jp-Notebook .jp-RenderedHTML")]
  .filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.innerHTML.slice(0, 120))"""
CONTROLS = "[role=grid][tabindex='0'], input, select, button:not([disabled])"


def with_figures():
    """Notebook -> how many figures its committed outputs show."""
    read = {path.name: nbformat.read(path, as_version=4) for path in sorted(NOTEBOOKS.glob("*.ipynb"))}
    counts = {name: sum(map(bool, map(saved_figure, code_cells(notebook)))) for name, notebook in read.items()}
    return {name: count for name, count in counts.items() if count}


def without_detours(notebook):
    """Leave the sources that figures need, and let the other cells show the tables that were saved."""
    nodes = code_cells(notebook)
    needed = for_figures(nodes)
    for i, node in enumerate(nodes):
        tables = [output.data["text/html"] for output in node.outputs if "text/html" in output.get("data", {})]
        if i not in needed:
            node.source = f"for table in {tables!r}:\n    display({{'text/html': table}}, raw=True)" if tables else ""
        node.outputs, node.execution_count = [], None


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Serves copies of the notebooks without outputs, so that no figure is seen that was not made there."""
    folder = tmp_path_factory.mktemp("notebooks")
    for path in NOTEBOOKS.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        without_detours(notebook)
        nbformat.write(notebook, folder / path.name)
    with serving(folder) as address:
        yield address


@pytest.mark.parametrize("name", with_figures())
def test_figures_fit_and_are_operated_in_their_notebook(name, lab, open_page, laid_out, room):
    """`open_page` fails the test at any error in the browser's console."""
    page = open_page(offline=False)
    run_all(page, f"{lab}/workspaces/{Path(name).stem}/tree/{name}")  # of its own: no other notebook is open there
    page.wait_for_function(STARTED, timeout=1000 * limits.START)
    page.wait_for_function(WAITING, timeout=1000 * limits.NOTEBOOK)
    assert page.locator(ERRORS).all_inner_texts() == []
    figures = page.locator(".jp-Notebook .clf:has([aria-live])")  # curves that only show what comes have no such region
    figures.nth(with_figures()[name] - 1).wait_for()
    assert figures.count() == with_figures()[name]
    narrow(page, figures.first, room["width"], laid_out)
    assert page.evaluate(SCROLLING) == []
    for figure in page.evaluate(AT_REST):
        assert figure["width"] == room["width"] and figure["height"] <= room["height"], figure
        assert figure["reset"] and not figure["tried"], figure  # its caption's state, and something is left to try
    for i in range(figures.count()):
        operate(page, figures.nth(i))
    page.evaluate(SHUT_DOWN)


def narrow(page, figure, width, laid_out):
    """Make the window so narrow that a figure is so wide."""
    window = page.viewport_size
    page.set_viewport_size(window | {"width": round(window["width"] + width - figure.bounding_box()["width"])})
    wide = "([figure, width]) => figure.getBoundingClientRect().width === width"
    page.wait_for_function(wide, arg=[figure.element_handle(), width])
    laid_out(page)


def operate(page, figure):
    """Press keys at its controls, one after the other, until the figure says what was chosen."""
    title = figure.get_attribute("aria-label") or figure.inner_text()[:60]
    controls = figure.locator(CONTROLS)
    said = figure.locator("[aria-live]").first
    for i in range(controls.count()):
        controls.nth(i).focus()
        for key in ("ArrowRight", "ArrowDown", "Enter"):
            page.keyboard.press(key)
        if said.text_content():
            return
    try:
        page.wait_for_function("(said) => said.textContent", arg=said.element_handle())
    except TimeoutError:
        pytest.fail(f"the figure {title!r} says nothing of what is chosen")
