"""Checks of arrays that the reference shares. Each error names the argument, what it is, and what it must be."""

from typing import get_args, get_type_hints

import numpy as np

from course_lib.config import is_whole, require


def require_real(name: str, array: np.ndarray) -> None:
    """Raises TypeError unless `array` is a NumPy array of floating-point numbers, ValueError if one is not finite."""
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
        got = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"{name} must be a NumPy array of floating-point numbers, got {got}")
    wrong = ~np.isfinite(array)
    if wrong.any():
        place = tuple(map(int, np.argwhere(wrong)[0]))
        raise ValueError(f"{name} must be finite, got {array[place]} at {place} ({wrong.sum()} such entries)")


def require_shapes(**arrays: tuple[np.ndarray | None, str]) -> dict[str, int]:
    """Check name=(array, "h d e") and return the size of each letter, which is the same in all arrays.

    An array that is None is left out. Raises as `require_real`, and ValueError for a wrong shape.
    """
    sizes: dict[str, int] = {}
    for name, (array, letters) in arrays.items():
        if array is None:
            continue
        require_real(name, array)
        letters = letters.split()
        fits = array.ndim == len(letters) and all(
            sizes.get(a, size) == size for a, size in zip(letters, array.shape, strict=True)
        )
        if not fits:
            known = ", ".join(f"{a} = {sizes[a]}" for a in letters if a in sizes)
            rule = f"({', '.join(letters)})" + (f" with {known}" if known else "")
            raise ValueError(f"{name} must have shape {rule}, got {array.shape}")
        sizes |= dict(zip(letters, array.shape, strict=True))
    return sizes


def require_weights(layer, **more: tuple[np.ndarray | None, str]) -> dict[str, int]:
    """Check the arrays of a dataclass against the shapes in its annotations; return the size of each letter.

    more: other arrays that share letters with them, as in `require_shapes`. Raises as `require_shapes`.
    """
    arrays = {}
    for name, annotation in get_type_hints(type(layer)).items():
        kinds = annotation, *get_args(annotation)  # more than one for an array that may be None
        shapes = [kind.dim_str for kind in kinds if hasattr(kind, "dim_str")]
        others = tuple(kind for kind in kinds if isinstance(kind, type) and not hasattr(kind, "dim_str"))
        if shapes and not isinstance(getattr(layer, name), others):
            arrays[name] = getattr(layer, name), shapes[0]
    return require_shapes(**arrays, **more)


def require_mask(mask: np.ndarray, *shape: int) -> None:
    """Raises TypeError unless the mask is boolean (true where seen), ValueError unless its shape ends in `shape`."""
    if not isinstance(mask, np.ndarray) or mask.dtype != bool:
        raise TypeError(f"mask must be a boolean NumPy array, got {getattr(mask, 'dtype', type(mask).__name__)}")
    names = ", ".join(("N_Q", "N_KV")[-len(shape) :])
    require(mask.shape[-len(shape) :] == shape, f"mask must end in the shape ({names}) = {shape}, got {mask.shape}")


def require_positions(positions: np.ndarray, n: int) -> None:
    """Raises TypeError unless positions are integers, ValueError unless there are n of them."""
    if not isinstance(positions, np.ndarray) or not np.issubdtype(positions.dtype, np.integer):
        raise TypeError(f"positions must be a NumPy array of integers, got {getattr(positions, 'dtype', positions)}")
    require(positions.shape == (n,), f"positions must have shape (n,) = {(n,)}, got {positions.shape}")


def require_window(window: int | None) -> None:
    """Raises ValueError unless the window is None or a positive number of tokens, the token itself included."""
    good = window is None or is_whole(window) or (isinstance(window, np.integer) and window > 0)
    require(good, f"window must be a positive integer or None, got {window!r}")
