"""Causal matrices with low-rank blocks off the diagonal (HODLR: hierarchically off-diagonal low rank).

A lower triangular P is cut into P_11, P_21 and P_22; the block P_12 above the diagonal is zero. P_21 is compressed to
low rank, and P_11 and P_22 are cut again until they are small. A causal softmax matrix has full rank, since its
determinant is the product of its positive diagonal. It may be far from all matrices of low rank, as the identity is,
and still have blocks P_21 of low rank. Ambikasaran and Darve, Journal of Scientific Computing 57, 2013, solve systems
in this format.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from course_lib.config import require
from course_lib.randomised.checks import check_matrix, check_square, check_whole
from course_lib.randomised.low_rank import LowRank

# How a block is compressed, such as `partial(truncated_svd, k=4)` or `partial(svd_within, tolerance=0.01)`.
Compress = Callable[[Float[np.ndarray, "m n"]], LowRank]


@dataclass(frozen=True, eq=False)
class OffDiagonal:
    """A compressed block, whose first entry is at this row and column of the matrix."""

    row: int
    column: int
    part: LowRank


@dataclass(frozen=True, eq=False)
class Leaf:
    """A small lower triangular block on the diagonal, stored as it is, whose first entry is at (row, row)."""

    row: int
    part: Float[np.ndarray, "m m"]


@dataclass(frozen=True, eq=False)
class Hodlr:
    """A lower triangular matrix (n, n) as leaves on the diagonal and compressed blocks below it."""

    leaves: tuple[Leaf, ...]
    blocks: tuple[OffDiagonal, ...]

    @property
    def size(self) -> int:
        """The number n of rows."""
        return self.leaves[-1].row + len(self.leaves[-1].part)

    @property
    def entries(self) -> int:
        """Numbers to store: the lower triangle of each leaf, and r (m + n) for an (m, n) block of rank r."""
        triangles = sum(len(leaf.part) * (len(leaf.part) + 1) // 2 for leaf in self.leaves)
        return triangles + sum(block.part.entries for block in self.blocks)

    @property
    def ranks(self) -> list[int]:
        """The ranks of the blocks, the largest block first."""
        largest_first = sorted(self.blocks, key=lambda block: -block.part.U.shape[0])
        return [block.part.rank for block in largest_first]

    def __matmul__(self, X: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n c"]:
        """The product with X, without forming the matrix.

        Cost: 2 c FLOPs for each number of the blocks and for each of the m^2 numbers of a leaf.
        Raises ValueError unless X is a finite matrix with n rows.
        """
        X = check_matrix("X", X)
        require(len(X) == self.size, f"X must have {self.size} rows, got shape {X.shape}")
        Y = np.zeros((self.size, X.shape[1]))
        for leaf in self.leaves:
            at = slice(leaf.row, leaf.row + len(leaf.part))
            Y[at] += leaf.part @ X[at]
        for block in self.blocks:
            (a, b), part = (block.part.U.shape[0], block.part.Vt.shape[1]), block.part
            Y[block.row : block.row + a] += part @ X[block.column : block.column + b]
        return Y

    def matrix(self) -> Float[np.ndarray, "n n"]:
        """All n^2 entries."""
        return self @ np.eye(self.size)


def to_hodlr(P: Float[np.ndarray, "n n"], compress: Compress, leaf: int) -> Hodlr:
    """P in the HODLR format: blocks below the diagonal by `compress`, and leaves of at most `leaf` rows as they are.

    The blocks do not overlap, so the squared Frobenius error of P is the sum of theirs. If each block has an error of
    at most tolerance times its norm, then P has one of at most tolerance ||P||_F. With rank r in all blocks and
    n = 2^L m, m = `leaf`, the format stores n (m + 1) / 2 + r n L numbers.
    Cost: with truncated SVDs O(n^3), dominated by the largest block; with `randomized_svd` O(n^2 r).
    Raises ValueError unless P is finite, square and lower triangular, and leaf is a positive integer; when `compress`
    returns another shape; and as `compress` does, for instance for a rank above the size of the smallest block.
    """
    P = check_square("P", P)
    above = np.abs(np.triu(P, 1)).max()
    require(above == 0, f"P must be lower triangular, as a causal matrix is, got {above:.3g} above the diagonal")
    check_whole("leaf", leaf, 1)
    blocks = []
    for start, middle, stop in cuts(len(P), leaf):
        part, want = compress(P[middle:stop, start:middle]), (stop - middle, middle - start)
        got = (part.U.shape[0], part.Vt.shape[1])
        require(got == want, f"compress must keep the shape {want} of a block, got {got}")
        blocks.append(OffDiagonal(middle, start, part))
    edges = [0, *(block.row for block in blocks), len(P)]
    leaves = (Leaf(start, P[start:stop, start:stop].copy()) for start, stop in pairwise(edges))
    return Hodlr(tuple(leaves), tuple(blocks))


def cuts(n: int, leaf: int, start: int = 0) -> Iterator[tuple[int, int, int]]:
    """The cuts of rows `start` to `start` + n - 1 until at most `leaf` remain, from the first row down.

    A cut (start, middle, stop) leaves the block with rows from `middle` to `stop` - 1 and columns from `start` to
    `middle` - 1. Between neighbouring middles stands one leaf.
    """
    if n > leaf:
        half = n // 2
        yield from cuts(half, leaf, start)
        yield start, start + half, start + n
        yield from cuts(n - half, leaf, start + half)
