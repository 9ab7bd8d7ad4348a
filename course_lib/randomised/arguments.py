"""Checks of arguments that several randomised methods share. Each ValueError names argument, value and rule."""

import numpy as np

from course_lib.config import require
from course_lib.reference.checks import require_shapes


def require_random(random: np.random.Generator) -> None:
    """Raises ValueError unless `random` is a NumPy generator, the only source of randomness of this package."""
    good = isinstance(random, np.random.Generator)
    require(good, f"random must be a numpy.random.Generator, got {type(random).__name__}")


def require_probabilities(p: np.ndarray, n: int) -> None:
    """Raises ValueError unless p (n,) holds probabilities that sum to 1, TypeError as `require_real`."""
    require_shapes(p=(p, "N"))
    require(len(p) == n, f"p must hold one probability for each of {n} columns, got {len(p)}")
    require(bool((p >= 0).all()), f"p must not be negative, got {p.min() if len(p) else p}")
    require(abs(p.sum() - 1) < 1e-9, f"p must sum to 1, got {p.sum()}")


def require_support(name: str, p: np.ndarray, counts: np.ndarray) -> None:
    """Raises ValueError when p is 0 for a column that counts: such a column is never drawn, and the mean is wrong."""
    lost = np.flatnonzero((p == 0) & counts)
    require(len(lost) == 0, lambda: f"{name} must be positive where a column is not 0, got 0 for column {lost[0]}")


def require_positive_number(name: str, value: float) -> None:
    """Raises ValueError unless the value is a finite number above 0."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    require(number and 0 < value < np.inf, f"{name} must be a positive finite number, got {value!r}")
