"""Rules that every exercise keeps: its inputs tell mistakes apart, slips do not pass, and no reason is wrong.

`rules/nb02_right.txt` lists slips that are right, `rules/nb06_true.txt` slips of which another's reason is true.
"""

import ast
import re
import warnings
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from course_lib.exercises import diagnosis, notebooks, of_notebook
from course_lib.exercises.core import source
from course_lib.exercises.diagnosis import same, shows, slips_of, value
from course_lib.exercises.grading import grade

EXERCISES = [e for number in notebooks() for e in of_notebook(number)]
RULES = Path(__file__).parent / "rules"


def table(kind: str) -> dict[str, list[str]]:
    """The lines of rules/nb*_kind.txt by exercise, the first word of each; `#` begins a comment."""
    lines = [line for file in RULES.glob(f"*{kind}.txt") for line in file.read_text().splitlines()]
    entries = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return {i: [rest for other, rest in entries if other == i] for i, _ in entries}


RIGHT = table("right")  # slips that are right, or right wherever the exercise is defined: a part of `before -> after`
TRUE = table("true")  # slips that differ somewhere from the mistake that they hear, though its message is true of them
SHARES = {i: float(share) for i, (share,) in table("named").items()}


@pytest.fixture(scope="module", params=EXERCISES, ids=lambda e: e.id)
def exercise(request):
    """Every exercise; the tests of one stand together."""
    return request.param


@pytest.fixture(scope="module")
def heard(exercise):
    """Each slip of an exercise with what it hears of the known mistakes alone."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(action="ignore"):
        all_slips = slips_of(exercise)
        patch.setattr(diagnosis, "slips_of", lambda *_: ())
        return [(slip, grade(exercise, slip.answer)) for slip in all_slips]


def none(faults: list) -> None:
    assert not faults, "\n".join(map(str, faults))


def first_shown(answer, exercise):
    return next((stage for stage in exercise.stages if shows(answer, exercise, stage)), None)


def test_no_two_mistakes_coincide_where_they_first_show(exercise):
    first = {mistake: first_shown(mistake.answer, exercise) for mistake in exercise.mistakes}
    faults = []
    for one, other in combinations(exercise.mistakes, 2):
        stage = first[one]
        if stage and stage is first[other] and same(*(value(mistake.answer, stage) for mistake in (one, other))):
            faults.append(f"{one.message} = {other.message}")
    none(faults)


def name(slip) -> str:
    return f"{slip.before} -> {slip.after}"


@pytest.mark.filterwarnings("ignore")
def test_a_slip_that_passes_is_right(exercise, heard):
    passed = [name(slip) for slip, result in heard if result.passed]
    listed = RIGHT.get(exercise.id, ())
    assert [right for right in listed if not any(right in one for one in passed)] == []
    none([one for one in passed if not any(right in one for right in listed)])


@pytest.mark.filterwarnings("ignore")
def test_a_slip_hears_no_mistake_that_it_is_not(exercise, heard):
    """A slip that hears a known mistake gives its value at every stage of the case where it is heard."""
    listed, faults = TRUE.get(exercise.id, ()), []
    for slip, result in heard:
        for mistake in exercise.mistakes:
            if f"\n  {mistake.message}".rstrip(".") + ".\n" in result.message + "\n":
                case = first_shown(slip.answer, exercise).case
                stages = [stage for stage in exercise.stages if stage.case == case]
                pairs = [(value(slip.answer, stage), value(mistake.answer, stage)) for stage in stages]
                if not all(same(*pair) or any(value is ... for value in pair) for pair in pairs):
                    faults.append(f"{name(slip)} hears {mistake.message}")
    names = [fault.split(" hears ")[0] for fault in faults]
    assert [true for true in listed if not any(true in name for name in names)] == []
    none([fault for fault, name in zip(faults, names, strict=True) if not any(true in name for true in listed)])


@pytest.mark.filterwarnings("ignore")
def test_three_of_four_slips_hear_a_reason(exercise, heard):
    """A known mistake, or a fact about the value: its shape, a factor, an order. Questions about slips do not count, as
    every slip would answer its own. Exceptions, which name their line, are not counted either.

    `rules/named.txt` holds the least share of each exercise that does not reach the goal.
    """
    kinds = [result.kind for _, result in heard if result.kind]
    share = np.mean([kind in ("mistake", "fact", "common") for kind in kinds])
    assert share >= SHARES.get(exercise.id, 0.75) - 0.005, f"{exercise.id} {share:.2f}"
    assert share < 0.75 or exercise.id not in SHARES, f"{exercise.id} reaches the goal; take it from rules/"


SHOWN = {"`axis`", "`keepdims`", "`//`", "`/`", "`%`"}


def test_a_question_shows_no_code_and_names_arguments_alone(exercise):
    arguments = exercise.solution.__code__.co_varnames[: exercise.solution.__code__.co_argcount]
    for words in {slip.words for slip in slips_of(exercise)} - {""}:
        assert re.fullmatch(r"(Is|Are|Do|Does) [^?]*\?", words) and set(re.findall("`.*?`", words)) <= SHOWN, words
        named = re.search(
            r"(?:length of )?(\w+) taken where (?:one of )?(\w+) belongs|Are (?!rows)(\w+) and (\w+) exch", words
        )
        assert {n for n in (named.groups() if named else ()) if n} <= set(arguments), words


def test_most_slips_have_a_question():
    words = [slip.words for exercise in EXERCISES for slip in slips_of(exercise)]
    assert words.count("") < 0.2 * len(words)


# Inputs ---------------------------------------------------------------------------------------------------------------

UNSHIFTED = {"2.1", "2.2"}  # exp of small numbers; exercise 2.3 introduces the shift


@pytest.mark.filterwarnings("ignore")
def test_a_softmax_meets_large_logits(exercise):
    text = source(exercise.solution)
    if "np.exp(" in text and ".sum(" in text and exercise.id not in UNSHIFTED:
        overflows = [
            slip
            for slip in slips_of(exercise)
            if re.search(r"- (\w+\.max\(|np\.where|largest)", slip.before) and " - " not in slip.after
            if any(shows(slip.answer, exercise, stage) for stage in exercise.stages)
        ]
        none([] if overflows else ["no stage has logits of 800 or more"])


def test_whole_numbers_vary(exercise):
    """Of each whole number that is given: not always the same value, and not always a power of two."""
    faults, names = [], exercise.solution.__code__.co_varnames
    for place, values in enumerate(zip(*(stage.inputs for stage in exercise.stages), strict=True)):
        if names[place] in ("itemsize", "bytes_per_number"):  # 1, 2, 4 or 8, as they are
            continue
        if all(isinstance(v, int) and not isinstance(v, bool) for v in values):
            if len(set(values)) == 1:
                faults.append(f"{names[place]} is always {values[0]}")
            if all(v & (v - 1) == 0 for v in values):
                faults.append(f"{names[place]} is always a power of two")
    none(faults)


def test_lists_of_lengths_are_not_sorted(exercise):
    faults = []
    for place, values in enumerate(zip(*(stage.inputs for stage in exercise.stages), strict=True)):
        lists = [list(v) for v in values if isinstance(v, list | tuple) and all(isinstance(n, int) for n in v)]
        if lists and not any(v not in (sorted(v), sorted(v, reverse=True)) for v in lists):
            faults.append(f"input {place} is always sorted")
    none(faults)


SQUARE = {"2.7", "12.4"}  # the weights of a text over itself


def test_lengths_of_axes_vary(exercise):
    """Of the arrays that are given: not all of them square, and not all lengths powers of two."""
    shapes = [v.shape for stage in exercise.stages for v in stage.inputs if isinstance(v, np.ndarray) and v.ndim > 1]
    faults = []
    if shapes and exercise.id not in SQUARE and all(len(set(shape)) == 1 for shape in shapes):
        faults.append("all arrays are square")
    if shapes and all(n & (n - 1) == 0 for shape in shapes for n in shape):
        faults.append("all lengths are powers of two")
    none(faults)


def test_a_square_input_hides_missing_keepdims(exercise):
    """Where the solution has keepdims=True, some stage has an input on which the code runs without it, and is wrong."""
    calls = [n for n in ast.walk(ast.parse(source(exercise.solution))) if isinstance(n, ast.Call)]
    if any(keyword.arg == "keepdims" for call in calls for keyword in call.keywords):
        all_slips = slips_of(exercise)
        without = [s for s in all_slips if s.after.count("keepdims=True") < s.before.count("keepdims=True")]
        found = any(shows(slip.answer, exercise, stage) for slip in without for stage in exercise.stages)
        none([] if found else ["missing keepdims raises or is right at every stage"])


# Words ----------------------------------------------------------------------------------------------------------------


def test_messages_and_hints_are_plain_sentences(exercise):
    texts = [m.message for m in exercise.mistakes] + list(exercise.hints)
    faults = []
    for text in texts:
        plain = re.sub(r"`[^`]*`", "`code`", text)
        sentences = re.split(r"(?<=[.?!]) ", plain)
        if not plain.endswith((".", "?", "!")) or any(s.count(": ") + s.count("; ") > 1 for s in sentences):
            faults.append(text)
    none(faults)


def test_stages_are_data(exercise):
    """Small enough to be copied at every call."""
    arrays = [v for stage in exercise.stages for v in stage.inputs if isinstance(v, np.ndarray)]
    assert sum(a.size for a in arrays) < 100_000
