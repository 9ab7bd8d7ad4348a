"""Kernel attention (paper, section 2): Y = Z^{-1} A V with A = f_kappa(Q K^T) and Z = diag(row sums of A)."""

from collections.abc import Callable

import numpy as np


def linear(scores: np.ndarray) -> np.ndarray:
    """The linear kernel f(x) = x of the paper's Figure 3."""
    return scores


def causal_mask(n_queries: int, n_keys: int) -> np.ndarray:
    """Visible sets S_i = {j <= i} as booleans (n_queries, n_keys); the queries are the last tokens of the keys.

    Raises ValueError when there are more queries than keys.
    """
    if not 0 <= n_queries <= n_keys:
        raise ValueError(f"n_queries must lie between 0 and n_keys = {n_keys}, got {n_queries}")
    return np.arange(n_queries)[:, None] + (n_keys - n_queries) >= np.arange(n_keys)


def softmax_weights(scores: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """P = Z^{-1} exp(scores) over the visible keys, (..., N_Q, N_KV); a row that sees nothing is zero.

    Each row is shifted by its largest visible score, which leaves P as it is and keeps exp from overflowing.
    """
    visible = np.ones(scores.shape, dtype=bool) if mask is None else np.broadcast_to(mask, scores.shape)
    largest = np.max(scores, axis=-1, keepdims=True, where=visible, initial=-np.inf)
    A = np.exp(np.where(visible, scores - np.where(np.isfinite(largest), largest, 0.0), -np.inf))
    return normalise(A)


def kernel_weights(scores: np.ndarray, f: Callable, mask: np.ndarray | None = None) -> np.ndarray:
    """P = Z^{-1} A with A = f(scores) where seen and 0 elsewhere; a row that sees nothing is zero.

    Raises ValueError when a row of A that sees something sums to zero: Z has no inverse there.
    """
    A = f(scores)
    if mask is None:
        return normalise(A, seen=np.full(A.shape[:-1], A.shape[-1] > 0))
    return normalise(np.where(mask, A, 0.0), seen=np.broadcast_to(mask, A.shape).any(-1))


def normalise(A: np.ndarray, seen: np.ndarray | None = None) -> np.ndarray:
    """Z^{-1} A. Rows whose sum is zero stay zero; where `seen` is true such a row raises ValueError."""
    Z = A.sum(-1, keepdims=True)
    if seen is not None and np.any(seen & (Z[..., 0] == 0)):
        raise ValueError("a row of A = f(Q K^T) that sees keys sums to zero, so Z cannot be inverted")
    return np.divide(A, Z, out=np.zeros_like(A), where=Z != 0)


def attention_weights(
    Q: np.ndarray, K: np.ndarray, mask: np.ndarray | None = None, f: Callable = np.exp, scale: float | None = None
) -> np.ndarray:
    """P = Z^{-1} f(scale Q K^T) in R^{N_Q x N_KV}; Q (..., N_Q, d_QK), K (..., N_KV, d_QK), mask true where seen.

    `scale` defaults to d_QK^{-1/2} for the exponential kernel and to 1 for any other.
    """
    if Q.shape[-1] != K.shape[-1]:
        raise ValueError(f"Q and K must have the same width d_QK, got shapes {Q.shape} and {K.shape}")
    if mask is not None and (mask.dtype != bool or mask.shape[-2:] != (Q.shape[-2], K.shape[-2])):
        raise ValueError(
            f"mask must be boolean of shape (N_Q, N_KV) = {(Q.shape[-2], K.shape[-2])}, got {mask.dtype} {mask.shape}"
        )
    if scale is None:
        scale = Q.shape[-1] ** -0.5 if f is np.exp else 1.0
    scores = scale * (Q @ np.swapaxes(K, -1, -2))
    return softmax_weights(scores, mask) if f is np.exp else kernel_weights(scores, f, mask)


def attention(
    Q: np.ndarray,
    K: np.ndarray,
    V: np.ndarray,
    mask: np.ndarray | None = None,
    f: Callable = np.exp,
    scale: float | None = None,
) -> np.ndarray:
    """Y = Z^{-1} A V in R^{N_Q x d_V}, for V (..., N_KV, d_V); the other arguments as in `attention_weights`."""
    if V.shape[-2] != K.shape[-2]:
        raise ValueError(f"K and V must have the same number of rows N_KV, got shapes {K.shape} and {V.shape}")
    return attention_weights(Q, K, mask, f, scale) @ V
