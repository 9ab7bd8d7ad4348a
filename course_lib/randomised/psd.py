"""Positive semidefinite (psd) matrices that are read by columns, and approximations F F^T of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from course_lib.config import require
from course_lib.randomised.checks import check_indices, check_matrix, check_scale, check_square
from course_lib.reference.checks import require_shapes

Columns = Callable[[Int[np.ndarray, "c"]], Float[np.ndarray, "n c"]]


class PsdMatrix:
    """A psd matrix given by its diagonal and by a function that computes columns; it counts the entries read.

    `PsdMatrix.of_matrix(H)` reads a stored matrix, `PsdMatrix.exponential(X, scale)` evaluates a kernel. Whether the
    matrix is psd is not checked here, since that would read all entries.
    """

    def __init__(self, diagonal: Float[np.ndarray, "n"], columns: Columns):
        """`diagonal` holds all n diagonal entries; `columns(indices)` returns the columns with these indices, (n, c).

        Raises ValueError unless the diagonal is a finite vector without negative entries.
        """
        require_shapes(diagonal=(diagonal, "n"))
        require(bool((diagonal >= 0).all()), lambda: f"diagonal must not be negative, got {diagonal.min():.6g}")
        self._diagonal, self._columns = diagonal.astype(np.float64), columns
        self.entries = 0

    @classmethod
    def of_matrix(cls, H: Float[np.ndarray, "n n"]) -> "PsdMatrix":
        """The stored matrix H. Raises ValueError unless it is finite, square, symmetric to 1e-12, and diag(H) >= 0."""
        H = check_square("H", H)
        off = np.abs(H - H.T).max()
        require(off <= 1e-12 * np.abs(H).max(), f"H must be symmetric, but H - H^T has an entry of {off:.3g}")
        return cls(np.diag(H), lambda indices: H[:, indices])

    @classmethod
    def exponential(cls, X: Float[np.ndarray, "n e"], scale: float | None = None) -> "PsdMatrix":
        """H = exp(scale X X^T), divided by its largest diagonal entry so that it cannot overflow.

        It is the Gram matrix of the features of Taylor's series, hence psd. Memory: X and the columns asked for.
        The default of `scale` is d_QK^{-1/2}. Raises ValueError unless X is a finite matrix and scale a positive
        number.
        """
        X = check_matrix("X", X)
        scale = check_scale(scale, X.shape[1])
        largest = np.square(X).sum(1).max()

        def columns(indices: Int[np.ndarray, "c"]) -> Float[np.ndarray, "n c"]:
            return np.exp(scale * (X @ X[indices].T - largest))

        return cls(np.exp(scale * (np.square(X).sum(1) - largest)), columns)

    @property
    def size(self) -> int:
        """The number n of rows."""
        return len(self._diagonal)

    def diagonal(self) -> Float[np.ndarray, "n"]:
        """A copy of the diagonal; reads n entries."""
        self.entries += self.size
        return self._diagonal.copy()

    def columns(self, indices: Int[np.ndarray, "c"]) -> Float[np.ndarray, "n c"]:
        """The columns with these indices; reads n entries for each.

        Raises ValueError unless the indices are pairwise distinct and from 0 to n - 1, and when the function returns
        another shape or entries that are not finite.
        """
        indices = check_indices("indices", indices, self.size)
        C = check_matrix("columns(indices)", self._columns(indices))
        wanted = (self.size, len(indices))
        require(C.shape == wanted, f"columns(indices) must have shape {wanted}, got {C.shape}")
        self.entries += C.size
        return C


@dataclass(frozen=True, eq=False)
class PsdLowRank:
    """The psd matrix F F^T of rank at most r."""

    F: Float[np.ndarray, "n r"]

    def matrix(self) -> Float[np.ndarray, "n n"]:
        """All n^2 entries."""
        return self.F @ self.F.T

    def diagonal(self) -> Float[np.ndarray, "n"]:
        """The n diagonal entries, without forming the matrix."""
        return np.square(self.F).sum(1)

    def __matmul__(self, X: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n c"]:
        """The product with X in 4 n r c FLOPs, without forming the matrix."""
        return self.F @ (self.F.T @ X)
