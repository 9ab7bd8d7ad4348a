"""Say in a sentence how a participant's value differs from the verified one.

Values are compared, not types. A whole number may be an int, a NumPy integer, a 0-d array or tensor, a Fraction or a
float: it is right if it is exactly equal. Truth values do not count as numbers. An array may be a nested list, a tensor
of any layout, or an array of any kind.
"""

import math
import reprlib
from collections.abc import Mapping, Sequence

import numpy as np

from course_lib.exercises.patterns import ATOL, RTOL, as_a_whole, by_lines, close, exchanged, rearranged
from course_lib.exercises.values import Unreadable, as_number, as_numbers, as_plain, coarse_type


class Fact(str):
    """A message: the type, length or shape is wrong, or a value is no number."""


class Rearranged(Fact):
    """A message: the numbers are right, their shape is wrong."""


class Undefined(Fact):
    """A message: NaN stands where a number is expected."""


class Common(str):
    """A message that also says what all numbers of a result have in common."""


_short = reprlib.Repr()
_short.maxother = _short.maxstring = _short.maxlong = 60


def difference(got, want) -> str | None:
    """None when `got` equals `want` (numbers within RTOL, ATOL), else what is different, as a sentence fragment.

    The fragment is a `Fact` or a `Common`, else a plain str: an example of a wrong number.
    """
    try:
        return _difference(got, want)
    except Unreadable as reason:
        return Fact(reason)


def equal(got, want) -> bool:
    """Whether `difference` is None. Of arrays this is known without a search for what their numbers have in common."""
    if isinstance(want, list | tuple) and isinstance(got, list | tuple):
        return len(got) == len(want) and all(map(equal, got, want))
    if all(type(value) is np.ndarray and value.dtype.kind == "f" for value in (got, want)):
        return got.shape == want.shape and not _wrong(got, want).any()
    return difference(got, want) is None


def _difference(got, want) -> str | None:
    if isinstance(want, np.ndarray | float):
        return _array_difference(got, np.asarray(want))
    if isinstance(want, Mapping):
        return _mapping_difference(got, want)
    if isinstance(want, list | tuple):
        return _sequence_difference(as_plain(got), want)
    if isinstance(want, int) and not isinstance(want, bool):
        return _whole_difference(got, want)
    got = as_plain(got)
    return None if isinstance(got, type(want)) and got == want else _got_where(_short.repr(got), _short.repr(want))


def _got_where(got: str, want: str) -> str:
    return f"you got {got} where {want} is expected"


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _whole_difference(got, want: int) -> str | None:
    number = as_number(got)
    if isinstance(number, bool) and number == want:
        return Fact(f"you got {number}, a truth value, where the whole number {want} is expected")
    if number is None or isinstance(number, bool):
        return Fact(_got_where(_short.repr(as_plain(got)), str(want)))
    if number == want:
        return None
    return _precision(got, np.asarray(number), np.asarray(float(want))) or _got_where(_cut(str(number)), str(want))


def _array_difference(value, want: np.ndarray) -> str | None:
    if isinstance(value, tuple) and (part := _several(value, want)):
        return part
    if value is None and want.ndim == 0:
        return Fact(_got_where("None", _short.repr(want.item())))
    got = as_numbers(value)
    if fact := _fact(got, want):
        return fact
    wrong = _wrong(got, want)
    if not wrong.any():
        return None
    place = _first(wrong)
    where = f"at index {place} " if place != () else ""
    found = where + _got_where(*_told_apart(got[place], want[place]))
    whole = as_a_whole(got, want) or by_lines(got, want)
    return _precision(value, got, want) or (Common(found + whole) if whole else found)


def _wrong(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    return ~np.isclose(got, want, rtol=RTOL, atol=ATOL, equal_nan=True)


def _fact(got: np.ndarray, want: np.ndarray) -> Fact | None:
    if want.dtype.kind == "b" and got.dtype.kind != "b":
        return Fact(f"a boolean array (True where visible) is expected, your result has dtype {got.dtype}")
    if got.shape != want.shape:
        asked = f"the expected shape is {want.shape}" if want.ndim else "one number is expected"
        shapes = f"your result has shape {got.shape}, {asked}"
        right = rearranged(got, want)
        return Rearranged(shapes + right) if right else Fact(shapes + exchanged(got, want))
    if np.isnan(got).any() and not np.isnan(want).any():
        where = f"contains NaN, first at {_first(np.isnan(got))}" if got.ndim else "is NaN"
        return Undefined(f"your result {where}")
    return None


def _several(values: tuple, want: np.ndarray) -> Fact | None:
    """A message if several arrays are given where one is expected, and they are not its rows."""
    parts = [part for part in map(as_plain, values) if isinstance(part, np.ndarray | float)]
    shapes = {np.shape(part) for part in parts}
    if len(parts) < len(values) or (want.shape not in shapes and len(shapes) < 2):
        return None
    right = [index for index, part in enumerate(parts) if close(np.asarray(part), want)]
    entry = f". Entry {right[0]} is right" if right else ""
    asked = f"array of shape {want.shape}" if want.ndim else "number"
    return Fact(f"you return a tuple of {len(values)}; one {asked} is asked{entry}")


def _first(wrong: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(wrong)[0])


def _told_apart(got, want) -> tuple[str, str]:
    """Both numbers with six digits, or with as many as it takes to see that they differ."""
    texts = [(f"{got:.{digits}g}", f"{want:.{digits}g}") for digits in (6, 9, 17)]
    return next((pair for pair in texts if pair[0] != pair[1]), texts[-1])


def _precision(value, got: np.ndarray, want: np.ndarray) -> str | None:
    """A sentence about precision, if the type of `value` is coarser than float64 and half of its digits are right."""
    name, epsilon = coarse_type(value)
    largest = np.abs(want[np.isfinite(want)]).max(initial=0.0)
    near = largest * math.sqrt(epsilon)
    if not near or not np.isclose(got, want, rtol=0.0, atol=near, equal_nan=True).all():
        return None
    off = np.abs(np.where(np.isfinite(want), got - want, 0.0))
    digits = math.floor(-math.log10(max(np.nanmax(off) / largest, epsilon / 2)))  # a type has no more digits
    right = f"right to {digits} digit{'s' * (digits > 1)}"
    if np.any(off > math.sqrt(epsilon) * np.abs(want)):
        return f"your largest numbers are {right} and small ones to fewer, as {name} computes; compute in float64"
    return f"your result is {right}, as {name} computes; compute in float64"


def _sequence_difference(got, want: list | tuple) -> str | None:
    if isinstance(got, np.ndarray):
        if isinstance(want, tuple) and len(got) != len(want):
            return _alone(got, want)
        got = got.tolist()
    if not isinstance(got, Sequence) or isinstance(got, str | bytes):
        return Fact(f"a {type(want).__name__} of {len(want)} entries is expected, you returned {type(got).__name__}")
    if len(got) != len(want):
        return Fact(f"your result has length {len(got)} where {len(want)} is expected")
    found = [(index, difference(*pair)) for index, pair in enumerate(zip(got, want, strict=True))]
    return _foremost([(f"in entry {index}", text) for index, text in found], got, want)


def _alone(got: np.ndarray, want: tuple) -> Fact:
    right = [i for i, entry in enumerate(want) if isinstance(entry, np.ndarray) and difference(got, entry) is None]
    entry = f", which is right as entry {right[0]}" if right else f" of shape {got.shape}"
    return Fact(f"{len(want)} results are asked; you return one array{entry}")


def _mapping_difference(got, want: Mapping) -> str | None:
    if not isinstance(got, Mapping):
        return Fact(f"a dict is expected, you returned {type(got).__name__}")
    if missing := [key for key in want if key not in got]:
        return Fact(f"the key {missing[0]!r} is missing")
    if extra := [key for key in got if key not in want]:
        return Fact(f"the key {_short.repr(extra[0])} should not be there")
    found = [(f"under the key {key!r}", difference(got[key], value)) for key, value in want.items()]
    return _foremost(found, [got[key] for key in want], [*want.values()])


def _foremost(found: list[tuple[str, str | None]], got: Sequence, want: Sequence) -> str | None:
    """The first `Fact` of several places, else the first difference and what all numbers have in common."""
    wrong = [type(text)(f"{place}, {text}") for place, text in found if text]
    if facts := [text for text in wrong if isinstance(text, Fact)]:
        return facts[0]
    whole = as_a_whole(as_numbers([*got]), as_numbers([*want])) if wrong and _are_comparable(want) else ""
    return Common(wrong[0] + whole) if whole else wrong[0] if wrong else None


def _are_comparable(values: Sequence) -> bool:
    """Whether all are numbers, and not two positions, that is a pair of whole numbers: their factor says nothing."""
    is_pair = isinstance(values, tuple) and [*map(type, values)] == [int, int]
    return not is_pair and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
