"""Matrices of rank r as factors, and the best ones: truncated singular value decompositions."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from course_lib.randomised.checks import check_at_least, check_matrix, check_whole


@dataclass(frozen=True, eq=False)
class LowRank:
    """The matrix U diag(sigma) V^T of rank at most r, with orthonormal columns in U and V."""

    U: Float[np.ndarray, "m r"]
    sigma: Float[np.ndarray, "r"]
    Vt: Float[np.ndarray, "r n"]

    @property
    def rank(self) -> int:
        """The number r of terms."""
        return len(self.sigma)

    @property
    def entries(self) -> int:
        """Numbers to store, r (m + n), since sigma can be multiplied into U."""
        return self.rank * (self.U.shape[0] + self.Vt.shape[1])

    def matrix(self) -> Float[np.ndarray, "m n"]:
        """All m n entries."""
        return (self.U * self.sigma) @ self.Vt

    def __matmul__(self, X: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "m c"]:
        """The product with X in 2 r (m + n) c FLOPs, without forming the matrix."""
        return (self.U * self.sigma) @ (self.Vt @ X)


def truncated_svd(M: Float[np.ndarray, "m n"], k: int) -> LowRank:
    """A best approximation of M of rank at most k, in the Frobenius norm and in the spectral norm (Eckart, Young).

    The errors are (sum_{j > k} sigma_j^2)^{1/2} and sigma_{k+1}, with sigma counted from 1.
    Cost: a full SVD, O(m n min(m, n)) FLOPs.
    Raises ValueError unless M is a finite matrix and k is an integer from 0 to min(m, n).
    """
    M = check_matrix("M", M)
    check_whole("k", k, 0, min(M.shape))
    U, sigma, Vt = np.linalg.svd(M, full_matrices=False)
    return LowRank(U[:, :k], sigma[:k], Vt[:k])


def svd_within(M: Float[np.ndarray, "m n"], tolerance: float) -> LowRank:
    """The truncated SVD of least rank whose Frobenius error is at most tolerance ||M||_F.

    Cost: as `truncated_svd`. Raises ValueError unless M is a finite matrix and tolerance a number of at least 0.
    """
    M = check_matrix("M", M)
    check_at_least("tolerance", tolerance, 0)
    U, sigma, Vt = np.linalg.svd(M, full_matrices=False)
    errors = tail_norms(sigma)
    rank = int(np.argmax(errors <= tolerance * errors[0]))  # errors[-1] = 0 satisfies the condition
    return LowRank(U[:, :rank], sigma[:rank], Vt[:rank])


def tail_norms(sigma: Float[np.ndarray, "m"]) -> Float[np.ndarray, "m+1"]:
    """Entry r is (sum_{j > r} sigma_j^2)^{1/2} for r from 0 to m: the least Frobenius error of each rank."""
    return np.sqrt(np.append(np.cumsum(sigma[::-1] ** 2)[::-1], 0.0))
