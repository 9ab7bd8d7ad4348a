"""What holds for each committed notebook, beside that its outputs are reproduced."""

import re
from pathlib import Path

import jupytext
import nbformat
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MAX_BYTES = 1_500_000

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(path: Path) -> list:
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]


def essence(node) -> list[tuple]:
    """What the two files of a pair share: sources, tags, and which cells are collapsed."""
    return [(c.cell_type, c.source.strip(), c.metadata.get("tags", []), c.metadata.get("jupyter")) for c in node.cells]


def test_each_notebook_has_its_text_pair_and_each_pair_its_notebook():
    assert {path.stem for path in NOTEBOOKS} == {path.stem for path in FOLDER.glob("text/*.md")}


@each_notebook
def test_notebook_is_valid(path):
    nbformat.validate(nbformat.read(path, as_version=4))


@each_notebook
def test_every_code_cell_was_run_in_order(path):
    """A cell that was not run would pass the comparison of outputs without being compared."""
    counts = [cell.execution_count for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1)), "run `make notebooks`"


@each_notebook
def test_no_cell_ends_in_an_error(path):
    errors = [out.evalue for cell in code_cells(path) for out in cell.outputs if out.output_type == "error"]
    assert errors == []


@each_notebook
def test_no_saved_widget_state_and_no_timings(path):
    node = nbformat.read(path, as_version=4)
    assert "widgets" not in node.metadata
    assert all("execution" not in cell.metadata for cell in node.cells)


@each_notebook
def test_size(path):
    assert path.stat().st_size < MAX_BYTES


@each_notebook
def test_text_pair_has_the_same_cells(path):
    pair = jupytext.read(FOLDER / "text" / f"{path.stem}.md")
    assert essence(pair) == essence(nbformat.read(path, as_version=4)), "run `make notebooks`"


@each_notebook
def test_pictures_in_the_prose_have_alt_text(path):
    prose = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
    assert re.findall(r"!\[\s*\]\([^)]*\)", prose) == []
    assert images_without_alt(prose) == []


@each_notebook
def test_pictures_in_the_outputs_have_alt_text(path):
    """They are stored once, as the HTML that `course_lib.figures.style.show` and the interactive figures give."""
    bundles = [output.data for cell in code_cells(path) for output in cell.outputs if "data" in output]
    assert [data for data in bundles if "image/png" in data] == []
    assert [image for data in bundles for image in images_without_alt(data.get("text/html", ""))] == []


def images_without_alt(html: str) -> list[str]:
    return [tag for tag in re.findall(r"<img\b[^>]*>", html) if not re.search(r'\balt="[^"]+"', tag)]


@each_notebook
def test_no_path_of_the_authors_machine(path):
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"(?:/(?:home|Users|tmp|root)/|site-packages)[^\s\"\\]*", text) == []
