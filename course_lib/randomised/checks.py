"""Checks of arguments that this package shares. Each error names the argument, its value and the rule.

Arrays are NumPy arrays of floating-point numbers. For others `require_shapes` of the reference raises TypeError. It
raises ValueError for wrong shapes and for entries that are not finite.
"""

import math

import numpy as np
from jaxtyping import Float, Int

from course_lib.config import is_whole, require
from course_lib.reference.checks import require_shapes


def check_matrix(name: str, M: np.ndarray) -> Float[np.ndarray, "m n"]:
    """The matrix in float64. Raises as `require_shapes`, and ValueError for a matrix without entries."""
    require_shapes(**{name: (M, "m n")})
    require(M.size > 0, f"{name} must have entries, got shape {M.shape}")
    return M.astype(np.float64, copy=False)


def check_square(name: str, M: np.ndarray) -> Float[np.ndarray, "n n"]:
    """The matrix in float64. Raises as `check_matrix`, and ValueError unless it has as many rows as columns."""
    M = check_matrix(name, M)
    require(M.shape[0] == M.shape[1], f"{name} must be square, got shape {M.shape}")
    return M


def check_falling(name: str, values: np.ndarray) -> Float[np.ndarray, "m"]:
    """Singular values or eigenvalues in float64.

    Raises as `require_shapes`, and ValueError unless there is at least one, and they are not negative and in falling
    order.
    """
    require_shapes(**{name: (values, "m")})
    require(len(values) > 0, f"{name} must have entries, got shape {values.shape}")
    require(values[-1] >= 0, f"{name} must not be negative, got {values[-1]:.6g}")
    rises = np.flatnonzero(np.diff(values) > 0)
    require(len(rises) == 0, lambda: f"{name} must be in falling order, but entry {rises[0] + 1} is larger than before")
    return values.astype(np.float64, copy=False)


def check_indices(name: str, indices, size: int) -> Int[np.ndarray, "k"]:
    """Indices as an array. Raises ValueError unless they are at least one, pairwise distinct, from 0 to size - 1."""
    found = np.asarray(indices)
    good = found.ndim == 1 and len(found) > 0 and found.dtype.kind in "iu"
    good = good and bool(((found >= 0) & (found < size)).all()) and len(set(found.tolist())) == len(found)
    rule = f"pairwise distinct integers from 0 to {size - 1}"
    require(good, lambda: f"{name} must be {rule}, got {found.ravel().tolist()}")
    return found


def check_whole(name: str, value: int, least: int, most: int | None = None) -> None:
    """Raise ValueError unless the value is an integer (no bool, no float) from `least` to `most`, if that is given."""
    rule = f"of at least {least}" if most is None else f"from {least} to {most}"
    good = is_whole(value, least) and (most is None or value <= most)
    require(good, f"{name} must be an integer {rule}, got {value!r}")


def check_sizes(**sizes: int) -> None:
    """Raise ValueError unless all sizes are integers of at least 1."""
    for name, size in sizes.items():
        check_whole(name, size, 1)


def check_at_least(name: str, value: float, least: int) -> None:
    """Raise ValueError unless the value is a finite number of at least `least`."""
    good = _is_finite(value) and value >= least
    require(good, f"{name} must be a finite number of at least {least}, got {value!r}")


def check_positive(name: str, value: float) -> None:
    """Raise ValueError unless the value is a finite number above 0."""
    good = _is_finite(value) and value > 0
    require(good, f"{name} must be a positive finite number, got {value!r}")


def check_scale(scale: float | None, width: int) -> float:
    """The factor of the scores: `scale`, or width^{-1/2} for None. Raises ValueError as `check_positive`."""
    scale = width**-0.5 if scale is None else scale
    check_positive("scale", scale)
    return scale


def check_random(random: np.random.Generator) -> None:
    """Raise ValueError unless `random` is a NumPy generator, the only source of randomness of this package."""
    good = isinstance(random, np.random.Generator)
    require(good, f"random must be a NumPy Generator, such as np.random.default_rng(0), got {type(random).__name__}")


def check_probabilities(p: np.ndarray, n: int) -> None:
    """Raise ValueError unless p (n,) holds probabilities that sum to 1. Raises as `require_shapes`, too."""
    require_shapes(p=(p, "N"))
    require(len(p) == n, f"p must hold one probability for each of {n} columns, got {len(p)}")
    require(bool((p >= 0).all()), f"p must not be negative, got {p.min() if len(p) else p}")
    require(abs(p.sum() - 1) < 1e-9, f"p must sum to 1, got {p.sum()}")


def check_support(name: str, p: np.ndarray, counts: np.ndarray) -> None:
    """Raise ValueError when p is 0 for a column that counts: such a column is never drawn, and the mean is wrong."""
    lost = np.flatnonzero((p == 0) & counts)
    require(len(lost) == 0, lambda: f"{name} must be positive where a column is not 0, got 0 for column {lost[0]}")


def _is_finite(value: float) -> bool:
    """Whether the value is a number (no bool) other than NaN and infinity."""
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return number and math.isfinite(value)
