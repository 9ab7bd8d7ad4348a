"""Positions as biases added to the logits: b_h(i - j) depends on the head and the distance, not on the tokens."""

import numpy as np
from jaxtyping import Float

from course_lib.config import is_whole, require
from course_lib.reference.checks import require_shapes


def alibi_slopes(n_heads: int) -> Float[np.ndarray, "h"]:
    """ALiBi's slopes 2^{-8 (h + 1) / n_heads} for h = 0 ... n_heads - 1 (Press and others, arXiv 2108.12409).

    For a number of heads that is no power of 2 the paper has another rule; here the slopes are always geometric.
    Raises ValueError unless n_heads is a positive whole number.
    """
    require(is_whole(n_heads), f"n_heads must be a positive whole number, got {n_heads!r}")
    return 2.0 ** (-8 * np.arange(1, n_heads + 1) / n_heads)


def distance_biases(b: Float[np.ndarray, "h S"], n: int, N: int) -> Float[np.ndarray, "h n N"]:
    """The matrix b_h(i - j) for the last n of N tokens as queries i and all N as keys j; 0 for keys after the query.

    b[h, s] is the bias at distance s. Raises ValueError where b knows fewer than N distances.
    """
    sizes = require_shapes(b=(b, "h S"))
    require(0 <= n <= N, f"n must lie between 0 and N = {N}, got {n}")
    require(sizes["S"] >= N, f"b must hold biases for the distances 0 to N - 1 = {N - 1}, got {sizes['S']} of them")
    distances = np.arange(N - n, N)[:, None] - np.arange(N)
    return np.where(distances >= 0, b[:, distances.clip(min=0)], 0.0)
