"""Kernel attention (paper, section 2): Y = Z^{-1} A V with A = f_kappa(Q K^T) and Z = diag(row sums of A)."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int

from course_lib.config import require
from course_lib.reference import masks
from course_lib.reference.checks import require_mask, require_real, require_shapes

causal_mask = masks.causal_mask


def linear(scores: Float[np.ndarray, "..."] | float) -> Float[np.ndarray, "..."] | float:
    """The linear kernel f(x) = x of the paper's Figure 3."""
    return scores


def exponential(scores: Float[np.ndarray, "..."] | float) -> Float[np.ndarray, "..."] | float:
    """The usual kernel f(x) = exp(x); rows of P are then softmax. The functions below also recognise np.exp."""
    return np.exp(scores)


def is_exponential(f: Callable) -> bool:
    """Whether f is the exponential: rows of scores may then be shifted, and the default scale is d_QK^{-1/2}."""
    return f is np.exp or f is exponential


def softmax_weights(
    scores: Float[np.ndarray, "... N"], mask: Bool[np.ndarray, "... N"] | None = None
) -> Float[np.ndarray, "... N"]:
    """P = Z^{-1} exp(scores) over the visible keys, (..., N_Q, N_KV); a row that sees nothing is zero.

    Each row is shifted by its largest visible score, which leaves P as it is and keeps exp from overflowing. A score
    of -inf hides its key, as the additive mask does. Raises ValueError for NaN or +inf.
    """
    most = np.max(scores, initial=-np.inf)  # NaN if there is one
    require(most < np.inf, "scores must be finite or -inf, got NaN or +inf")
    # One copy is overwritten step by step, since new memory for large arrays takes as long as the exponential.
    A = np.where(True if mask is None else visible_entries(mask, scores.shape), scores, -np.inf)
    largest = np.max(A, axis=-1, keepdims=True, initial=-np.inf)
    A -= np.where(np.isfinite(largest), largest, 0.0)
    return normalise(np.exp(A, out=A))


def kernel_weights(
    scores: Float[np.ndarray, "... N"], f: Callable, mask: Bool[np.ndarray, "... N"] | None = None
) -> Float[np.ndarray, "... N"]:
    """P = Z^{-1} A with A = f(scores) where seen and 0 elsewhere; a row that sees nothing is zero.

    Raises ValueError when f is not finite where seen, and when a row of A that sees a key sums to zero, so that Z has
    no inverse.
    """
    visible = visible_entries(mask, scores.shape)
    A = f(scores)
    require(np.shape(A) == scores.shape, f"f must act entry by entry, got {np.shape(A)} from scores {scores.shape}")
    A = np.where(visible, A, 0.0)
    require_real("A = f(scores)", A)
    return normalise(A, seen=visible.any(-1))


def visible_entries(mask: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    """The mask as booleans of the shape of the scores; without one, everything is seen."""
    if mask is None:
        return np.ones(shape, dtype=bool)
    require_mask(mask, *shape[-2:])
    return np.broadcast_to(mask, shape)


def normaliser(A: Float[np.ndarray, "*b n N"]) -> Float[np.ndarray, "*b n n"]:
    """The diagonal matrix Z = diag(row sums of A), (..., N_Q, N_Q)."""
    return A.sum(-1)[..., None] * np.eye(A.shape[-2])


def normalise(
    A: Float[np.ndarray, "*b N"], seen: Bool[np.ndarray, "*b"] | np.bool_ | None = None
) -> Float[np.ndarray, "*b N"]:
    """Z^{-1} A, written over A. A row of sum zero becomes zero, or raises ValueError where `seen` is true."""
    Z = A.sum(-1, keepdims=True)
    if seen is not None and np.any(seen & (Z[..., 0] == 0)):
        raise ValueError("a row of A = f(Q K^T) that sees keys sums to zero, so Z cannot be inverted")
    A /= np.where(Z == 0, np.inf, Z)
    return A


def attention_weights(
    Q: Float[np.ndarray, "... n d"],
    K: Float[np.ndarray, "... N d"],
    mask: Bool[np.ndarray, "... n N"] | None = None,
    f: Callable = np.exp,
    scale: float | None = None,
) -> Float[np.ndarray, "... n N"]:
    """P = Z^{-1} f(scale Q K^T) in R^{N_Q x N_KV}; Q (..., N_Q, d_QK), K (..., N_KV, d_QK), mask true where seen.

    f is any elementwise function. `scale` defaults to d_QK^{-1/2} for the exponential kernel and to 1 for any other.
    Raises ValueError for widths that differ, a mask of another shape, and NaN or infinite entries.
    """
    require_real("Q", Q)
    require_real("K", K)
    require(Q.shape[-1] == K.shape[-1], f"Q and K must have the same width d_QK, got shapes {Q.shape} and {K.shape}")
    if mask is not None:
        require_mask(mask, Q.shape[-2], K.shape[-2])
    if scale is None:
        scale = Q.shape[-1] ** -0.5 if is_exponential(f) else 1.0
    scores = scale * (Q @ np.swapaxes(K, -1, -2))
    return softmax_weights(scores, mask) if is_exponential(f) else kernel_weights(scores, f, mask)


def attention(
    Q: Float[np.ndarray, "... n d"],
    K: Float[np.ndarray, "... N d"],
    V: Float[np.ndarray, "... N v"],
    mask: Bool[np.ndarray, "... n N"] | None = None,
    f: Callable = np.exp,
    scale: float | None = None,
) -> Float[np.ndarray, "... n v"]:
    """Y = Z^{-1} A V in R^{N_Q x d_V}, for V (..., N_KV, d_V); the other arguments as in `attention_weights`."""
    require_real("V", V)
    require(
        V.shape[-2] == K.shape[-2],
        f"K and V must have the same number of rows N_KV, got shapes {K.shape} and {V.shape}",
    )
    return attention_weights(Q, K, mask, f, scale) @ V


def cross_attention(
    X_Q: Float[np.ndarray, "n d_Q"],
    X_KV: Float[np.ndarray, "N d_KV"],
    W_Q: Float[np.ndarray, "d_Q e"],
    W_K: Float[np.ndarray, "d_KV e"],
    W_V: Float[np.ndarray, "d_KV v"],
    mask: Bool[np.ndarray, "n N"] | None = None,
) -> Float[np.ndarray, "n v"]:
    """Queries from one sequence, keys and values from another (exponential kernel): the rows of X_Q read X_KV."""
    require_shapes(X_Q=(X_Q, "N_Q d_Q"), W_Q=(W_Q, "d_Q d_QK"))
    require_shapes(X_KV=(X_KV, "N_KV d_KV"), W_K=(W_K, "d_KV d_QK"), W_V=(W_V, "d_KV d_V"))
    return attention(X_Q @ W_Q, X_KV @ W_K, X_KV @ W_V, mask)


def self_attention(
    X: Float[np.ndarray, "n d"],
    W_Q: Float[np.ndarray, "d e"],
    W_K: Float[np.ndarray, "d e"],
    W_V: Float[np.ndarray, "d v"],
    mask: Bool[np.ndarray, "n n"] | None = None,
) -> Float[np.ndarray, "n v"]:
    """Queries, keys and values from one sequence: X^Q = X^K = X^V."""
    return cross_attention(X, X, W_Q, W_K, W_V, mask)


def streaming_attention(
    X: Float[np.ndarray, "N d"],
    queries: Int[np.ndarray, "n"],
    W_Q: Float[np.ndarray, "d e"],
    W_K: Float[np.ndarray, "d e"],
    W_V: Float[np.ndarray, "d v"],
    mask: Bool[np.ndarray, "N N"] | None = None,
) -> Float[np.ndarray, "n v"]:
    """The rows of self-attention on X that `queries` numbers, computed without the others.

    mask: that of the whole sequence. Raises ValueError for a number outside 0 ... N - 1.
    """
    N = len(X)
    inside = np.all((queries >= 0) & (queries < N))
    require(bool(inside), f"queries must hold token numbers from 0 to N - 1 = {N - 1}, got {queries.tolist()}")
    if mask is not None:
        require_mask(mask, N, N)
        mask = mask[queries]
    return cross_attention(X[queries], X, W_Q, W_K, W_V, mask)
