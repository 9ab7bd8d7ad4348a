"""Attention through a few landmarks: A = exp(scale Q K^T) is replaced by A_T = exp(scale Q T^T) H_TT^{+} H_TK.

T in R^{m x e} holds the landmarks, H_TT = exp(scale T T^T) and H_TK = exp(scale T K^T). In feature space
exp(scale <q, k>) is an inner product <f(q), f(k)>, and A_T replaces each f(k) by its orthogonal projection onto the
span of the landmarks' f(t). So A_T equals A in columns of keys that are landmarks, and in rows of queries that are.

Let Z hold the rows of Q and then those of K. A is a block of the psd matrix B = exp(scale Z Z^T). If the landmarks are
rows of Z, A_T is the same block of the Nystrom approximation of B (`column_nystrom`). With keys as landmarks it is the
weighting of WildCat (arXiv 2602.10056) at its temperature 1. WildCat takes the pivots of RPCholesky as landmarks.

Masks: none. Each key's coefficients use all landmarks, so a landmark that is a later token leaks (see `causality`).
"""

import numpy as np
from jaxtyping import Float

from course_lib.config import require
from course_lib.randomised.checks import check_matrix, check_scale

LARGEST = 350.0  # products of two factors exp(scale ||x||^2 / 2) occur, and exp overflows beyond 709


def landmark_coefficients(
    K: Float[np.ndarray, "N e"], landmarks: Float[np.ndarray, "m e"], scale: float | None = None
) -> Float[np.ndarray, "m N"]:
    """W = H_TT^{+} H_TK: the coefficients of the combination of the landmarks' features that is nearest to f(k_j).

    The default of `scale` is d_QK^{-1/2}, here and below. H_TT is scaled to G_TT = exp(-scale ||t_a - t_b||^2 / 2)
    first, which has a unit diagonal and cannot overflow. Eigenvalues of G_TT below m eps times the largest are taken as
    zero, so equal landmarks do no harm.
    Cost: 2 m (m + N) e FLOPs and m (m + N) exponentials for the kernels, then O(m^3 + m^2 N).
    Raises ValueError unless K and landmarks are finite matrices of the same width, scale is positive, and
    scale ||x||^2 / 2 is at most 350 for all rows x.
    """
    K, T, scale = _checked("K", K, landmarks, scale)
    of_K, of_T = (scale * np.square(X).sum(1) / 2 for X in (K, T))
    G_TT = np.exp(np.minimum(scale * (T @ T.T) - of_T[:, None] - of_T, 0.0))
    G_TK = np.exp(np.minimum(scale * (T @ K.T) - of_T[:, None] - of_K, 0.0))
    found, *_ = np.linalg.lstsq(G_TT, G_TK, rcond=len(T) * np.finfo(float).eps)
    return np.exp(-of_T)[:, None] * found * np.exp(of_K)


def landmark_kernel(
    Q: Float[np.ndarray, "n e"],
    K: Float[np.ndarray, "N e"],
    landmarks: Float[np.ndarray, "m e"],
    scale: float | None = None,
) -> Float[np.ndarray, "n N"]:
    """A_T = exp(scale Q T^T) W of rank at most m, with W from `landmark_coefficients`; not normalised, maybe negative.

    Cost: `landmark_coefficients`, 2 n m e FLOPs and n m exponentials, and 2 n m N FLOPs to form all entries.
    Raises ValueError as `landmark_coefficients` does, for K and for Q.
    """
    Q, T, scale = _checked("Q", Q, landmarks, scale)
    return np.exp(scale * (Q @ T.T)) @ landmark_coefficients(K, landmarks, scale)


def landmark_attention(
    Q: Float[np.ndarray, "n e"],
    K: Float[np.ndarray, "N e"],
    V: Float[np.ndarray, "N v"],
    landmarks: Float[np.ndarray, "m e"],
    scale: float | None = None,
) -> Float[np.ndarray, "n v"]:
    """Y = Z^{-1} A_T V with Z = diag(row sums of A_T), without a mask, without forming A_T.

    Cost: `landmark_coefficients`, 2 m N (v + 1) FLOPs for W [V, 1], 2 n m (e + v + 1) FLOPs and n m exponentials.
    Memory is linear in n + N. After that m rows of W [V, 1] and m landmarks stand for the cache of N keys and values. A
    causal mask prevents this: each query then needs its own sums W [V, 1] over the keys that it sees.
    Raises ValueError as `landmark_kernel` does, for V of other rows than K, and when a row of A_T does not sum to a
    positive number, because there are too few landmarks.
    """
    Q, T, scale = _checked("Q", Q, landmarks, scale)
    K, V = check_matrix("K", K), check_matrix("V", V)
    require(len(V) == len(K), f"V must have the {len(K)} rows of K, got shape {V.shape}")
    small = landmark_coefficients(K, landmarks, scale) @ np.hstack([V, np.ones((len(V), 1))])
    sums = np.exp(scale * (Q @ T.T)) @ small
    good = sums[:, -1] > 0
    require(bool(good.all()), f"landmarks must give rows with positive sums, but {np.sum(~good)} of {len(Q)} have none")
    return sums[:, :-1] / sums[:, -1:]


def landmark_error_bounds(
    Q: Float[np.ndarray, "n e"],
    K: Float[np.ndarray, "N e"],
    landmarks: Float[np.ndarray, "m e"],
    scale: float | None = None,
) -> Float[np.ndarray, "n N"]:
    """Bounds on the entries of A - A_T: entry (i, j) is at most exp(scale ||q_i||^2 / 2) R_jj^{1/2} in absolute value.

    R = exp(scale K K^T) - H_TK^T W is the residual of the keys' kernel. The error is <f(q_i), g>, where g is the part
    of f(k_j) orthogonal to the landmarks' features, with ||g||^2 = R_jj. By Cauchy and Schwarz it is at most
    ||f(q_i)|| ||g||. So landmarks with a small residual diagonal, such as pivots of RPCholesky, serve all queries.
    Rounding of about 1e-15 exp(scale ||k_j||^2) in R_jj adds about 3e-8 exp(scale ||k_j||^2 / 2) to its root.
    Cost: `landmark_coefficients`, O(m N), and n N products. Raises ValueError as `landmark_kernel` does.
    """
    Q, T, scale = _checked("Q", Q, landmarks, scale)
    W = landmark_coefficients(K, landmarks, scale)
    left = np.exp(scale * np.square(K).sum(1)) - (np.exp(scale * (T @ K.T)) * W).sum(0)
    return np.exp(scale * np.square(Q).sum(1) / 2)[:, None] * np.sqrt(np.maximum(left, 0.0))


def centred(K: Float[np.ndarray, "N e"]) -> Float[np.ndarray, "N e"]:
    """The keys less their mean. Softmax weights stay: q^T c is added to all scores of a query.

    A_T does change with such a shift c, since the landmarks' features do. If the keys are centred first, keys k_j and
    keys k_j + c give the same normalised A_T. Raises ValueError unless K is a finite matrix.
    """
    K = check_matrix("K", K)
    return K - K.mean(0)


def _checked(
    name: str, X: np.ndarray, landmarks: np.ndarray, scale: float | None
) -> tuple[np.ndarray, np.ndarray, float]:
    """X, landmarks and scale. Raises ValueError unless both are finite, of equal width, and not too long for exp."""
    X, T = check_matrix(name, X), check_matrix("landmarks", landmarks)
    require(X.shape[1] == T.shape[1], f"landmarks must have the width {X.shape[1]} of {name}, got shape {T.shape}")
    scale = check_scale(scale, X.shape[1])
    for each, rows in ((name, X), ("landmarks", T)):
        most = scale * np.square(rows).sum(1).max() / 2
        require(
            most <= LARGEST, f"{each} must have scale ||x||^2 / 2 of at most {LARGEST:g} in each row, got {most:.6g}"
        )
    return X, T, scale
