"""The encoder-decoder: it reads a source once and writes a target token by token (paper, section 4)."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from course_lib.config import ModelConfig, TranslationConfig, require
from course_lib.layers import Cache, Memory
from course_lib.models.blocks import TranslationBlock
from course_lib.models.decoder import Decoder, check_one
from course_lib.models.encoder import EncoderModel
from course_lib.models.initialise import initialise


class TranslationModel(Decoder):
    """Logits of the next target token, given the source and the target so far.

    logits = model(source, target)                           # training: (b, n), (b, m) -> (b, m, vocab_size)
    memory, caches = model.encode(source), model.new_caches()
    logits = model.prefill(target, memory, caches)           # inference: (b, m) -> (b, vocab_size)
    logits = model.decode(chosen, memory, caches)            # (b, 1) -> (b, vocab_size), again and again

    The two sides have vocabularies and embeddings of their own. Raises ValueError when they differ in width.
    """

    def __init__(self, source_config: ModelConfig, target_config: ModelConfig):
        config = TranslationConfig(source=source_config, target=target_config)
        super().__init__(target_config, (TranslationBlock(target_config) for _ in range(target_config.n_layers)))
        self.config = config
        initialise(self, target_config, sublayers=3 * target_config.n_layers)
        self.encoder = EncoderModel(source_config)

    def forward(
        self,
        source: Tensor,
        target: Tensor,
        source_lengths: Tensor | None = None,
        target_lengths: Tensor | None = None,
    ) -> Tensor:
        """source (b, n), target (b, m) int64 -> logits (b, m, vocab_size); those at j predict the target's token j + 1.

        source_lengths, target_lengths: (b,) tokens of each sequence, padding on the right. Logits at padding mean
        nothing.
        Raises ValueError for tokens outside the vocabularies and sequences past max_length.
        """
        return self.logits(self.hidden(target, self.encode(source, source_lengths), lengths=target_lengths))

    def encode(self, source: Tensor, lengths: Tensor | None = None) -> list[Memory]:
        """Read source (b, n) once, and return the memory that the cross-attention of each layer reads."""
        E = self.encoder(source, lengths)
        return [block.cross_attention.remember(E, lengths) for block in self.blocks]

    def prefill(
        self,
        target: Tensor,
        memory: list[Memory],
        caches: list[Cache] | None,
        lengths: Tensor | None = None,
    ) -> Tensor:
        """Read the beginning of targets (b, m), given `memory` from `encode` -> logits (b, vocab_size) of what follows.

        caches: from `new_caches`, with the rows of the targets' earlier tokens. The new rows are appended, and no
        gradients are recorded. Without caches nothing is kept.
        Raises ValueError as DecoderModel does, and for a memory of another model or batch.
        """
        return self.following(target, caches, lengths, self.layers(target, memory))

    def decode(self, target: Tensor, memory: list[Memory], caches: list[Cache]) -> Tensor:
        """Read one more token of each target (b, 1) -> logits (b, vocab_size) of what follows it."""
        check_one(target)
        return self.prefill(target, memory, caches)

    def hidden(
        self,
        target: Tensor,
        memory: list[Memory],
        caches: list[Cache] | None = None,
        lengths: Tensor | None = None,
        all_P: list[Tensor] | None = None,
    ) -> Tensor:
        """The last rows of the stream (b, m, d), normalised.

        A list `all_P` receives the weights P (b, h, m, n) of each layer's cross-attention.
        """
        return self.run(target, caches, lengths, self.layers(target, memory, all_P))

    def layers(
        self, target: Tensor, memory: list[Memory], all_P: list[Tensor] | None = None
    ) -> list[Callable[..., Tensor]]:
        """Each block with its memory, ready for `run`. Raises ValueError for a memory of another model or batch."""
        check_memory(memory, target, len(self.blocks))
        pairs = zip(self.blocks, memory, strict=True)
        return [partial(block, all_P=all_P, memory=held) for block, held in pairs]

    @torch.no_grad()
    def cross_attention_weights(
        self,
        source: Tensor,
        target: Tensor,
        source_lengths: Tensor | None = None,
        target_lengths: Tensor | None = None,
    ) -> list[Tensor]:
        """P (b, h, m, n) of every layer: how much of source token j each target token i reads."""
        all_P = []
        memory = self.encode(source, source_lengths)
        self.hidden(target, memory, lengths=target_lengths, all_P=all_P)
        return all_P


def check_memory(memory: list[Memory], target: Tensor, n_layers: int) -> None:
    """Raises ValueError unless there is one memory for each layer, of as many sources as targets."""
    good = isinstance(memory, list) and all(isinstance(held, Memory) for held in memory)
    require(good, f"memory must be a list of memories, from encode(), got {type(memory).__name__}")
    require(len(memory) == n_layers, f"memory must hold one memory for each of {n_layers} layers, got {len(memory)}")
    batches = {held.batch for held in memory}
    require(
        batches == {len(target)}, f"memory must be of as many sequences as target, {len(target)}, got {sorted(batches)}"
    )
