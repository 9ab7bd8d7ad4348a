"""How light colours are, and their contrast (WCAG 2.2), for tests that texts and lines are seen."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb


def linear_rgb(colours) -> np.ndarray:
    """sRGB (..., 3) in [0, 1] as linear RGB."""
    c = np.asarray(colours, dtype=float)
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def relative_luminance(colours) -> np.ndarray:
    """Of sRGB colours (..., 3)."""
    return linear_rgb(colours) @ (0.2126, 0.7152, 0.0722)


@pytest.fixture(scope="session")
def linear():
    return linear_rgb


@pytest.fixture(scope="session")
def luminance():
    return relative_luminance


@pytest.fixture(scope="session")
def contrast():
    def of(first, second) -> float:
        """Of two colours as matplotlib takes them."""
        low, high = sorted(relative_luminance(to_rgb(colour)) for colour in (first, second))
        return (high + 0.05) / (low + 0.05)

    return of
