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

from course_lib.exercises import compare, values, watchdog
from course_lib.exercises.compare import difference
from course_lib.exercises.isolation import for_the_answer, for_the_grader, settings_kept

_CALLED, _COMPARED = "your code raises", "your result cannot be compared; that raises"
_OWN_FILES = {__file__, compare.__file__, values.__file__, watchdog.__file__}


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


def grade(exercise: Exercise, answer, limit: watchdog.Limit = watchdog.USUAL) -> Result:
    """Run the stages in order and report the first that fails.

    Whatever the answer raises (SystemExit and KeyboardInterrupt, too) or returns becomes a message. An answer that does
    not end is stopped at the limit. Only a real Ctrl-C of the participant raises KeyboardInterrupt, as it always does.
    NumPy's error state and warnings that are errors do not change the verdict. At the end the settings that `isolation`
    names are as before.
    """
    if answer is None or answer is ...:
        return _not_attempted(exercise)
    with settings_kept(), watchdog.interrupts() as pressed:
        attempt = _Attempt(exercise, answer if callable(answer) else lambda *_: answer, pressed)
        try:
            return limit.run(attempt.result)
        except watchdog.OutOfTime as reason:
            return attempt.failed(str(reason))


class _Attempt:
    """One answer on its way through the stages."""

    def __init__(self, exercise: Exercise, function: Callable, pressed: list):
        self.exercise, self.function, self.pressed = exercise, function, pressed
        self.stage = exercise.stages[0]
        self.fault = ""  # begins the message about an exception that the answer causes; empty while the course runs

    def result(self) -> Result:
        try:
            for stage in self.exercise.stages:
                self.stage = stage
                if failure := self._at_stage():
                    return failure
        except watchdog.Stop:
            raise
        except BaseException as error:
            if not self.fault or (self.pressed and isinstance(error, KeyboardInterrupt)):
                raise
            return self._raised(error)
        return Result(True, f"Exercise {self.exercise.id}: correct.")

    def _at_stage(self) -> Result | None:
        self.fault = ""
        with for_the_grader():
            inputs, want = self.stage.inputs(), self.exercise.solution(*self.stage.inputs())
            handed = copy.deepcopy(inputs)
        self.fault = _CALLED
        with for_the_answer():
            got = self.function(*handed)
        self.fault = _COMPARED
        with for_the_grader():
            return self._failure(got, want, handed, inputs)

    def _failure(self, got, want, handed: tuple, inputs: tuple) -> Result | None:
        if got is None or got is ...:
            return self._nothing_returned()
        if inspect.iscoroutine(got):
            got.close()  # or Python warns later that it was never awaited
            return self.failed("your function is a coroutine; write `def`, not `async def`")
        if difference(handed, inputs):
            return self.failed("your function changes its arguments; work on a copy instead")
        found = difference(got, want)
        return self.failed(self._diagnosis(got) or found) if found else None

    def _diagnosis(self, got) -> str | None:
        for mistake in self.exercise.mistakes:
            try:
                same = difference(got, mistake.answer(*self.stage.inputs())) is None
            except Exception:  # a mistake may fail on inputs that it was not written for
                continue
            if same:
                return mistake.message
        return None

    def _nothing_returned(self) -> Result:
        """A stub has no more code than `_stub`; a longer function that returns None may have lost its return."""
        if reason := self._diagnosis(None):
            return self.failed(reason)
        function = inspect.unwrap(getattr(self.function, "func", self.function))  # `func` of functools.partial
        code = getattr(function, "__code__", None)
        if code and len(code.co_code) <= len(_stub.__code__.co_code):
            return _not_attempted(self.exercise)
        return self.failed("your function returns nothing; is a `return` missing?")

    def _raised(self, error: BaseException) -> Result:
        try:
            return self._described(error)
        except watchdog.Stop:
            raise
        except BaseException:  # an exception's own attributes may raise
            return self.failed(f"{self.fault} an error that cannot be described")

    def _described(self, error: BaseException) -> Result:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename not in _OWN_FILES]
        last = frames[-1].line if frames else None
        if isinstance(error, NotImplementedError) and self.fault == _CALLED:
            if not last or "raise NotImplementedError" in last:  # torch raises it too, for what it cannot do
                return _not_attempted(self.exercise)
        where = f"\n  in line {frames[0].lineno}, `{frames[0].line}`" if frames and frames[0].line else ""
        return self.failed(f"{self.fault} {_named(error)}{where}")

    def failed(self, reason: str) -> Result:
        """The stage's input on one line, what is wrong with the answer on the next."""
        printable = reason.encode("utf-8", "backslashreplace").decode()
        return Result(False, f"{self.stage.about}\n  {printable}")


def _named(error: BaseException) -> str:
    """Its type and text on one line."""
    try:
        text = " ".join(f"{type(error).__name__}: {error}".removesuffix(": ").split())[:500]
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    except watchdog.Stop:
        raise
    except BaseException:
        return "an error whose own text raises another"


def _not_attempted(exercise: Exercise) -> Result:
    return Result(None, f"Exercise {exercise.id}: not attempted yet.")


def _stub():
    """The shape of an exercise that has not been filled."""
    ...


def source(exercise: Exercise) -> str:
    """The verified solution as text."""
    return textwrap.dedent(inspect.getsource(exercise.solution))
