"""FLOPs and bytes of the methods of `estimates`, for a block of N queries and N keys. Conventions: `attention_costs`.

What a method needs before it can answer counts, too: pivots, probabilities, directions, a factorisation.
"""

from collections.abc import Callable

from course_lib.accounting.units import itemsize
from course_lib.accounting.work import Work
from course_lib.config import require
from course_lib.randomised.attention_costs import (
    exact_attention_work,
    landmark_attention_work,
    leverage_scores_work,
    linear_attention_work,
    lsh_attention_work,
    sampled_product_work,
    self_normalised_attention_work,
)
from course_lib.randomised.checks import check_sizes
from course_lib.randomised.estimates import BITS, METHODS
from course_lib.randomised.matrix_costs import pivoted_cholesky_work, range_finder_work, svd_flops


def factored_work(N: int, v: int, m: int, dtype: str = "float64") -> Work:
    """A matrix (N, N) given by factors of rank m, times V (N, v): factors, values and outputs are moved once."""
    size = itemsize(dtype)
    floats = {"factors": 2 * N * m, "outputs": N * v}
    return Work({"mix": 4 * N * m * v}, {part: count * size for part, count in floats.items()})


def _formed(N: int, d: int, v: int, dtype: str) -> Work:
    """All weights are formed and written, because a factorisation reads them."""
    size = itemsize(dtype)
    return Work({"scores": 2 * N * N * d}, {"inputs": (2 * d + v) * N * size, "weights": N * N * size})


def _best(N, d, v, m, pairs, dtype):
    of_svd = Work({"factorise": svd_flops(N, N)}, {"weights": N * N * itemsize(dtype)})
    return _formed(N, d, v, dtype) + of_svd + factored_work(N, v, m, dtype)


def _range(N, d, v, m, pairs, dtype):
    projected = Work({"products": 2 * N * N * m}, {"matrix": N * N * itemsize(dtype)})
    found = range_finder_work(N, N, m, 0, dtype) + projected
    return _formed(N, d, v, dtype) + found + factored_work(N, v, m, dtype)


def _scores(N, d, v, m, pairs, dtype):
    """Gram matrices, the projector (about 10 d^3), queries and keys of width m, and then all scores."""
    of_projector = Work({"projector": 4 * N * d**2 + 10 * d**3 + 4 * N * d * m}, {})
    exact, inputs = exact_attention_work(N, N, m, v, dtype), exact_attention_work(N, N, d, v, dtype)
    return of_projector + Work(exact.flops_by_part, inputs.bytes_by_part)


def _random_landmarks(N, d, v, m, pairs, dtype):
    return pivoted_cholesky_work(N, m, d, dtype) + landmark_attention_work(N, N, d, v, m, dtype)


WORKS: dict[str, Callable[..., Work]] = {
    "best rank": _best,
    "range finder": _range,
    "scores of low rank": _scores,
    "landmarks, random pivots": _random_landmarks,
    "landmarks, uniform": lambda N, d, v, m, pairs, dtype: landmark_attention_work(N, N, d, v, m, dtype),
    "random features": lambda N, d, v, m, pairs, dtype: linear_attention_work(N, d, v, m, dtype),
    "keys, uniform": lambda N, d, v, m, pairs, dtype: self_normalised_attention_work(N, d, v, m, dtype),
    "keys by leverage": lambda N, d, v, m, pairs, dtype: (
        leverage_scores_work(N, d, dtype) + self_normalised_attention_work(N, d, v, m, dtype)
    ),
    "keys, optimal p": lambda N, d, v, m, pairs, dtype: sampled_product_work(N, d, v, m, dtype),
    "hashing": lambda N, d, v, m, pairs, dtype: lsh_attention_work(N, d, v, m, BITS, pairs, dtype),
}


def estimate_work(name: str, N: int, d: int, v: int, m: int, pairs: int = 0, dtype: str = "float64") -> Work:
    """The work of the method `name` with the setting m, where `pairs` pairs are found by hashing.

    Raises ValueError for another name, and for sizes that are not positive integers.
    """
    require(name in METHODS, f"name must be one of {', '.join(map(repr, METHODS))}, got {name!r}")
    check_sizes(N=N, d=d, v=v, m=m)
    return WORKS[name](N, d, v, m, pairs, dtype)
