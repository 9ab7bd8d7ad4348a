"""Windows of a text in which some tokens are hidden and to be found again (BERT, arXiv 1810.04805, section 3.1)."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from course_lib.training.data import IGNORED, Batch, TextData, pieces

ASKED = 0.15  # of the tokens of a window
HIDDEN, REPLACED = 0.8, 0.1  # of those asked for; the rest stays as it is
TRAINING, VALIDATION = 1, 2  # separate the random numbers of the two


class MaskedTokenData(TextData):
    """In each window 15 % of the tokens, at least one, are asked for; the loss counts these alone.

    Of them 80 % are replaced by `mask`, one more token after the vocabulary, 10 % by a random token and 10 % by none:
    so the model cannot rely on a token that it is shown. The masks of the validation text are the same for every seed.

    There are no bits per byte: each loss is that of one token given most others, and their sum is not -log p of the
    text.
    """

    def __init__(self, *arguments, **options):
        """As TextData. A model for these tokens has a vocabulary of `vocab_size`, the mask included."""
        super().__init__(*arguments, **options)
        self.mask = self.vocab_size
        self.vocab_size += 1

    def batch(self, step: int) -> Batch:
        """Inputs and targets, both (batch_size, context); targets are IGNORED where nothing is asked."""
        return self.hide(self.rows(step)[:, :-1], np.random.default_rng([self.seed, step, TRAINING]))

    def validation(self) -> Iterator[Batch]:
        """The whole validation text in windows side by side."""
        for i, tokens in enumerate(pieces(self.validation_tokens.long(), self.context)):
            yield self.hide(tokens, np.random.default_rng([0, i, VALIDATION]))

    def hide(self, tokens: Tensor, random: np.random.Generator) -> Batch:
        """Inputs and targets for tokens (b, n)."""
        asked = max(1, round(ASKED * tokens.shape[1]))
        # The places of the smallest of n random numbers are a random choice without repetition.
        places = torch.from_numpy(random.random(tokens.shape).argsort(1)[:, :asked])
        answers = tokens.gather(1, places)
        kind = torch.from_numpy(random.random(places.shape))
        others = torch.from_numpy(random.integers(self.mask, size=places.shape))
        shown = torch.where(kind < HIDDEN, self.mask, torch.where(kind < HIDDEN + REPLACED, others, answers))
        targets = torch.full_like(tokens, IGNORED).scatter(1, places, answers)
        return tokens.scatter(1, places, shown), targets

    def count(self, batch: Batch) -> tuple[int, int]:
        """The tokens that are asked for, and no bytes."""
        return int((batch[1] != IGNORED).sum()), 0
