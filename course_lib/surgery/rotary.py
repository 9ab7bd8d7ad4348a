"""Make one rotary key for all heads: at each frequency the unitary mix of KV heads with most of the keys' energy.

Pair i of key head j is a complex number k_ij. At position m rotary positions multiply it by e^{i m theta_i}, which is
the same for all heads. So a unitary matrix that mixes k_i1, ..., k_ig commutes with the rotation (TransMLA, arXiv
2502.07864, uses real orthogonal ones). PCA chooses its first column v: k_i1 v_1 + ... + k_ig v_g has the largest
energy, which is the sum of squared moduli over tokens.
"""

import numpy as np
from jaxtyping import Complex, Float

from course_lib.config import Rope, require


def as_pairs(W: Float[np.ndarray, "d w"], heads: int) -> Complex[np.ndarray, "d h pairs"]:
    """W as complex numbers: columns 2 i and 2 i + 1 of each head are real and imaginary part of pair i."""
    W = np.asarray(W, dtype=np.float64).reshape(len(W), heads, -1, 2)
    return W[..., 0] + 1j * W[..., 1]


def as_columns(pairs: Complex[np.ndarray, "d h pairs"]) -> Float[np.ndarray, "d w"]:
    """The inverse of `as_pairs`."""
    return np.stack([pairs.real, pairs.imag], axis=-1).reshape(len(pairs), -1)


def principal_mix(
    W_K: Complex[np.ndarray, "d g pairs"], gram: Float[np.ndarray, "d d"]
) -> tuple[Complex[np.ndarray, "pairs g"], Float[np.ndarray, "pairs g"]]:
    """(v, shares): for each frequency the unit vector v over heads with the largest norm of X W_K v, X^T X = gram.

    v is the first eigenvector of the Hermitian Gram matrix of the g complex keys. `shares` are its eigenvalues in
    falling order, divided by their sum: the shares of the energy that the mixed heads have.
    """
    energy = np.einsum("dgi,de,ehi->igh", W_K.conj(), gram, W_K, optimize=True)
    values, vectors = np.linalg.eigh(energy)
    values = values[:, ::-1].clip(min=0)
    total = values.sum(1, keepdims=True)
    return vectors[:, :, -1], np.divide(values, total, out=np.zeros_like(values), where=total > 0)


def split_rotary(
    W_Q: Complex[np.ndarray, "d h pairs"], W_K: Complex[np.ndarray, "d g pairs"], v: Complex[np.ndarray, "pairs g"]
) -> tuple[Complex[np.ndarray, "d h pairs"], Complex[np.ndarray, "d 1 pairs"], Complex[np.ndarray, "d g pairs"]]:
    """(W_QR, W_KR, rest): the shared key W_KR = W_K v, the queries W_QR for it, and the rest of W_K without it.

    A score is Re(conj(q) k) with k = (k v) v^H + rest. So the query of head h is multiplied by the entry of v that
    belongs to its KV head.
    """
    group = np.arange(W_Q.shape[1]) // (W_Q.shape[1] // W_K.shape[1])
    W_KR = np.einsum("dgi,ig->di", W_K, v)
    return W_Q * v.T[group], W_KR[:, None], W_K - np.einsum("di,ig->dgi", W_KR, v.conj())


def rope_of(kept: range, rope: Rope, d_head: int) -> Rope:
    """Rotary positions of width 2 len(kept) with the frequencies of `rope`, of width d_head, that `kept` numbers.

    The frequencies `base**(-2 * i / d_head)` are a geometric sequence. So those at equal distances are one too, with
    another base and another factor. Raises ValueError for a range that is empty, falls, or leaves
    0 ... d_head / 2 - 1, and for dynamic scaling and that of Llama 3: their frequencies are not fixed, or not
    geometric.
    """
    require(type(rope) is Rope, f"rope must have frequencies base**(-2 i / d_head) / factor, got {rope}")
    good = isinstance(kept, range) and len(kept) > 0 and kept.step > 0 and 0 <= kept[0] and kept[-1] < d_head // 2
    require(good, f"kept must be a non-empty rising range within 0 ... {d_head // 2 - 1}, got {kept!r}")
    per_number = np.log(rope.base) * 2 / d_head  # theta_i = exp(-i per_number)
    base, factor = np.exp(per_number * kept.step * len(kept)), np.exp(per_number * kept[0])
    return Rope(base=float(base), factor=rope.factor * float(factor))
