"""Attention with positive random features as a PyTorch layer, whose cache is a recurrent state of constant size.

The NumPy forms are `positive_features` and `causal_linear_attention`. The layer has the weight matrices of
grouped-query attention, so that a trained layer can be replaced by its approximation:

    model = with_features(shipped.load("docs-mha").model, 256, np.random.default_rng(0))

Masks: causal. A caller's mask is allowed without a cache only, since the state no longer has rows to hide.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.config import GroupedConfig, require
from course_lib.kernels.attention import Seen
from course_lib.layers.base import Causal, Output, Verbs
from course_lib.layers.cache import AllRows, Cache, Rows
from course_lib.layers.grouped import Grouped
from course_lib.layers.positions import At
from course_lib.layers.step import Step
from course_lib.models.decoder import DecoderModel
from course_lib.randomised.checks import check_whole
from course_lib.randomised.feature_sums import kernel, quotient, sums_of
from course_lib.randomised.random_features import orthogonal_directions
from course_lib.randomised.state_cache import StateCache
from course_lib.randomised.swap import with_layers


class FeatureAttention(Causal, Grouped):
    """Causal attention with the kernel <phi(q), phi(k)> of m positive features, orthogonal in blocks.

    Each key/value head has its own directions, drawn once. Features, sums and their quotient are computed in float64,
    because products of features span more than the range of float32. A query whose features underflow gets zero.
    Raises ValueError for a config with a window or dropout, because neither can be applied to a sum, for m < 1, and
    unless `random` is a NumPy Generator.
    """

    def __init__(self, config: GroupedConfig, m: int, random: np.random.Generator):
        check_whole("m", m, 1)
        kind = type(config)
        require(kind is GroupedConfig, f"config must be a GroupedConfig, got {kind.__name__}")
        require(config.window is None, f"window must be None: a sum cannot forget old tokens, got {config.window}")
        require(config.dropout == 0, f"dropout must be 0, because weights are not formed, got {config.dropout}")
        super().__init__(config)
        W = np.stack([orthogonal_directions(m, config.d_qk, random) for _ in range(config.n_kv_heads)])
        self.register_buffer("directions", torch.from_numpy(W).to(self.W_O.dtype))

    def features(self, x: Float[Tensor, "b g q n e"]) -> Float[Tensor, "b g q n m"]:
        """phi(x) = exp(W x - ||x||^2 / 2) / sqrt(m) of x = sqrt(scale) times queries or keys, in float64."""
        x, W = self.config.scale**0.5 * x.double(), self.directions.double()
        exponent = x @ W[:, None].mT - (x**2).sum(-1, keepdim=True) / 2
        return exponent.exp() / W.shape[1] ** 0.5

    def queries(self, X: Float[Tensor, "b n d"], positions: At) -> Float[Tensor, "b h n m"]:
        """Features of the queries."""
        Q = super().queries(X, positions)
        return self.features(Q.unflatten(1, (self.config.n_kv_heads, -1))).flatten(1, 2)

    def compress(self, X: Float[Tensor, "b n d"], positions: At) -> Rows:
        """Features Phi_K (b, g, n, m) of the keys, and U (b, g, n, v + 1): values and a column of ones."""
        rows = super().compress(X, positions)
        V = rows["V"].double()
        U = torch.cat([V, torch.ones_like(V[..., :1])], -1)
        return {"Phi_K": self.features(rows["K"][:, :, None])[:, :, 0], "U": U}

    def read(self, rows: AllRows) -> tuple[Float[Tensor, "b g n m"], Float[Tensor, "b g n u"]]:
        """Phi_K and U of the new tokens; the earlier ones are in the state alone."""
        return rows["Phi_K"], rows["U"]

    def respond(self, X: Tensor, cache: Cache | None, step: Step, return_weights: bool, form: str | None) -> Output:
        """As `SelfAttention.respond`. Raises ValueError for return_weights after cached tokens."""
        require(
            not return_weights or cache is None or cache.length == 0,
            "return_weights must be False when the cache holds tokens: a state does not keep their features",
        )
        return super().respond(X, cache, step, return_weights, form)

    def answer(
        self, verbs: Verbs, X: Float[Tensor, "b m d"], positions: At, rows: AllRows, seen: Seen, return_weights: bool
    ) -> Output:
        """As `Attention.answer`; `rows` may hold the state as S."""
        Phi_Q = self.queries(X, positions).unflatten(1, (self.config.n_kv_heads, -1))
        (Phi_K, U), S = self.read(rows), rows.get("S")
        sums = sums_of(Phi_Q, Phi_K, U, S, seen)
        Y = self.output(quotient(sums[..., :-1], sums[..., -1:]).flatten(1, 2).to(X.dtype), positions)
        if not return_weights:
            return Y
        A = kernel(Phi_Q, Phi_K, seen.to_mask(X.shape[1], X.device))
        return Y, quotient(A, A.sum(-1, keepdim=True)).flatten(1, 2).to(X.dtype)

    def new_cache(self, capacity: int | None = None) -> StateCache:
        """An empty state; `capacity` has no effect."""
        return StateCache()

    def check(self, X: Tensor, cache: Cache | None, lengths: Tensor | None, mask: Tensor | None) -> None:
        super().check(X, cache, lengths, mask)
        require(mask is None or cache is None, "mask must be None with a cache: its state has no rows to hide")

    def check_cache(self, cache: Cache | None) -> None:
        """Raises ValueError for a cache that is not a StateCache."""
        good = cache is None or isinstance(cache, StateCache)
        require(good, f"cache must be a StateCache, from new_cache(), got {type(cache).__name__}")


def with_features(model: DecoderModel, m: int, random: np.random.Generator) -> DecoderModel:
    """A copy of the model in which a `FeatureAttention` takes the place of each attention layer.

    Raises ValueError as `with_layers` and `FeatureAttention`.
    """
    return with_layers(model, lambda config: FeatureAttention(config, m, random))
