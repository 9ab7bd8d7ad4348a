"""Of the exercises of every notebook: the solution passes, and each known mistake hears its own message."""

import inspect
import warnings

import numpy as np
import pytest

from course_lib.exercises import notebooks, of_notebook
from course_lib.exercises.compare import difference, equal
from course_lib.exercises.diagnosis import value
from course_lib.exercises.grading import grade

EXERCISES = [e for number in notebooks() for e in of_notebook(number)]
every_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)


def test_all_notebooks_are_here():
    assert notebooks() == [str(number) for number in range(len(notebooks()))] and len(notebooks()) >= 9
    assert len({e.id for e in EXERCISES}) == len(EXERCISES)


@every_exercise
def test_solution_passes_and_every_mistake_hears_its_own_message(exercise):
    assert grade(exercise, exercise.solution).passed is True
    assert len({m.message for m in exercise.mistakes}) == len(exercise.mistakes) >= 3
    for mistake in exercise.mistakes:
        result = grade(exercise, mistake.answer)
        assert result.passed is False and mistake.message.lower() in result.message.lower(), (
            mistake.message,
            result.message,
        )


@every_exercise
@pytest.mark.filterwarnings("ignore")
def test_values_are_equal_when_no_difference_can_be_told(exercise):
    answers = [exercise.solution, *(mistake.answer for mistake in exercise.mistakes)]
    stage = exercise.stages[-1]
    found = [each for each in (value(answer, stage) for answer in answers) if each is not ...]
    pairs = [(got, want) for want in found[:3] for got in found]
    assert [equal(*pair) for pair in pairs] == [difference(*pair) is None for pair in pairs]
    assert equal(found[0], found[0])


@every_exercise
def test_the_solution_that_is_shown_is_whole(exercise):
    """`solution` prints this one function, so nothing of it may stand in a helper of its file."""
    assert not [name for name in inspect.getclosurevars(exercise.solution).globals if name.startswith("_")]


@every_exercise
def test_grading_warns_of_nothing(exercise):
    """Known mistakes run on the participant's inputs; their overflow is not the participant's."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert grade(exercise, lambda *inputs: np.zeros(1)).passed is False
    assert not warned
