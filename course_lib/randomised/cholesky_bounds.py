"""How small the residual of randomly pivoted Cholesky is in expectation (arXiv 2207.06503).

One step with pivot s takes R e_s e_s^T R / R_ss from the residual R. In expectation over s it leaves
Phi(R) = R - R^2 / tr(R). Phi maps psd matrices to psd matrices. It is positively homogeneous and concave in their
order, hence increasing. So by Jensen's inequality the expected residual after k steps is at most Phi applied k times to
H, in the order of psd matrices. Phi keeps the eigenvectors.
"""

import math

import numpy as np
from jaxtyping import Float

from course_lib.config import require
from course_lib.randomised.checks import check_falling, check_positive, check_whole


def expected_traces(eigenvalues: Float[np.ndarray, "n"], steps: int) -> Float[np.ndarray, "traces"]:
    """Entry k bounds E tr(H - F F^T) after k pivots, for H with these eigenvalues, k from 0 to `steps`.

    It is the trace of Phi^k(H): each step maps every eigenvalue sigma_j to sigma_j - sigma_j^2 / (sigma_1 + ... +
    sigma_n). The first step is exact: E tr(R) = tr(H) - tr(H^2) / tr(H). Cost: O(n) per step.
    Raises ValueError unless the eigenvalues are finite, not negative and in falling order, and steps is an integer of
    at least 0.
    """
    left = check_falling("eigenvalues", eigenvalues)
    check_whole("steps", steps, 0)
    traces = [left.sum()]
    for _ in range(steps):
        left = left - left**2 / traces[-1] if traces[-1] > 0 else left
        traces.append(left.sum())
    return np.array(traces)


def pivots_needed(eigenvalues: Float[np.ndarray, "n"], r: int, eps: float) -> int:
    """A number of pivots with E tr(H - F F^T) <= (1 + eps) sum_{j > r} sigma_j: the paper's main theorem.

    sigma_1, sigma_2, ... are the eigenvalues of H. No approximation of rank r has an error below the tail
    sum_{j > r} sigma_j in the trace norm; delta is the tail's share of the trace. The number is r / eps plus the
    smaller one of r log(1 / (eps delta)) and r + r log(2^r / eps), where negative logarithms count as zero, rounded up.
    The first one follows from `expected_traces`. The number may exceed n, but n pivots always suffice.
    Raises ValueError unless the eigenvalues are finite, not negative, in falling order and not all zero, r is an
    integer from 1 to n, and eps > 0 is finite.
    """
    values = check_falling("eigenvalues", eigenvalues)
    check_whole("r", r, 1, len(values))
    check_positive("eps", eps)
    require(values[0] > 0, f"eigenvalues must not all be zero, got {values[0]:.6g} as the largest")
    delta = values[r:].sum() / values.sum()
    by_share = r * math.log(1 / (eps * delta)) if eps * delta > 0 else math.inf
    by_rank = r + r * max(r * math.log(2) - math.log(eps), 0.0)
    return math.ceil(r / eps + min(max(by_share, 0.0), by_rank))
