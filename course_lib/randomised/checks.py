"""Checks of arguments that this package shares. Each ValueError names the argument, its value and the rule."""

import math

import numpy as np
from jaxtyping import Float, Int

from course_lib.config import is_whole, require


def check_matrix(name: str, M: np.ndarray) -> Float[np.ndarray, "m n"]:
    """The matrix in float64. Raises ValueError unless it has two axes, at least one entry, and finite entries."""
    try:
        M = np.asarray(M, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a matrix of real numbers, got {type(M).__name__}") from error
    require(M.ndim == 2 and M.size > 0, f"{name} must be a matrix with two axes and some entries, got shape {M.shape}")
    require(bool(np.isfinite(M).all()), f"{name} must be finite, got NaN or infinity")
    return M


def check_square(name: str, M: np.ndarray) -> Float[np.ndarray, "n n"]:
    """The matrix in float64. Raises ValueError as `check_matrix` does, and unless rows and columns are as many."""
    M = check_matrix(name, M)
    require(M.shape[0] == M.shape[1], f"{name} must be square, got shape {M.shape}")
    return M


def check_whole(name: str, value: int, least: int, most: int | None = None) -> None:
    """Raise ValueError unless the value is an integer (no bool, no float) from `least` to `most`, if that is given."""
    rule = f"of at least {least}" if most is None else f"from {least} to {most}"
    good = is_whole(value, least) and (most is None or value <= most)
    require(good, f"{name} must be an integer {rule}, got {value!r}")


def check_at_least(name: str, value: float, least: int) -> None:
    """Raise ValueError unless the value is a finite number of at least `least`."""
    real = isinstance(value, int | float | np.floating | np.integer) and not isinstance(value, bool)
    good = real and math.isfinite(value) and value >= least
    require(good, f"{name} must be a finite number of at least {least}, got {value!r}")


def check_scale(scale: float) -> None:
    """Raise ValueError unless the factor of the scores is a positive finite number."""
    check_at_least("scale", scale, 0)
    require(scale > 0, f"scale must be positive, got {scale!r}")


def check_random(random: np.random.Generator) -> None:
    """Raise ValueError unless `random` is a generator, such as `np.random.default_rng(seed)`."""
    good = isinstance(random, np.random.Generator)
    require(good, f"random must be a numpy Generator, such as np.random.default_rng(0), got {type(random).__name__}")


def check_falling(name: str, values: np.ndarray) -> Float[np.ndarray, "m"]:
    """Singular values or eigenvalues in float64. Raises ValueError unless finite, not negative and in falling order."""
    require(np.ndim(values) == 1, lambda: f"{name} must be a vector, got shape {np.shape(values)}")
    values = check_matrix(name, np.atleast_2d(values))[0]
    require(values[-1] >= 0, f"{name} must not be negative, got {values[-1]:.6g}")
    rises = np.flatnonzero(np.diff(values) > 0)
    require(len(rises) == 0, lambda: f"{name} must be in falling order, but entry {rises[0] + 1} is larger than before")
    return values


def check_indices(name: str, indices, size: int) -> Int[np.ndarray, "k"]:
    """Indices as an array. Raises ValueError unless they are at least one, pairwise distinct, from 0 to size - 1."""
    found = np.asarray(indices)
    good = found.ndim == 1 and len(found) > 0 and np.issubdtype(found.dtype, np.integer)
    good = good and bool(((found >= 0) & (found < size)).all()) and len(np.unique(found)) == len(found)
    given = found.ravel().tolist()
    require(good, f"{name} must be pairwise distinct integers from 0 to {size - 1}, got {given}")
    return found
