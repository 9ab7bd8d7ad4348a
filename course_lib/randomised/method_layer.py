"""A trained decoder whose heads are computed by a NumPy method: what an approximation costs in loss.

    approximate = with_method(model, method, np.random.default_rng(0))
    logits = approximate(tokens)                # whole texts, without cache, padding, mask or gradients

A method maps Q, K (N, e), V (N, v) and a generator to outputs (N, v), with logits Q K^T d_QK^{-1/2}, the default of
this package. `causality.leak` takes the same functions. A method that leaks sees the tokens that the model is to
predict, so its loss means nothing.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.config import GroupedConfig, require
from course_lib.kernels.attention import Seen
from course_lib.layers.base import Causal, Verbs
from course_lib.layers.cache import AllRows, Cache
from course_lib.layers.grouped import Grouped
from course_lib.layers.positions import At
from course_lib.models.decoder import DecoderModel
from course_lib.randomised.causality import Method
from course_lib.randomised.checks import check_random
from course_lib.randomised.swap import with_layers


class MethodAttention(Causal, Grouped):
    """Grouped attention whose heads are computed one by one in NumPy and float64. It has no cache and no gradients.

    Raises ValueError for a config with a window, for a method that is not a function, and as `check_random`.
    """

    def __init__(self, config: GroupedConfig, method: Method, random: np.random.Generator):
        kind = type(config)
        require(kind is GroupedConfig, f"config must be a GroupedConfig, got {kind.__name__}")
        require(config.window is None, f"window must be None: a method sees no window, got {config.window}")
        require(callable(method), f"method must be a function of Q, K, V and random, got {type(method).__name__}")
        check_random(random)
        super().__init__(config)
        self.method, self.random = method, random

    @torch.no_grad()
    def answer(
        self, verbs: Verbs, X: Float[Tensor, "b n d"], positions: At, rows: AllRows, seen: Seen, return_weights: bool
    ) -> Float[Tensor, "b n d"]:
        """As `Attention.answer`, without weights. Raises ValueError for padding, a mask, and for return_weights."""
        require(seen.causal, "lengths and mask must be None, and every token must ask: a method has a causal mask only")
        require(not return_weights, "return_weights must be False: a method returns outputs and no weights")
        K, V = verbs.read(rows)
        Q = verbs.queries(X, positions) * (self.config.scale * self.config.d_qk**0.5)
        in_group = self.config.n_heads // self.config.n_kv_heads
        found = [
            [self.head(Q[b, h], K[b, h // in_group], V[b, h // in_group]) for h in range(self.config.n_heads)]
            for b in range(len(X))
        ]
        heads = torch.from_numpy(np.array(found)).to(X)
        return verbs.output(heads, positions)

    def head(self, *parts: Tensor) -> Float[np.ndarray, "n v"]:
        """The method on one head's Q, K and V."""
        Q, K, V = (part.double().cpu().numpy() for part in parts)
        Y = self.method(Q, K, V, self.random)
        require(np.shape(Y) == V.shape, f"method must return outputs of shape {V.shape}, got {np.shape(Y)}")
        return Y

    def check_cache(self, cache: Cache | None) -> None:
        """Raises ValueError for any cache."""
        require(cache is None, f"cache must be None: a method computes whole texts, got {type(cache).__name__}")


def with_method(model: DecoderModel, method: Method, random: np.random.Generator) -> DecoderModel:
    """A copy of the model in which a `MethodAttention` takes the place of each attention layer.

    Raises ValueError as `with_layers` and `MethodAttention`.
    """
    return with_layers(model, lambda config: MethodAttention(config, method, random))
