"""What is said of a wrong number: its factor, its term or the change of one, and nothing that another one fits too."""

import inspect
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from course_lib.exercises import find
from course_lib.exercises.core import Exercise, Mistake, Stage
from course_lib.exercises.diagnosis import slips_of, value
from course_lib.exercises.grading import grade
from course_lib.exercises.terms import Change, Tried, relation
from course_lib.exercises.watchdog import USUAL, Limit


def cost(d, h, n):
    return 3 * d * h + d * n


INPUTS = [(5, 3, 7), (11, 2, 13), (4, 9, 17)]


def said(answer, inputs=INPUTS, solution=cost):
    names = list(inspect.signature(solution).parameters)
    return relation([Tried(dict(zip(names, given, strict=True)), answer(*given), solution(*given)) for given in inputs])


@pytest.mark.parametrize(
    "answer, sentence",
    [
        (lambda *g: 2 * cost(*g), "Your number is 2 times the expected one"),
        (lambda *g: -cost(*g), "Your number is -1 times the expected one"),
        (lambda *g: cost(*g) / 8, "The expected number is 8 times yours"),
        (lambda *g: 0.7 * cost(*g), "Your number is 0.7 times the expected one"),
        (lambda d, h, n: h * cost(d, h, n), "Your number is `h` times the expected one"),
        (lambda d, h, n: cost(d, h, n) / n, "The expected number is `n` times yours"),
        (lambda d, h, n: cost(d, h, n) / (4 * d * d), "The expected number is `4 * d * d` times yours"),
        (lambda d, h, n: cost(d, h, n) * 3 * h / (2 * n), None),  # people write no such factor
        (lambda d, h, n: cost(d, h, n) * 2 * h / n, "Your number is `2 * h / n` times the expected one"),
        (lambda d, h, n: cost(d, h, n) / (2 * n) * h, "Your number is `h / (2 * n)` times the expected one"),
        (lambda *g: cost(*g) + 17, "Your number is too large by 17"),
        (lambda *g: cost(*g) - 0.25, "Your number is too small by 0.25"),
        (lambda d, h, n: d * n, "Your number is too small by `3 * d * h`"),
        (lambda d, h, n: cost(d, h, n) + h * h / 2, "Your number is too large by `h * h / 2`"),
        (lambda d, h, n: 3 * d * h + n, "In the term `n` of your number, the factor `d` is missing"),
        (lambda d, h, n: 3 * d + d * n, "In the term `3 * d` of your number, the factor `h` is missing"),
        (
            lambda d, h, n: 3 * d * h + d * n * n,
            "In the term `d * n * n` of your number, the factor `n` is one too many",
        ),
        (lambda d, h, n: 3 * d * h + h * n, "In the term `h * n` of your number, `h` stands where `d` belongs"),
        (lambda d, h, n: 3 * d * h + n**2 + n, None),
        (lambda d, h, n: 40, None),
        (lambda *g: 10**40 * cost(*g), None),
        (lambda *g: np.nan, None),
        (lambda *g: np.inf, None),
    ],
)
def test_one_relation_is_said(answer, sentence):
    found = said(answer)
    assert (found or "").removesuffix(" at every input that was tried") == (sentence or "")
    assert isinstance(found, Change) == ("the term" in (sentence or ""))


def test_a_relation_must_hold_at_all_inputs_exactly():
    assert said(lambda d, h, n: 2 * cost(d, h, n) + (d == 4)) is None
    large = [(10**5 * d, 10**5 * h, n) for d, h, n in INPUTS]
    assert said(lambda d, h, n: 2 * cost(d, h, n) + (d == 4 * 10**5), large) is None  # 1 in 10^12
    assert said(lambda d, h, n: d * n, large) == "Your number is too small by `3 * d * h` at every input that was tried"


@pytest.mark.parametrize(
    "answer, inputs",
    [
        (lambda d, h, n: 3 * d * h, [(5, 3, 5), (2, 7, 2), (4, 9, 4)]),  # d * n, d * d or n * n
        (lambda d, h, n: n * cost(d, h, n), [(5, 3, 5), (2, 7, 2), (4, 9, 4)]),
        (lambda d, h, n: 3 * d * h + n, [(5, 3, 5), (2, 7, 2), (4, 9, 4)]),
        (lambda d, h, n: h * cost(d, h, n), INPUTS[:2]),  # two inputs are not enough
        (lambda d, h, n: d * n, INPUTS[:2]),
        (lambda *g: cost(*g) + 17, INPUTS[:2]),
        (lambda d, h, n: d * n, [INPUTS[0]] * 3),
        (lambda d, h, n: h * cost(d, h, n), [(5, 1, 7), (11, 1, 13), (4, 1, 17)]),  # right
    ],
)
def test_what_coincides_at_all_inputs_is_not_said(answer, inputs):
    assert said(answer, inputs) is None


def test_of_factors_that_coincide_the_one_with_fewest_arguments_is_said():
    squares = [(4, 2, 7), (9, 3, 13), (25, 5, 17)]  # d = h * h
    assert said(lambda d, h, n: d * cost(d, h, n), squares).startswith("Your number is `d` times")


def test_two_factors_may_be_missing_from_a_term():
    found = said(lambda d, h, n: 3 * d, solution=lambda d, h, n: 2 * d * h * n + d)
    assert found == "In the term `2 * d` of your number, the factor `h * n` is missing"


def test_one_wrong_number_shows_no_change_of_a_term():
    assert said(lambda d, h, n: 3 * d * d + d * n, [(5, 5, 7), (11, 11, 13), (4, 9, 17)]) is None


def test_zeros_among_the_arguments_and_no_arguments_at_all():
    assert said(lambda d, h, n: 3 * d * h, [(5, 3, 0), *INPUTS]).startswith("Your number is too small by `d * n` at")
    assert said(lambda d, h, n: 7, [(5, 0, 0), *INPUTS]) is None
    none = [Tried({}, 2.0 * want, want) for want in (3.0, 5.0, 8.0)]
    assert relation(none) == "Your number is 2 times the expected one at every input that was tried"
    assert relation([Tried({}, got, want) for got, want in ((3, 5), (9, 4), (1, 8))]) is None


# In a check -----------------------------------------------------------------------------------------------------------


def two_costs(d, h, double):
    return {"numbers": d * h * (1 + double), "flops": 2 * d * h + h * d * double}


COSTS = Exercise(
    id="9.4", title="costs", minutes=1, difficulty=1, solution=two_costs,
    stages=tuple(Stage(given, str(given)) for given in
        [(5, 3, True), (5, 3, False), (7, 11, False), (4, 6, True), (13, 2, False), (9, 7, True)]),
    mistakes=(Mistake(lambda d, h, double: {"numbers": h, "flops": h}, "Nothing depends on d."),), hints=(),
)  # fmt: skip


def lines(answer, limit=USUAL):
    result = grade(COSTS, answer, limit)
    assert result.passed is False
    return result.kind, result.message.split("\n  ")[1:-1]


def test_each_entry_of_a_dict_is_looked_at_within_its_case():
    def answer(d, h, double):
        return two_costs(d, h, double) | ({} if double else {"flops": 2 * d * h - d})

    kind, (line,) = lines(answer)
    assert (kind, line) == (
        "common",
        "Under the key 'flops', you got 25 where 30 is expected. "
        "Your number is too small by `d` at every input that was tried.",
    )


def test_the_question_about_a_slip_follows_a_factor():
    kind, (line, question) = lines(lambda d, h, double: two_costs(d, h, double) | {"numbers": h * (1 + double)})
    assert kind == "common" and line.endswith("The expected number is `d` times yours at every input that was tried.")
    assert question == "Is the factor d missing?"


def test_no_question_follows_what_says_all():
    exercise = Exercise(
        id="9.6", title="", minutes=1, difficulty=1, solution=cost, mistakes=(), hints=(),
        stages=tuple(Stage(given, str(given)) for given in INPUTS),
    )  # fmt: skip
    _, line, _ = grade(exercise, lambda d, h, n: 3 * d * h + n).message.split("\n  ")
    assert line.endswith("In the term `n` of your number, the factor `d` is missing.")


def test_a_known_mistake_comes_first():
    assert lines(lambda d, h, double: {"numbers": h, "flops": h}) == ("mistake", ["Nothing depends on d."])


@pytest.mark.parametrize("kind", [np.float64, np.array, torch.tensor, float])
def test_numbers_of_other_types_are_read(kind):
    _, (line,) = lines(lambda *given: two_costs(*given) | {"numbers": kind(3 * two_costs(*given)["numbers"])})
    assert "Your number is 3 times the expected one" in line


ODD = [np.nan, np.inf, 10**400, Fraction(1, 3), Decimal("NaN"), 1j, True, None, "2", [1.0], np.ones(3), lambda: 1]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: type(odd).__name__)
@pytest.mark.parametrize("later", [False, True])
def test_odd_values_are_passed_over(odd, later):
    def answer(d, h, double):
        wrong = two_costs(d, h, double)["flops"] + 1
        return {"numbers": d * h * (1 + double), "flops": odd if (d != 5) == later else wrong}

    kind, (line, *_) = lines(answer)
    assert kind in ("numbers", "fact", "slip") and "tried" not in line


def test_an_input_at_which_the_answer_raises_is_passed_over():
    def answer(d, h, double):
        return two_costs(d, h, double) | {"numbers": d * h * (1 + double) * (5 if d != 4 else [][0])}

    assert "Your number is 5 times the expected one" in lines(answer)[1][0]


class Raising:
    def _raise(self, *_):
        raise SystemExit("no")

    __class__ = property(_raise)
    __array__ = __getattr__ = _raise


@pytest.mark.parametrize("later", ["does not end", "raises when it is read"])
def test_the_wrong_number_is_told_where_the_answer_fails_elsewhere_in_another_way(later):
    def answer(d, h, double):
        while d == 9 and later == "does not end":
            pass
        return {"numbers": 2 if d != 9 else Raising(), "flops": 1}

    kind, (line,) = lines(answer, limit=Limit(cpu=0.1, wall=1e6))
    assert (kind, line) == ("numbers", "Under the key 'numbers', you got 2 where 30 is expected.")


# What is said of slips at the inputs of an exercise holds at other inputs, too ----------------------------------------

SENTENCES = {  # what the excess of the answer is then
    r"Your number is `(.*)` times": "(({0}) - 1) * want",
    r"expected number is `(.*)` times": "(1 / ({0}) - 1) * want",
    r"too large by `(.*)` at": "{0}",
    r"too small by `(.*)` at": "-({0})",
    r"the term `(.*)` of .* the factor `(.*)` is missing": "({0}) * (1 - {1})",
    r"the term `(.*)` of .* the factor `(.*)` is one too many": "({0}) * (1 - 1 / {1})",
    r"the term `(.*)` of .* `(.*)` stands where `(.*)` belongs": "({0}) * (1 - {2} / {1})",
}


def claim(message: str) -> str:
    found = [(re.search(pattern, message), excess) for pattern, excess in SENTENCES.items()]
    return next((excess.format(*match.groups()) for match, excess in found if match), "")


@pytest.mark.parametrize("exercise_id, least", [("3.5", 30), ("5.7", 40), ("7.3", 25), ("7.4", 30), ("8.4", 40)])
@pytest.mark.filterwarnings("ignore")
def test_what_is_said_of_a_slip_holds_at_other_inputs(exercise_id, least):
    exercise, heard = find(exercise_id), 0
    names = list(inspect.signature(exercise.solution).parameters)
    for slip in slips_of(exercise):
        message = grade(exercise, slip.answer).message
        if excess := claim(message):
            heard += 1
            key = re.search("nder the key '(.*?)'", message)
            first = next(stage for stage in exercise.stages if message.startswith(stage.about))
            flags = [given for given in first.inputs if isinstance(given, bool)]
            for sizes in ((5, 11, 3, 7, 19, 2), (29, 3, 13, 2, 23, 31), (37, 41, 6, 10, 9, 3)):
                given = (*sizes[: len(names) - len(flags)], *flags)
                got, want = (value(f, Stage(given, "")) for f in (slip.answer, exercise.solution))
                got, want = (got[key[1]], want[key[1]]) if key else (got, want)
                expected = eval(excess, {}, dict(zip(names, given, strict=True)) | {"want": want})
                assert got - want == pytest.approx(expected), f"{slip.after}: {message}"
    assert heard >= least, heard
