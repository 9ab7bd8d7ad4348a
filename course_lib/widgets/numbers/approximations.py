"""Approximations U_r U_r^T B of a matrix B for all ranks r: their errors, bounds on these, and small pictures."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from course_lib.randomised import range_finder, tail_norms

METHODS = {"SVD": None, "range finder": 0, "with 1 power": 1}  # name -> powers q of B B^T, None for the SVD
CELLS = 64  # along each side of a picture, at most
SHOWN = 0.99  # the share of cells whose colour is not cut off


class Nested(NamedTuple):
    """Approximations of all ranks: the first r columns of U, times the first r rows of W = U^T B."""

    U: Float[np.ndarray, "n most"]
    W: Float[np.ndarray, "most m"]

    def errors(self, B: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "most"]:
        """||B - U_r U_r^T B||_F / ||B||_F for r from 1 on, by Pythagoras: errors below 1e-8 are not resolved."""
        kept = np.cumsum(np.square(self.W).sum(axis=1)) / np.square(B).sum()
        return np.sqrt(np.maximum(1 - kept, 0))


def nested(
    B: Float[np.ndarray, "n m"], U: Float[np.ndarray, "n s"], most: int, powers: int | None, random: np.random.Generator
) -> Nested:
    """Approximations up to the rank `most`: by the left singular vectors U, or by a range finder with these powers.

    The basis of the range finder is the Q of a QR factorisation. So its first r columns are the basis that the same
    random vectors give for rank r.
    """
    basis = U[:, :most] if powers is None else range_finder(B, most, 0, powers, random)
    return Nested(basis, basis.T @ B)


def bounds(sigma: Float[np.ndarray, "s"], most: int, powers: int | None) -> Float[np.ndarray, "most"]:
    """Bounds on the root mean square of the error, relative to ||B||_F, for r from 1 to `most`; NaN for no bound.

    For the SVD it is the error itself, the tail of the singular values (Eckart and Young). For the range finder it is
    (1 + k / (p - 1) (sigma_{k+1} / sigma_k)^{4q})^{1/2} times the tail of rank k, the least of all k >= 2 and p >= 2
    with k + p = r, with singular values from sigma_1 on. For q = 0 this is Theorem 10.5 of Halko, Martinsson and Tropp,
    and notebook 12 has a proof for all q.
    """
    tails = tail_norms(sigma) / np.linalg.norm(sigma)
    if powers is None:
        return tails[1 : most + 1]
    found = np.full(most, np.nan)
    for r in range(4, most + 1):
        k = np.arange(2, r - 1)
        gaps = np.divide(sigma[k], sigma[k - 1], out=np.zeros(len(k)), where=sigma[k - 1] > 0)
        found[r - 1] = np.min(np.sqrt(1 + k / (r - k - 1) * gaps ** (4 * powers)) * tails[k])
    return found


def pooled(B: Float[np.ndarray, "n ..."], cells: int = CELLS) -> Float[np.ndarray, "c ..."]:
    """The means of neighbouring rows, which are at most `cells`. Apply it to the transpose to pool columns, too."""
    size = -(-len(B) // cells)
    starts = np.arange(0, len(B), size)
    counts = np.diff(np.append(starts, len(B))).reshape(-1, *[1] * (B.ndim - 1))
    return np.add.reduceat(B, starts, axis=0) / counts


def colour_limit(picture: np.ndarray) -> float:
    """The size of values that get the end of the colours: nearly all cells of a picture lie below it."""
    size = np.abs(picture)
    return float(np.quantile(size, SHOWN) or size.max() or 1.0)


def as_bytes(values: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Values from -limit to limit as whole numbers from 1 to 255, where 128 is zero; larger ones are cut off."""
    return 128 + np.rint(127 * np.clip(values / limits, -1, 1))


def from_bytes(stored: np.ndarray) -> np.ndarray:
    """What `as_bytes` stored, relative to the limits: from -1 to 1."""
    return (np.asarray(stored, dtype=np.float64) - 128) / 127


def head_of(B: np.ndarray, most: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """One matrix: its picture, and for each method the factors of a picture at any rank, the errors and the bounds."""
    picture, (U, sigma, _) = pooled(pooled(B).T).T, np.linalg.svd(B, full_matrices=False)
    limit = colour_limit(picture)
    found = {"maps": as_bytes(picture, limit), "limits": np.array(limit)}
    parts = {"left": [], "right": [], "sizes": [], "errors": [], "bounds": []}
    for powers in METHODS.values():
        method = nested(B, U, most, powers, random)
        left, right = pooled(method.U), pooled(method.W.T).T
        widths, heights = (np.maximum(np.abs(X).max(axis), 1e-300) for X, axis in ((left, 0), (right, 1)))
        parts["left"].append(as_bytes(left, widths))
        parts["right"].append(as_bytes(right, heights[:, None]))
        parts["sizes"].append(widths * heights)
        parts["bounds"].append(bounds(sigma, most, powers))
        parts["errors"].append(parts["bounds"][0] if powers is None else method.errors(B))
    return found | {name: np.stack(values) for name, values in parts.items()}
