"""The best approximation of rank k of the scores Q K^T, from Q^T Q and K^T K alone."""

import numpy as np
from jaxtyping import Float

from course_lib.config import require
from course_lib.randomised.checks import check_whole


def score_projector(
    gram_Q: Float[np.ndarray, "*b e e"], gram_K: Float[np.ndarray, "*b e e"], k: int
) -> Float[np.ndarray, "*b e e"]:
    """Pi of rank at most k for which ||Q K^T - Q Pi K^T||_F is least, given Q^T Q and K^T K.

    Q Pi K^T is then a truncated SVD of Q K^T. Keys are stored as k numbers each. Gram matrices of other tokens, added
    up, give a fixed Pi. It minimises the error over all pairs of their queries and keys, and it is causal: it does not
    depend on the text that it is used on.
    Proof: let Q^T Q = R^T R. Then Q R^{-1} has orthonormal columns, so the error is ||R K^T - R Pi K^T||_F. By Eckart
    and Young it is least for R Pi = U U^T R, where U holds the first k left singular vectors of R K^T, which are
    eigenvectors of R K^T K R^T.
    Cost: O(e^3) for each pair of matrices.
    Raises ValueError unless both are square, of equal shape, k is an integer from 0 to e, and gram_Q is positive
    definite.
    """
    shape = np.shape(gram_Q)
    good = len(shape) >= 2 and shape[-2] == shape[-1] and np.shape(gram_K) == shape
    require(good, f"gram_Q and gram_K must be square, of equal shape, got {shape} and {np.shape(gram_K)}")
    check_whole("k", k, 0, shape[-1])
    try:
        R = np.linalg.cholesky(gram_Q).swapaxes(-1, -2)
    except np.linalg.LinAlgError:
        raise ValueError("gram_Q must be positive definite, but it has no Cholesky factor") from None
    _, vectors = np.linalg.eigh(R @ gram_K @ R.swapaxes(-1, -2))  # in rising order
    U = vectors[..., shape[-1] - k :]
    return np.linalg.solve(R, U @ (U.swapaxes(-1, -2) @ R))
