"""Models with an output on an encoder: masked tokens are predicted, or sequences classified (paper, section 4)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.config import ModelConfig, require
from course_lib.kernels.cpu import by_columns
from course_lib.kernels.rowwise import new_bias, new_weight
from course_lib.layers.step import without_padding
from course_lib.models.blocks import new_norm
from course_lib.models.embeddings import Embedding, Unembedding
from course_lib.models.encoder import EncoderModel
from course_lib.models.inference import check_count
from course_lib.models.initialise import initialise


class TokenHead(nn.Module):
    """Logits of norm(gelu(H W_H + b_H)), as in BERT.

    This layer between stream and logits lets the last rows of the stream differ from embeddings of tokens.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        d = config.d_model
        self.W_H, self.b_H = nn.Parameter(by_columns(torch.empty(d, d))), nn.Parameter(torch.zeros(d))
        self.norm = new_norm(config)
        self.unembedding = Unembedding(config)
        initialise(self, config, sublayers=1)

    def forward(self, H: Tensor, embedding: Embedding) -> Tensor:
        """H (..., d) -> (..., vocab_size)."""
        return self.unembedding(self.norm(F.gelu(F.linear(H, self.W_H.T, self.b_H))), embedding)


class MaskedTokenModel(nn.Module):
    """Logits of the token that belongs at each position (BERT). The caller chooses which tokens are masked."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.encoder = EncoderModel(config)
        self.head = TokenHead(config)

    def forward(self, tokens: Tensor, lengths: Tensor | None = None) -> Tensor:
        """tokens (b, n) int64 -> logits (b, n, vocab_size); arguments and errors as EncoderModel."""
        return self.head(self.encoder(tokens, lengths), self.encoder.embedding)

    def attention_weights(self, tokens: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        """The attention weights P (b, h, n, n) of every layer."""
        return self.encoder.attention_weights(tokens, lengths)


class ClassifierModel(nn.Module):
    """Logits of the classes from the mean of a sequence's rows, H_mean W_C + b_C.

    BERT takes the first row instead. Our texts have no special first token for this, and with the mean every row gets a
    gradient from the first step on.
    """

    def __init__(self, config: ModelConfig, n_classes: int):
        super().__init__()
        check_count("n_classes", n_classes)
        self.config = config
        self.encoder = EncoderModel(config)
        self.W_C, self.b_C = new_weight(config.d_model, n_classes), new_bias(n_classes, wanted=True)

    def forward(self, tokens: Tensor, lengths: Tensor | None = None) -> Tensor:
        """tokens (b, n) int64 -> logits (b, n_classes); arguments and errors as EncoderModel.

        Raises ValueError also for a sequence without tokens.
        """
        H = self.encoder(tokens, lengths)
        if lengths is None:
            return F.linear(H.mean(1), self.W_C.T, self.b_C)
        require(int(lengths.min()) > 0, f"lengths must be at least 1 to classify a sequence, got {lengths.tolist()}")
        H = without_padding(H, lengths)
        return F.linear(H.sum(1) / lengths.to(H.device)[:, None], self.W_C.T, self.b_C)
