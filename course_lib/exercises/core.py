"""What an exercise is made of: stages of inputs, a verified solution, known mistakes, hints."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Stage:
    """Inputs chosen so that only one thing can go wrong, and the words that describe them."""

    inputs: tuple  # small arrays, numbers, functions; the grader hands out copies
    about: str  # "one key, so its weight is 1"; the first line of a message
    case: str = ""  # such as "pre", if the inputs select one of several formulas; a slip in one does not show in others


@dataclass(frozen=True)
class Mistake:
    """A plausible wrong answer, as code, and what to say to somebody who gave it."""

    answer: Callable
    message: str


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One exercise. Its solution is verified code, called to grade and shown on request."""

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


def randn(*shape: int, seed: int = 0) -> np.ndarray:
    """An array of standard normal numbers; the same shape and seed give the same numbers."""
    return np.random.default_rng(seed).normal(size=shape)


def source(function: Callable) -> str:
    """The source of a function, its first line without indentation."""
    return textwrap.dedent(inspect.getsource(function))


def compiled(text: str, function: Callable) -> Callable:
    """Compile another text of `function`. The code sees the names of the function's module."""
    made: dict[str, Callable] = {}
    exec(compile(text, f"<another {function.__name__}>", "exec"), function.__globals__, made)
    return made[function.__name__]


def edits(solution: Callable, text: str) -> tuple[Mistake, ...]:
    """Make known mistakes from edits of the solution, one edit a line: `old -> new | message`.

    The message may go on in lines that are indented further. `&&` stands between several edits of one mistake.
    `old` must occur once in the solution's text, or n times where `old -n> new` is written. The edited function sees
    the helpers of the solution's module. Raises ValueError for an edit that does not fit or that changes no code.

    >>> edits(attend, "A / Z @ V -> A @ V | The normaliser is missing.")
    """
    entries = re.split(r"\n(?! )", textwrap.dedent(text).strip())
    return tuple(_edited(solution, " ".join(entry.split())) for entry in entries)


def _edited(solution: Callable, entry: str) -> Mistake:
    before = after = source(solution)
    changes, _, message = entry.partition(" | ")
    for change in changes.split(" && "):
        match = re.fullmatch(r"(\S.*?) -(\d*)>(?: (.*))?", change)
        if not match or not message:
            raise ValueError(f"{entry!r} must have the form `old -> new | message`")
        old, times, new = match[1], int(match[2] or 1), match[3] or ""
        if after.count(old) != times:
            raise ValueError(f"{old!r} must occur {times} times in {solution.__name__}, not {after.count(old)} times")
        after = after.replace(old, new)
    if ast.dump(ast.parse(after)) == ast.dump(ast.parse(before)):
        raise ValueError(f"{changes!r} must change the code of {solution.__name__}")
    return Mistake(compiled(after, solution), message)
