"""Low-rank and randomised methods for attention: NumPy, float64, and each with its theorem, source and cost.

    random = np.random.default_rng(0)
    approximate = randomized_svd(M, k=10, oversampling=10, powers=1, random=random)

Randomness always comes from a numpy Generator that the caller hands over as `random`. `course_lib.randomised.costs` has
FLOPs and bytes.
"""

from course_lib.randomised.cholesky import (
    PivotedCholesky,
    greedy,
    pivoted_cholesky,
    proportional,
    randomly_pivoted_cholesky,
    uniform,
)
from course_lib.randomised.cholesky_bounds import expected_traces, pivots_needed
from course_lib.randomised.hodlr import Hodlr, to_hodlr
from course_lib.randomised.kernel_attention import (
    centred,
    kernel_weights,
    landmark_attention,
    landmark_weights,
    weight_errors,
)
from course_lib.randomised.low_rank import LowRank, svd_within, tail_norms, truncated_svd
from course_lib.randomised.nystrom import column_nystrom, expected_sketch_trace, sketched_nystrom
from course_lib.randomised.psd import PsdLowRank, PsdMatrix
from course_lib.randomised.range_bounds import (
    Deviation,
    expected_frobenius_error,
    expected_spectral_error,
    frobenius_deviation,
    spectral_deviation,
)
from course_lib.randomised.range_finder import randomized_svd, range_error, range_finder
from course_lib.randomised.truncation import TruncationErrors, truncation_errors

__all__ = [
    "Deviation",
    "Hodlr",
    "LowRank",
    "PivotedCholesky",
    "PsdLowRank",
    "PsdMatrix",
    "TruncationErrors",
    "centred",
    "column_nystrom",
    "expected_frobenius_error",
    "expected_sketch_trace",
    "expected_spectral_error",
    "expected_traces",
    "frobenius_deviation",
    "greedy",
    "kernel_weights",
    "landmark_attention",
    "landmark_weights",
    "pivoted_cholesky",
    "pivots_needed",
    "proportional",
    "randomized_svd",
    "randomly_pivoted_cholesky",
    "range_error",
    "range_finder",
    "sketched_nystrom",
    "spectral_deviation",
    "svd_within",
    "tail_norms",
    "to_hodlr",
    "truncated_svd",
    "truncation_errors",
    "uniform",
    "weight_errors",
]
