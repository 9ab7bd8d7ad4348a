"""Rotary positions (RoPE) as data: the angle by which each pair of coordinates turns from one position to the next.

Pair i of a vector of width w has the frequency theta_i = base**(-2 i / w), in radians per position. Each kind
of `Rope` changes these frequencies in its own way, for texts that are longer than those in training.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from course_lib.fields import from_fields, require, require_positive


@dataclass(frozen=True, kw_only=True)
class Rope:
    """Rotary positions: pair i of a vector of width w turns by (position / factor) * base**(-2 i / w)."""

    base: float = 10_000.0
    factor: float = 1.0  # linear scaling: positions are divided by it (position interpolation)

    def __post_init__(self):
        require(self.base > 1, f"base must be larger than 1, got {self.base}")
        require(self.factor > 0, f"factor must be positive, got {self.factor}")

    def base_at(self, length: int, width: int) -> float:
        """The base of the frequencies, for a text of `length` tokens and vectors of this width."""
        return self.base

    def slowed(self, theta):
        """The frequencies to use in place of theta, which is an array or a tensor of any shape."""
        return theta / self.factor


@dataclass(frozen=True, kw_only=True)
class DynamicRope(Rope):
    """Dynamic NTK scaling: past `length` tokens the base grows with the text; up to there nothing changes.

    The base is base * (1 + factor (n / length - 1))**(w / (w - 2)) for a text of n > length tokens. Cached rows keep
    the rotation of the call that made them, as in transformers. So past `length` the result depends on how a text is
    cut into calls, and on longer texts in the same batch. transformers also keeps the base of the longest text so far,
    until a text shorter than `length` comes; here a call depends on its own texts only.
    """

    length: int  # the longest text in training

    def __post_init__(self):
        super().__post_init__()
        require_positive(self, "length")

    def base_at(self, length: int, width: int) -> float:
        if length <= self.length:
            return self.base
        require(width > 2, f"dynamic scaling needs vectors wider than 2, got width {width}")
        return self.base * (1 + self.factor * (length / self.length - 1)) ** (width / (width - 2))

    def slowed(self, theta):
        return theta


@dataclass(frozen=True, kw_only=True)
class Llama3Rope(Rope):
    """The scaling of Llama 3.1: slow pairs are divided by `factor`, fast ones kept, and those between are mixed.

    A pair turns length * theta / (2 pi) times in a training text. It is slow at `low` turns or fewer, and fast at
    `high` or more; between them the share that is kept grows linearly.
    """

    length: int  # the longest text before scaling
    low: float = 1.0
    high: float = 4.0

    def __post_init__(self):
        super().__post_init__()
        require_positive(self, "length")
        good = 0 < self.low < self.high < math.inf
        require(good, f"low must be positive and smaller than high, got low = {self.low}, high = {self.high}")

    def slowed(self, theta):
        turns = self.length * theta / (2 * math.pi)
        kept = ((turns - self.low) / (self.high - self.low)).clip(0, 1)
        return kept * theta + (1 - kept) * theta / self.factor


KINDS = {"linear": Rope, "dynamic": DynamicRope, "llama3": Llama3Rope}


def rope_as_dict(rope: Rope | None) -> dict | None:
    """Plain values for JSON. A `Rope`, which scales linearly, is stored without its kind."""
    if rope is None or type(rope) is Rope:
        return rope and asdict(rope)
    return {"kind": next(name for name, kind in KINDS.items() if kind is type(rope))} | asdict(rope)


def rope_from_dict(values: Mapping) -> Rope:
    """The inverse of `rope_as_dict`. Raises ValueError for an unknown kind, and for unknown or missing fields."""
    require(isinstance(values, Mapping), f"Rope must be an object with its fields, got {values!r}")
    kind = values.get("kind", "linear")
    known = isinstance(kind, str) and kind in KINDS
    require(known, f"rope's kind must be one of {', '.join(KINDS)}, got {kind!r}")
    return from_fields(KINDS[kind], {name: value for name, value in values.items() if name != "kind"})
