"""FLOPs and bytes of the factorisations and low-rank approximations of this package, in closed form.

`name_work` is the work of the function `name`, if there is one of that name. The conventions are those of
`course_lib.accounting.work`: a multiply-add is 2 FLOPs, exponentials and other work on single entries do not count, and
bytes are what an ideal kernel must move: each operand of a product is read once and each result written once.
Factorisations count as in Golub and Van Loan, "Matrix Computations": of an (m, l) matrix with m >= l, a thin QR by
reflections takes 4 m l^2 - 4 l^3 / 3 and an SVD with both thin factors 6 m l^2 + 20 l^3; of a symmetric matrix of size
l, eigenvalues and eigenvectors take 9 l^3 and a Cholesky factorisation l^3 / 3. Thirds are rounded. All functions raise
ValueError for sizes that are not positive integers, or do not fit, and for an unknown dtype.
"""

from course_lib.accounting.units import itemsize
from course_lib.accounting.work import Work
from course_lib.config import require
from course_lib.randomised.checks import check_sizes, check_whole


def qr_flops(m: int, width: int) -> int:
    """A thin QR factorisation of an (m, width) matrix, with at least as many rows as columns: R and Q."""
    return 4 * m * width**2 - 4 * width**3 // 3


def svd_flops(m: int, n: int) -> int:
    """All singular values and both thin factors of an (m, n) matrix."""
    m, n = max(m, n), min(m, n)
    return 6 * m * n**2 + 20 * n**3


def range_finder_work(m: int, n: int, width: int, powers: int, dtype: str = "float64") -> Work:
    """`range_finder` with k + oversampling = `width`: 2 q + 1 products with an (m, n) matrix, each followed by a QR."""
    check_sizes(m=m, n=n, width=width)
    check_whole("powers", powers, 0)
    require(width <= min(m, n), f"width must be at most min(m, n) = {min(m, n)}, got {width}")
    passes, size = 2 * powers + 1, itemsize(dtype)
    of_qr = (powers + 1) * qr_flops(m, width) + powers * qr_flops(n, width)
    flops = {"products": 2 * passes * m * n * width, "factorise": of_qr}
    thin = passes * (m + n) * width + 2 * ((powers + 1) * m + powers * n) * width
    return Work(flops, {"matrix": passes * m * n * size, "factors": thin * size})


def randomized_svd_work(m: int, n: int, k: int, oversampling: int, powers: int, dtype: str = "float64") -> Work:
    """`randomized_svd`: the range finder, the product Q^T M, its SVD, and the product of Q with k left vectors."""
    check_sizes(k=k)
    check_whole("oversampling", oversampling, 0)
    width, size = k + oversampling, itemsize(dtype)
    flops = {"products": 2 * m * n * width + 2 * m * width * k, "factorise": svd_flops(n, width)}
    thin = (m + n) * width + 2 * n * width + m * (width + k)
    small = Work(flops, {"matrix": m * n * size, "factors": thin * size})
    return range_finder_work(m, n, width, powers, dtype) + small


def pivoted_cholesky_work(n: int, k: int, d: int, dtype: str = "float64") -> Work:
    """`pivoted_cholesky` with k pivots of the kernel exp(scale X X^T) for X (n, d).

    It evaluates (k + 1) n entries. Step i = 0, ..., k - 1 subtracts i columns of the factor from a column. Each step
    reads X and the factor so far, and writes a column of it. Bytes of the diagonal are left out.
    """
    check_sizes(n=n, k=k, d=d)
    require(k <= n, f"k must be at most n = {n}, got {k}")
    flops = {"entries": 2 * (k + 1) * n * d, "update": n * k * (k - 1)}
    read = n * k * (k - 1) // 2 + n * k
    return Work(flops, {"points": (k + 1) * n * d * itemsize(dtype), "factors": read * itemsize(dtype)})


def column_nystrom_work(n: int, m: int, d: int, dtype: str = "float64") -> Work:
    """`column_nystrom` with m landmarks of exp(scale X X^T), X (n, d): n m entries, a root of W^{+}, and C times it."""
    check_sizes(n=n, m=m, d=d)
    require(m <= n, f"m must be at most n = {n}, got {m}")
    flops = {"entries": 2 * n * m * d, "factorise": 9 * m**3, "products": 2 * n * m**2}
    return Work(flops, {"points": (n + m) * d * itemsize(dtype), "factors": (3 * n * m + 3 * m**2) * itemsize(dtype)})


def sketched_nystrom_work(n: int, width: int, dtype: str = "float64") -> Work:
    """`sketched_nystrom` of a stored (n, n) matrix: Y = H Omega, Omega^T Y, and the SVD of Y times its inverse root."""
    check_sizes(n=n, width=width)
    require(width <= n, f"width must be at most n = {n}, got {width}")
    of_factors = qr_flops(n, width) + 9 * width**3 + svd_flops(n, width)
    flops = {"products": 2 * n**2 * width + 4 * n * width**2, "factorise": of_factors}
    # Five steps read or write two (n, l) matrices each: QR, H Omega, Omega^T Y, Y times the root, SVD. The (l, l)
    # matrices Omega^T Y and its root are written and read.
    floats = 10 * n * width + 4 * width**2
    return Work(flops, {"matrix": n**2 * itemsize(dtype), "factors": floats * itemsize(dtype)})


def hodlr_entries(n: int, leaf: int, k: int) -> int:
    """Numbers that `to_hodlr` stores when each block has rank k, or its smaller side if that is less."""
    check_sizes(n=n, leaf=leaf)
    check_whole("k", k, 0)
    if n <= leaf:
        return n * (n + 1) // 2
    half = n // 2
    inside = hodlr_entries(half, leaf, k) + hodlr_entries(n - half, leaf, k)
    return inside + min(k, half) * n


def hodlr_product_work(n: int, leaf: int, k: int, columns: int, dtype: str = "float64") -> Work:
    """The product of a HODLR matrix with an (n, columns) matrix: 2 FLOPs for each stored number and column.

    Of a leaf only the lower triangle counts. Each stored number, X and Y are moved once.
    """
    check_sizes(columns=columns)
    stored = hodlr_entries(n, leaf, k)
    floats = {"matrix": stored, "activations": 2 * n * columns}
    return Work({"products": 2 * stored * columns}, {part: count * itemsize(dtype) for part, count in floats.items()})
