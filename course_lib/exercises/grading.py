"""How an answer is graded: stage by stage, each with its own message.

Each stage calls the answer and the verified solution with the same inputs. Where they differ, the message begins with
what is certain: a wrong type or shape, or NaN. Then comes the first of four that is found: a known mistake, what all
wrong numbers have in common (at this stage, or a single number at all stages), a question about a slip, an example of a
wrong number.
"""

import copy
import inspect
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from course_lib.exercises import compare, diagnosis, values, watchdog
from course_lib.exercises.compare import Common, Fact, Rearranged, Undefined, difference
from course_lib.exercises.core import Exercise, Stage
from course_lib.exercises.diagnosis import Diagnosis
from course_lib.exercises.isolation import in_silence, settings_kept

_CALLED, _COMPARED = "Your code raises", "Your result cannot be compared; that raises"
_OWN_FILES = {module.__file__ for module in (compare, diagnosis, values, watchdog)} | {__file__}


@dataclass(frozen=True)
class Result:
    """The verdict on an answer: passed, not passed, or None for an exercise that was not attempted."""

    passed: bool | None
    message: str
    kind: str = ""  # of a value that is wrong: "mistake", "fact", "common", "slip" or "numbers"


def grade(exercise: Exercise, answer, limit: watchdog.Limit = watchdog.USUAL) -> Result:
    """Grade an answer: run the stages in order and report the first that fails.

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
            return attempt.found or attempt.failed(str(reason))


class _Attempt:
    """One answer on its way through the stages."""

    def __init__(self, exercise: Exercise, function: Callable, pressed: list):
        self.exercise, self.function, self.pressed = exercise, function, pressed
        self.stage, self.values = exercise.stages[0], {}
        self.found: Result | None = None  # what is wrong here; the result if the search for a reason fails
        self.fault = ""  # how a message on an exception of the answer begins; empty while the course's code runs

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
            return self.found or self._raised(error)
        return Result(True, f"Exercise {self.exercise.id}: correct.")

    def _at_stage(self) -> Result | None:
        self.fault = ""
        with in_silence():
            want = self.exercise.solution(*copy.deepcopy(self.stage.inputs))
            handed = copy.deepcopy(self.stage.inputs)
        self.fault = _CALLED
        with in_silence():
            got = self.function(*handed)
        self.fault = _COMPARED
        with in_silence():
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
        return self._explained(found, self._diagnosis(got)) if found else None

    def _explained(self, found: str, why: Diagnosis) -> Result:
        fact, sentence = isinstance(found, Fact), found[0].upper() + found[1:]
        self.found = self.failed(sentence, kind="fact" if fact else "numbers")
        if isinstance(found, Undefined):
            sentence += self._origin()
        if known := why.mistake():
            return self.failed(*([sentence] if fact else []), known, kind="mistake")
        if not fact and (lines := why.term()):
            return self.failed(*lines, kind="common")
        words = None if isinstance(found, Rearranged) else why.slip()
        if fact or isinstance(found, Common):
            return self.failed(sentence, *([words] if words else []), kind="fact" if fact else "common")
        return self.failed(words or sentence, kind="slip" if words else "numbers")

    def _origin(self) -> str:
        """A sentence on the line of the answer in which NumPy first computes NaN; "" if none is found."""
        try:
            with in_silence(), np.errstate(invalid="raise"):
                self.function(*copy.deepcopy(self.stage.inputs))
        except FloatingPointError as error:
            lines = [frame for frame in _frames(error) if frame.line]
            return f". NumPy first computes NaN in line {lines[0].lineno}, `{lines[0].line}`" if lines else ""
        except watchdog.Stop:
            raise
        except BaseException:  # the answer may behave differently the second time
            return ""
        return ""  # torch does not say where

    def _diagnosis(self, got) -> Diagnosis:
        return Diagnosis(self.exercise, self.stage, got, self._value_at)

    def _value_at(self, stage: Stage):
        """The answer's value at another stage; ... if it raises."""
        if stage not in self.values:
            self.values[stage] = self._value_once(stage)
        return self.values[stage]

    def _value_once(self, stage: Stage):
        try:
            with in_silence():
                return self.function(*copy.deepcopy(stage.inputs))
        except watchdog.Stop:
            raise
        except BaseException as error:
            if self.pressed and isinstance(error, KeyboardInterrupt):
                raise
            return ...

    def _nothing_returned(self) -> Result:
        """An answer that returns None: no longer than `_stub`, it was not attempted; else a `return` may be missing."""
        if known := self._diagnosis(None).mistake():
            return self.failed(known, kind="mistake")
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
        frames = _frames(error)
        last = frames[-1].line if frames else None
        if isinstance(error, NotImplementedError) and self.fault == _CALLED:
            if not last or "raise NotImplementedError" in last:  # torch raises it too, for operations that it lacks
                return _not_attempted(self.exercise)
        where = f", in line {frames[0].lineno}, `{frames[0].line}`" if frames and frames[0].line else ""
        return self.failed(f"{self.fault} {_named(error)}{where}")

    def failed(self, *reasons: str, kind: str = "") -> Result:
        """The verdict "wrong", with a line on the stage's input, one for each reason, one on the hints."""
        printable = [reason.encode("utf-8", "backslashreplace").decode() for reason in reasons]
        sentences = [text if text.endswith((".", "?", "!")) else f"{text}." for text in printable]
        help_line = f'`hint("{self.exercise.id}")` helps.'
        return Result(False, "\n  ".join([self.stage.about, *sentences, help_line]), kind)


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    """The frames of an error's traceback that are not the grader's own."""
    return [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename not in _OWN_FILES]


def _named(error: BaseException) -> str:
    """The type and the text of an error, on one line."""
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
    """An exercise as the notebooks give it, before anybody has filled it in."""
    ...
