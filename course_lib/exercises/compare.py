"""Say in a sentence how a participant's value differs from the verified one.

Values are compared, not types. A whole number may be an int, a NumPy integer, a 0-d array or tensor, a Fraction or a
float: it is right if it is exactly equal. Truth values do not count as numbers. Arrays may be nested lists, tensors of
every layout, or arrays of every kind.
"""

import math
import reprlib
from collections.abc import Mapping, Sequence
from itertools import permutations

import numpy as np

from course_lib.exercises.values import Unreadable, as_number, as_numbers, as_plain, coarse_type

# Answers may be computed in float32 or summed in another order; mistakes in the exercises change values by more.
RTOL, ATOL = 1e-5, 1e-6

_short = reprlib.Repr()
_short.maxother = _short.maxstring = _short.maxlong = 60


def difference(got, want) -> str | None:
    """None when `got` equals `want` (numbers within RTOL, ATOL), else what is different, as a sentence fragment."""
    try:
        return _difference(got, want)
    except Unreadable as reason:
        return str(reason)


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
        return f"you got {number}, a truth value, where the whole number {want} is expected"
    if number is None or isinstance(number, bool):
        return _got_where(_short.repr(as_plain(got)), str(want))
    if number == want:
        return None
    return _precision(got, np.asarray(number), np.asarray(float(want))) or _got_where(_cut(str(number)), str(want))


def _array_difference(value, want: np.ndarray) -> str | None:
    got = as_numbers(value)
    if want.dtype.kind == "b" and got.dtype.kind != "b":
        return f"a boolean array (True where visible) is expected, your result has dtype {got.dtype}"
    if got.shape != want.shape:
        return f"your result has shape {got.shape}, the expected shape is {want.shape}{_rearranged(got, want)}"
    if np.isnan(got).any() and not np.isnan(want).any():
        return f"your result contains NaN, first at {_first(np.isnan(got))}"
    wrong = ~np.isclose(got, want, rtol=RTOL, atol=ATOL, equal_nan=True)
    if not wrong.any():
        return None
    place = _first(wrong)
    where = f"at index {place} " if place != () else ""
    return _precision(value, got, want) or where + _got_where(*_told_apart(got[place], want[place])) + _as_a_whole(
        got, want
    )


def _rearranged(got: np.ndarray, want: np.ndarray) -> str:
    """A sentence on right numbers in a wrong shape."""
    if 1 < got.ndim == want.ndim and any(_close(got.transpose(axes), want) for axes in permutations(range(got.ndim))):
        return ". The numbers are right, but the axes are exchanged"
    return ". The numbers are right, and in the right order" if _close(got.ravel(), want.ravel()) else ""


def _as_a_whole(got: np.ndarray, want: np.ndarray) -> str:
    """A sentence on what all numbers have in common, if there are two or more and their shape is right."""
    if want.size < 2 or want.dtype.kind == "b" or not np.isfinite(want).all() or not np.isfinite(got).all():
        return ""
    factor = np.vdot(want, got) / (np.vdot(want, want) or 1.0)
    if abs(factor) > ATOL and _close(got, factor * want):
        return f". Every number is {factor:.6g} times the expected one"
    if _close(got - want, np.full(want.shape, (got - want).flat[0])):
        return f". Every number differs from the expected one by {(got - want).flat[0]:.6g}"
    if any(_close(np.flip(got, axis), want) for axis in range(want.ndim)):
        return ". The numbers are right, but in reverse order"
    return ". The numbers are right, but in another order" if _close(np.sort(got, None), np.sort(want, None)) else ""


def _close(got: np.ndarray, want: np.ndarray) -> bool:
    return got.shape == want.shape and bool(np.isclose(got, want, rtol=RTOL, atol=ATOL).all())


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
    error = np.nanmax(np.abs(np.where(np.isfinite(want), got - want, 0.0))) / largest
    digits = math.floor(-math.log10(error))
    return f"your result is right to {digits} digit{'s' * (digits > 1)}, as {name} computes; compute in float64"


def _sequence_difference(got, want: list | tuple) -> str | None:
    if isinstance(got, np.ndarray):
        got = got.tolist()
    if not isinstance(got, Sequence) or isinstance(got, str | bytes):
        return f"a {type(want).__name__} of {len(want)} entries is expected, you returned {type(got).__name__}"
    if len(got) != len(want):
        return f"your result has length {len(got)} where {len(want)} is expected"
    for index, (mine, theirs) in enumerate(zip(got, want, strict=True)):
        if found := difference(mine, theirs):
            return f"in entry {index}, {found}"
    return None


def _mapping_difference(got, want: Mapping) -> str | None:
    if not isinstance(got, Mapping):
        return f"a dict is expected, you returned {type(got).__name__}"
    if missing := [key for key in want if key not in got]:
        return f"the key {missing[0]!r} is missing"
    if extra := [key for key in got if key not in want]:
        return f"the key {_short.repr(extra[0])} should not be there"
    for key, value in want.items():
        if found := difference(got[key], value):
            return f"under the key {key!r}, {found}"
    return None
