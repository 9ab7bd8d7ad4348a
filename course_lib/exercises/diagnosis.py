"""Find out why a value is wrong: a known mistake gives it, or the solution with one small change, a slip."""

import copy
import inspect
from collections.abc import Callable, Iterable
from functools import cache

import numpy as np

from course_lib.exercises import terms
from course_lib.exercises.compare import difference, equal
from course_lib.exercises.core import Exercise, Mistake, Stage
from course_lib.exercises.slips import Slip, slips
from course_lib.exercises.values import Unreadable, as_number


class Diagnosis:
    """The search for the reason why an answer fails. Its first wrong stage is `stage`; there its value is `got`.

    `value_at` gives the answer's value at another stage, or ... where the answer raises. Of the later stages only those
    of the same case are compared.
    """

    def __init__(self, exercise: Exercise, stage: Stage, got, value_at: Callable[[Stage], object]):
        self.exercise, self.stage, self.got, self.value_at = exercise, stage, got, value_at
        here = exercise.stages.index(stage)
        self.before = exercise.stages[:here]
        self.after = [other for other in exercise.stages[here + 1 :] if other.case == stage.case]

    def mistake(self) -> str | None:
        """The message of the first known mistake that gives this value and fits the other stages; None if none does."""
        found = (m.message for m in self.exercise.mistakes if self._gives(m) and self._goes_on(m))
        return next(found, None)

    def slip(self) -> str | None:
        """A question about the slip that gives all values of the answer; None if there is none.

        If two different questions fit, both are asked. If more fit, the result is None. So it is if all numbers are 0
        at every input: such an answer is no slip of a formula.
        """
        if not self.before and all(_is_zero(found) for found in (self.got, *map(self.value_at, self.after))):
            return None
        kinds = {slip.words: None for slip in slips_of(self.exercise) if self._gives(slip) and self._is(slip)}
        words = [kind.removesuffix("?") for kind in kinds if kind and not _is_special(kind, kinds)]
        if not 1 <= len(words) <= 2:
            return None
        return _joined(*words) + "?"

    def term(self) -> list[str]:
        """Lines on the factor or term by which a number differs from the expected one at all inputs of the case.

        For a dict they are on the first entry with such a factor or term. A question about a slip follows, unless the
        first line says what to change. Without a factor or term the list is empty.
        """
        want = value(self.exercise.solution, self.stage)
        for key in want if isinstance(want, dict) else [None]:
            here = _entry(self.got, key), _entry(want, key)
            if isinstance(here[1], int | float) and (example := difference(*here)) and (found := self._relation(key)):
                example = f"{example[0].upper()}{example[1:]}" if key is None else f"Under the key {key!r}, {example}"
                question = None if isinstance(found, terms.Change) else self.slip()
                return [f"{example}. {found}", *([question] if question else [])]
        return []

    def _relation(self, key: str | None) -> str | None:
        tried = []
        for stage in [other for other in self.exercise.stages if _case(other) == _case(self.stage)]:
            got, want = self.value_at(stage), value(self.exercise.solution, stage)
            if got is ...:
                continue
            numbers = [_number(_entry(one, key)) for one in (got, want)]
            if None in numbers:
                return None
            tried.append(terms.Tried(_sizes(self.exercise.solution, stage.inputs), *numbers))
        return terms.relation(tried)

    def _gives(self, wrong: Mistake | Slip) -> bool:
        return same(self.got, value(wrong.answer, self.stage))

    def _is(self, slip: Slip) -> bool:
        return all(same(self.value_at(other), value(slip.answer, other)) for other in (*self.before, *self.after))

    def _goes_on(self, mistake: Mistake) -> bool:
        """Whether the mistake first shows at this stage, as the answer does, and both agree where it shows next.

        If it shows at no later stage, and its value here may equal the answer's by chance, both must also agree at the
        next stage.
        """
        if any(shows(mistake.answer, self.exercise, stage) for stage in self.before):
            return False
        shown = [stage for stage in self.after if shows(mistake.answer, self.exercise, stage)]
        if not shown and _is_telling(value(mistake.answer, self.stage)):
            return True
        next_one = next(iter((*shown, *self.after)), None)
        if next_one is None or self.value_at(next_one) is ... or value(mistake.answer, next_one) is ...:
            return True
        return same(self.value_at(next_one), value(mistake.answer, next_one))


def _case(stage: Stage) -> tuple:
    """Which of several formulas the stage asks for: its case, and the truth values among its inputs."""
    return stage.case, *(given for given in stage.inputs if isinstance(given, bool))


def _entry(found, key: str | None):
    return found if key is None else found.get(key) if isinstance(found, dict) else None


def _number(found) -> int | float | None:
    try:
        number = as_number(found)
    except Unreadable:
        return None
    return number if type(number) in (int, float) else None


def _sizes(solution: Callable, inputs: tuple) -> dict[str, int | float]:
    """The numbers among the arguments, by name."""
    given = zip(inspect.signature(solution).parameters, inputs, strict=False)
    return {name: number for name, number in given if type(number) in (int, float)}


def _joined(first: str, second: str = "") -> str:
    if not second:
        return first
    same_words = sorted(first.split()) == sorted(second.split())
    return f"{first}, or {'the other way round' if same_words else second[0].lower() + second[1:]}"


def _is_special(kind: str, kinds: Iterable[str]) -> bool:
    """Whether a question such as "Is the term c missing?" is covered by another one: "Is a term missing?"."""
    return kind.startswith("Is the ") and f"Is a {kind.split()[2]} missing?" in kinds


def _parts(found) -> list:
    return [*found.values()] if isinstance(found, dict) else [*found] if isinstance(found, tuple | list) else [found]


def _is_zero(found) -> bool:
    numbers = [as_number(part) for part in _parts(found) if isinstance(part, int | float | np.generic)]
    return bool(numbers) and len(numbers) == len(_parts(found)) and not any(numbers)


def _is_telling(found) -> bool:
    """Whether a value holds more than five different numbers that are not whole, so that it is no coincidence."""
    arrays = [part for part in _parts(found) if isinstance(part, np.ndarray) and part.dtype.kind == "f"]
    return sum(len(np.unique(a[np.isfinite(a) & (a % 1 != 0)])) for a in arrays) > 5


def shows(function: Callable, exercise: Exercise, stage: Stage) -> bool:
    """Whether a mistake or a slip gives a wrong value at a stage; one that raises there does not."""
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
    """Whether the grader takes two values for equal; ... is equal to itself alone."""
    return first is second if first is ... or second is ... else equal(first, second)
