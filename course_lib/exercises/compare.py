"""Say in a sentence how a participant's value differs from the verified one."""

from collections.abc import Mapping

import numpy as np

# Answers may be computed in float32 or summed in another order; mistakes in the exercises change values by more.
RTOL, ATOL = 1e-5, 1e-6


def as_plain(value):
    """Tensors (anything that detaches) become NumPy arrays; everything else is left as it is."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        return (value.double() if value.is_floating_point() else value).numpy()
    return value


def difference(got, want) -> str | None:
    """None when `got` equals `want` (numbers within RTOL, ATOL), else what is different, as a sentence fragment."""
    got, want = as_plain(got), as_plain(want)
    if isinstance(want, np.ndarray | float):
        return _array_difference(got, np.asarray(want))
    if isinstance(want, Mapping):
        return _mapping_difference(got, want)
    if isinstance(want, list | tuple):
        return _sequence_difference(got, want)
    if isinstance(got, np.generic):
        got = got.item()
    if isinstance(got, float) and type(want) is int and got == want:
        return f"you got {got}, a float, where the whole number {want} is expected (`//` and `int` give one)"
    return None if type(got) is type(want) and got == want else f"you got {got!r} where {want!r} is expected"


def _array_difference(got, want: np.ndarray) -> str | None:
    try:
        got = np.asarray([as_plain(v) for v in got] if isinstance(got, list | tuple) else got)
    except ValueError:
        return "the rows of your result have different lengths, so they do not form an array"
    if got.dtype.kind not in "biufc":
        return f"numbers are expected, but your result is of type {got.dtype}"
    if want.dtype.kind == "b" and got.dtype.kind != "b":
        return f"a boolean array (True where visible) is expected, your result has dtype {got.dtype}"
    if got.shape != want.shape:
        return f"your result has shape {got.shape}, the expected shape is {want.shape}"
    if np.isnan(got).any() and not np.isnan(want).any():
        return f"your result contains NaN, first at {_first(np.isnan(got))}"
    wrong = ~np.isclose(got, want, rtol=RTOL, atol=ATOL, equal_nan=True)
    if not wrong.any():
        return None
    place = _first(wrong)
    where = f"at index {place} " if place != () else ""
    return f"{where}you got {got[place]:.6g} where {want[place]:.6g} is expected"


def _first(wrong: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(wrong)[0])


def _sequence_difference(got, want) -> str | None:
    if isinstance(got, np.ndarray):
        got = got.tolist()
    if not isinstance(got, list | tuple):
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
        return f"the key {extra[0]!r} should not be there"
    for key, value in want.items():
        if found := difference(got[key], value):
            return f"under the key {key!r}, {found}"
    return None
