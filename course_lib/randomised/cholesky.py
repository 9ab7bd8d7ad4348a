"""Partial Cholesky factorisation with a choice of pivots: random (RPCholesky), greedy or uniform.

Source of RPCholesky: Chen, Epperly, Tropp and Webber, "Randomly pivoted Cholesky", arXiv 2207.06503. After each step
the residual R = H - F F^T is psd, and it is zero in the rows and columns of all pivots. So F F^T is the column Nystrom
approximation of `column_nystrom` with the pivots as landmarks.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from course_lib.config import require
from course_lib.randomised.checks import check_random, check_whole
from course_lib.randomised.psd import PsdLowRank, PsdMatrix

# A rule that chooses the next pivot from the diagonal of the residual, which is 0 where nothing is left.
Rule = Callable[[Float[np.ndarray, "n"]], int]


@dataclass(frozen=True, eq=False)
class PivotedCholesky(PsdLowRank):
    """The factor F of the approximation F F^T of H, its pivots, and the trace of the residual after 0, 1, ..., r
    steps."""

    pivots: Int[np.ndarray, "r"]
    traces: Float[np.ndarray, "r+1"]


def proportional_pivot(random: np.random.Generator) -> Rule:
    """RPCholesky: index i with probability R_ii / tr(R). Raises ValueError unless `random` is a numpy Generator."""
    check_random(random)
    return lambda residual: int(random.choice(len(residual), p=residual / residual.sum()))


def greedy_pivot(residual: Float[np.ndarray, "n"]) -> int:
    """The index of the largest R_ii, the first of equal ones: complete pivoting. It may spend all steps on outliers."""
    return int(np.argmax(residual))


def uniform_pivot(random: np.random.Generator) -> Rule:
    """An index with R_ii > 0, all equally likely. It may miss small clusters.

    Raises ValueError unless `random` is a numpy Generator.
    """
    check_random(random)
    return lambda residual: int(random.choice(np.flatnonzero(residual)))


def randomly_pivoted_cholesky(H: PsdMatrix, k: int, random: np.random.Generator) -> PivotedCholesky:
    """`pivoted_cholesky` with pivots drawn in proportion to the residual diagonal: RPCholesky.

    `expected_traces` and `pivots_needed` bound the expected trace of the residual.
    """
    return pivoted_cholesky(H, k, proportional_pivot(random))


def pivoted_cholesky(H: PsdMatrix, k: int, rule: Rule) -> PivotedCholesky:
    """A partial Cholesky factorisation of H with at most k pivots, each chosen by `rule`.

    It ends early where each entry of the residual diagonal is rounding, at most 8 eps tr(H). Entries that small are set
    to zero, which changes `traces` by at most 8 n eps tr(H).
    Cost: (r + 1) n entries of H for r pivots, and n r^2 FLOPs. Memory: n r numbers.
    Raises ValueError unless k is an integer from 1 to n, when `rule` chooses an index with a residual of 0, and when a
    pivot or a residual shows that H is not psd.
    """
    check_whole("k", k, 1, H.size)
    residual = H.diagonal()
    negligible = 8 * np.finfo(float).eps * residual.sum()
    F, pivots, traces = np.zeros((H.size, k)), [], [residual.sum()]
    while len(pivots) < k and traces[-1] > 0:
        pivot, done = rule(residual), len(pivots)
        require(residual[pivot] > 0, f"rule must choose an index with a residual above 0, got {pivot}")
        column = H.columns(np.array([pivot]))[:, 0] - F[:, :done] @ F[pivot, :done]
        require(column[pivot] > 0, f"H must be psd, but its residual has {column[pivot]:.3g} at pivot {pivot}")
        F[:, done] = column / np.sqrt(column[pivot])
        residual -= F[:, done] ** 2
        lowest = residual.min()
        require(lowest >= -1e4 * negligible, f"H must be psd, but its residual has a diagonal entry of {lowest:.3g}")
        residual[residual <= negligible] = 0.0
        residual[pivot] = 0.0
        pivots.append(pivot)
        traces.append(residual.sum())
    return PivotedCholesky(F[:, : len(pivots)], np.array(pivots, dtype=int), np.array(traces))
