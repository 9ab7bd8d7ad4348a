"""Training data for an encoder: windows in which the model predicts hidden tokens (BERT, arXiv 1810.04805, 3.1)."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from course_lib.training.data import IGNORED, Batch, TextData, pieces

ASKED = 0.15  # share of the tokens of a window that are to be predicted
HIDDEN, REPLACED = 0.8, 0.1  # shares of these: shown as the mask, as a random token; the rest is shown unchanged
TRAINING, VALIDATION = 1, 2  # part of the random seed, so that the two draw different numbers


class MaskedTokenData(TextData):
    """Windows of a text in which the model predicts 15 % of the tokens, at least one; only these enter the loss.

    Of these tokens 80 % are shown as `mask` (one more id, after the vocabulary), 10 % as a random token and 10 %
    unchanged. So the model cannot trust a token that it sees. The masks of the validation text do not depend on the
    seed.

    Bits per byte are not defined: each loss is that of one token given most of the others, and the sum of these losses
    is not -log p of the text.
    """

    def __init__(self, *arguments, **options):
        """Arguments and errors as in `TextData`. `vocab_size`, for the model's config, counts the mask."""
        super().__init__(*arguments, **options)
        self.mask = self.vocab_size
        self.vocab_size += 1

    def batch(self, step: int) -> Batch:
        """Inputs and targets, both (batch_size, context); targets are IGNORED where nothing is to be predicted."""
        return self.hide(self.rows(step)[:, :-1], np.random.default_rng([self.seed, step, TRAINING]))

    def validation(self) -> Iterator[Batch]:
        """The whole validation text in windows side by side."""
        for i, tokens in enumerate(pieces(self.validation_tokens.long(), self.context)):
            yield self.hide(tokens, np.random.default_rng([0, i, VALIDATION]))

    def hide(self, tokens: Tensor, random: np.random.Generator) -> Batch:
        """Inputs and targets, both (b, n), for tokens (b, n)."""
        asked = max(1, round(ASKED * tokens.shape[1]))
        # The places of the smallest of n random numbers: a random choice of distinct places.
        places = torch.from_numpy(random.random(tokens.shape).argsort(1)[:, :asked])
        answers = tokens.gather(1, places)
        kind = torch.from_numpy(random.random(places.shape))
        others = torch.from_numpy(random.integers(self.mask, size=places.shape))
        shown = torch.where(kind < HIDDEN, self.mask, torch.where(kind < HIDDEN + REPLACED, others, answers))
        targets = torch.full_like(tokens, IGNORED).scatter(1, places, answers)
        return tokens.scatter(1, places, shown), targets

    def count(self, batch: Batch) -> tuple[int, int]:
        """The number of tokens to predict, and 0 bytes."""
        return int((batch[1] != IGNORED).sum()), 0
