"""Whether two lists of numbers have the same order: Spearman's correlation, which a rounding error does not change."""

import numpy as np
from jaxtyping import Float

from course_lib.config import require

DECIMALS = 9  # of a difference that counts


def order_correlation(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> float:
    """Spearman's correlation: that of the places that the numbers have in the order of size.

    In [-1, 1]. Numbers whose difference is 0 to nine decimals share a place: rounding does not order what is equal.
    Raises ValueError for lists of other lengths, of fewer than two numbers, and for numbers that are all equal.
    """
    require(x.shape == y.shape, f"y must have the shape of x, got {y.shape} and {x.shape}")
    require(len(x) > 1, f"x must hold two numbers at least, got {len(x)}")
    places = [places_in_order(z) for z in (x, y)]
    for name, found in zip("xy", places, strict=True):
        require(bool(found.any()), f"{name} must hold different numbers, got {len(x)} equal ones")
    return float(np.corrcoef(*places)[0, 1])


def places_in_order(z: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """How many numbers are smaller minus how many are larger: twice the place, counted from the middle."""
    return np.sign(np.round(z[:, None] - z, DECIMALS)).sum(1)
