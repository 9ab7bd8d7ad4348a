"""Rotary positions (RoPE) as data: the angle by which each pair of coordinates turns from one position to the next.

Pair i of a vector of width w has the frequency theta_i = base**(-2 i / w), in radians per position. Each kind
of `Rope` changes these frequencies in its own way, for texts that are longer than those in training.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar

from course_lib.fields import from_fields, require, require_positive


@dataclass(frozen=True, kw_only=True)
class Rope:
    """Rotary positions: pair i of a vector of width w turns by (position / factor) * base**(-2 i / w)."""

    base: float = 10_000.0
    factor: float = 1.0  # linear scaling: positions are divided by it (position interpolation)
    amplitude: ClassVar[float] = 1.0  # by which rotated vectors are longer than before

    def __post_init__(self):
        require(self.base > 1, f"base must be larger than 1, got {self.base}")
        require(self.factor > 0, f"factor must be positive, got {self.factor}")

    def unscaled(self, pair: int, width: int) -> float:
        """theta_i of pair i = `pair`, before any scaling."""
        return self.base ** (-2 * pair / width)

    def frequency(self, pair: int, width: int, length: int = 0) -> float:
        """The angle by which a pair turns from one position to the next, in a text of `length` tokens; in radians."""
        return self.unscaled(pair, width) / self.factor

    def require_width(self, width: int) -> None:
        """Raises ValueError for vectors of a width that this rope cannot turn."""

    def frequencies(self, width: int, length: int = 0) -> list[float]:
        """The frequencies of all pairs of a vector of this width."""
        return [self.frequency(pair, width, length) for pair in range(width // 2)]


@dataclass(frozen=True, kw_only=True)
class RopeByLength(Rope):
    """Abstract: past `length` tokens, the frequencies also depend on the length of the text.

    Cached rows keep the rotation of the call that made them, as in transformers. So past `length` the result depends
    on how a text is cut into calls, and on longer texts in the same batch.
    """

    length: int  # the longest text in training

    def __post_init__(self):
        super().__post_init__()
        require_positive(self, "length")


@dataclass(frozen=True, kw_only=True)
class DynamicRope(RopeByLength):
    """Dynamic NTK scaling: past `length` tokens the base grows with the text; up to there nothing changes.

    The base is base * (1 + factor (n / length - 1))**(w / (w - 2)) for a text of n > length tokens. transformers keeps
    the base of the longest text so far, until a text shorter than `length` comes; here a call depends on its own texts
    only.
    """

    def frequency(self, pair: int, width: int, length: int = 0) -> float:
        if length <= self.length:
            return self.unscaled(pair, width)
        require(width > 2, f"dynamic scaling needs vectors wider than 2, got width {width}")
        base = self.base * (1 + self.factor * (length / self.length - 1)) ** (width / (width - 2))
        return base ** (-2 * pair / width)


@dataclass(frozen=True, kw_only=True)
class LongRope(RopeByLength):
    """LongRoPE (Ding and others, arXiv 2402.13753): each pair is slowed by a factor of its own, found by search.

    Pair i turns by theta_i / short[i] in texts of up to `length` tokens, and by theta_i / long[i] in longer ones.
    `factor` is the ratio of the longest text to `length`. By default, amplitude**2 = 1 + ln(factor) / ln(length).
    """

    short: tuple[float, ...]
    long: tuple[float, ...]
    amplitude: float | None = None

    def __post_init__(self):
        super().__post_init__()
        for name in ("short", "long"):
            values = tuple(getattr(self, name))
            good = len(values) > 0 and all(isinstance(v, int | float) and 0 < v < math.inf for v in values)
            require(good, f"{name} must be positive finite numbers, one for each pair, got {values}")
            object.__setattr__(self, name, values)
        equal = len(self.short) == len(self.long)
        require(equal, f"short and long must have one number for each pair, got {len(self.short)} and {len(self.long)}")
        if self.amplitude is None:
            require(self.length > 1, f"length must be larger than 1 without an amplitude, got {self.length}")
            grown = 1 + math.log(max(self.factor, 1)) / math.log(self.length)
            object.__setattr__(self, "amplitude", math.sqrt(grown))
        require_amplitude(self)

    def frequency(self, pair: int, width: int, length: int = 0) -> float:
        return self.unscaled(pair, width) / (self.long if length > self.length else self.short)[pair]

    def require_width(self, width: int) -> None:
        require(
            len(self.short) == width // 2,
            f"short and long must have {width // 2} numbers, one for each pair of a vector of width {width}, "
            f"got {len(self.short)}",
        )


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
        require_turns(self)

    def frequency(self, pair: int, width: int, length: int = 0) -> float:
        theta = self.unscaled(pair, width)
        turns = self.length * theta / (2 * math.pi)
        kept = clipped((turns - self.low) / (self.high - self.low))
        return kept * theta + (1 - kept) * theta / self.factor


@dataclass(frozen=True, kw_only=True)
class YarnRope(Rope):
    """YaRN (Peng and others, arXiv 2309.00071): as `Llama3Rope`, with another ramp and longer queries and keys.

    Pair i turns r times in a training text where i = i(r) = w ln(length / (2 pi r)) / (2 ln base). The share that is
    kept falls linearly in i from 1 at i(high) to 0 at i(low). This is the ramp of YaRN's code, of DeepSeek and of
    transformers; the paper's own ramp is linear in r. With `whole`, i(high) is rounded down and i(low) up.
    Logits are multiplied by amplitude**2. The paper fitted amplitude = 0.1 ln(factor) + 1, which is the default for a
    factor above 1.
    """

    length: int  # the longest text before scaling
    low: float = 1.0
    high: float = 32.0
    whole: bool = True
    amplitude: float | None = None

    def __post_init__(self):
        super().__post_init__()
        require_positive(self, "length")
        require_turns(self)
        require(isinstance(self.whole, bool), f"whole must be True or False, got {self.whole!r}")
        least = 2 * math.pi * self.low
        require(self.length > least, f"length must be larger than 2 pi low = {least:.4g}, got {self.length}")
        if self.amplitude is None:
            object.__setattr__(self, "amplitude", yarn_amplitude(self.factor))
        require_amplitude(self)

    def frequency(self, pair: int, width: int, length: int = 0) -> float:
        theta, (first, last) = self.unscaled(pair, width), self.ramp(width)
        kept = 1 - clipped((pair - first) / (last - first))
        return kept * theta + (1 - kept) * theta / self.factor

    def ramp(self, width: int) -> tuple[float, float]:
        """The numbers of the last pair that is kept and of the first that is divided by `factor`."""
        first, last = (self.pair_that_turns(times, width) for times in (self.high, self.low))
        if self.whole:
            first, last = math.floor(first), math.ceil(last)
        first, last = max(first, 0), min(last, width - 1)
        return first, (last if last != first else last + 0.001)

    def pair_that_turns(self, times: float, width: int) -> float:
        """i(r): the number of the pair, between pairs a fraction, that turns r = `times` times in a training text."""
        return width * math.log(self.length / (2 * math.pi * times)) / (2 * math.log(self.base))


def yarn_amplitude(factor: float, share: float = 1.0) -> float:
    """0.1 share ln(factor) + 1 for a factor above 1, else 1; share 1 is YaRN's, others are DeepSeek's mscale."""
    return 0.1 * share * math.log(factor) + 1 if factor > 1 else 1.0


def clipped(x: float) -> float:
    """x, or the nearer of 0 and 1 outside of [0, 1]."""
    return min(max(x, 0.0), 1.0)


def require_turns(rope: Llama3Rope | YarnRope) -> None:
    """The numbers of turns between which pairs are mixed must be in order."""
    good = 0 < rope.low < rope.high < math.inf
    require(good, f"low must be positive and smaller than high, got low = {rope.low}, high = {rope.high}")


def require_amplitude(rope: LongRope | YarnRope) -> None:
    """The amplitude must be positive and finite."""
    require(0 < rope.amplitude < math.inf, f"amplitude must be a positive finite number, got {rope.amplitude}")


def require_unit_amplitude(rope: Rope | None, why: str) -> None:
    """The amplitude must be 1, where vectors are turned and turned back."""
    require(rope is None or rope.amplitude == 1, lambda: f"rope must have the amplitude 1, got {rope.amplitude}: {why}")


KINDS = {"linear": Rope, "dynamic": DynamicRope, "llama3": Llama3Rope, "yarn": YarnRope, "longrope": LongRope}


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
