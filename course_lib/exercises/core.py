"""What an exercise is, and how an answer is graded: stage by stage, each with its own message.

A stage calls the answer and the verified solution with the same inputs. Where they differ, the known mistakes are run
on these inputs too: the one that gives the participant's value names what went wrong.
"""

import copy
import inspect
import textwrap
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from course_lib.exercises.compare import difference


@dataclass(frozen=True)
class Stage:
    """Inputs chosen so that one thing only can go wrong, and the sentence that says which."""

    inputs: Callable[[], tuple]
    about: str  # "one key: its weight is 1, so Y is V"; printed with the difference


@dataclass(frozen=True)
class Mistake:
    """A plausible wrong answer, as code, and what to say to somebody who gave it."""

    answer: Callable
    message: str


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One exercise. `solution` is verified code, called to grade and shown on request."""

    id: str  # "2.1": notebook 02, first exercise
    title: str
    minutes: int
    difficulty: int  # 1 to 3
    solution: Callable
    stages: tuple[Stage, ...]
    mistakes: tuple[Mistake, ...]
    hints: tuple[str, ...]

    @property
    def heading(self) -> str:
        """The line that introduces the exercise in its notebook."""
        marks = "●" * self.difficulty + "○" * (3 - self.difficulty)
        return f"Exercise {self.id}: {self.title} ({self.minutes} min, {marks})"


@dataclass(frozen=True)
class Result:
    """`passed` is None for an exercise that was not attempted."""

    passed: bool | None
    message: str


def grade(exercise: Exercise, answer) -> Result:
    """Run the stages in order and report the first that fails; never raises for what the answer does."""
    if answer is None or answer is ...:
        return _not_attempted(exercise)
    function = answer if callable(answer) else lambda *_: answer
    for stage in exercise.stages:
        inputs = stage.inputs()
        handed = copy.deepcopy(inputs)
        try:
            got = function(*handed)
        except NotImplementedError:
            return _not_attempted(exercise)
        except Exception as error:
            return Result(False, f"{stage.about}: {_describe(error)}")
        if got is None or got is ...:
            return _nothing_returned(exercise, function, stage)
        if difference(handed, inputs):
            return Result(False, f"{stage.about}: your function changes its arguments; work on a copy instead")
        if found := difference(got, exercise.solution(*stage.inputs())):
            return Result(False, f"{stage.about}: {_diagnose(exercise, stage, got) or found}")
    return Result(True, f"Exercise {exercise.id}: correct.")


def _diagnose(exercise: Exercise, stage: Stage, got) -> str | None:
    for mistake in exercise.mistakes:
        try:
            same = difference(got, mistake.answer(*stage.inputs())) is None
        except Exception:  # a mistake may fail on inputs that it was not written for
            continue
        if same:
            return mistake.message
    return None


def _not_attempted(exercise: Exercise) -> Result:
    return Result(None, f"Exercise {exercise.id}: not attempted yet.")


def _nothing_returned(exercise: Exercise, function: Callable, stage: Stage) -> Result:
    """A stub has no more code than `_stub`; a longer function that returns None may have lost its return."""
    if reason := _diagnose(exercise, stage, None):
        return Result(False, f"{stage.about}: {reason}")
    code = getattr(function, "__code__", None)
    if code is None or len(code.co_code) <= len(_stub.__code__.co_code):
        return _not_attempted(exercise)
    return Result(False, f"{stage.about}: your function returns nothing; is a `return` missing?")


def _stub():
    """The shape of an exercise that has not been filled."""
    ...


def _describe(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first frame is the grader's own
    where = f" (line {frames[0].lineno}: `{frames[0].line}`)" if frames and frames[0].line else ""
    return f"your code raises {type(error).__name__}: {error}{where}"


def source(exercise: Exercise) -> str:
    """The verified solution as text."""
    return textwrap.dedent(inspect.getsource(exercise.solution))
