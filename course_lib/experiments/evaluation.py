"""The loss of each held-out document, in nats per token.

The rule: a document is read after the separator that precedes it in training, so that each of its tokens is predicted
once, the first one too. The text is cut into windows of `context` predictions side by side, as in training: the
first predictions of a window see few tokens, the last ones see `context`. Products are in float32, sums in float64.
"""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.experiments.data import HeldOut
from course_lib.kernels import cpu
from course_lib.training.data import IGNORED

AT_ONCE = 4_096  # tokens, about, that the model reads in one call


def windows(held_out: HeldOut, separator: Sequence[int], context: int) -> Iterator[tuple[Tensor, Tensor]]:
    """(inputs, targets) of each window of a document, both (at most context,); targets in the separator are IGNORED."""
    before = torch.tensor(separator)
    tokens = torch.cat([before, held_out.tokens.long()])
    targets = tokens.clone()
    targets[: len(before)] = IGNORED
    return zip(tokens[:-1].split(context), targets[1:].split(context), strict=True)


def padded(rows: Sequence[Tensor], width: int, filler: int) -> Tensor:
    """Rows of at most `width` tokens as one tensor (rows, width), filled up on the right."""
    return torch.stack([F.pad(row, (0, width - len(row)), value=filler) for row in rows])


@torch.no_grad()
@cpu.plain()
def token_losses(model: nn.Module, held_out: Sequence[HeldOut], separator: Sequence[int], context: int) -> list[Tensor]:
    """-log p of each token of each document in nats, (n,) float64. Windows of several documents are read at once.

    A causal model does not see the filler behind a short window. The model is left in evaluation mode.
    """
    device = next(model.parameters()).device
    model.eval()
    cut = [(i, *pair) for i, each in enumerate(held_out) for pair in windows(each, separator, context)]
    pieces: list[list[Tensor]] = [[] for _ in held_out]
    rows = max(1, AT_ONCE // context)
    for start in range(0, len(cut), rows):
        owners, inputs, targets = zip(*cut[start : start + rows], strict=True)
        width = max(map(len, inputs))
        logits = model(padded(inputs, width, 0).to(device)).float()
        wanted = padded(targets, width, IGNORED).to(device)
        losses = F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED, reduction="none")
        for owner, row, target in zip(owners, losses.view_as(wanted).double().cpu(), targets, strict=True):
            pieces[owner].append(row[: len(target)][target != IGNORED])
    return [torch.cat(each) for each in pieces]


def document_losses(
    model: nn.Module, held_out: Sequence[HeldOut], separator: Sequence[int], context: int
) -> list[float]:
    """The sum of `token_losses` of each document."""
    return [float(losses.sum()) for losses in token_losses(model, held_out, separator, context)]
