"""FLOPs and bytes of one head of attention, exact and approximate, in closed form.

`name_work` is the work of the function `name`, if there is one of that name. The conventions are those of
`course_lib.accounting.work`: a multiply-add is 2 FLOPs, and only matrix products count. Bytes are those of an ideal
kernel: each input is read once, the output is written once, and scores and weights stay on the chip. n queries read N
keys; d and v are the widths of keys and values. Where only N is given, the N tokens are queries and keys. Projections
and W_O are the same for all methods, and are not counted. All functions raise ValueError for sizes that are not
positive integers, and for an unknown dtype.
"""

from math import log2

from course_lib.accounting.units import itemsize
from course_lib.accounting.work import Work
from course_lib.config import require
from course_lib.randomised.checks import check_sizes, check_whole
from course_lib.randomised.matrix_costs import svd_flops


def exact_attention_work(n: int, N: int, d: int, v: int, dtype: str = "float64") -> Work:
    """Softmax attention: 2 n N (d + v) FLOPs. A causal mask hides half of them for n = N, and saves nothing here.

    n = 1 is a decode step: a token that sees N keys, itself included, reads the cache of N (d + v) numbers.
    """
    check_sizes(n=n, N=N, d=d, v=v)
    return Work({"scores": 2 * n * N * d, "mix": 2 * n * N * v}, _in_and_out(n, N, d, v, dtype))


def landmark_attention_work(n: int, N: int, d: int, v: int, m: int, dtype: str = "float64") -> Work:
    """`landmark_attention` through m landmarks.

    The landmarks' coefficients W count as a Cholesky factorisation of H_TT and 2 m^2 N FLOPs for two triangular solves.
    The function itself takes a more expensive factorisation, which allows equal landmarks; it also costs O(m^2 N). W
    and the sums W [V, 1] are written and read.
    """
    check_sizes(n=n, N=N, d=d, v=v, m=m)
    flops = {
        "kernels": 2 * m * (m + N + n) * d,
        "factorise": m**3 // 3 + 2 * m**2 * N,
        "attend": 2 * m * (N + n) * (v + 1),
    }
    floats = {"landmarks": m * d, "coefficients": 2 * m * N + 2 * m * (v + 1)}
    return Work(flops, _in_and_out(n, N, d, v, dtype) | _bytes(dtype, **floats))


def linear_attention_work(N: int, d: int, v: int, m: int, dtype: str = "float64") -> Work:
    """`linear_attention` with m random features, without a mask: O(N m (d + v)) FLOPs."""
    check_sizes(N=N, d=d, v=v, m=m)
    flops = {"features": 4 * N * m * d, "state": 2 * N * m * v, "read": 2 * N * m * (v + 1)}
    return Work(flops, _in_and_out(N, N, d, v, dtype) | _bytes(dtype, directions=m * d))


def causal_linear_attention_work(N: int, d: int, v: int, m: int, chunk: int, dtype: str = "float64") -> Work:
    """`causal_linear_attention`: as without a mask, and 2 chunk (m + v) FLOPs more for each token."""
    check_sizes(N=N, d=d, v=v, m=m, chunk=chunk)
    whole = linear_attention_work(N, d, v, m, dtype)
    full, rest = divmod(N, chunk)
    pairs = full * chunk**2 + rest**2
    return Work(whole.flops_by_part | {"chunk": 2 * pairs * (m + v)}, whole.bytes_by_part)


def recurrent_step_work(d: int, v: int, m: int, dtype: str = "float64") -> Work:
    """One new token with a `RecurrentState` of m (v + 1) numbers, read and written: no N in it.

    Fewer bytes than the step of exact attention from `longer_than` tokens on.
    """
    flops = linear_attention_work(1, d, v, m).flops_by_part
    return Work(flops, _bytes(dtype, state=2 * m * (v + 1), directions=m * d))


def longer_than(d: int, v: int, m: int) -> int:
    """The least N for which a recurrent step moves fewer bytes than an exact one: 2 m (v + 1) + m d < (N + 1) (d + v).

    Compares `recurrent_step_work` with `exact_attention_work` for n = 1.
    """
    check_sizes(d=d, v=v, m=m)
    return max((2 * m * (v + 1) + m * d) // (d + v), 1)


def self_normalised_attention_work(N: int, d: int, v: int, m: int, dtype: str = "float64") -> Work:
    """`self_normalised_attention` over m keys, drawn by any p that needs no scores: 2 N m (d + v) FLOPs."""
    check_sizes(N=N, d=d, v=v, m=m)
    return Work({"scores": 2 * N * m * d, "mix": 2 * N * m * v}, _in_and_out(N, N, d, v, dtype))


def sampled_product_work(N: int, d: int, v: int, m: int, dtype: str = "float64") -> Work:
    """`sampled_product` by `optimal_probabilities`: the norms of the columns of P need all scores."""
    check_sizes(N=N, d=d, v=v, m=m)
    return Work({"scores": 2 * N * N * d, "mix": 2 * N * m * v}, _in_and_out(N, N, d, v, dtype))


def leverage_scores_work(N: int, d: int, dtype: str = "float64") -> Work:
    """`leverage_scores`: a thin SVD, whose count in `matrix_costs` is of leading order, for N >= d."""
    check_sizes(N=N, d=d)
    require(N >= d, f"N must be at least d = {d}, got {N}")
    return Work({"factorise": svd_flops(N, d)}, _bytes(dtype, inputs=N * d, scores=N))


def lsh_attention_work(N: int, d: int, v: int, tables: int, bits: int, pairs: int, dtype: str = "float64") -> Work:
    """`lsh_attention` when `pairs` pairs are found: codes of N queries and N keys, and 2 (d + v) FLOPs for each pair.

    Bytes are a lower bound: keys of a bucket are read once for all of its queries.
    """
    check_sizes(N=N, d=d, v=v, tables=tables, bits=bits)
    check_whole("pairs", pairs, 0)
    flops = {"codes": 4 * N * tables * bits * d, "scores": 2 * pairs * d, "mix": 2 * pairs * v}
    return Work(flops, _in_and_out(N, N, d, v, dtype) | _bytes(dtype, directions=tables * bits * d))


def tensor_sketch_flops(N: int, d: int, r: int, p: int) -> float:
    """FLOPs of `TensorSketch` on N rows: p sketches (2 d), p + 1 real FFTs (2.5 r log2 r each), p - 1 products (3 r).

    2.5 r log2 r is the customary count for an FFT of r real numbers (Frigo and Johnson, FFTW); it need not be whole.
    """
    check_sizes(N=N, d=d, r=r, p=p)
    return N * (2 * p * d + (p + 1) * 2.5 * r * log2(r) + (p - 1) * 3 * r)


def _in_and_out(n: int, N: int, d: int, v: int, dtype: str) -> dict[str, int]:
    """Q (n, d), K (N, d) and V (N, v) read, and Y (n, v) written."""
    return _bytes(dtype, inputs=n * d + N * (d + v), outputs=n * v)


def _bytes(dtype: str, **floats: int) -> dict[str, int]:
    """Numbers by purpose -> bytes by purpose."""
    return {part: count * itemsize(dtype) for part, count in floats.items()}
