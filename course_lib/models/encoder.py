"""The encoder: every token sees every other, so that each row depends on the whole sequence (paper, section 4)."""

import torch
from torch import Tensor, nn

from course_lib.config import ModelConfig
from course_lib.models.blocks import BIDIRECTIONAL, Block, new_attention, new_final_norm
from course_lib.models.embeddings import Embedding
from course_lib.models.initialise import initialise


class EncoderModel(nn.Module):
    """The rows E_{N_L} of the last layer, normalised. `config.tied` and `config.output_bias` have no effect here."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.embedding = Embedding(config)
        layers = (Block(config, new_attention(each, BIDIRECTIONAL), i) for i, each in enumerate(config.attentions))
        self.blocks = nn.ModuleList(layers)
        self.norm = new_final_norm(config)
        initialise(self, config, sublayers=2 * config.n_layers)

    def forward(self, tokens: Tensor, lengths: Tensor | None = None, all_P: list[Tensor] | None = None) -> Tensor:
        """tokens (b, n) int64 -> (b, n, d).

        lengths: (b,) tokens of each sequence, padding on the right, which no token sees. Rows at padding mean nothing.
        all_P: a list that receives the attention weights P (b, h, n, n) of every layer.
        Raises ValueError for tokens outside the vocabulary and sequences past max_length.
        """
        step = self.embedding.new_step(tokens, lengths=lengths)
        X = self.embedding(tokens, step)
        for block in self.blocks:
            X = block(X, step, all_P=all_P)
        return self.norm(X)

    @torch.no_grad()
    def attention_weights(self, tokens: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        """The attention weights P (b, h, n, n) of every layer."""
        all_P = []
        self(tokens, lengths, all_P)
        return all_P
