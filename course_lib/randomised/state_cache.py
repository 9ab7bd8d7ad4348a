"""The cache of linear attention in PyTorch: one sum for each head in place of a row for each token."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.checks import check_lengths
from course_lib.config import require
from course_lib.layers.cache import AllRows, Cache, Rows
from course_lib.layers.step import real

NAMES = {"Phi_K", "U"}


class StateCache(Cache):
    """Keeps S = sum_j phi(k_j) u_j^T (b, g, m, v + 1) with u_j = (v_j, 1): its last column is the sum of the phi(k_j).

    Its size does not depend on the number of tokens. It takes the place of `Cache` for layers whose rows are features
    Phi_K (b, g, n, m) and U (b, g, n, v + 1). Sequences may have different lengths. `truncate` is refused, because a
    sum cannot forget its last terms.
    """

    def __init__(self):
        super().__init__()

    @property
    def state(self) -> Float[Tensor, "b g m u"] | None:
        """The sums over all tokens so far, or None before the first."""
        return self._buffers["S"] if self.length else None

    @property
    def floats_per_token(self) -> int:
        """Raises ValueError: the size does not depend on the number of tokens. See `nbytes`."""
        raise ValueError(
            "floats_per_token is not defined for a StateCache: its size is the same for any number of tokens"
        )

    def append(self, rows: Rows, lengths: Int[Tensor, "b"] | None = None) -> tuple[AllRows, Int[Tensor, "*b n"]]:
        """Add n tokens to each sequence, or its first lengths[i] (right padding).

        Returns the new rows and their positions, and as "S" the sums before them, if there were tokens. Raises
        ValueError for rows of other names, shapes, dtypes or devices than those before.
        """
        batch, n = self._check(rows, lengths)
        positions, before = self.next_positions(batch, n), self.state
        starts = self.starts(batch)
        Phi_K = rows["Phi_K"].detach()
        if lengths is not None:
            Phi_K = Phi_K * real(Phi_K[:, 0], lengths)[:, None, :, None]
        new = Phi_K.mT @ rows["U"].detach()
        self._buffers = {"S": new if before is None else before + new}
        counts = torch.full((batch,), n) if lengths is None else lengths.cpu()
        self._hold((starts + counts).tolist())
        return rows if before is None else rows | {"S": before}, positions

    def truncate(self, length) -> None:
        """Always raises ValueError: a cache of rows can forget its last tokens, but a sum does not keep its terms."""
        raise ValueError(
            f"truncate to length = {length!r} is not possible for a StateCache: a sum cannot forget its last terms"
        )

    def _check(self, rows: Rows, lengths: Tensor | None) -> tuple[int, int]:
        """The size (b, n). Raises ValueError unless rows are features and values that fit each other and the state."""
        good = isinstance(rows, dict) and set(rows) == NAMES
        got = sorted(rows) if isinstance(rows, dict) else type(rows).__name__
        require(good, f"rows must be the features Phi_K and the values U of a FeatureAttention, got {got}")
        Phi_K, U = rows["Phi_K"], rows["U"]
        fits = Phi_K.ndim == U.ndim == 4 and Phi_K.shape[:3] == U.shape[:3]
        require(fits, lambda: f"Phi_K and U must agree in (b, g, n), got {tuple(Phi_K.shape)} and {tuple(U.shape)}")
        batch, g, n, m = Phi_K.shape
        self._check_batch(batch)
        if self.length:
            want, got = self.state, (g, m, U.shape[3], U.dtype, U.device)
            held = (*want.shape[1:], want.dtype, want.device)
            require(held == got, f"rows must be like those held, {held}, got {got}; each layer needs its own cache")
        check_lengths(lengths, (batch, n))
        return batch, n
