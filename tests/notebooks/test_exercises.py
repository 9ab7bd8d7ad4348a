"""Statements in the notebooks and exercises in the package belong together."""

import ast
import inspect
import re
from pathlib import Path

import nbformat
import pytest

from course_lib import exercises

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
README = FOLDER.parent / "README.md"


def notebook(number: str) -> nbformat.NotebookNode:
    (path,) = FOLDER.glob(f"{int(number):02d}_*.ipynb")
    return nbformat.read(path, as_version=4)


def sources(number: str, cell_type: str) -> str:
    return "\n".join(cell.source for cell in notebook(number).cells if cell.cell_type == cell_type)


@pytest.mark.parametrize("number", exercises.notebooks())
def test_each_exercise_is_introduced_by_its_heading_in_order(number):
    found = re.findall(r"^#+ (Exercise .*)$", sources(number, "markdown"), flags=re.MULTILINE)
    assert found == [exercise.heading for exercise in exercises.of_notebook(number)]


@pytest.mark.parametrize("number", exercises.notebooks())
def test_each_exercise_is_checked_unfilled(number):
    code = sources(number, "code")
    outputs = "".join(out.get("text", "") for c in notebook(number).cells for out in c.get("outputs", []))
    for exercise in exercises.of_notebook(number):
        assert f'check("{exercise.id}"' in code
        assert f"Exercise {exercise.id}: not attempted yet." in outputs


def stubs(number: str) -> dict[str, tuple[list[str], str]]:
    """Of each exercise the arguments of the function that a participant fills in, and what its body says of them."""
    found = {}
    for cell in notebook(number).cells:
        if cell.cell_type == "code" and (
            checked := re.search(r'^check\("([\d.]+)", (\w+)\)$', cell.source, re.MULTILINE)
        ):
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.FunctionDef) and node.name == checked[2]:
                    _, body = ast.get_source_segment(cell.source, node).split("\n", maxsplit=1)
                    found[checked[1]] = [argument.arg for argument in node.args.args], body
    return found


@pytest.mark.parametrize("number", exercises.notebooks())
def test_each_argument_of_a_stub_is_explained_in_it(number):
    found = stubs(number)
    assert list(found) == [exercise.id for exercise in exercises.of_notebook(number)]
    for exercise, (arguments, body) in found.items():
        assert set(arguments) - set(re.findall(r"\w+", body)) == set(), exercise


@pytest.mark.parametrize("number", exercises.notebooks())
def test_a_solution_has_the_arguments_of_its_stub(number):
    """Verdicts and hints speak of these letters."""
    wanted = {exercise: arguments for exercise, (arguments, _) in stubs(number).items()}
    solutions = {exercise.id: exercise.solution for exercise in exercises.of_notebook(number)}
    assert {name: list(inspect.signature(solution).parameters) for name, solution in solutions.items()} == wanted


@pytest.mark.parametrize("number", exercises.notebooks())
def test_lines_of_a_stub_are_short_enough_for_a_notebook_beside_its_files(number):
    cells = [cell.source for cell in notebook(number).cells if re.search(r'^check\("', cell.source, re.MULTILINE)]
    lines = [line for source in cells for line in source.splitlines()]
    assert [line for line in lines if len(line) > exercises.WIDTH] == []


@pytest.mark.parametrize("number", exercises.notebooks())
def test_minutes_agree_between_title_map_and_readme_and_leave_time_to_read(number):
    (path,) = FOLDER.glob(f"{int(number):02d}_*.ipynb")
    opening = sources(number, "markdown")
    minutes = int(re.search(r"^\*(\d+) minutes", opening, flags=re.MULTILINE)[1])
    course_map = re.search(rf"^\| \[?{int(number):02d} .*\| (\d+) \|$", sources("0", "markdown"), flags=re.MULTILINE)
    readme = re.search(rf"^\| `{path.stem}` \| (\d+) \|", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert int(course_map[1]) == int(readme[1]) == minutes
    needed = sum(e.minutes for e in exercises.of_notebook(number) if "(optional)" not in e.title)
    assert needed < minutes
    for stated in re.findall(r"(\d+) of them for exercises", opening):
        assert int(stated) == needed
