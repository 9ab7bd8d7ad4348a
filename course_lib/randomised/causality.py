"""Which constructions respect a causal mask, and a function that measures the leak of those that do not.

A method is causal if the output of a token depends on that token and earlier ones alone. Applying the mask to the
weights does not suffice, because a random or low-rank construction may have looked at all tokens before.

| construction | causal | reason |
|---|---|---|
| random features, running sum (`causal_linear_attention`) | yes | features use one token, sums earlier ones |
| random features, Phi_Q (Phi_K^T V) (`linear_attention`) | no | every query reads the sum over all keys |
| columns by norms of P_j and v_j, by norms of v_j, by leverage | no | later tokens change p, and so earlier draws |
| columns by uniform p | no | draws fall on all tokens, and a longer text changes them |
| one coin for each key (`poisson_sampling`) | yes | the decision uses its value and its coin |
| leverage of all keys (`leverage_scores`) | no | a later key can lower the scores of earlier ones |
| leverage within the prefix (`prefix_leverage_scores`) | yes | key j is scored among keys 0 ... j |
| hashing by hyperplanes (`lsh`) | yes | a code depends on one token; the mask does the rest |
| augmented keys, bound by the longest key | no | a longer later key moves all codes; fix the bound |
| CountSketch, TensorSketch, running sum | yes | as random features |
| `landmark_kernel` with landmarks among all tokens | no | a later landmark changes earlier rows |
| a factorisation of the whole P, or of A * M~ | no | its factors depend on all rows |
| blocks below the diagonal (`hodlr`) | no | factors of a block use all of its rows, not only earlier ones |

With a causal method the outputs can be computed token by token. With another one, a model that is trained on whole
texts sees tokens that it does not have when it generates.
"""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
from jaxtyping import Float

from course_lib.config import require
from course_lib.randomised.checks import check_random, check_whole
from course_lib.reference.checks import require_shapes

Method = Callable[[np.ndarray, np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def leak(
    method: Method,
    Q: Float[np.ndarray, "N d"],
    K: Float[np.ndarray, "N d"],
    V: Float[np.ndarray, "N v"],
    start: int,
    random: np.random.Generator,
) -> float:
    """The largest change of the outputs before token `start` when the tokens from there on are replaced.

    method: maps Q, K, V and a generator to outputs (N, v). It runs twice, with generators in equal states. The entries
    of the new rows are drawn from a normal distribution with the mean square of the old matrix.
    0 up to rounding for a causal method; a positive result proves a leak, a result of 0 on one input proves nothing.
    Raises ValueError unless 1 <= start < N and shapes fit.
    """
    sizes = require_shapes(Q=(Q, "N d_QK"), K=(K, "N d_QK"), V=(V, "N d_V"))
    check_whole("start", start, 1, sizes["N"] - 1)
    check_random(random)
    changed = [
        np.concatenate([X[:start], np.sqrt((X**2).mean()) * random.standard_normal(X[start:].shape)]) for X in (Q, K, V)
    ]
    before, after = method(Q, K, V, deepcopy(random)), method(*changed, deepcopy(random))
    require(before.shape == V.shape, f"method must return outputs of shape {V.shape}, got {before.shape}")
    return float(np.abs(before[:start] - after[:start]).max())
