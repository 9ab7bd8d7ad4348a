"""The decoder-only model, which predicts the next token from those before it (paper, section 4; GPT, Llama)."""

from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor, nn

from course_lib.config import ModelConfig
from course_lib.layers import Cache
from course_lib.models.blocks import CAUSAL, Block, new_attention, new_final_norm
from course_lib.models.embeddings import Embedding, Unembedding
from course_lib.models.initialise import initialise


class Decoder(nn.Module):
    """The base of all decoders: embedding, causal layers, a last norm, and logits of its rows."""

    def __init__(self, config: ModelConfig, blocks: Iterable[nn.Module]):
        super().__init__()
        self.embedding = Embedding(config)
        self.blocks = nn.ModuleList(blocks)
        self.norm = new_final_norm(config)
        self.unembedding = Unembedding(config)

    def run(
        self, tokens: Tensor, caches: list[Cache] | None, lengths: Tensor | None, layers: Iterable, last: bool = False
    ) -> Tensor:
        """The last rows of the stream, normalised: (b, n, d), or with `last` of each sequence's last token (b, 1, d).

        layers: each block, ready to be called with (X, step, cache), in order. With `last`, the last block only caches
        the earlier tokens and computes no output for them, since no later step would use it.
        """
        check_caches(caches, self.blocks)
        with torch.set_grad_enabled(torch.is_grad_enabled() and caches is None):
            step = self.embedding.new_step(tokens, None if caches is None else caches[0], lengths)
            X = self.embedding(tokens, step)
            steps = [step] * (len(self.blocks) - 1) + [step.last() if last else step]
            for layer, now, cache in zip(layers, steps, caches or [None] * len(self.blocks), strict=True):
                X = layer(X, now, cache)
            return self.norm(X)

    def following(self, tokens: Tensor, caches: list[Cache] | None, lengths: Tensor | None, layers: Iterable) -> Tensor:
        """Logits (b, vocab_size) of what follows each sequence; arguments as in `run`."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and caches is None):
            return self.logits(self.run(tokens, caches, lengths, layers, last=True)[:, -1])

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
    logits = model.prefill(tokens, caches)                  # inference: (b, n) -> (b, vocab_size)
    logits = model.decode(chosen, caches)                   # (b, 1) -> (b, vocab_size), again and again
    """

    def __init__(self, config: ModelConfig):
        attentions = enumerate(config.attentions)
        super().__init__(config, (Block(config, new_attention(each, CAUSAL), i) for i, each in attentions))
        self.config = config
        initialise(self, config, sublayers=2 * config.n_layers)

    def forward(self, tokens: Tensor, caches: list[Cache] | None = None, lengths: Tensor | None = None) -> Tensor:
        """tokens (b, n) int64 -> logits (b, n, vocab_size).

        caches: from `new_caches`, with the rows that earlier calls left. The new rows are appended, and no gradients
        are recorded.
        lengths: (b,) tokens of each sequence, padding on the right. Logits at padding mean nothing.
        Raises ValueError for tokens outside the vocabulary, sequences past max_length, and caches that do not fit. No
        cache is changed then, unless a later layer's capacity is smaller than that of an earlier one.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and caches is None):
            return self.logits(self.hidden(tokens, caches, lengths))

    def prefill(self, tokens: Tensor, caches: list[Cache] | None, lengths: Tensor | None = None) -> Tensor:
        """Read a prompt, or a part of one: tokens (b, n) -> logits (b, vocab_size) of what follows each sequence.

        Arguments and errors as in `forward`. Without caches nothing is kept. For a sequence of length 0 the logits mean
        nothing.
        """
        return self.following(tokens, caches, lengths, self.blocks)

    def decode(self, tokens: Tensor, caches: list[Cache]) -> Tensor:
        """Read one more token of each sequence, tokens (b, 1) -> logits (b, vocab_size) of what follows it."""
        check_one(tokens)
        return self.prefill(tokens, caches)

    def hidden(
        self,
        tokens: Tensor,
        caches: list[Cache] | None = None,
        lengths: Tensor | None = None,
        all_P: list[Tensor] | None = None,
    ) -> Tensor:
        """The last rows of the stream (b, n, d), normalised. Arguments as in `forward`, `all_P` as in `Block`."""
        return self.run(tokens, caches, lengths, (partial(block, all_P=all_P) for block in self.blocks))

    @torch.no_grad()
    def attention_weights(self, tokens: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        """The attention weights P (b, h, n, n) of every layer."""
        all_P = []
        self.hidden(tokens, lengths=lengths, all_P=all_P)
        return all_P


def check_caches(caches: list[Cache] | None, blocks: nn.ModuleList) -> None:
    """Raises ValueError unless each layer has a cache of its own that suits it, and all hold equally many tokens."""
    if caches is None:
        return
    n_layers = len(blocks)
    if not isinstance(caches, list) or not all(isinstance(cache, Cache) for cache in caches):
        raise ValueError(f"caches must be a list of caches, from new_caches(), got {type(caches).__name__}")
    if len(caches) != n_layers:
        raise ValueError(f"caches must hold one cache for each of {n_layers} layers, got {len(caches)}")
    for block, cache in zip(blocks, caches, strict=True):
        block.attention.check_cache(cache)
    if len(set(map(id, caches))) < n_layers:
        raise ValueError("caches must hold a cache of its own for each layer")
    if len({cache.counts for cache in caches}) > 1:
        lengths = [list(cache.counts) for cache in caches]
        raise ValueError(f"caches must hold the same tokens in each layer, got lengths {lengths}")


def check_one(tokens: Tensor) -> None:
    """Raises ValueError unless tokens are (b, 1), one of each sequence."""
    if not isinstance(tokens, Tensor) or tokens.ndim != 2 or tokens.shape[1] != 1:
        got = getattr(tokens, "shape", tokens)
        raise ValueError(f"tokens must be one of each sequence, of shape (b, 1), got {got}")
