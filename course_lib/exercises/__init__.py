"""The exercises: `check("2.1", attend)` grades an answer, `hint("2.1")` helps, `solution("2.1")` shows the code."""

import sys
import textwrap
from importlib import import_module
from pkgutil import iter_modules

from course_lib.exercises.core import Exercise, source
from course_lib.exercises.grading import grade
from course_lib.exercises.progress import passed, record

WIDTH = 88  # letters of a printed line: a notebook beside a file browser breaks longer ones within words
_hints_given: dict[str, int] = {}  # how many hints of each exercise this session has shown


def find(exercise_id: str) -> Exercise:
    """The exercise of that id; ValueError lists the ids of its notebook when there is none."""
    exercises = of_notebook(str(exercise_id).split(".")[0])
    for exercise in exercises:
        if exercise.id == exercise_id:
            return exercise
    known = ", ".join(e.id for e in exercises) or f"notebooks {', '.join(notebooks())}"
    raise ValueError(f"there is no exercise {exercise_id!r}; there are: {known}")


def notebooks() -> list[str]:
    """The numbers of the notebooks that have exercises, in order, as in an exercise's id: "0", "1", ..."""
    return list(dict.fromkeys(str(int(module[2:4])) for module in _modules()))


def of_notebook(number: str) -> tuple[Exercise, ...]:
    """The exercises of one notebook, in order; empty when it has none."""
    if number not in notebooks():
        return ()
    modules = (import_module(f"{__name__}.{name}") for name in _modules() if int(name[2:4]) == int(number))
    found = (value for module in modules for value in vars(module).values() if isinstance(value, Exercise))
    return tuple(sorted(found, key=lambda exercise: int(exercise.id.split(".")[1])))


def standing() -> dict[str, list[tuple[Exercise, bool]]]:
    """Number of each notebook -> its exercises, each with whether it was passed on this machine."""
    done = passed()
    return {number: [(e, e.id in done) for e in of_notebook(number)] for number in notebooks()}


def _modules() -> list[str]:
    return sorted(module.name for module in iter_modules(__path__) if module.name.startswith("nb"))


def check(exercise_id: str, answer) -> None:
    """Grade an answer (a function, or a value where one is asked for) and print the verdict.

    Raises ValueError for an id that no exercise has, as `hint` and `solution` do.
    """
    result = grade(find(exercise_id), answer)
    _say({True: "✓ ", False: "✗ ", None: ""}[result.passed] + result.message)
    if result.passed and (lost := record(exercise_id)):
        _say(lost)


def _say(text: str) -> None:
    """Print in lines of WIDTH; a character that the output cannot show becomes a question mark."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print("\n".join(map(_wrapped, text.split("\n"))).encode(encoding, "replace").decode(encoding))


def _wrapped(line: str) -> str:
    """The line in as many as it needs, the others indented further; no word is broken."""
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.fill(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def hint(exercise_id: str) -> None:
    """Print the hints so far and the next one."""
    hints = find(exercise_id).hints
    given = min(_hints_given.get(exercise_id, 0) + 1, len(hints))
    _hints_given[exercise_id] = given
    for number, text in enumerate(hints[:given], start=1):
        _say(f"Hint {number} of {len(hints)}: {text}")
    if given == len(hints):
        print(f'That was the last hint; `solution("{exercise_id}")` shows the code.')


def solution(exercise_id: str) -> None:
    """Print the verified solution."""
    print(source(find(exercise_id).solution).rstrip())
