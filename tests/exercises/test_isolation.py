"""Neither a setting of the process nor an answer's error, of whatever kind, changes a verdict or a setting."""

import functools
import random
import re
import sys
import warnings

import numpy as np
import pytest
import torch

from course_lib.exercises import check, find, notebooks, of_notebook
from course_lib.exercises.core import Exercise, Mistake, Stage
from course_lib.exercises.grading import grade
from course_lib.exercises.watchdog import Limit

EXERCISES = [exercise for number in notebooks() for exercise in of_notebook(number)]


def ones(n):
    return np.ones(n)


ONE = Exercise(
    id="9.3", title="one", minutes=1, difficulty=1, solution=ones, stages=(Stage((1,), "a single one"),),
    mistakes=(Mistake(np.zeros, "zeros"),), hints=(),
)  # fmt: skip


def settings() -> tuple:
    """All that a check keeps, in a form that can be compared."""
    return (
        np.geterr(),
        np.geterrcall(),
        list(warnings.filters),
        random.getstate(),
        repr(np.random.get_state()),
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.is_grad_enabled(),
        torch.get_rng_state().tolist(),
        sys.getrecursionlimit(),
    )


def raises_when_called(kind, flag):
    raise FloatingPointError(kind)


def seeded():
    random.seed(1), np.random.seed(2), torch.manual_seed(3)


SET = {
    "nothing": lambda: None,
    "errors of NumPy raise": lambda: np.seterr(all="raise"),
    "errors of NumPy call": lambda: (np.seterrcall(raises_when_called), np.seterr(all="call")),
    "errors of NumPy pass": lambda: np.seterr(all="ignore"),
    "warnings raise": lambda: warnings.simplefilter("error"),
    "float64 is torch's default": lambda: torch.set_default_dtype(torch.float64),
    "bfloat16 is torch's default": lambda: torch.set_default_dtype(torch.bfloat16),
    "meta is torch's device": lambda: torch.set_default_device("meta"),
    "no gradients": lambda: torch.set_grad_enabled(False),
    "other seeds": seeded,
    "deeper recursion": lambda: sys.setrecursionlimit(sys.getrecursionlimit() + 100),
}


@pytest.fixture
def as_before():
    """Takes back by itself what a test sets, so that it does not rely on what it tests."""
    before = settings(), np.random.get_state()
    with warnings.catch_warnings():
        yield
    np.seterr(**before[0][0]), np.seterrcall(before[0][1])
    random.setstate(before[0][3]), np.random.set_state(before[1])
    torch.set_default_dtype(before[0][5]), torch.set_default_device(None), torch.set_grad_enabled(before[0][7])
    torch.set_rng_state(torch.tensor(before[0][8], dtype=torch.uint8)), sys.setrecursionlimit(before[0][9])


def test_an_answer_may_choose_a_device_that_is_not_there_and_numbers_of_another_kind(as_before):
    missing = next(name for name in ("mps", "cuda") if not getattr(torch, name).is_available())
    set_so = settings()
    for change in (
        lambda: torch.set_default_device(missing),
        lambda: np.random.set_bit_generator(np.random.PCG64()),
    ):
        assert grade(ONE, lambda n, change=change: change() or np.ones(n)).passed is True
        assert settings() == set_so
    torch.set_default_device(missing)
    assert grade(ONE, np.ones).passed is True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SET)
def test_every_solution_passes_under_every_setting(name, as_before):
    SET[name]()
    set_so = settings()
    assert [e.id for e in EXERCISES if not grade(e, e.solution).passed] == []
    assert settings() == set_so


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_every_mistake_hears_the_same_under_all_settings_together(exercise, as_before):
    usual = [grade(exercise, mistake.answer) for mistake in exercise.mistakes]
    for name in SET:
        if name != "errors of NumPy pass":
            SET[name]()
    set_so = settings()
    assert [grade(exercise, mistake.answer) for mistake in exercise.mistakes] == usual and settings() == set_so


@pytest.mark.parametrize("name", SET)
def test_what_an_answer_sets_is_taken_back(name, as_before):
    def answer(n):
        SET[name]()
        random.random(), np.random.normal(), torch.rand(1, device="cpu")
        return np.ones(n)

    before = settings()
    assert grade(ONE, answer).passed is True
    assert settings() == before


def test_what_an_answer_sets_is_taken_back_after_an_error(as_before):
    before = settings()
    for name in SET:
        assert grade(ONE, lambda n, name=name: (SET[name](), sys.exit())).passed is False
        assert settings() == before


def test_what_an_answer_sets_is_taken_back_when_it_is_stopped(as_before):
    def answer(n):
        for name in SET:
            SET[name]()
        while True:
            try:
                random.random(), np.random.normal()
            except BaseException:
                pass

    before = settings()
    assert "Your code was stopped" in grade(ONE, answer, Limit(cpu=0.1, wall=1e6)).message
    assert settings() == before


def test_a_first_import_of_torch_may_set_its_defaults(as_before, monkeypatch):
    monkeypatch.delitem(sys.modules, "torch")

    def answer(n):
        sys.modules["torch"] = torch  # as its import would
        torch.set_default_dtype(torch.float64), torch.set_default_device("meta"), torch.set_grad_enabled(False)
        return np.ones(n)

    before = settings()
    assert grade(ONE, answer).passed is True and settings() == before


def overflowing(n):
    warnings.warn("of the answer's own", stacklevel=1)
    return np.minimum(np.exp(np.full(n, 1e4)), 1.0)


def undefined(n):
    return np.full(n, 1.0) * np.log(np.full(n, -1.0))


def test_warnings_of_the_answer_stay_out_and_the_verdict_says_where_nan_begins():
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        assert grade(ONE, overflowing).passed is True
        message = grade(ONE, undefined).message
    assert shown == [] and re.search("NumPy first computes NaN in line .*`return np.full.n, 1.0. . np.log", message)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "operation",
    [lambda: np.ones(1) / 0, lambda: np.exp([1e4]), lambda: np.exp([-1e4]), lambda: np.log([-1.0])],
    ids=["divide", "over", "under", "invalid"],
)
def test_an_operation_of_which_numpy_warns_raises_in_no_answer(operation, as_before):
    np.seterr(all="raise")
    assert grade(ONE, lambda n: (operation(), np.ones(n))[1]).passed is True


class Unspeakable(BaseException):
    def __str__(self):
        raise SystemExit


ERRORS = {
    "SystemExit": lambda: sys.exit(),
    "SystemExit: 3": lambda: sys.exit(3),
    "KeyboardInterrupt": lambda: (_ for _ in ()).throw(KeyboardInterrupt),
    "GeneratorExit": lambda: (_ for _ in ()).throw(GeneratorExit),
    "BaseException: none of the usual": lambda: (_ for _ in ()).throw(BaseException("none of the usual")),
    "an error whose own text raises another": lambda: (_ for _ in ()).throw(Unspeakable),
    "RecursionError": lambda: ERRORS["RecursionError"](),
    "MemoryError": lambda: np.empty(10**14),
    "StopIteration": lambda: next(iter(())),
    "UnicodeError: \\ud800": lambda: (_ for _ in ()).throw(UnicodeError("\ud800")),
    "NotImplementedError": lambda: torch.empty(2, device="meta").tolist(),
    "TypeError": lambda: find("2.1").solution(1),
}


class Elusive(Exception):
    @property
    def __class__(self):
        raise SystemExit


def test_an_error_that_cannot_be_looked_at_becomes_a_sentence():
    def answer(n):
        raise Elusive

    assert grade(ONE, answer).message.split("\n")[1] == "  Your code raises an error that cannot be described."


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_becomes_a_sentence_in_every_exercise(name):
    for exercise in EXERCISES:
        result = grade(exercise, lambda *given: ERRORS[name]())
        stage, reason = result.message.split("\n", 1)
        assert result.passed is False and stage == exercise.stages[0].about
        assert f"Your code raises {name}" in reason


def test_an_error_of_the_course_itself_is_not_the_participants():
    with pytest.raises(ZeroDivisionError):
        grade(Exercise(**{**vars(ONE), "solution": lambda n: 1 / 0}), np.ones)


@pytest.mark.parametrize(
    "answer, message",
    [
        (functools.partial(lambda n, m: np.ones(n), m=3), "Exercise 9.3: correct."),
        (functools.partial(print, end=""), "is a `return` missing?"),
        (functools.cache(lambda n: ...), "not attempted yet"),
        (functools.partial(lambda n, m: ..., m=3), "not attempted yet"),
        (np.ones, "Exercise 9.3: correct."),
        (type("Callable", (), {"__call__": lambda self, n: np.ones(n)})(), "Exercise 9.3: correct."),
        (lambda: np.ones(1), "your code raises TypeError"),
        (lambda n, m: np.ones(n), "your code raises TypeError"),
        (lambda m: np.ones(m), "Exercise 9.3: correct."),
        (Exercise, "your code raises TypeError"),
        (np.ones(1), "Exercise 9.3: correct."),
    ],
)
def test_everything_that_can_be_called_is_an_answer(answer, message):
    assert message.lower() in grade(ONE, answer).message.lower()


def test_an_error_of_many_lines_is_told_in_one():
    def answer(n):
        raise ValueError("first\n\n  second\r\n\x1b[31mthird")

    assert grade(ONE, answer).message == (
        "a single one\n  Your code raises ValueError: first second \\x1b[31mthird, in line "
        + str(answer.__code__.co_firstlineno + 1)
        + r', `raise ValueError("first\n\n  second\r\n\x1b[31mthird")`.'
        + '\n  `hint("9.3")` helps.'
    )


def test_a_message_can_be_printed(capsys):
    check("0.1", lambda A: (_ for _ in ()).throw(ValueError("\udc80")))
    assert "ValueError: \\udc80" in capsys.readouterr().out


def test_the_sublayers_of_exercise_5_5_take_the_names_of_the_notebook():
    def block(X, E, norms, self_attention, cross_attention, feed_forward):
        normed = norms[0](X)
        X = X + self_attention(X_Q=normed, X_KV=normed, mask=np.tri(len(X), dtype=bool))
        X = X + cross_attention(X_Q=norms[1](X), X_KV=E, mask=None)
        return X + feed_forward(norms[2](X))

    assert grade(find("5.5"), block).passed is True
