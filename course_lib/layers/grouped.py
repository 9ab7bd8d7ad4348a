"""Multi-head, grouped-query and multi-query attention: one class (paper, sections 3 and 6)."""

from jaxtyping import Float
from torch import Tensor

from course_lib.config import GroupedConfig
from course_lib.kernels.rowwise import RMSNorm, join_heads, new_bias, normalised, project, split_heads
from course_lib.layers.base import Attention, Causal, Verbs
from course_lib.layers.cache import AllRows, Rows
from course_lib.layers.positions import At, LastCoordinates, rotary_table


class Grouped(Attention):
    """Abstract: weights and verbs of grouped attention, where query head i reads key/value head i // (h / g).

    n_kv_heads = n_heads is multi-head attention, n_kv_heads = 1 multi-query attention. W_Q (d, h e), W_K (d, g e),
    W_V (d, g v) and W_O (h v, d) multiply on the right; with `config.bias`, b_Q, b_K, b_V and b_O are added after them.
    Cache rows: K (b, g, N, e), rotated, and V (b, g, N, v).

    With `config.qk_norm`, each query and key head passes an RMSNorm before the rotation, which bounds the logits.
    `Latent` does not have it: absorption moves W_LK from the keys to the queries, q (L W_LK)^T = (q W_LK^T) L^T, and
    that needs keys linear in L. A norm divides each key by its own length, which depends on head and token. So the key
    would have to be formed after all, or its length cached. `NormalisedKeysLatent` does the latter.
    """

    def __init__(self, config: GroupedConfig):
        super().__init__(config)
        for name, weight in config.weights.items():
            setattr(self, f"b{name[1:]}", new_bias(weight.columns, config.bias))
        self.norm_Q = self.norm_K = None
        for name, width in config.norms.items():
            setattr(self, name, RMSNorm(width, config.qk_norm_eps))
        self.rotary = rotary_table(config.rope, config.rotary_width) if config.rotary_width else None
        if 0 < config.rotary_width < config.d_qk:
            self.rotary = LastCoordinates(self.rotary)

    def queries(self, X: Float[Tensor, "b n d"], positions: At) -> Float[Tensor, "b h n e"]:
        """Q = X W_Q + b_Q by heads, rotated."""
        return self._placed(split_heads(project(X, self.W_Q, self.b_Q), self.config.n_heads), self.norm_Q, positions)

    def compress(self, X: Float[Tensor, "b n d"], positions: At) -> Rows:
        """K = X W_K + b_K and V = X W_V + b_V by KV heads; keys are rotated."""
        g = self.config.n_kv_heads
        K, V = split_heads(project(X, self.W_K, self.b_K), g), split_heads(project(X, self.W_V, self.b_V), g)
        return {"K": self._placed(K, self.norm_K, positions), "V": V}

    def read(self, rows: AllRows) -> tuple[Float[Tensor, "b g N e"], Float[Tensor, "b g N v"]]:
        """Keys and values as they are cached."""
        return rows["K"], rows["V"]

    def output(self, Y: Float[Tensor, "b h n v"], positions: At) -> Float[Tensor, "b n d"]:
        """concat_col(Y_1, ..., Y_h) W_O + b_O."""
        return project(join_heads(Y), self.W_O, self.b_O)

    def verbs(self, form: str | None, m: int, N: int) -> Verbs:
        """The layer itself, since keys and values are read in one way only. Raises ValueError unless form is None."""
        if form is not None:
            raise ValueError(f"form must be None, got {form!r}: only latent attention is read in two ways")
        return self

    def _placed(self, x: Tensor, norm: RMSNorm | None, positions: At) -> Tensor:
        """Queries or keys x (b, heads, n, e), normalised and rotated where the config says so."""
        x = normalised(x, norm)
        return x if self.rotary is None else self.rotary.rotate(x, positions)


class GroupedQueryAttention(Causal, Grouped):
    """Causal self-attention of h query heads over g key/value heads; see `Grouped` for its weights.

    layer = GroupedQueryAttention(GroupedConfig(d_model=512, n_heads=8, n_kv_heads=2))
    Y = layer(X)                                # all tokens at once: (b, n, 512) -> (b, n, 512)
    cache = layer.new_cache()
    Y = layer(X[:, :-1], cache)                 # the same in two calls: a prefill ...
    y = layer(X[:, -1:], cache)                 # ... and a decode step, the last row of Y above
    """
