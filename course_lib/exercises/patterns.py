"""What right numbers in a wrong shape, or all wrong numbers, have in common."""

from itertools import permutations

import numpy as np

# Answers may be computed in float32 or summed in another order; mistakes in the exercises change values by more.
RTOL, ATOL = 1e-5, 1e-6


def rearranged(got: np.ndarray, want: np.ndarray) -> str:
    """A sentence on right numbers in a wrong shape, and on a shape whose axes are exchanged."""
    if 1 < got.ndim == want.ndim and any(close(got.transpose(axes), want) for axes in permutations(range(got.ndim))):
        return ". The numbers are right, but the axes are exchanged"
    if close(got.ravel(), want.ravel()):
        return ". The number is right" if want.size == 1 else ". The numbers are right, and in the right order"
    return ". It looks transposed" if got.ndim == 2 and got.shape == want.shape[::-1] else ""


def as_a_whole(got: np.ndarray, want: np.ndarray) -> str:
    """A sentence on what all numbers have in common, if there are two or more and their shape is right."""
    if want.size < 2 or want.dtype.kind == "b" or not np.isfinite(want).all() or not np.isfinite(got).all():
        return ""
    factor = np.vdot(want, got) / (np.vdot(want, want) or 1.0)
    if abs(factor) > ATOL and close(got, factor * want):
        return f". Every number is {factor:.6g} times the expected one"
    if close(got - want, np.full(want.shape, (got - want).flat[0])):
        return f". Every number differs from the expected one by {(got - want).flat[0]:.6g}"
    if any(close(np.flip(got, axis), want) for axis in range(want.ndim)):
        return ". The numbers are right, but in reverse order"
    if not close(np.sort(got, None), np.sort(want, None)):
        return ""
    if np.isin(want, (0, 1)).all():  # their order says nothing
        return ". As many numbers are 1 as expected, but at other places"
    return ". The numbers are right, but in another order"


def close(got: np.ndarray, want: np.ndarray) -> bool:
    return got.shape == want.shape and bool(np.isclose(got, want, rtol=RTOL, atol=ATOL).all())
