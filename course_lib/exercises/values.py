"""Convert a participant's value to NumPy: a tensor, a sparse matrix, a nested list, exact numbers."""

import sys
from numbers import Number

import numpy as np

_DEEPEST = 16  # lists within lists; an array of the course has four axes at most
_COARSE = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}  # relative distance of neighbours


class Unreadable(Exception):
    """A value that cannot be compared; its text says why, as a sentence fragment."""


def as_plain(value):
    """An array of any kind as a NumPy array; a NumPy scalar or 0-d text as Python's; everything else as it is."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return _of_tensor(value, torch)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ma.MaskedArray):
        if np.ma.getmaskarray(value).any():
            raise Unreadable("your result is a masked array with hidden entries; `.filled(0)` gives them a value")
        value = value.data
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            return value.tolist() if value.ndim else as_plain(value.item())
        return value.item() if value.ndim == 0 and value.dtype.kind in "US" else np.asarray(value)
    if hasattr(type(value), "toarray"):  # SciPy's sparse matrices
        return value.toarray()
    return value


def as_number(value):
    """The number in a scalar, a 0-d array or a 0-d tensor; None for anything else."""
    value = as_plain(value)
    if isinstance(value, np.ndarray) and value.shape == ():
        value = value.item()
    return value if isinstance(value, Number) else None


def as_numbers(value) -> np.ndarray:
    """`value` as an array of numbers or truth values. Raises Unreadable when it cannot be one."""
    array = np.asarray(_stacked(value))
    if array.dtype == object:
        return _of_objects(array)
    if array.dtype.kind not in "biufc":
        raise _no_numbers(array, array.dtype.type.__name__.rstrip("_"))  # NumPy's name of str is str_
    return array


def coarse_type(value) -> tuple[str, float]:
    """Name and machine epsilon of the first entry's type if it is coarser than float64, else "" and 0."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    name = str(getattr(value, "dtype", "")).removeprefix("torch.")
    return (name, _COARSE[name]) if name in _COARSE else ("", 0.0)


def _of_tensor(tensor, torch) -> np.ndarray:
    if tensor.is_meta:
        raise Unreadable("your result lies on the device 'meta', where tensors have a shape but no numbers")
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    tensor = tensor.detach().to_dense() if tensor.layout != torch.strided else tensor.detach()
    if tensor.is_floating_point() or tensor.is_complex():  # NumPy lacks some of torch's types
        tensor = tensor.cpu().to(torch.complex128 if tensor.is_complex() else torch.float64)
    return tensor.cpu().resolve_conj().resolve_neg().numpy()


def _stacked(value, depth: int = 0):
    value = as_plain(value)
    if not isinstance(value, list | tuple):
        return value
    if depth == _DEEPEST:
        raise Unreadable(f"your result is nested more than {_DEEPEST} deep")
    try:
        return np.asarray([_stacked(entry, depth + 1) for entry in value])
    except ValueError:
        raise Unreadable("the rows of your result have different lengths, so they do not form an array") from None


def _no_numbers(array: np.ndarray, kind: str) -> Unreadable:
    return Unreadable(f"numbers are expected, but your result {'is' if array.ndim == 0 else 'holds'} {kind}")


def _of_objects(array: np.ndarray) -> np.ndarray:
    """Fractions, Decimals and large integers as floats."""
    for entry in array.flat:
        if not isinstance(entry, Number):
            kind = f"the class {entry.__name__}" if isinstance(entry, type) else type(entry).__name__
            raise _no_numbers(array, kind)
    try:
        return array.astype(complex if any(isinstance(entry, complex) for entry in array.flat) else float)
    except OverflowError:
        raise Unreadable("your result holds a number beyond 1e308, which no float64 can be") from None
