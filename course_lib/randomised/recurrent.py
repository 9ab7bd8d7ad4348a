"""Linear attention under a causal mask: a running sum, and a recurrent state of constant size in place of a cache.

With S_i = sum_{j <= i} phi(k_j) v_j^T and z_i = sum_{j <= i} phi(k_j), the output of token i is
y_i = phi(q_i)^T S_i / phi(q_i)^T z_i (Katharopoulos and others, arXiv 2006.16236, section 3.4). A token costs O(m d_V),
however many there were before, and a head keeps m (d_V + 1) numbers.

Masks: causal, by construction. A window or any other mask would have to take terms out of the sum again.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from course_lib.accounting.units import require_count
from course_lib.config import require
from course_lib.randomised.linear_attention import divide
from course_lib.reference.checks import require_shapes
from course_lib.reference.masks import causal_mask


@dataclass(frozen=True, eq=False)
class RecurrentState:
    """What one head remembers of all tokens so far. It is a value: `append` returns a new state.

    state = RecurrentState.empty(m, d_V)
    state = state.append(Phi_K[:1], V[:1])      # a token ...
    y = state.read(Phi_Q[:1])                   # ... sees itself and the tokens before it

    Raises ValueError for shapes that do not fit and for entries that are not finite.
    """

    S: Float[np.ndarray, "m v"]  # sum of phi(k) v^T
    z: Float[np.ndarray, "m"]  # sum of phi(k)
    length: int  # tokens in the sums

    def __post_init__(self):
        require_shapes(S=(self.S, "m d_V"), z=(self.z, "m"))
        require_count("length", self.length)

    @classmethod
    def empty(cls, m: int, d_V: int) -> "RecurrentState":
        """The state before the first token: all sums are 0."""
        require_count("m", m, least=1)
        require_count("d_V", d_V, least=1)
        return cls(np.zeros((m, d_V)), np.zeros(m), 0)

    @property
    def floats(self) -> int:
        """Numbers that the state holds, whatever its length: m (d_V + 1)."""
        return self.S.size + self.z.size

    def append(self, Phi_K: Float[np.ndarray, "n m"], V: Float[np.ndarray, "n v"]) -> "RecurrentState":
        """The state after n more tokens. Cost O(n m d_V)."""
        require_shapes(S=(self.S, "m d_V"), Phi_K=(Phi_K, "n m"), V=(V, "n d_V"))
        return RecurrentState(self.S + Phi_K.T @ V, self.z + Phi_K.sum(0), self.length + len(V))

    def read(self, Phi_Q: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "n v"]:
        """Outputs of queries that see all tokens of the state. Cost O(n m d_V).

        Raises ValueError for an empty state, and for a query whose normaliser is 0.
        """
        require_shapes(S=(self.S, "m d_V"), Phi_Q=(Phi_Q, "n m"))
        require(self.length > 0, "read needs at least one token in the state, got length = 0")
        return divide(Phi_Q @ self.S, Phi_Q @ self.z)

    def truncate(self, length: int) -> None:
        """Always raises ValueError: a cache can forget its last tokens, but a sum does not keep its terms apart."""
        raise ValueError(
            f"truncate to length = {length!r} is not possible for a RecurrentState: a sum cannot forget its last "
            f"terms; keep the state from before these tokens"
        )


def causal_linear_attention(
    Phi_Q: Float[np.ndarray, "n m"],
    Phi_K: Float[np.ndarray, "n m"],
    V: Float[np.ndarray, "n v"],
    state: RecurrentState | None = None,
    chunk: int = 64,
) -> tuple[Float[np.ndarray, "n v"], RecurrentState]:
    """Outputs of n new tokens after those of `state`, and the state after them.

    Equal to `feature_weights(Phi_Q, Phi_K, causal mask) @ V` up to rounding. Within a chunk the masked weights are
    formed, and earlier chunks are read from the state: chunk = 1 is the recurrence, chunk = n the quadratic form.
    Cost O(n m d_V + n chunk (m + d_V)). Raises ValueError for shapes that do not fit and for a normaliser of 0.
    """
    sizes = require_shapes(Phi_Q=(Phi_Q, "n m"), Phi_K=(Phi_K, "n m"), V=(V, "n d_V"))
    require_count("chunk", chunk, least=1)
    state = RecurrentState.empty(sizes["m"], sizes["d_V"]) if state is None else state
    require_shapes(S=(state.S, "m d_V"), Phi_K=(Phi_K, "n m"), V=(V, "n d_V"))
    outputs = np.empty_like(V)
    for start in range(0, len(V), chunk):
        part = slice(start, start + chunk)
        A = np.where(causal_mask(len(V[part]), len(V[part])), Phi_Q[part] @ Phi_K[part].T, 0.0)
        Z = A.sum(1) + Phi_Q[part] @ state.z
        outputs[part] = divide(A @ V[part] + Phi_Q[part] @ state.S, Z)
        state = state.append(Phi_K[part], V[part])
    return outputs, state
