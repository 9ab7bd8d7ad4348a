"""Why a value is wrong: a known mistake gives it, or the solution with one wrong step does."""

import copy
import re
from collections.abc import Callable
from functools import cache

import numpy as np

from course_lib.exercises.compare import difference
from course_lib.exercises.core import Exercise, Mistake, Stage
from course_lib.exercises.slips import Slip, slips


def reason(exercise: Exercise, stage: Stage, got, value_at: Callable[[Stage], object]) -> str | None:
    """What to say of an answer that first fails at `stage`, with the value `got`; None if nothing explains it.

    `value_at` gives the answer's value at another stage, or ... where the answer raises.
    """
    here = exercise.stages.index(stage)
    before, after = exercise.stages[:here], exercise.stages[here + 1 :]
    for mistake in exercise.mistakes:
        if same(got, value(mistake.answer, stage)) and _goes_on(exercise, mistake, before, after, value_at):
            return mistake.message
    for slip in slips_of(exercise):
        if same(got, value(slip.answer, stage)):
            if all(same(value_at(other), value(slip.answer, other)) for other in (*before, *after)):
                return _told(slip)
    return None


def _goes_on(exercise: Exercise, mistake: Mistake, before, after, value_at) -> bool:
    """Whether the mistake, too, shows here first, and the answer gives its value where it shows next.

    If it shows nowhere else, a value that may coincide by chance must be the mistake's at the next stage, too.
    """
    if any(shows(mistake.answer, exercise, stage) for stage in before):
        return False
    shown = [stage for stage in after if shows(mistake.answer, exercise, stage)]
    here = exercise.stages[len(before)]
    if not shown and _is_telling(value(mistake.answer, here)):
        return True
    next_one = next(iter((*shown, *after)), None)
    if next_one is None or value_at(next_one) is ... or value(mistake.answer, next_one) is ...:
        return True
    return same(value_at(next_one), value(mistake.answer, next_one))


def _is_telling(found) -> bool:
    """Whether a value holds more than five different numbers that are not whole, so that none gives it by chance."""
    parts = found.values() if isinstance(found, dict) else found if isinstance(found, tuple | list) else [found]
    arrays = [part for part in parts if isinstance(part, np.ndarray) and part.dtype.kind == "f"]
    return sum(len(np.unique(a[np.isfinite(a) & (a % 1 != 0)])) for a in arrays) > 5


def shows(function: Callable, exercise: Exercise, stage: Stage) -> bool:
    """Whether a mistake or a slip gives a wrong value; one that raises was not made for these inputs."""
    found = value(function, stage)
    return found is not ... and not same(found, value(exercise.solution, stage))


@cache
def value(function: Callable, stage: Stage):
    """What the solution, a known mistake or a slip gives at a stage; ... if it raises."""
    try:
        return function(*copy.deepcopy(stage.inputs))
    except Exception:
        return ...


def slips_of(exercise: Exercise) -> tuple[Slip, ...]:
    """All slips of an exercise's solution; they are made once."""
    return _slips(exercise.solution, exercise.stages[0])


@cache
def _slips(solution: Callable, first: Stage) -> tuple[Slip, ...]:
    return tuple(slips(solution, first.inputs))


def same(first, second) -> bool:
    """Whether two values are equal to the grader; ... is equal to itself alone."""
    return first is second if first is ... or second is ... else difference(first, second) is None


def _told(slip: Slip) -> str:
    if slip.after == "pass":
        return f"The solution gives the same values without its step `{re.split('[(=]', slip.before)[0].strip()} ...`."
    return f"One wrong step in the solution gives the same values: `{slip.after.splitlines()[0]}`."
