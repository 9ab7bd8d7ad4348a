"""Errors, guarantees and costs of all methods of `estimates` over their settings, on blocks of many heads."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from course_lib.accounting.work import Work
from course_lib.config import require
from course_lib.randomised.attention_costs import exact_attention_work
from course_lib.randomised.checks import check_random
from course_lib.randomised.estimate_bounds import Guarantees
from course_lib.randomised.estimate_costs import estimate_work
from course_lib.randomised.estimates import weight_error

SETTINGS = {
    "best rank": (2, 4, 8, 16, 32, 64),
    "range finder": (4, 8, 16, 32, 64, 96),
    "scores of low rank": (2, 4, 8, 16, 24, 30),
    "landmarks, random pivots": (4, 8, 16, 32, 64, 96),
    "landmarks, uniform": (4, 8, 16, 32, 64, 96),
    "random features": (4, 16, 64, 256, 512, 1024),
    "keys, uniform": (4, 8, 16, 32, 64, 96),
    "keys by leverage": (4, 8, 16, 32, 64, 128),
    "keys, optimal p": (4, 8, 16, 32, 64, 128),
    "hashing": (1, 2, 4, 8, 16, 32),
}
Numbers = Float[np.ndarray, "layers heads methods settings"]


class Curves(NamedTuple):
    """Relative errors of P, what is known of them, and FLOPs and bytes as multiples of exact attention."""

    errors: Numbers
    guarantees: Numbers
    flops: Numbers
    bytes: Numbers


def error_curves(
    blocks: Sequence[Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]],
    random: np.random.Generator,
    settings: Mapping[str, Sequence[int]] = SETTINGS,
) -> Curves:
    """One draw of each method at each setting for each block: blocks[layer][head] are Q, K, V with as many rows.

    Raises ValueError unless all layers have as many heads, and all methods as many settings.
    """
    check_random(random)
    heads = {len(layer) for layer in blocks}
    require(len(heads) == 1 and 0 not in heads, f"blocks must have equally many heads in each layer, got {heads}")
    counts = {len(values) for values in settings.values()}
    require(len(counts) == 1, f"settings must be equally many for each method, got {counts}")
    found = [[_of_block(*block, random, settings) for block in layer] for layer in blocks]
    return Curves(*np.moveaxis(np.array(found), -1, 0))


def _of_block(Q, K, V, random, settings) -> Float[np.ndarray, "methods settings four"]:
    require(len(Q) == len(K), f"blocks must have as many queries as keys, got {len(Q)} and {len(K)}")
    known, sizes = Guarantees(Q, K, V), (len(K), Q.shape[1], V.shape[1])
    exact = exact_attention_work(len(Q), *sizes)

    def at(name: str, m: int) -> list[float]:
        error, pairs = weight_error(name, Q, K, V, m, random)
        work: Work = estimate_work(name, *sizes, m, pairs)
        return [error, known.of(name, m), work.flops / exact.flops, work.bytes / exact.bytes]

    return np.array([[at(name, m) for m in values] for name, values in settings.items()])
