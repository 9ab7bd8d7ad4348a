"""Visible sets S_i and the three equal forms of a mask (paper, section 4). Boolean masks are true where seen."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from jaxtyping import Bool, Float

from course_lib.config import require
from course_lib.reference.checks import require_mask, require_shapes, require_window


def causal_mask(n_queries: int, n_keys: int) -> Bool[np.ndarray, "n_queries n_keys"]:
    """Visible sets S_i = {j <= i} as booleans (n_queries, n_keys); the queries are the last tokens of the keys.

    Raises ValueError when there are more queries than keys.
    """
    require(0 <= n_queries <= n_keys, f"n_queries must lie between 0 and n_keys = {n_keys}, got {n_queries}")
    return np.arange(n_queries)[:, None] + (n_keys - n_queries) >= np.arange(n_keys)


def window_mask(n_queries: int, n_keys: int, window: int | None) -> Bool[np.ndarray, "n_queries n_keys"]:
    """Visible sets S_i = {i - window < j <= i}: the token and the window - 1 tokens before it. None: `causal_mask`."""
    require_window(window)
    causal = causal_mask(n_queries, n_keys)
    if window is None:
        return causal
    return causal & (np.arange(n_queries)[:, None] + (n_keys - n_queries) - window < np.arange(n_keys))


def visible_mask(sets: Sequence[Iterable[int]], n_keys: int) -> Bool[np.ndarray, "n_queries n_keys"]:
    """Any visible sets S_1, S_2, ..., each an iterable of key indices from 0, as booleans (len(sets), n_keys).

    Raises ValueError for an index outside 0 ... n_keys - 1.
    """
    mask = np.zeros((len(sets), n_keys), dtype=bool)
    for i, S_i in enumerate(sets):
        for j in S_i:
            require(0 <= j < n_keys, f"S_{i} must hold key indices from 0 to n_keys - 1 = {n_keys - 1}, got {j}")
            mask[i, j] = True
    return mask


def indicator_scores(
    Q: Float[np.ndarray, "n_queries d"],
    K: Float[np.ndarray, "n_keys d"],
    sets: Sequence[Iterable[int]],
    f: Callable = np.exp,
) -> Float[np.ndarray, "n_queries n_keys"]:
    """First form: A_ij = 1_{j in S_i} kappa(q_i, k_j), entry by entry, with kappa(q, k) = f(<q, k>)."""
    sizes = require_shapes(Q=(Q, "N_Q d_QK"), K=(K, "N_KV d_QK"))
    require(
        len(sets) == sizes["N_Q"], f"sets must hold one S_i for each of the {sizes['N_Q']} queries, got {len(sets)}"
    )
    A = np.zeros((len(Q), len(K)))
    for i, S_i in enumerate(sets):
        for j in S_i:
            require(0 <= j < len(K), f"S_{i} must hold key indices from 0 to {len(K) - 1}, got {j}")
            A[i, j] = f(Q[i] @ K[j])
    return A


def additive_scores(
    scores: Float[np.ndarray, "*b n_queries n_keys"], mask: Bool[np.ndarray, "*#b n_queries n_keys"]
) -> Float[np.ndarray, "*b n_queries n_keys"]:
    """Second form: A = exp(scores + M) with M = -inf where not seen. Only for this kernel, since exp(-inf) = 0."""
    require_mask(mask, *scores.shape[-2:])
    return np.exp(scores + np.where(mask, 0.0, -np.inf))


def hadamard_scores(
    scores: Float[np.ndarray, "*b n_queries n_keys"],
    mask: Bool[np.ndarray, "*#b n_queries n_keys"],
    f: Callable = np.exp,
) -> Float[np.ndarray, "*b n_queries n_keys"]:
    """Third form: A = f(scores) * M~ entry by entry, M~ = 1 where seen and 0 elsewhere."""
    require_mask(mask, *scores.shape[-2:])
    return f(scores) * mask.astype(scores.dtype)
