"""Attention whose kernel is a product of features, A = Phi_Q Phi_K^T: without a mask, and as a recurrence.

Katharopoulos and others, Transformers are RNNs, arXiv 2006.16236. The brackets decide the cost: in Phi_Q (Phi_K^T V)
the sum Phi_K^T V over all keys has m d_V entries, whatever N is.

Masks: that sum lets every query see every key. With a causal mask applied, A in general has full rank, so the
brackets cannot be moved. But token i can read the running sums S_i = sum_{j <= i} phi(k_j) v_j^T and
z_i = sum_{j <= i} phi(k_j): y_i = phi(q_i)^T S_i / phi(q_i)^T z_i (section 3.4 of the source). They are a recurrent
state of m (d_V + 1) numbers in place of a cache. A window would have to take terms out of the sums again.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from course_lib.config import require
from course_lib.randomised.checks import check_sizes, check_whole
from course_lib.reference.attention import attention_weights, linear
from course_lib.reference.checks import require_shapes
from course_lib.reference.masks import causal_mask


def feature_weights(
    Phi_Q: Float[np.ndarray, "n m"], Phi_K: Float[np.ndarray, "N m"], mask: Bool[np.ndarray, "n N"] | None = None
) -> Float[np.ndarray, "n N"]:
    """The weights P = Z^{-1} A of A = Phi_Q Phi_K^T, where visible; a row that sees nothing is zero.

    These are the weights of the linear kernel for features in place of queries and keys. Any mask is allowed.
    Cost O(N_Q N_KV m): for the analysis, since this is more than exact attention if m is larger than d_QK.
    Raises ValueError when a row that sees keys sums to 0, which happens when its features underflow.
    """
    require_shapes(Phi_Q=(Phi_Q, "N_Q m"), Phi_K=(Phi_K, "N_KV m"))
    return attention_weights(Phi_Q, Phi_K, mask, f=linear)


def linear_attention(
    Phi_Q: Float[np.ndarray, "n m"], Phi_K: Float[np.ndarray, "N m"], V: Float[np.ndarray, "N v"]
) -> Float[np.ndarray, "n v"]:
    """Y = Z^{-1} Phi_Q (Phi_K^T V) with Z = diag(Phi_Q (Phi_K^T 1)), without a mask: every query sees every key.

    Equal to `feature_weights(Phi_Q, Phi_K) @ V` up to rounding. Cost O((N_Q + N_KV) m d_V). Raises ValueError for a
    query whose normaliser is 0.
    """
    require_shapes(Phi_Q=(Phi_Q, "N_Q m"), Phi_K=(Phi_K, "N_KV m"), V=(V, "N_KV d_V"))
    return _divided(Phi_Q @ (Phi_K.T @ V), Phi_Q @ Phi_K.sum(0))


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
        check_whole("length", self.length, 0)

    @classmethod
    def empty(cls, m: int, d_V: int) -> "RecurrentState":
        """The state before the first token: all sums are 0."""
        check_sizes(m=m, d_V=d_V)
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
        return _divided(Phi_Q @ self.S, Phi_Q @ self.z)

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
    check_whole("chunk", chunk, 1)
    state = RecurrentState.empty(sizes["m"], sizes["d_V"]) if state is None else state
    require_shapes(S=(state.S, "m d_V"), Phi_K=(Phi_K, "n m"), V=(V, "n d_V"))
    outputs = np.empty_like(V)
    for start in range(0, len(V), chunk):
        part = slice(start, start + chunk)
        A = np.where(causal_mask(len(V[part]), len(V[part])), Phi_Q[part] @ Phi_K[part].T, 0.0)
        Z = A.sum(1) + Phi_Q[part] @ state.z
        outputs[part] = _divided(A @ V[part] + Phi_Q[part] @ state.S, Z)
        state = state.append(Phi_K[part], V[part])
    return outputs, state


def _divided(Y: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """Row i of Y divided by Z_i. Raises ValueError for Z_i = 0: the features of query i have underflowed."""
    zeros = np.flatnonzero(Z == 0)
    require(
        len(zeros) == 0,
        lambda: f"Phi_Q and Phi_K must give each query a normaliser other than 0, got 0 for query {zeros[0]}",
    )
    return Y / Z[:, None]
