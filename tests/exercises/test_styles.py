"""Slips of right answers in other styles than the solution's: loops, einsum, torch, other orders of steps.

The grader explains an answer by known mistakes and by slips of the solution. Participants slip in their own code. Here
the slips of other right answers are graded: none passes that is wrong, none hears a reason that is not its own, and
three of four hear a reason. `styles/shares.txt` holds the least shares where they are below that: of the reasons that
the answer itself shows, and of these together with the questions.
"""

import importlib.util
import inspect
import os
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from course_lib.exercises import find, notebooks, of_notebook
from course_lib.exercises.diagnosis import same, value
from course_lib.exercises.grading import grade
from course_lib.exercises.slips import slips
from course_lib.files import read_json, write_json

HERE = Path(__file__).parent
EXERCISES = [e for number in notebooks() for e in of_notebook(number)]
GOAL = 0.75


def table(name: str) -> list[list[str]]:
    """The lines of a file in styles/, each cut into its first word and the rest; `#` begins a comment."""
    lines = (HERE / "styles" / f"{name}.txt").read_text().splitlines()
    return [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]


def listed(name: str) -> dict[str, set[str]]:
    entries = table(name)
    return {i: {rest for other, rest in entries if other == i} for i, _ in entries}


# Slips that are right, or right wherever the exercise is defined; slips of which what they hear is true, though they
# are not that mistake.
RIGHT, TRUE = listed("right"), listed("true")
LEAST = {i: [float(share) for share in shares.split()] for i, shares in table("shares")}


@cache
def module(path: Path):
    spec = importlib.util.spec_from_file_location(f"styles_of_{path.stem}", path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@cache
def answers() -> dict[str, list]:
    """The right answers of each exercise."""
    found = {e.id: [] for e in EXERCISES}
    for name, rest in table("answers"):
        exercise, *names = rest.split()
        found[exercise] += [getattr(module(HERE / f"test_{name}.py"), answer) for answer in names]
    for path in sorted((HERE / "styles").glob("plain_*.py")):
        for name, answer in inspect.getmembers(module(path), inspect.isfunction):
            number, place, _ = name.split("_", 2)
            found[f"{number[1:]}.{place}"].append(answer)
    return found


def short(answer, slip) -> str:
    """`function: what stands there after the slip`, its first line."""
    return f"{answer.__name__}: {slip.after.splitlines()[0]}"


@cache
def heard(exercise_id: str) -> list[tuple]:
    """Name, slip and result of all slips of the exercise's right answers; exceptions, which name their line, are not
    counted."""
    exercise, found = find(exercise_id), []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for answer in answers()[exercise_id]:
            for slip in slips(answer, exercise.stages[0].inputs):
                result = grade(exercise, slip.answer)
                if result.passed or not said(result).startswith("Your code"):
                    found.append((short(answer, slip), slip, result))
    return found


def said(result) -> str:
    return result.message.split("\n  ")[1].rstrip(".") if "\n  " in result.message else ""


def mistake_of(exercise, result):
    """The known mistake that a message names; a certain fact may stand in the line before."""
    lines = {line.strip().rstrip(".") for line in result.message.splitlines()[1:]}
    return next((mistake for mistake in exercise.mistakes if mistake.message.rstrip(".") in lines), None)


def kinds(results: list) -> list[str]:
    """What kind of reason each rejected answer hears."""
    return [result.kind for result in results if not result.passed]


def assert_enough(i: str, kinds: list[str]) -> None:
    """Of rejected answers: how many hear a reason that the answer itself shows, and how many that or a question."""
    shown, asked = sum(kind in ("mistake", "fact", "common") for kind in kinds), kinds.count("slip")
    least_shown, least = [*LEAST.get(i, ()), GOAL, GOAL][:2]
    counts = f"{i}: {shown} reasons and {asked} questions of {len(kinds)}"
    assert shown >= (least_shown - 1e-9) * len(kinds) and shown + asked >= (least - 1e-9) * len(kinds), counts


def is_mistake(exercise, slip, result, mistake) -> bool:
    """Whether both give the same values wherever neither raises, in the case of the stage that failed."""
    failed = next(stage for stage in exercise.stages if result.message.startswith(stage.about))
    stages = [stage for stage in exercise.stages if stage.case == failed.case]
    pairs = [(value(slip.answer, stage), value(mistake.answer, stage)) for stage in stages]
    return all(same(*pair) or any(found is ... for found in pair) for pair in pairs)


every_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)


@every_exercise
def test_every_exercise_has_right_answers_in_another_style(exercise):
    assert answers()[exercise.id]
    for answer in answers()[exercise.id]:
        assert grade(exercise, answer).passed is True, answer.__name__


@pytest.fixture(scope="session")
def noted(tmp_path_factory):
    """A folder in which all processes of the run note the kinds of an exercise's results, as grading takes long."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@every_exercise
def test_slips_of_other_styles(exercise, noted):
    """One test, as the slips are graded once: what passes is right, what is named is so, and enough is named."""
    i, faults, passed, true = exercise.id, [], set(), set()
    for name, slip, result in heard(i):
        mistake = mistake_of(exercise, result)
        if result.passed:
            passed.add(name)
            faults += [f"{name} passes"] if name not in RIGHT.get(i, ()) else []
        elif mistake and not is_mistake(exercise, slip, result, mistake):
            true.add(name)
            faults += [f"{name} hears: {mistake.message}"] if name not in TRUE.get(i, ()) else []
    assert not faults, "\n".join(faults)
    stale = (RIGHT.get(i, set()) - passed) | (TRUE.get(i, set()) - true)
    assert not stale, f"take from styles/: {stale}"
    found = kinds([result for *_, result in heard(i)])
    write_json(noted / f"styles-{i}.json", {"kinds": found})
    assert_enough(i, found)


def test_over_all_exercises(noted):
    found = []
    for i in answers():
        note = noted / f"styles-{i}.json"
        found += read_json(note)["kinds"] if note.exists() else kinds([result for *_, result in heard(i)])
    assert_enough("all", found)
