"""Multi-head latent attention in the two forms of the paper's section 7, expanded and absorbed.

Letters: r = d_latent, p = d_rope, e = d_head, v = d_value; m tokens ask. What the kernel calls e, the width of a query,
is e + p here in the expanded form, and r + p in the absorbed one. `Attention` makes the weights of `config.weights`.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.config import LatentConfig
from course_lib.kernels.rowwise import RMSNorm, join_heads, normalised, project, project_heads, split_heads, up_by_head
from course_lib.layers.base import Attention, Causal, Verbs
from course_lib.layers.cache import AllRows, Rows
from course_lib.layers.positions import At, rotary_table


class Latent(Attention):
    """Abstract: weights and verbs of latent attention. A token caches one row [L, K_R] (r + p), shared by all heads.

    In a cache the whole row is called "L", also with a rotary key.
    L = X W_L, W_L (d, r), with RMSNorm when `config.latent_norm`; K_h = L W_LK_h, V_h = L W_LV_h with
    W_LK (r, h e), W_LV (r, h v), heads along the columns; K_R = X W_KR (d, p), rotated.
    Queries: W_Q (d, h e) and W_QR (d, h p) on X, or with a query latent L_Q = X W_LQ (d, r_q), normalised like L,
    W_LQQ (r_q, h e) and W_QR (r_q, h p) on L_Q. W_O (h v, d).

    This class has the verbs of the expanded form, `Absorbed` those of the absorbed one. Both give the same values
    with the same scale, by default (e + p)^{-1/2}: re-association does not change a score.
    """

    def __init__(self, config: LatentConfig):
        super().__init__(config)
        self.norm_L = self.norm_LQ = None
        for name, width in config.norms.items():
            setattr(self, name, RMSNorm(width))
        self.rotary = rotary_table(config.rope, config.rotary_width) if config.rotary_width else None

    def verbs(self, form: str | None, m: int, N: int) -> Verbs:
        """The verbs of a form, with which m tokens that ask read N rows. It changes the cost, not the values.

        "expanded" makes keys and values from all N rows L; "absorbed" attends over L itself. None means expanded for
        m >= N: in training and at the beginning of a text, where all tokens that are read ask (m = N), and in
        cross-attention to a memory of at most as many rows as tokens ask. For m < N it means the form that takes fewer
        FLOPs (see `absorbs`): in a decode step, in later chunks of a prompt, in cross-attention to a longer memory, and
        in the last layer of a model's prefill, where one token of each sequence asks.
        Raises ValueError for another form.
        """
        if form is None:
            form = "absorbed" if N > m and self.absorbs(m, N) else "expanded"
        if form not in ("expanded", "absorbed"):
            raise ValueError(f'form must be "expanded", "absorbed" or None, got {form!r}')
        return self.absorbed() if form == "absorbed" else self

    def absorbed(self) -> "Absorbed":
        """The verbs of the absorbed form."""
        return Absorbed(self)

    def absorbs(self, m: int, N: int) -> bool:
        """Whether m tokens that read N rows, cached or their own, cost fewer FLOPs absorbed than expanded.

        Multiply-adds per head. Expanded: N r (e + v) to make keys and values, m N (e + p + v) to use them.
        Absorbed: m r (e + v) to take queries to the latent and mixed rows to values, m N (2 r + p) to use the rows.
        """
        r, p, e, v = self.config.d_latent, self.config.d_rope, self.config.d_head, self.config.d_value
        return m * r * (e + v) + m * N * (2 * r + p) < N * r * (e + v) + m * N * (e + p + v)

    def queries(self, X: Float[Tensor, "b n d"], positions: At) -> Float[Tensor, "b h n _"]:
        """[Q, Q_R] of width e + p, Q_R rotated."""
        return torch.cat(self.query_parts(X, positions), -1)

    def query_parts(self, X: Float[Tensor, "b n d"], positions: At) -> list[Float[Tensor, "b h n _"]]:
        """Content queries (b, h, n, e), and rotary ones (b, h, n, p) when p > 0."""
        h, W_Q = self.config.n_heads, self.W_Q if self.config.d_latent_q is None else self.W_LQQ
        source = X if self.config.d_latent_q is None else normalised(project(X, self.W_LQ), self.norm_LQ)
        Q = split_heads(project(source, W_Q), h)
        if not self.config.d_rope:
            return [Q]
        return [Q, self.rotary.rotate(split_heads(project(source, self.W_QR), h), positions)]

    def compress(self, X: Float[Tensor, "b n d"], positions: At) -> Rows:
        """{"L": [L, K_R]}, side by side in one tensor (b, 1, n, r + p), so that the absorbed form joins nothing."""
        L = normalised(project(X, self.W_L), self.norm_L)[:, None]
        if not self.config.d_rope:
            return {"L": L}
        return {"L": torch.cat([L, self.rotary.rotate(project(X, self.W_KR)[:, None], positions)], -1)}

    def read(self, rows: AllRows) -> tuple[Float[Tensor, "b h N _"], Float[Tensor, "b h N v"]]:
        """K_h = [L W_LK_h, K_R], V_h = L W_LV_h."""
        h, r = self.config.n_heads, self.config.d_latent
        L, K_R = rows["L"][:, 0, :, :r], rows["L"][..., r:]
        K, V = split_heads(project(L, self.W_LK), h), split_heads(project(L, self.W_LV), h)
        return torch.cat([K, K_R.expand(-1, h, -1, -1)], -1), V

    def output(self, Y: Float[Tensor, "b h n v"], positions: At) -> Float[Tensor, "b n d"]:
        """concat_col(Y_1, ..., Y_h) W_O."""
        return project(join_heads(Y), self.W_O)


class Absorbed:
    """The absorbed form, with the weights and the cache of `layer`: every head attends over the one key [L, K_R].

    Q_h (L W_LK_h)^T = (Q_h W_LK_h^T) L^T, and P_h (L W_LV_h) = (P_h L) W_LV_h. The factors are applied one after the
    other; their products W^{LQK}_h and W^{LO} are larger than the factors and are never computed.
    """

    def __init__(self, layer: Latent):
        self.layer = layer

    def queries(self, X: Float[Tensor, "b n d"], positions: At) -> Float[Tensor, "b h n _"]:
        """[Q_h W_LK_h^T, Q_R] of width r + p."""
        Q, *Q_R = self.layer.query_parts(X, positions)
        W_LK = up_by_head(self.layer.W_LK, self.layer.config.n_heads)
        return torch.cat([project_heads(Q, W_LK.mT), *Q_R], -1)

    def read(self, rows: AllRows) -> tuple[Float[Tensor, "b 1 N _"], Float[Tensor, "b 1 N r"]]:
        """The one key head [L, K_R] and the one value head L, both views of the cache."""
        return rows["L"], rows["L"][..., : self.layer.config.d_latent]

    def output(self, Y: Float[Tensor, "b h n r"], positions: At) -> Float[Tensor, "b n d"]:
        """concat_col(Y_1 W_LV_1, ..., Y_h W_LV_h) W_O."""
        W_LV = up_by_head(self.layer.W_LV, self.layer.config.n_heads)
        return project(join_heads(project_heads(Y, W_LV)), self.layer.W_O)


class LatentAttention(Causal, Latent):
    """Causal latent self-attention; see `Latent` for its weights.

    The form depends on how many tokens ask and how many are read: see `Latent.verbs`. The argument `form` of `forward`
    fixes one.
    """
