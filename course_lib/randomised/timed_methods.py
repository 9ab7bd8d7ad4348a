"""Approximations of one block of attention in torch, written to be timed. Rows share the scale already.

`estimates` has the same methods for measurements of errors: it forms all entries, and these functions form none.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from course_lib.config import require


def with_ones(V: Float[Tensor, "n v"]) -> Float[Tensor, "n u"]:
    """U = [V, 1]: A U holds the weighted sums of the values and the row sums."""
    return torch.cat([V, torch.ones_like(V[:, :1])], 1)


# A reader of one block: (Q, K, V, m, random) -> queries -> A_hat U, whose last column holds the row sums.
Reader = Callable[[Tensor], Tensor]


def keys(Q: Tensor, K: Tensor, V: Tensor, m: int, random: np.random.Generator) -> Reader:
    """m keys, drawn uniformly without replacement."""
    kept = _drawn(len(K), m, random)
    K, U = K[kept], len(K) / m * with_ones(V[kept])
    return lambda X: torch.exp(X @ K.T) @ U


def landmarks(Q: Tensor, K: Tensor, V: Tensor, m: int, random: np.random.Generator) -> Reader:
    """m random pivots of the kernel of the centred keys. The pivots' factor L gives H_TT^{-1} H_TK = L^{-T} F^T."""
    mean = K.mean(0)
    K = (K - mean).double()
    F_T, pivots = random_pivots(K, m, random)
    sums = torch.linalg.solve_triangular(F_T[:, pivots], F_T @ with_ones(V.double()), upper=True)
    T, sums = K[pivots].to(Q), sums.to(Q)
    return lambda X: torch.exp(X @ mean)[:, None] * (torch.exp(X @ T.T) @ sums)


def features(Q: Tensor, K: Tensor, V: Tensor, m: int, random: np.random.Generator) -> Reader:
    """m independent positive features."""
    W = torch.from_numpy(random.standard_normal((m, Q.shape[1]))).to(Q)

    def phi(X: Tensor) -> Tensor:
        return torch.exp(X @ W.T - X.square().sum(1, keepdim=True) / 2) / m**0.5

    S = phi(K).T @ with_ones(V)
    return lambda X: phi(X) @ S


READERS = {"keys": keys, "landmarks": landmarks, "features": features}


def reader(name: str) -> Callable[..., Reader]:
    """The entry of READERS. Raises ValueError for another name."""
    require(name in READERS, f"name must be one of {', '.join(map(repr, READERS))}, got {name!r}")
    return READERS[name]


def outputs(name: str, Q: Tensor, K: Tensor, V: Tensor, m: int, random: np.random.Generator) -> Float[Tensor, "n v"]:
    """Outputs of all queries by this method. For sampled keys they come from the fused kernel on these keys alone."""
    if name == "keys":
        kept = _drawn(len(K), m, random)
        return fused(Q[None], K[None, kept], V[None, kept])[0]
    sums = reader(name)(Q, K, V, m, random)(Q)
    return sums[:, :-1] / sums[:, -1:]


def fused(Q: Float[Tensor, "h n e"], K: Float[Tensor, "h N e"], V: Float[Tensor, "h N v"]) -> Float[Tensor, "h n v"]:
    """Exact attention by torch's fused kernel, which takes a batch of texts."""
    return F.scaled_dot_product_attention(Q[None], K[None], V[None], scale=1.0)[0]


def random_pivots(K: Float[Tensor, "n e"], m: int, random: np.random.Generator) -> tuple[Tensor, list[int]]:
    """F^T (m, n) of randomly pivoted Cholesky, and its pivots. Rows are contiguous, unlike in `pivoted_cholesky`."""
    F_T, pivots = K.new_zeros(m, len(K)), []
    residual = torch.exp(K.square().sum(1))
    for t in range(m):
        sums = residual.cumsum(0)
        s = min(int(torch.searchsorted(sums, random.random() * sums[-1], right=True)), len(K) - 1)
        column = torch.exp(K @ K[s]) - F_T[:t, s] @ F_T[:t]
        F_T[t] = column / column[s].sqrt()
        residual = (residual - F_T[t].square()).clamp(min=0)
        residual[s] = 0
        pivots.append(s)
    return F_T, pivots


def _drawn(count: int, m: int, random: np.random.Generator) -> Tensor:
    return torch.from_numpy(random.choice(count, size=m, replace=False))
