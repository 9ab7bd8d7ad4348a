"""How the next token is chosen from the logits: the likeliest, or one drawn at random from the likelier ones."""

import math
from dataclasses import dataclass
from numbers import Real

import torch
from torch import Tensor

from course_lib.config import given, is_whole, require, require_positive


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How to draw a token: from the top_k largest logits, and of these the fewest with total probability top_p or more.

    Logits are first divided by the temperature. Raises ValueError for a field outside of its range, and for top_k or
    top_p at temperature 0.
    """

    temperature: float = 0.0  # 0: the likeliest token, always
    top_k: int | None = None
    top_p: float | None = None  # a probability in (0, 1]
    seed: int = 0  # the same seed draws the same tokens

    def __post_init__(self):
        require_positive(self, *given(self, "top_k"))
        t, p = self.temperature, self.top_p
        require(is_finite(t) and t >= 0, f"temperature must be a finite number, not negative, got {t!r}")
        require(p is None or (is_finite(p) and 0 < p <= 1), f"top_p must lie in (0, 1], got {p!r}")
        good = is_whole(self.seed, 0) and self.seed < 2**64  # what torch's generator takes
        require(good, f"seed must be a whole number from 0 to 2**64 - 1, got {self.seed!r}")
        require(
            t > 0 or (self.top_k is None and p is None),
            f"top_k and top_p restrict what is drawn at random, which needs a temperature above 0, got {t}",
        )

    def generator(self) -> torch.Generator:
        """The random numbers of one generation; torch's own are left alone."""
        return torch.Generator().manual_seed(self.seed)

    def choose(self, logits: Tensor, random: torch.Generator) -> Tensor:
        """One token for each row of logits (b, vocab_size) -> (b,), on the CPU, so that devices draw alike.

        A logit of -inf excludes its token. Raises ValueError for a row whose largest logit is not finite.
        """
        logits = logits.cpu().double()
        largest = logits.amax(-1, keepdim=True)  # NaN where an entry is
        require(bool(largest.isfinite().all()), "the largest logit of each row must be finite, got NaN or infinity")
        temperature = float(self.temperature)
        if temperature == 0:
            return logits.argmax(-1)
        logits = (logits - largest) / temperature  # at most 0: a small temperature makes -inf, never NaN
        if self.top_k is not None:
            logits = keep_top_k(logits, self.top_k)
        if self.top_p is not None:
            logits = keep_top_p(logits, float(self.top_p))
        return sampled(logits.softmax(-1), random)


def is_finite(value) -> bool:
    """Whether the value is a real number that fits into a float; True, strings, arrays and tensors are none."""
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer of more than 308 digits
        return False


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """-inf outside the k largest of each row; all that equal the k-th are kept (Fan et al., arXiv 1805.04833)."""
    least = logits.topk(min(k, logits.shape[-1])).values[..., -1:]
    return logits.masked_fill(logits < least, -torch.inf)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """-inf outside the nucleus: the fewest tokens with probability p or more (Holtzman et al., arXiv 1904.09751)."""
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    P = ordered.softmax(-1)
    before = P.cumsum(-1) - P  # probability of the likelier ones; 0 for the first, which is always kept
    return logits.masked_fill((before >= p).scatter(-1, order, before >= p), -torch.inf)


def sampled(P: Tensor, random: torch.Generator) -> Tensor:
    """Draw one token per row of P (b, vocab_size) -> (b,), by inverting cumulative sums; never one of probability 0."""
    cumulated = P.cumsum(-1)
    u = torch.rand(len(P), 1, generator=random, dtype=P.dtype) * cumulated[:, -1:]
    return torch.searchsorted(cumulated, u, right=True)[:, 0]
