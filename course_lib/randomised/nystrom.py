"""Nystrom approximations of a psd matrix H: H Omega (Omega^T H Omega)^{+} Omega^T H.

With columns of the identity as Omega it interpolates H at landmarks. With a Gaussian Omega it is a sketch. In both
cases it is B P B with H = B^2 and the projection P onto the range of B Omega. So it is psd, the residual is psd, and
the trace of the residual is the squared Frobenius error of a range finder for B with the same Omega.
"""

import numpy as np
from jaxtyping import Float, Int

from course_lib.config import require
from course_lib.randomised.checks import check_falling, check_indices, check_random, check_whole
from course_lib.randomised.psd import PsdLowRank, PsdMatrix
from course_lib.randomised.range_bounds import expected_frobenius_error


def column_nystrom(H: PsdMatrix, landmarks: Int[np.ndarray, "m"]) -> PsdLowRank:
    """The approximation C W^{+} C^T, where C = H_{:,S} are the columns of the landmarks S and W = H_{S,S}.

    It equals H in these columns, up to eigenvalues of W below m eps times the largest, which are taken as zero.
    Cost: m n entries of H, and O(n m^2 + m^3) FLOPs. Memory: n m numbers.
    Raises ValueError unless the landmarks are pairwise distinct indices from 0 to n - 1.
    """
    landmarks = check_indices("landmarks", landmarks, H.size)
    C = H.columns(landmarks)
    return PsdLowRank(C @ _inverse_root(C[landmarks]))


def _inverse_root(W: Float[np.ndarray, "m m"]) -> Float[np.ndarray, "m r"]:
    """A matrix G with G G^T = W^{+}, for psd W of numerical rank r. Raises ValueError when W is clearly not psd."""
    values, vectors = np.linalg.eigh(W)
    floor = len(W) * np.finfo(float).eps * max(values[-1], 0.0)
    require(values[0] >= -1e4 * floor, f"H must be psd, but a block has an eigenvalue of {values[0]:.3g}")
    kept = values > floor
    return vectors[:, kept] / np.sqrt(values[kept])


def sketched_nystrom(H: Float[np.ndarray, "n n"], width: int, random: np.random.Generator) -> PsdLowRank:
    """The Nystrom approximation with a Gaussian Omega in R^{n x l}, l = `width`, for a stored psd matrix H.

    The number eps ||H Omega||_F is added to the diagonal of H, and subtracted from the eigenvalues afterwards. It keeps
    rounding from making Omega^T H Omega indefinite. Tropp, Yurtsever, Udell and Cevher, arXiv 1706.05736, Algorithm 3,
    use a shift of about n^{1/2} eps times the spectral norm of H Omega.
    Cost: one product of 2 n^2 l FLOPs, all entries of H, and O(n l^2).
    Raises ValueError unless H is finite, symmetric and psd to rounding, l is an integer from 1 to n, and `random` a
    numpy Generator.
    """
    held = PsdMatrix.of_matrix(H)
    check_whole("width", width, 1, held.size)
    check_random(random)
    Omega, _ = np.linalg.qr(random.standard_normal((held.size, width)))
    Y = np.asarray(H, dtype=np.float64) @ Omega
    nu = np.finfo(float).eps * np.linalg.norm(Y)
    Y = Y + nu * Omega
    B = Omega.T @ Y
    E = Y @ _inverse_root((B + B.T) / 2)
    U, sigma, _ = np.linalg.svd(E, full_matrices=False)
    return PsdLowRank(U * np.sqrt(np.maximum(sigma**2 - nu, 0.0)))


def expected_sketch_trace(eigenvalues: Float[np.ndarray, "n"], k: int, oversampling: int) -> float:
    """A bound on E tr(R), R the residual of `sketched_nystrom` of width k + p: (1 + k / (p - 1)) sum_{j > k} sigma_j.

    sigma_1, sigma_2, ... are the eigenvalues of H. The bound is the second moment in the proof of HMT Theorem 10.5, for
    B with the singular values sigma_j^{1/2}. It holds for every split of the width into k >= 2 and p >= 2.
    Raises ValueError unless the eigenvalues are finite, not negative and in falling order, and k + p <= n.
    """
    return expected_frobenius_error(np.sqrt(check_falling("eigenvalues", eigenvalues)), k, oversampling) ** 2
