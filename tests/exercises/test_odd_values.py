"""An answer that cannot be read gets a message that says why, in every exercise; no returned value raises."""

import functools
from collections import deque
from decimal import Decimal

import numpy as np
import pytest
import torch

from course_lib.exercises import find, notebooks, of_notebook
from course_lib.exercises.core import Exercise, Mistake, Stage
from course_lib.exercises.grading import grade

EXERCISES = [exercise for number in notebooks() for exercise in of_notebook(number)]


def endless():
    while True:
        yield 0.0


async def later(*given):
    return given


class Raising:
    """Raises in everything that a comparison could ask of it."""

    def _raise(self, *_, **__):
        raise SystemExit("no")

    __eq__ = __ne__ = __array__ = __len__ = __repr__ = __bool__ = __iter__ = __getitem__ = __float__ = _raise
    __getattr__ = __hash__ = __class__ = __contains__ = __int__ = __index__ = _raise
    __class__ = property(_raise)


class Abstract:
    def __array__(self, dtype=None, copy=None):
        raise NotImplementedError


class RaisingList(list):
    __len__ = __iter__ = __getitem__ = __repr__ = Raising._raise


class RaisingDict(dict):
    __len__ = __iter__ = __getitem__ = __contains__ = keys = items = __repr__ = Raising._raise


def self_referential():
    loop = [1.0]
    loop.append(loop)
    return loop


@functools.cache
def deep():
    nest = []
    for _ in range(10_000):
        nest = [nest]
    return nest


ODD = {
    "generator": endless,
    "set": lambda: {1.0, 2.0},
    "string": lambda: "half",
    "bytes": lambda: b"half",
    "class": lambda: Exercise,
    "instance": object,
    "function": lambda: print,
    "exception": lambda: ValueError("as a value"),
    "NotImplemented": lambda: NotImplemented,
    "coroutine": lambda: functools.partial(later)(),
    "partial": lambda: functools.partial(print),
    "odd keys": lambda: {None: 1, (2, 3): 4, "GB": self_referential(), Raising: 5},
    "empty list": list,
    "ragged": lambda: [[1.0], [1.0, 2.0], torch.ones(2, 2)],
    "list of None": lambda: [None, ...],
    "nested in itself": self_referential,
    "deep": deep,
    "a long range": lambda: range(10**15),
    "a deque of strings": lambda: deque(["a", "b"]),
    "raising": Raising,
    "abstract": Abstract,
    "list of raising": lambda: [Raising(), Raising()],
    "raising list": lambda: RaisingList([1.0]),
    "raising dict": lambda: RaisingDict(a=1),
    "NaN": lambda: float("nan"),
    "infinity": lambda: np.array(-np.inf),
    "truth value": lambda: np.True_,
    "complex": lambda: 1j,
    "a date": lambda: np.datetime64("2026-01-01"),
    "a structured array": lambda: np.zeros(2, dtype=[("x", float)]),
    "a huge whole number": lambda: 10**400,
    "a signalling NaN": lambda: Decimal("sNaN"),
    "meta": lambda: torch.ones(3, device="meta"),
    "a module": lambda: torch.nn.Linear(2, 3),
    "nested tensor": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    "quantised": lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
    "an immense sparse tensor": lambda: torch.sparse_coo_tensor(size=(10**7, 10**7)),
    "half-precision complex": lambda: torch.ones(2, dtype=torch.complex32),
    "masked": lambda: np.ma.masked_array([1.0, 2.0], mask=[True, False]),
    "surrogates": lambda: "\ud800",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ODD)
def test_an_odd_value_hears_a_sentence_in_every_exercise(kind):
    for exercise in EXERCISES:
        want = exercise.solution(*exercise.stages[0].inputs)
        if isinstance(want, dict):
            wrapped = lambda *_, want=want: dict.fromkeys(want, ODD[kind]())  # noqa: E731
        else:
            wrapped = lambda *_: [ODD[kind]()]  # noqa: E731
        for answer in (lambda *_: ODD[kind](), wrapped):
            result = grade(exercise, answer)
            stage, reason = result.message.split("\n", 1)
            assert result.passed is False and stage in {stage.about for stage in exercise.stages}
            assert len(reason) < 400 and reason.encode()


def ones(n):
    return np.ones(n)


@pytest.mark.parametrize(
    "value, message",
    [
        (lambda: torch.ones(3, device="meta"), "lies on the device 'meta'"),
        (lambda: np.ma.masked_array([1.0], mask=[True]), "a masked array with hidden entries"),
        (lambda: np.ma.masked_array([1.0, 1.0], mask=[True, False]), "a masked array with hidden entries"),
        (endless, "numbers are expected, but your result is generator"),
        (lambda: {1.0}, "numbers are expected, but your result is set"),
        (lambda: "142", "numbers are expected, but your result is str"),
        (lambda: ["1", "42"], "numbers are expected, but your result holds str"),
        (lambda: Exercise, "numbers are expected, but your result is the class Exercise"),
        (lambda: [None], "numbers are expected, but your result holds NoneType"),
        (self_referential, "nested more than 16 deep"),
        (Raising, "your result cannot be compared; that raises SystemExit: no"),
        (lambda: 0.1 * np.ones(2), "expected shape is (1,)"),
    ],
)
def test_what_cannot_be_read_is_named(value, message):
    exercise = Exercise(
        id="9.2", title="ones", minutes=1, difficulty=1, solution=ones, stages=(Stage((1,), "one"),),
        mistakes=(Mistake(np.zeros, "zeros"),), hints=(),
    )  # fmt: skip
    assert message.lower() in grade(exercise, lambda n: value()).message.lower()


def test_none_in_place_of_one_number_hears_which_number_is_expected():
    exercise = find("11.3")
    result = grade(exercise, lambda grid, losses, most: (None, exercise.solution(grid, losses, most)[1]))
    assert "got None where 0.003 is expected" in result.message


def test_a_string_in_an_array_without_axes_is_a_string():
    exercise = find("11.6")
    assert grade(exercise, lambda *given: np.asarray(exercise.solution(*given))).passed


def test_a_coroutine_function_hears_that_it_is_one():
    for exercise in EXERCISES:
        result = grade(exercise, later)
        assert result.passed is False and "Your function is a coroutine. Write `def`" in result.message
