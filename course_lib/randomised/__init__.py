"""Low-rank and randomised methods for attention: NumPy, float64, and each with its theorem and source.

    random = np.random.default_rng(0)
    approximate = randomized_svd(M, k=10, oversampling=10, powers=1, random=random)

Randomness always comes from a numpy Generator that the caller hands over as `random`.
"""

from course_lib.randomised.low_rank import LowRank, svd_within, tail_norms, truncated_svd
from course_lib.randomised.range_bounds import (
    Deviation,
    expected_frobenius_error,
    expected_spectral_error,
    frobenius_deviation,
    spectral_deviation,
)
from course_lib.randomised.range_finder import randomized_svd, range_error, range_finder

__all__ = [
    "Deviation",
    "LowRank",
    "expected_frobenius_error",
    "expected_spectral_error",
    "frobenius_deviation",
    "randomized_svd",
    "range_error",
    "range_finder",
    "spectral_deviation",
    "svd_within",
    "tail_norms",
    "truncated_svd",
]
