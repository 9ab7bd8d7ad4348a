"""Softmax attention over m sampled keys: the sampled weights are normalised among themselves, so Z is not needed.

The plain estimate of `column_sampling` divides by the exact Z, which costs as much as exact attention. Here numerator
and Z of each row are estimated from the same keys (importance sampling with normalised weights; Owen, Monte Carlo
theory, methods and examples, 2013, section 9.2). The price is a bias of order 1/m.

Masks: any mask can be applied to the sampled keys. A row whose visible keys were all missed is zero: under a causal
mask, the first rows usually. Keys are drawn with probabilities over all tokens, so the draw leaks as in
`column_sampling`.
"""

import numpy as np
from jaxtyping import Bool, Float

from course_lib.randomised.checks import check_probabilities, check_support
from course_lib.randomised.column_sampling import draw_columns
from course_lib.randomised.random_features import share_scale
from course_lib.reference.attention import softmax_weights, visible_entries
from course_lib.reference.checks import require_shapes


def self_normalised_attention(
    Q: Float[np.ndarray, "n d"],
    K: Float[np.ndarray, "N d"],
    V: Float[np.ndarray, "N v"],
    p: Float[np.ndarray, "N"],
    m: int,
    random: np.random.Generator,
    mask: Bool[np.ndarray, "n N"] | None = None,
    scale: float | None = None,
) -> Float[np.ndarray, "n v"]:
    """Y = softmax(scale Q K_J^T - log p_J) V_J for m keys J drawn with replacement from p; scale: d_QK^{-1/2}.

    Subtracting log p_J divides the exponential of the logit by p_J. A key with p_j = 0 is never seen. Each row is a
    convex combination of values, so it is exact if the values of the visible keys are equal. The bias is
    `bias_coefficient` / m up to O(m^{-2}). Cost O(N_Q m (d_QK + d_V)). Raises ValueError for shapes that do not fit,
    for p that holds no N_KV probabilities, for m < 1, and for a scale that is not positive.
    """
    require_shapes(Q=(Q, "N_Q d_QK"), K=(K, "N_KV d_QK"), V=(V, "N_KV d_V"))
    visible = visible_entries(mask, (len(Q), len(K)))
    J = draw_columns(p, len(K), m, random)
    Q, K_J = share_scale(Q, K[J], scale)
    return softmax_weights(Q @ K_J.T - np.log(p[J]), visible[:, J]) @ V[J]


def bias_coefficient(
    P: Float[np.ndarray, "n N"], V: Float[np.ndarray, "N v"], p: Float[np.ndarray, "N"]
) -> Float[np.ndarray, "n v"]:
    """lim m E(x_i - y_i) = sum_j P_ij^2 / p_j (y_i - v_j) for each row i of P, whose rows sum to 1.

    x_i is the estimate of y_i, the limit is m -> infinity. Second-order expansion of the quotient of two means:
    -Cov(numerator, Z) + y Var(Z), with y = P V. Keys of large weight and small p_j have the largest part. Raises
    ValueError when p_j = 0 for a column of P with weights.
    """
    squares = _squares_over_p(P, V, p)
    return squares.sum(1)[:, None] * (P @ V) - squares @ V


def error_coefficient(
    P: Float[np.ndarray, "n N"], V: Float[np.ndarray, "N v"], p: Float[np.ndarray, "N"]
) -> Float[np.ndarray, "n"]:
    """lim m E ||x_i - y_i||^2 = sum_j P_ij^2 / p_j ||v_j - y_i||^2 for each row i (first-order expansion).

    It does not change when a constant is added to all values; the error of the plain estimate does.
    """
    squares = _squares_over_p(P, V, p)
    Y = P @ V
    distances = (V**2).sum(1) - 2 * Y @ V.T + (Y**2).sum(1)[:, None]
    return (squares * distances).sum(1)


def _squares_over_p(P: np.ndarray, V: np.ndarray, p: np.ndarray) -> np.ndarray:
    """P_ij^2 / p_j, and 0 where P_ij = 0, after a check of the arguments."""
    require_shapes(P=(P, "N_Q N_KV"), V=(V, "N_KV d_V"))
    check_probabilities(p, len(V))
    check_support("p", p, P.any(axis=0))
    return np.divide(P**2, p, out=np.zeros_like(P), where=P != 0)
