"""How long a notebook takes, and how much code is in sight.

Each section (`## ...`) states its minutes in its heading, and again in the tags of its cell: `minutes-8`, with `core`
for the path of a workshop and `optional` for what a sitting leaves out. A subsection (`### ...`) may be counted apart
from its section in the same way.
"""

import re
from pathlib import Path

import nbformat
import pytest

from course_lib import exercises

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
CORE, SITTING, VISIBLE_LINES = 45, 90, 220

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path) -> list:
    return nbformat.read(path, as_version=4).cells


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def is_hidden(cell) -> bool:
    return cell.metadata.get("jupyter", {}).get("source_hidden", False)


def minutes(cell) -> int | None:
    """What the cell's tags state, or None."""
    stated = [int(tag.removeprefix("minutes-")) for tag in tags(cell) if tag.startswith("minutes-")]
    assert len(stated) <= 1
    return stated[0] if stated else None


def kind(cell) -> str:
    """core, optional, or neither: what belongs to the sitting, but not to a workshop."""
    found = [name for name in ("core", "optional") if name in tags(cell)]
    assert len(found) <= 1
    return found[0] if found else ""


def headings(cell) -> list[str]:
    """Of sections and subsections, outside of code blocks."""
    text = re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)
    return re.findall(r"^(##+ .*)$", text, flags=re.MULTILINE) if cell.cell_type == "markdown" else []


def counted(path: Path) -> list:
    return [cell for cell in cells(path) if minutes(cell) is not None]


@each_notebook
def test_each_section_states_its_minutes_in_heading_and_tags(path):
    for cell in cells(path):
        for heading in headings(cell):
            if heading.startswith("## ") or re.search(r"\((?:core, |optional, )?\d+ min\)$", heading):
                assert heading == headings(cell)[0] and cell.source.startswith(heading), (
                    f"begin a cell with {heading!r}"
                )
    for cell in counted(path) + [cell for cell in cells(path) if any(h.startswith("## ") for h in headings(cell))]:
        name = f"{kind(cell)}, " if kind(cell) else ""
        assert headings(cell)[0].endswith(f" ({name}{minutes(cell)} min)"), headings(cell)[0]


@each_notebook
def test_core_path_and_sitting_are_short_enough_and_stated(path):
    core = sum(minutes(cell) for cell in counted(path) if kind(cell) == "core")
    sitting = sum(minutes(cell) for cell in counted(path) if kind(cell) != "optional")
    assert 0 < core <= CORE and sitting <= SITTING
    opening = cells(path)[0].source
    optional = sum(minutes(cell) for cell in counted(path) if kind(cell) == "optional")
    stated = f"*{sitting} minutes, of which {core} minutes for the core path, marked core in the headings. "
    stated += f"What is marked optional takes {optional} minutes more. " if optional else ""
    assert f" {stated}" in " ".join(opening.split())


@each_notebook
def test_no_section_is_shorter_than_its_exercises(path):
    number = str(int(path.stem[:2]))
    needed = {exercise.heading: exercise.minutes for exercise in exercises.of_notebook(number)}
    left = section = None
    for cell in cells(path):
        if minutes(cell) is not None:
            left, section = minutes(cell), headings(cell)[0]
        for heading in headings(cell):
            if heading.lstrip("# ") in needed:
                left -= needed[heading.lstrip("# ")]
                assert left >= 0, f"{section}: its exercises take longer"


@each_notebook
def test_visible_code(path):
    """Comments and docstrings are not counted."""
    visible = [cell for cell in cells(path) if cell.cell_type == "code" and not is_hidden(cell)]
    code = [re.sub(r'^ *""".*?"""$', "", cell.source, flags=re.DOTALL | re.MULTILINE) for cell in visible]
    lines = [line.strip() for source in code for line in source.splitlines()]
    assert sum(bool(line) and not line.startswith("#") for line in lines) <= VISIBLE_LINES


@each_notebook
def test_hidden_code_is_named_by_the_line_that_stays_in_sight(path):
    """JupyterLab shows the first line of a collapsed cell."""
    for cell in cells(path):
        if is_hidden(cell):
            assert re.match(r"# \w[^\n]{10,}", cell.source), cell.source[:60]
