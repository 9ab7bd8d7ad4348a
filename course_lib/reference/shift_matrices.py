"""The matrices M_s = W_Q R_s W_LK^T, one for each shift s, between query and latent row when keys are rotated.

R_s is the matrix that turns a column, as in `positions.rotate`; a row x at position m becomes x R_m^T. So a score is
(x_i W_Q R_i^T) (l_j W_LK R_j^T)^T = x_i M_{j-i} l_j^T. A causal query meets shifts s = j - i <= 0 only.
"""

import numpy as np
from jaxtyping import Float, Int

from course_lib.config import Rope
from course_lib.reference.checks import require_shapes
from course_lib.reference.positions import require_even, rotary_frequencies


def shift_factors(shifts: Int[np.ndarray, "s"], width: int, rope: Rope) -> Float[np.ndarray, "s e"]:
    """cos(s theta_f), then sin(s theta_f), for each shift: the factors of the matrices of `shift_basis`.

    Query and key both have the amplitude of `rope`, so that the factors are multiplied by its square.
    """
    require_even("width e of a query", width)
    angles = shifts[:, None] * rotary_frequencies(rope, width)
    return rope.amplitude**2 * np.concatenate([np.cos(angles), np.sin(angles)], axis=1)


def shift_basis(W_Q: Float[np.ndarray, "d e"], W_LK: Float[np.ndarray, "r e"]) -> Float[np.ndarray, "e d r"]:
    """The e matrices whose linear combinations, with the factors of `shift_factors`, are the matrices M_s.

    For pair f, with columns q, q' of W_Q and k, k' of W_LK: q k^T + q' k'^T goes with the cosine and
    q' k^T - q k'^T with the sine.
    """
    sizes = require_shapes(W_Q=(W_Q, "d e"), W_LK=(W_LK, "r e"))
    require_even("width e of a query", sizes["e"])
    (q, q_), (k, k_) = ((W[:, 0::2].T, W[:, 1::2].T) for W in (W_Q, W_LK))

    def outer(a, b):
        return a[:, :, None] * b[:, None]

    return np.concatenate([outer(q, k) + outer(q_, k_), outer(q_, k) - outer(q, k_)])


def left_by_best(
    W_Q: Float[np.ndarray, "d e"], W_LK: Float[np.ndarray, "r e"], shifts: Int[np.ndarray, "s"], rope: Rope
) -> Float[np.ndarray, "e"]:
    """The part of the norm of all M_s together that remains after the best m fixed matrices, for m = 1 ... e.

    The norm is Frobenius's, and all shifts count alike. Each M_s may be any combination of the m matrices, with factors
    that depend on s, so the remainders are tails of singular values (Eckart-Young).
    """
    # Only inner products of the columns matter: R of a QR factorisation has the same ones and is small.
    small = shift_basis(*(np.linalg.qr(W).R if len(W) > W.shape[1] else W for W in (W_Q, W_LK)))
    factors = np.linalg.qr(shift_factors(shifts, W_Q.shape[1], rope)).R
    energy = np.linalg.svd(factors @ small.reshape(len(small), -1), compute_uv=False) ** 2
    energy = np.pad(energy, (0, len(small) - len(energy)))
    return np.sqrt((energy.sum() - energy.cumsum()).clip(min=0) / energy.sum())
