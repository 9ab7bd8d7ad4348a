"""Which constructions respect a causal mask, and a function that measures the leak of those that do not.

A method is causal if the output of a token depends on that token and earlier ones alone. Applying the mask to the
weights does not suffice, because a random or low-rank construction may have looked at all tokens before.

These are causal:

- Random features, CountSketch and TensorSketch with a running sum (`causal_linear_attention`): features use one token,
  and the sums earlier ones.
- One coin for each key (`poisson_product`): the decision uses the key's value and its coin.
- Keys by leverage within the prefix (`prefix_leverage_scores`): key j is scored among keys 0, ..., j.
- Hashing by hyperplanes (`lsh_attention`): a code depends on one token, and the mask is applied to the pairs.

These are not, although a mask can be applied to their weights (it cannot to the first):

- Random features with one sum (`linear_attention`): every query reads the sum over all keys.
- Columns drawn by norms or leverage (`sampled_product`): later tokens change p, and so earlier draws.
- Columns drawn uniformly: draws fall on all tokens, and a longer text changes them.
- Keys by leverage among all keys (`leverage_scores`): a later key can lower the scores of earlier ones.
- Keys augmented with the largest norm as bound (`augment_keys`): a longer later key moves all codes. Fix the bound.
- Landmarks among all tokens (`landmark_kernel`): a later landmark changes earlier rows.
- One factorisation of all of P: its factors depend on all rows.
- Blocks of low rank below the diagonal (`to_hodlr`): the factors of a block depend on all of its rows.

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

    The result is 0 up to rounding for a causal method. A positive result proves a leak. A result of 0 on one input
    proves nothing.
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
