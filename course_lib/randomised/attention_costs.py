"""FLOPs and bytes of one head of attention, exact and approximate, in the conventions of `course_lib.accounting.work`.

A multiply-add is 2 FLOPs, and only matrix products count. Bytes are those of an ideal kernel: each input is read once,
the output is written once, and everything between stays on the chip. N tokens are queries and keys; d and v are the
widths of keys and values. Projections and W_O are the same for all methods, and are not counted.
"""

from math import log2

from course_lib.accounting.units import itemsize, require_count
from course_lib.accounting.work import Work
from course_lib.config import require


def exact(N: int, d: int, v: int, dtype: str = "float64") -> Work:
    """Softmax attention of N tokens: 2 N^2 (d + v) FLOPs. A causal mask hides half of them and saves nothing here."""
    _require(N=N, d=d, v=v)
    flops = {"scores": 2 * N * N * d, "mix": 2 * N * N * v}
    return Work(flops, _in_and_out(N, d, v, dtype))


def exact_step(N: int, d: int, v: int, dtype: str = "float64") -> Work:
    """One new token that sees N keys, itself included: the cache of N (d + v) numbers is read."""
    _require(N=N, d=d, v=v)
    return Work({"scores": 2 * N * d, "mix": 2 * N * v}, {"cache": (N + 1) * (d + v) * itemsize(dtype)})


def linear(N: int, d: int, v: int, m: int, dtype: str = "float64") -> Work:
    """`linear_attention` with m random features, without a mask: O(N m (d + v)) FLOPs."""
    _require(N=N, d=d, v=v, m=m)
    flops = {"features": 4 * N * m * d, "state": 2 * N * m * v, "read": 2 * N * m * (v + 1)}
    return Work(flops, _in_and_out(N, d, v, dtype) | {"directions": m * d * itemsize(dtype)})


def causal_linear(N: int, d: int, v: int, m: int, chunk: int, dtype: str = "float64") -> Work:
    """`causal_linear_attention`: as `linear`, and 2 chunk (m + v) FLOPs more for each token."""
    _require(N=N, d=d, v=v, m=m, chunk=chunk)
    whole = linear(N, d, v, m, dtype)
    full, rest = divmod(N, chunk)
    pairs = full * chunk**2 + rest**2
    return Work(whole.flops_by_part | {"chunk": 2 * pairs * (m + v)}, whole.bytes_by_part)


def linear_step(d: int, v: int, m: int, dtype: str = "float64") -> Work:
    """One new token with a recurrent state of m (v + 1) numbers, read and written: no N in it.

    Fewer bytes than `exact_step` from `longer_than` tokens on.
    """
    _require(d=d, v=v, m=m)
    size = itemsize(dtype)
    return Work(linear(1, d, v, m).flops_by_part, {"state": 2 * m * (v + 1) * size, "directions": m * d * size})


def longer_than(d: int, v: int, m: int) -> int:
    """The least N for which `linear_step` moves fewer bytes than `exact_step`: 2 m (v + 1) + m d < (N + 1) (d + v)."""
    _require(d=d, v=v, m=m)
    return max((2 * m * (v + 1) + m * d) // (d + v), 1)


def column_sampling(N: int, d: int, v: int, m: int, dtype: str = "float64") -> Work:
    """`self_normalised_attention` over m keys, drawn by any p that needs no scores: 2 N m (d + v) FLOPs."""
    _require(N=N, d=d, v=v, m=m)
    return Work({"scores": 2 * N * m * d, "mix": 2 * N * m * v}, _in_and_out(N, d, v, dtype))


def optimal_column_sampling(N: int, d: int, v: int, m: int, dtype: str = "float64") -> Work:
    """`sampled_product` by optimal probabilities: norms of columns need all scores."""
    _require(N=N, d=d, v=v, m=m)
    return Work({"scores": 2 * N * N * d, "mix": 2 * N * m * v}, _in_and_out(N, d, v, dtype))


def leverage(N: int, d: int, dtype: str = "float64") -> Work:
    """`leverage_scores`: QR, then U, Sigma and W of R, take 6 N d^2 + 20 d^3 FLOPs to leading order for N >= d.

    Golub and Van Loan, Matrix Computations, the table of SVD work (R-SVD for U_1, Sigma, V).
    """
    _require(N=N, d=d)
    require(N >= d, f"N must be at least d = {d}, got {N}")
    return Work({"svd": 6 * N * d**2 + 20 * d**3}, {"inputs": N * d * itemsize(dtype), "scores": N * itemsize(dtype)})


def lsh(N: int, d: int, v: int, tables: int, bits: int, pairs: int, dtype: str = "float64") -> Work:
    """`lsh_attention` when `pairs` pairs are found: codes of N queries and N keys, and 2 (d + v) FLOPs for each pair.

    Bytes are a lower bound: keys of a bucket are read once for all of its queries.
    """
    _require(N=N, d=d, v=v, tables=tables, bits=bits)
    require_count("pairs", pairs)
    flops = {"codes": 4 * N * tables * bits * d, "scores": 2 * pairs * d, "mix": 2 * pairs * v}
    return Work(flops, _in_and_out(N, d, v, dtype) | {"directions": tables * bits * d * itemsize(dtype)})


def tensor_sketch(N: int, d: int, r: int, p: int) -> float:
    """FLOPs of `TensorSketch` on N rows: p sketches (2 d), p + 1 real FFTs (2.5 r log2 r each), p - 1 products (3 r).

    2.5 r log2 r is the customary count for an FFT of r real numbers (Frigo and Johnson, FFTW); it need not be whole.
    """
    _require(N=N, d=d, r=r, p=p)
    return N * (2 * p * d + (p + 1) * 2.5 * r * log2(r) + (p - 1) * 3 * r)


def _in_and_out(N: int, d: int, v: int, dtype: str) -> dict[str, int]:
    """Q, K and V read, and Y written."""
    return {"inputs": N * (2 * d + v) * itemsize(dtype), "outputs": N * v * itemsize(dtype)}


def _require(**sizes: int) -> None:
    for name, size in sizes.items():
        require_count(name, size, least=1)
