"""A right value passes in every type; if the type is coarse and the digits do not suffice, a message says so."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from course_lib.exercises import notebooks, of_notebook
from course_lib.exercises.compare import Rearranged, difference
from course_lib.exercises.grading import grade
from course_lib.exercises.patterns import by_lines

EXERCISES = [exercise for number in notebooks() for exercise in of_notebook(number)]


def rewritten(value, array, whole):
    """The same nest of dicts, lists and tuples with `array` applied to arrays and floats, `whole` to whole numbers."""
    if isinstance(value, dict):
        return {key: rewritten(entry, array, whole) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(rewritten(entry, array, whole) for entry in value)
    if isinstance(value, np.ndarray | float):
        return array(np.asarray(value))
    return whole(value) if isinstance(value, int) else value


def nested(a: np.ndarray, leaf):
    return [nested(row, leaf) for row in a] if a.ndim else leaf(a)


def exact(a: np.ndarray):
    return a.item() if a.dtype.kind in "bc" or not np.isfinite(a) else Fraction(a.item())


def decimal(a: np.ndarray):
    return a.item() if a.dtype.kind in "bc" else Decimal(a.item())


def tensor(a: np.ndarray) -> torch.Tensor:
    return torch.tensor(a).requires_grad_(a.dtype.kind == "f")


def as_object(a: np.ndarray) -> np.ndarray:
    filled = np.empty(a.shape, dtype=object)
    for place in np.ndindex(a.shape):
        filled[place] = tensor(a[place])
    return filled


def conjugated(a: np.ndarray):
    return torch.tensor(a).to(torch.complex128).conj() if a.dtype.kind == "f" else torch.tensor(a)


def compressed(a: np.ndarray):
    return torch.tensor(a).to_sparse_csr() if a.ndim == 2 else a


class Sparse:
    """As SciPy's sparse matrices are."""

    def __init__(self, a):
        self.a = a

    def toarray(self):
        return self.a


class Framed:
    """As a frame of pandas: no array, but convertible to one."""

    def __init__(self, a):
        self.a = a

    def __array__(self, dtype=None, copy=None):
        return self.a


def unsigned(n: int):
    return np.uint64(n) if n >= 0 else np.int64(n)


RIGHT = {
    "tensors that require gradients, 0-d tensors": (tensor, torch.tensor),
    "parameters": (lambda a: torch.nn.Parameter(torch.tensor(a), requires_grad=a.dtype.kind == "f"), np.int64),
    "lists of tensors that require gradients": (lambda a: nested(a, tensor), lambda n: torch.tensor([n])[0]),
    "arrays of tensors": (as_object, np.asarray),
    "Fractions": (lambda a: nested(a, exact), Fraction),
    "Decimals": (lambda a: nested(a, decimal), Decimal),
    "floats": (lambda a: a, float),
    "NumPy's floats": (lambda a: nested(a, lambda x: x[()]), np.float64),
    "long doubles": (lambda a: a.astype(np.longdouble) if a.dtype.kind == "f" else a, np.longdouble),
    "0-d tensors of float64": (tensor, lambda n: torch.tensor(n, dtype=torch.float64, requires_grad=True)),
    "conjugated complex tensors": (conjugated, lambda n: torch.tensor(n, dtype=torch.int64)),
    "sparse tensors": (lambda a: torch.tensor(a).to_sparse() if a.ndim else torch.tensor(a), unsigned),
    "compressed sparse tensors": (compressed, unsigned),
    "sparse matrices": (lambda a: Sparse(a), np.int64),
    "frames": (lambda a: Framed(a), np.int64),
    "matrices": (lambda a: np.matrix(a) if a.ndim == 2 else a, np.longlong),
    "masked arrays that hide nothing": (np.ma.masked_array, lambda n: np.ma.masked_array(n)),
    "tuples": (lambda a: tuple(a) if a.ndim else a, int),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("style", RIGHT)
def test_a_right_value_passes_in_every_type(style):
    heard = {e.id: grade(e, lambda *given, e=e: rewritten(e.solution(*given), *RIGHT[style])) for e in EXERCISES}
    assert not {i: result.message for i, result in heard.items() if not result.passed}


def coarse(dtype):
    """As a computation in this type ends: floats rounded, whole numbers as they are."""
    return lambda a: torch.tensor(a).to(dtype) if a.dtype.kind == "f" else a


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
def test_a_coarse_type_passes_or_hears_a_word_on_precision(name):
    right = 0
    for e in EXERCISES:
        result = grade(e, lambda *given, e=e: rewritten(e.solution(*given), coarse(getattr(torch, name)), int))
        overflowed = name == "float16" and "you got inf" in result.message
        right += result.passed
        assert result.passed or overflowed or f"as {name} computes; compute in float64" in result.message, e.id
    assert right == len(EXERCISES) if name == "float32" else right < len(EXERCISES)


def test_scores_near_1000_in_float32_hear_the_word_and_in_float64_pass():
    softmax = next(e for e in EXERCISES if e.id == "2.3")
    heard = grade(softmax, lambda S: softmax.solution(np.float32(S))).message
    assert "digits, as float32 computes; compute in float64" in heard
    assert grade(softmax, lambda S: torch.softmax(torch.from_numpy(S), -1)).passed is True


def test_the_type_of_numbers_in_nested_lists_is_seen():
    want = np.array([[0.1, 0.2], [0.3, 0.7]])
    assert "as float16 computes; compute in float64" in difference(nested(np.float16(want), lambda x: x[()]), want)
    assert "computes" not in difference(nested(np.float16(want).astype(float), float), want)


@pytest.mark.parametrize("right", [142, 142.0, np.int8(-114) + np.int64(256), Fraction(284, 2), Decimal(142)])
def test_a_whole_number_is_compared_by_value(right):
    assert difference(right, 142) is None
    assert difference(right - 1, 142) == f"you got {right - 1} where 142 is expected"


def test_a_whole_number_is_exact_and_no_truth_value():
    assert difference(2.0**60, 2**60) is None and difference(2.0**60, 2**60 + 1) is not None
    assert difference(True, 1) == "you got True, a truth value, where the whole number 1 is expected"
    assert difference(np.array([5]), 5) == "you got array([5]) where 5 is expected"


def test_a_dict_has_the_expected_keys_and_no_others():
    assert difference({"b": 2.0, "a": 1.0}, {"a": 1.0, "b": 2.0}) is None
    assert difference({"a": 1.0}, {"a": 1.0, "b": 2.0}) == "the key 'b' is missing"
    assert difference({"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 1.0, "b": 2.0}) == "the key 'c' should not be there"


def test_numbers_that_print_alike_are_told_apart():
    assert difference(1.00002, 1.0) == "you got 1.00002 where 1 is expected"
    assert difference(1000.02, 1000.0) == "you got 1000.02 where 1000 is expected"


GIVEN = np.array([[1.0, 2.0, 4.0], [3.0, 5.0, -7.0]])


@pytest.mark.parametrize(
    "got, sentence",
    [
        (-2.5 * GIVEN, "Every number is -2.5 times the expected one"),
        (GIVEN + 3, "Every number differs from the expected one by 3"),
        (GIVEN[:, ::-1], "The numbers are right, but in reverse order"),
        (GIVEN[:, [1, 2, 0]], "The numbers are right, but in another order"),
        (GIVEN.T, "The numbers are right, but the axes are exchanged"),
        (GIVEN.ravel(), "The numbers are right, and in the right order"),
        (GIVEN + [[0, 0, 4], [0, 0, 0]], "at index (0, 2) you got 8 where 4 is expected"),
        ((GIVEN, 2 * GIVEN), "Entry 0 is right"),
        (GIVEN.T + 1, "The two lengths are exchanged"),
        (GIVEN * np.inf, "at index (0, 0) you got inf where 1 is expected"),
        (0 * GIVEN, "at index (0, 0) you got 0 where 1 is expected"),
    ],
)
def test_what_all_numbers_have_in_common_is_said(got, sentence):
    found = difference(got, GIVEN)
    assert difference(GIVEN, GIVEN) is None and found.split(". ")[-1] == sentence
    assert isinstance(found, Rearranged) == (np.shape(got) != GIVEN.shape and sentence.startswith("The numbers"))


TALL = np.array([[1.0, 2.0, 4.0], [3.0, 5.0, -7.0], [0.0, 8.0, 6.0], [9.0, -2.0, 0.0]])


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ([[0], [0], [1], [0]], "Only row 2 is wrong"),
        ([[1], [1], [0], [1]], "Only row 2 is right"),
        ([[0], [0], [1], [1]], "Rows 0 to 1 are right, all later ones are wrong"),
        ([[0], [1], [0], [1]], "Every second row is wrong, from row 1 on"),
        ([[1, 0, 0]], "Only column 0 is wrong"),
        ([[1, 0, 1]], "Only column 1 is right"),
        ([[1], [1], [0], [0]], ""),
        ([[0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]], ""),  # row 0, or column 1
        ([[1, 1, 1], [1, 0, 1], [1, 1, 1], [1, 1, 1]], ""),
    ],
)
def test_the_lines_that_alone_are_wrong_are_told(wrong, sentence):
    got = TALL + np.cumsum(np.ones((4, 3)), axis=0) * wrong + 0.1 * np.eye(4, 3) * wrong
    assert difference(got, TALL).split("expected")[1] == (f". {sentence}" if sentence else "")


def test_a_right_zero_makes_no_line_right():
    causal = np.tril(np.ones((4, 4))) + 0.0
    assert by_lines(causal + np.tril(np.outer([0, 1, 0, 1], [1, 2, 5, 3])), causal) == (
        ". Every second row is wrong, from row 1 on"
    )
    zero_column = np.where(np.arange(4) == 0, 0.0, causal + 1)  # the others are wrong, column 0 says nothing
    assert by_lines(zero_column + (np.arange(4) > 0) * np.arange(16).reshape(4, 4), zero_column) == ""
    assert by_lines(causal > 0, causal > 1) == by_lines(np.nan * causal, causal) == ""


def test_a_factor_of_each_row_is_told_if_rows_show_it():
    factors = np.array([[2.0], [3.0], [1.0], [-1.0]])
    assert by_lines(factors * TALL, TALL) == ". Each row is the expected one times a factor of its own"
    assert by_lines(factors * TALL + 0.1 * np.eye(4, 3), TALL) == by_lines(0 * factors * TALL, TALL) == ""
    single = np.diag([1.0, 2.0, 5.0])
    assert "factor" not in by_lines(single * [[2.0], [3.0], [4.0]], single)


def test_few_lines_and_lines_in_both_directions_say_nothing():
    assert by_lines(GIVEN + [[0, 0, 0], [1, 2, 5]], GIVEN) == ""
    single = np.diag([1.0, 2.0, 5.0])
    assert by_lines(single + np.diag([0, 3, 0]), single) == ""  # row 1, or column 1


def test_places_have_no_factor_and_nan_may_be_right():
    assert difference((2, 4), (1, 2)) == "in entry 0, you got 2 where 1 is expected"
    assert "Every number is 2 times" in difference([2, 4], [1, 2])
    nan = np.array([np.nan, 1.0])
    assert difference(nan, nan) is None and difference(nan + 1, nan) == "at index (1,) you got 2 where 1 is expected"


@pytest.mark.parametrize(
    "got, want, sentence",
    [
        (
            {"a": 4, "b": 10.0},
            {"a": 2, "b": 5},
            "you got 4 where 2 is expected. Every number is 2 times",
        ),
        ([2, 3, 5], [1, 2, 4], "Every number differs from the expected one by 1"),
        ([180.001, 300.001], [180, 300], "Every number differs from the expected one by 0.001"),
        ([4, 1, 2], [1, 2, 4], "The numbers are right, but in another order"),
        ([0, 1, 0, 1, 1], [1, 0, 0, 1, 1], "As many numbers are 1 as expected, but at other places"),
        (GIVEN, (2 * GIVEN, GIVEN, GIVEN[0]), "3 results are asked; you return one array, which is right as entry 1"),
        (GIVEN[0], (2 * GIVEN, GIVEN), "2 results are asked; you return one array of shape (3,)"),
        ((np.eye(3), np.eye(2)), GIVEN, "you return a tuple of 2; one array of shape (2, 3) is asked"),
        ((GIVEN + 1, GIVEN[0]), (GIVEN, GIVEN), "in entry 1, your result has shape (3,)"),
        ((GIVEN[0], GIVEN[:, 0]), (GIVEN, GIVEN), "in entry 0, your result has shape (3,)"),
        ((1.0, 2.0), 1.0, "you return a tuple of 2; one number is asked. Entry 0 is right"),
        (GIVEN, 1.0, "your result has shape (2, 3), one number is expected"),
        (np.nan, 1.0, "your result is NaN"),
        ([10**400, 1], [1, 2], "beyond 1e308"),
    ],
)
def test_what_several_results_have_in_common_is_said(got, want, sentence):
    assert difference(want, want) is None and sentence in difference(got, want)
