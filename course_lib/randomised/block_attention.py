"""Causal attention from blocks below the diagonal, each estimated from its own queries and keys, and exact triangles.

The second half of the tokens attends to the first half through an estimate of that block, and each half attends to
itself in the same way, down to `leaf` tokens. This is the partition of `hodlr`, but no factorisation of P is needed.
An estimate that uses the keys of its block, each query by itself and random numbers is causal: all keys of a block
come before its queries. One that uses all queries of the block together is not (see `causality`).
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from course_lib.config import require
from course_lib.randomised.causality import Method
from course_lib.randomised.checks import check_whole
from course_lib.randomised.estimates import estimate, exact
from course_lib.randomised.random_features import share_scale
from course_lib.reference.checks import require_shapes

# (Q, K, V, random) -> A_hat of a block, for rows that share the scale already.
BlockEstimate = Callable[[np.ndarray, np.ndarray, np.ndarray, np.random.Generator], Float[np.ndarray, "n N"]]


def of_blocks(name: str, m: int) -> BlockEstimate:
    """The method `name` of `estimates` with the setting m, for `block_attention`."""
    return lambda Q, K, V, random: estimate(name, Q, K, V, m, random, 1.0)


def block_attention(block: BlockEstimate, leaf: int) -> Method:
    """Causal attention (Q, K, V, random) -> Y, exact within `leaf` tokens, with `block` for all that is further away.

    With block = `exact` it is causal attention. A query whose sum is not positive sees the triangle of its leaf alone.
    Cost of the exact part: N leaf (d + v) FLOPs; of the blocks of one level: as the method for N / 2 queries and keys.
    The function raises ValueError for a leaf below 1, and as `block`.
    """
    check_whole("leaf", leaf, 1)
    require(callable(block), f"block must be a function of Q, K, V and random, got {type(block).__name__}")

    def method(Q, K, V, random):
        require_shapes(Q=(Q, "N d_QK"), K=(K, "N d_QK"), V=(V, "N d_V"))
        Q, K = share_scale(Q, K)
        U = np.hstack([V, np.ones((len(V), 1))])  # sums of weights and of weighted values
        near, far = np.zeros_like(U), np.zeros_like(U)

        def fill(start: int, stop: int) -> None:
            part, half = slice(start, stop), (start + stop) // 2
            if stop - start <= leaf:
                near[part] = np.tril(exact(Q[part], K[part])) @ U[part]
                return
            keys = slice(start, half)
            far[half:stop] += block(Q[half:stop], K[keys], V[keys], random) @ U[keys]
            fill(start, half)
            fill(half, stop)

        fill(0, len(Q))
        sums = near + far
        sums = np.where(sums[:, -1:] > 0, sums, near)
        return sums[:, :-1] / sums[:, -1:]

    return method
