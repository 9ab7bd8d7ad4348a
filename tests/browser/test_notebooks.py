"""Every notebook with interactive figures, run in a real JupyterLab: figures fit a screen and are operated by keys."""

from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import TimeoutError

from course_lib import limits, widgets
from course_lib.bench.lab import run_all, serving

pytestmark = pytest.mark.browser
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
FIGURES = tuple(figure.__name__ for figure in widgets.FIGURES)
VIEW = "application/vnd.jupyter.widget-view+json"

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
    found = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        views = [output.data for cell in cells for output in cell.outputs if VIEW in output.get("data", {})]
        figures = [data for data in views if str(data["text/plain"]).startswith(FIGURES)]
        if figures:
            found[path.name] = len(figures)
    return found


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Serves copies of the notebooks without outputs, so that nothing is seen that was not made there."""
    folder = tmp_path_factory.mktemp("notebooks")
    for path in NOTEBOOKS.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
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
