"""How an answer is graded: stage by stage, each with its own message.

A stage calls the answer and the verified solution with the same inputs. Where they differ, `diagnosis` looks for a
mistake that explains the value.
"""

import copy
import inspect
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from course_lib.exercises import compare, diagnosis, values, watchdog
from course_lib.exercises.compare import difference
from course_lib.exercises.core import Exercise, Stage
from course_lib.exercises.isolation import for_the_answer, for_the_grader, settings_kept

_CALLED, _COMPARED = "Your code raises", "Your result cannot be compared; that raises"
_OWN_FILES = {module.__file__ for module in (compare, diagnosis, values, watchdog)} | {__file__}


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
        self.stage, self.values = exercise.stages[0], {}
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
            want = self.exercise.solution(*copy.deepcopy(self.stage.inputs))
            handed = copy.deepcopy(self.stage.inputs)
        self.fault = _CALLED
        with for_the_answer():
            got = self.function(*handed)
        self.fault = _COMPARED
        with for_the_grader():
            return self._failure(got, want, handed)

    def _failure(self, got, want, handed: tuple) -> Result | None:
        if got is None or got is ...:
            return self._nothing_returned()
        if inspect.iscoroutine(got):
            got.close()  # or Python warns later that it was never awaited
            return self.failed("Your function is a coroutine. Write `def`, not `async def`")
        if difference(handed, self.stage.inputs):
            return self.failed("Your function changes its arguments. Work on a copy instead")
        found = difference(got, want)
        return self.failed(self._diagnosis(got) or found[0].upper() + found[1:]) if found else None

    def _diagnosis(self, got) -> str | None:
        return diagnosis.reason(self.exercise, self.stage, got, self._value_at)

    def _value_at(self, stage: Stage):
        """The answer's value at another stage; ... if it raises."""
        if stage not in self.values:
            self.values[stage] = self._value_once(stage)
        return self.values[stage]

    def _value_once(self, stage: Stage):
        try:
            with for_the_answer():
                return self.function(*copy.deepcopy(stage.inputs))
        except watchdog.Stop:
            raise
        except BaseException as error:
            if self.pressed and isinstance(error, KeyboardInterrupt):
                raise
            return ...

    def _nothing_returned(self) -> Result:
        """A stub has no more code than `_stub`; a longer function that returns None may have lost its return."""
        if reason := self._diagnosis(None):
            return self.failed(reason)
        function = inspect.unwrap(getattr(self.function, "func", self.function))  # `func` of functools.partial
        code = getattr(function, "__code__", None)
        if code and len(code.co_code) <= len(_stub.__code__.co_code):
            return _not_attempted(self.exercise)
        return self.failed("Your function returns nothing. Is a `return` missing?")

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
        where = f", in line {frames[0].lineno}, `{frames[0].line}`" if frames and frames[0].line else ""
        return self.failed(f"{self.fault} {_named(error)}{where}")

    def failed(self, reason: str) -> Result:
        """Three lines: the stage's input, what is wrong with the answer, where help is."""
        printable = reason.encode("utf-8", "backslashreplace").decode()
        end = "" if printable.endswith((".", "?", "!")) else "."
        help_line = f'`hint("{self.exercise.id}")` helps.'
        return Result(False, f"{self.stage.about}\n  {printable}{end}\n  {help_line}")


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
