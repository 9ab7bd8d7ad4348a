"""Say what the numbers of a wrong array have in common: a factor, another order, the rows that are wrong.

The functions return a sentence, or "" if they have nothing to say.
"""

from itertools import permutations

import numpy as np

# Answers may be computed in float32 or summed in another order; mistakes in the exercises change values by more.
RTOL, ATOL = 1e-5, 1e-6


def rearranged(got: np.ndarray, want: np.ndarray) -> str:
    """A sentence on right numbers in a wrong shape."""
    if 1 < got.ndim == want.ndim and any(close(got.transpose(axes), want) for axes in permutations(range(got.ndim))):
        return ". The numbers are right, but the axes are exchanged"
    if close(got.ravel(), want.ravel()):
        return ". The number is right" if want.size == 1 else ". The numbers are right, and in the right order"
    return ""


def exchanged(got: np.ndarray, want: np.ndarray) -> str:
    """A sentence on a matrix that has its two lengths in the other order."""
    return ". The two lengths are exchanged" if got.ndim == 2 and got.shape == want.shape[::-1] else ""


def as_a_whole(got: np.ndarray, want: np.ndarray) -> str:
    """A sentence on what all numbers have in common, if there are two or more and their shape is right."""
    if want.size < 2 or want.dtype.kind == "b" or not np.isfinite(want).all() or not np.isfinite(got).all():
        return ""
    factor = np.vdot(want, got) / (np.vdot(want, want) or 1.0)
    times = f"{factor:.6g}"
    if times != "1" and abs(factor) > ATOL and close(got, factor * want):
        return f". Every number is {times} times the expected one"
    if close(got - want, np.full(want.shape, (got - want).flat[0])):
        return f". Every number differs from the expected one by {(got - want).flat[0]:.6g}"
    if any(close(np.flip(got, axis), want) for axis in range(want.ndim)):
        return ". The numbers are right, but in reverse order"
    if not close(np.sort(got, None), np.sort(want, None)):
        return ""
    if np.isin(want, (0, 1)).all():  # an order of zeros and ones says nothing
        return ". As many numbers are 1 as expected, but at other places"
    return ". The numbers are right, but in another order"


def by_lines(got: np.ndarray, want: np.ndarray) -> str:
    """A sentence on the rows or the columns of a matrix that alone are wrong or right, or on a factor of each row."""
    if want.ndim != 2 or want.dtype.kind == "b" or not np.isfinite(want).all() or not np.isfinite(got).all():
        return ""
    if _each_row_has_a_factor(got, want):
        return ". Each row is the expected one times a factor of its own"
    found = [sentence for sentence in (_lines("row", got, want), _lines("column", got.T, want.T)) if sentence]
    return f". {found[0]}" if len(found) == 1 else ""


def _each_row_has_a_factor(got: np.ndarray, want: np.ndarray) -> bool:
    """Whether each row has a factor. This says something only if two rows have two numbers or more that are not 0."""
    squares = np.square(want).sum(axis=1, keepdims=True)
    factors = (got * want).sum(axis=1, keepdims=True) / np.where(squares, squares, 1)
    telling = np.sum((np.abs(want) > ATOL).sum(axis=1) > 1) > 1
    return bool(telling and (np.abs(factors) > ATOL).all() and close(got, factors * want))


def _lines(name: str, got: np.ndarray, want: np.ndarray) -> str:
    """A sentence on which rows are wrong, if no row holds both right and wrong numbers. A correct 0 does not count."""
    wrong = ~np.isclose(got, want, rtol=RTOL, atol=ATOL)
    right = ~wrong & (np.abs(want) > ATOL)
    bad, good = wrong.any(axis=1), right.any(axis=1)
    if len(want) < 3 or (bad == good).any() or right.sum() < 2:
        return ""
    if bad.sum() == 1:
        return f"Only {name} {bad.argmax()} is wrong"
    if good.sum() == 1:
        return f"Only {name} {good.argmax()} is right"
    if not bad[: good.sum()].any():
        return f"{name.capitalize()}s 0 to {good.sum() - 1} are right, all later ones are wrong"
    if (bad[1:] != bad[:-1]).all():
        return f"Every second {name} is wrong, from {name} {bad.argmax()} on"
    return ""


def close(got: np.ndarray, want: np.ndarray) -> bool:
    """Whether two arrays have the same shape and equal numbers, within RTOL and ATOL."""
    return got.shape == want.shape and bool(np.isclose(got, want, rtol=RTOL, atol=ATOL).all())
