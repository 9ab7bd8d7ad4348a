"""The decoder-only model: the next token from those before it (paper, section 4; GPT, Llama)."""

from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor, nn

from course_lib.config import ModelConfig, require
from course_lib.layers import Cache
from course_lib.models.blocks import Block, new_causal_attention
from course_lib.models.embeddings import Embedding, Unembedding
from course_lib.models.initialise import initialise
from course_lib.models.norms import new_final_norm


class Decoder(nn.Module):
    """What decoders share: embedding, causal layers, a last norm, and logits from its rows."""

    def __init__(self, config: ModelConfig, blocks: Iterable[nn.Module]):
        super().__init__()
        self.embedding = Embedding(config)
        self.blocks = nn.ModuleList(blocks)
        self.norm = new_final_norm(config)
        self.unembedding = Unembedding(config)

    def run(self, tokens: Tensor, caches: list[Cache] | None, lengths: Tensor | None, layers: Iterable) -> Tensor:
        """The last rows of the stream (b, n, d), normalised. `layers`: each block, ready to be called, in order."""
        check_caches(caches, len(self.blocks))
        first = None if caches is None else caches[0]
        with torch.set_grad_enabled(torch.is_grad_enabled() and caches is None):
            X = self.embedding(tokens, first, lengths)
            for layer, cache in zip(layers, caches or [None] * len(self.blocks), strict=True):
                X = layer(X, cache, lengths)
            return self.norm(X)

    def logits(self, H: Tensor) -> Tensor:
        """Rows (..., d) -> (..., vocab_size)."""
        return self.unembedding(H, self.embedding)

    def new_caches(self, capacity: int | None = None) -> list[Cache]:
        """One empty cache per layer."""
        return [block.attention.new_cache(capacity) for block in self.blocks]


class DecoderModel(Decoder):
    """Logits of the next token at every position. Weights are drawn by `course_lib.models.initialise`.

    model = DecoderModel(config)
    logits = model(tokens)                                  # training: (b, n) -> (b, n, vocab_size)
    caches = model.new_caches()
    logits = model(tokens, caches); logits = model(next, caches)   # inference, no gradients
    """

    def __init__(self, config: ModelConfig):
        super().__init__(config, (Block(config, new_causal_attention(config)) for _ in range(config.n_layers)))
        self.config = config
        initialise(self, config, sublayers=2 * config.n_layers)

    def forward(self, tokens: Tensor, caches: list[Cache] | None = None, lengths: Tensor | None = None) -> Tensor:
        """tokens (b, n) int64 -> logits (b, n, vocab_size).

        caches: from `new_caches`, what earlier calls left; the new tokens are appended, no gradients are recorded.
        lengths: (b,) tokens of each sequence, padding on the right; logits at padding mean nothing.
        Raises ValueError for tokens outside the vocabulary, sequences past max_length, and caches that do not fit,
        before a cache is changed.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and caches is None):
            return self.logits(self.hidden(tokens, caches, lengths))

    def hidden(
        self,
        tokens: Tensor,
        caches: list[Cache] | None = None,
        lengths: Tensor | None = None,
        weights: list[Tensor] | None = None,
    ) -> Tensor:
        """The last rows of the stream (b, n, d), normalised; `forward` documents the arguments, `Block` weights."""
        return self.run(tokens, caches, lengths, (partial(block, weights=weights) for block in self.blocks))

    def last_row(self, tokens: Tensor, caches: list[Cache]) -> Tensor:
        """The last row of `hidden` (b, 1, d), on which the next token depends, for sequences of equal length.

        A prefill saves a layer, almost: of what the last one makes of the tokens before, only its cache is read.
        """
        return self.run(tokens, caches, None, (*self.blocks[:-1], self.blocks[-1].last_row))

    @torch.no_grad()
    def attention_weights(self, tokens: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        """P (b, h, n, n) of every layer."""
        weights = []
        self.hidden(tokens, lengths=lengths, weights=weights)
        return weights


def check_caches(caches: list[Cache] | None, n_layers: int) -> None:
    """One cache for each layer, all of which hold the same sequences."""
    if caches is None:
        return
    good = isinstance(caches, list) and all(isinstance(cache, Cache) for cache in caches)
    require(good, f"caches must be a list of caches, from new_caches(), got {type(caches).__name__}")
    require(len(caches) == n_layers, f"caches must hold one cache for each of {n_layers} layers, got {len(caches)}")
    held = [cache.lengths.tolist() for cache in caches]
    require(len({id(cache) for cache in caches}) == n_layers, "caches must hold a cache of its own for each layer")
    require(all(x == held[0] for x in held), f"caches must hold the same tokens in each layer, got lengths {held}")
