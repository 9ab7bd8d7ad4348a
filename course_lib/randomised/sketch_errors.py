"""Variance of <T q, T k> for a `TensorSketch` T, exact and bounded, for all pairs at once; p = 1 is CountSketch."""

import numpy as np
from jaxtyping import Float

from course_lib.randomised.checks import check_sizes
from course_lib.reference.checks import require_shapes


def sketch_variance(
    Q: Float[np.ndarray, "n d"], K: Float[np.ndarray, "N d"], r: int, p: int
) -> Float[np.ndarray, "n N"]:
    """The exact variance of the estimate of <q, k>^p, for hash functions and signs that are fully independent.

    Let a = <q, k>^2, b = ||q||^2 ||k||^2 - t, c = a - t with t = sum_i q_i^2 k_i^2, and g = 2 for even r, 1 for odd r:
        variance = ((a + b)^p + (a + c)^p - 2 a^p) / r + g ((a + b + c)^p - (a + b)^p - (a + c)^p + a^p) / r^2.
    Proof: the second moment is a sum over index tuples i, j, i', j' of both factors. Signs leave three pairings in each
    of the p modes: i = j and i' = j' (sum a), i = i' and j = j' (b), i = j' and j = i' (c), where b and c count
    different indices. A mode of kind b adds the same uniform number to both bucket differences, a mode of kind c
    opposite ones. Both differences are 0 with probability 1 if all modes are of kind a, 1/r if b or c alone occurs
    besides, and g / r^2 if both occur: then twice a uniform number must be 0 mod r.
    Derived here and checked by the tests. Cost O(N_Q N_KV d). Raises ValueError unless r and p are integers >= 1.
    """
    a, b, c = _pairings(Q, K, r, p)
    g = 2 if r % 2 == 0 else 1
    one_kind = (a + b) ** p + (a + c) ** p - 2 * a**p
    both_kinds = (a + b + c) ** p - (a + b) ** p - (a + c) ** p + a**p
    return one_kind / r + g * both_kinds / r**2


def sketch_variance_bound(
    Q: Float[np.ndarray, "n d"], K: Float[np.ndarray, "N d"], r: int, p: int
) -> Float[np.ndarray, "n N"]:
    """(3^p - 1) / r ||q||^{2p} ||k||^{2p}, not below `sketch_variance`.

    Proof: that is a polynomial in a, b and c with coefficients of at least 0, and a, b and |c| are at most
    ||q||^2 ||k||^2. With g <= r the sum of the coefficients is at most (3^p - 1) / r. The bound of Avron, Nguyen and
    Woodruff, with 2 + 3^p in place of 3^p - 1, follows.
    """
    _pairings(Q, K, r, p)
    return (3**p - 1) / r * np.outer((Q**2).sum(1), (K**2).sum(1)) ** p


def _pairings(Q: np.ndarray, K: np.ndarray, r: int, p: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """a, b and c of `sketch_variance` for all pairs, after a check of the arguments."""
    require_shapes(Q=(Q, "N_Q d"), K=(K, "N_KV d"))
    check_sizes(r=r, p=p)
    a, t = (Q @ K.T) ** 2, Q**2 @ (K**2).T
    return a, np.outer((Q**2).sum(1), (K**2).sum(1)) - t, a - t
