"""Sums of linear attention in PyTorch, batched and for grouped heads: weights in chunks, and a running sum.

Letters: b sequences, g key/value heads, q query heads in each group, n queries, N keys, m features, and u = v + 1 for
values with a column of ones.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from course_lib.kernels.attention import Seen

CHUNK = 64  # tokens among which weights are formed


def kernel(
    Phi_Q: Float[Tensor, "b g q n m"], Phi_K: Float[Tensor, "b g N m"], mask: Bool[Tensor, "..."] | None
) -> Float[Tensor, "b g q n N"]:
    """A = Phi_Q Phi_K^T where the mask, as `Seen.to_mask` returns it, is true, and 0 elsewhere."""
    A = Phi_Q @ Phi_K[:, :, None].mT
    return A if mask is None else A.masked_fill(~mask.unsqueeze(-3), 0.0)


def sums_of(
    Phi_Q: Float[Tensor, "b g q n m"],
    Phi_K: Float[Tensor, "b g N m"],
    U: Float[Tensor, "b g N u"],
    S: Float[Tensor, "b g m u"] | None,
    seen: Seen,
) -> Float[Tensor, "b g q n u"]:
    """A U + Phi_Q S: what queries see among the new tokens, and all that went before.

    For the causal set, A is formed in chunks, and a running sum holds the chunks before (`causal_linear_attention`).
    """

    def among(Phi_Q: Tensor, Phi_K: Tensor, U: Tensor, S: Tensor | None, seen: Seen) -> Tensor:
        new = kernel(Phi_Q, Phi_K, seen.to_mask(Phi_Q.shape[3], U.device)) @ U[:, :, None]
        return new if S is None else new + Phi_Q @ S[:, :, None]

    if not seen.causal:
        return among(Phi_Q, Phi_K, U, S, seen)
    found = []
    for part in zip(Phi_Q.split(CHUNK, 3), Phi_K.split(CHUNK, 2), U.split(CHUNK, 2), strict=True):
        found.append(among(*part, S, seen))
        new = part[1].mT @ part[2]
        S = new if S is None else S + new
    return torch.cat(found, 3)


def quotient(Y: Tensor, Z: Tensor) -> Tensor:
    """Y / Z, and 0 where Z = 0: a query that sees nothing."""
    return Y / Z.masked_fill(Z == 0, 1.0)
