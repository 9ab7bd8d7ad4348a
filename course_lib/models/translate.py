"""Translate by beam search with an encoder-decoder: greedy with one beam, exhaustive with as many as targets.

At each step every living target is continued by every token, and the `beams` likeliest continuations are kept. A target
that ends is set aside and its place stays empty; the search stops when all places are empty. Of the targets set aside,
and those living at the longest length, the one with the largest mean of log p per token is returned; the end counts as
a token. Sums of log p would favour the shortest targets (Wu et al., arXiv 1609.08144, section 7).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.models.embeddings import check_tokens
from course_lib.models.inference import check_count, check_room, check_token, evaluating, finite
from course_lib.models.translation import TranslationModel


@dataclass(frozen=True, kw_only=True)
class Target:
    """The tokens that frame a target, and its largest length."""

    begin: int  # the token that each starts with
    end: int  # the token that says that it is complete
    longest: int  # tokens, the end included


def translate(
    model: TranslationModel,
    source: Tensor,
    target: Target,
    lengths: Tensor | None = None,
    *,
    beams: int = 1,
    cached: bool = True,
) -> list[list[int]]:
    """The targets of source (b, n), as lists of tokens without begin and end.

    lengths: (b,) tokens of each source, padding on the right.
    beams: places of the search for each source.
    cached: keep keys and values of the target. Without, each step reads it again; the tokens are the same.
    Raises ValueError before the first step for a target that could pass the context limit, and for bad arguments.
    """
    check_target(model, target, beams)
    check_tokens(source, lengths, model.config.source.vocab_size, "source")
    with evaluating(model):
        rows = torch.arange(len(source)).repeat_interleave(beams)  # the beams of a source are rows next to each other
        device = model.embedding.W_E.device
        memory = [held.select(rows) for held in model.encode(source.to(device), lengths)]
        caches, search = model.new_caches() if cached else None, Beams(len(source), beams, target)
        for written in range(target.longest):
            tokens = search.tokens.to(device)
            if cached and written:
                logits = model.decode(tokens[:, -1:], memory, caches)
            else:
                logits = model.prefill(tokens, memory, caches)
            parents = search.extend(finite(logits).cpu().double().log_softmax(-1))
            if not search.living.any():
                break
            for cache in caches or ():
                cache.reorder(parents)
    return search.best()


class Beams:
    """The living targets, tokens (b beams, 1 + length), with the sum of their log p; and those set aside."""

    def __init__(self, batch: int, beams: int, target: Target):
        self.target = target
        self.tokens = torch.full((batch * beams, 1), target.begin)
        self.sums = torch.full((batch, beams), -torch.inf, dtype=torch.float64)  # -inf: an empty place
        self.sums[:, 0] = 0.0
        self.complete: list[list[tuple[float, list[int]]]] = [[] for _ in range(batch)]

    @property
    def living(self) -> Tensor:
        """(b, beams), true where a target can be continued."""
        return self.sums > -torch.inf

    def extend(self, log_p: Tensor) -> Tensor:
        """Add one token to each target, given log p (b beams, vocab_size); returns the row that each row continues."""
        (batch, beams), size = self.sums.shape, log_p.shape[-1]
        candidates = (self.sums.view(-1, 1) + log_p).view(batch, beams * size)
        self.sums, places = candidates.topk(beams)
        parents = (places // size + beams * torch.arange(batch)[:, None]).flatten()
        self.tokens = torch.cat([self.tokens[parents], (places % size).view(-1, 1)], 1)
        self.set_aside(self.living & (places % size == self.target.end))
        return parents

    def set_aside(self, chosen: Tensor) -> None:
        """Take the targets where `chosen` (b, beams) out of the search."""
        tokens = self.tokens.view(*chosen.shape, -1)
        for i, j in chosen.nonzero().tolist():
            row = tokens[i, j, 1:].tolist()
            self.complete[i].append((float(self.sums[i, j]) / len(row), row))
        self.sums = self.sums.masked_fill(chosen, -torch.inf)

    def best(self) -> list[list[int]]:
        """The best target of each source, without begin and end."""
        self.set_aside(self.living)
        rows = [max(complete)[1] for complete in self.complete]
        return [row[:-1] if row[-1] == self.target.end else row for row in rows]


def check_target(model: TranslationModel, target: Target, beams: int) -> None:
    """Raises ValueError for arguments that do not fit, before anything is computed."""
    config = model.config.target
    for name in ("begin", "end"):
        check_token(name, getattr(target, name), config.vocab_size)
    check_count("longest", target.longest)
    check_count("beams", beams)
    # The model reads begin and all tokens but the last.
    check_room(target.longest, config.max_length, f"a target of longest = {target.longest} tokens")
