"""Numbers and their names in English and French: an endless translation task in which every answer can be checked.

The names are those of the package num2words. It spells only the numbers below a thousand, each once; the code here
composes larger names from these, thirty times as fast, so that training does not wait for them. `read` turns a name
back into its number.
"""

import random
import re
from collections.abc import Iterator
from functools import cache
from itertools import count
from typing import NamedTuple

from num2words import num2words

from course_lib.config import is_whole, require
from course_lib.text.corpus import share

LIMIT = 10**9  # from here on the languages group digits differently: billion is 10**9 in English, 10**12 in French
HELD_OUT = 0.1  # share of all numbers that is for validation
PARTS = ("training", "validation")

_NAMES = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize",
}
_TENS = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "fr": "vingt trente quarante cinquante soixante",
}
_VALUES = {
    language: {
        **{word: value for value, word in enumerate(_NAMES[language].split())},
        **{word: 20 + 10 * i for i, word in enumerate(_TENS[language].split())},
    }
    for language in _NAMES
}
_VALUES["fr"]["vingts"] = 20
_HUNDREDS = {"hundred", "cent", "cents"}
_GROUPS = {"thousand": 10**3, "mille": 10**3, "million": 10**6, "millions": 10**6}
_LINKS = {"and", "et"}


def _require_integer(argument: str, value, least: int) -> None:
    good = is_whole(value, least) and value < LIMIT
    require(good, f"{argument} must be an integer in {least}..{LIMIT - 1}, got {value!r}")


class Pair(NamedTuple):
    """A number and its two names."""

    number: int
    english: str
    french: str


def name(number: int, language: str) -> str:
    """The name of `number` in `language`, "en" or "fr".

    Raises ValueError for another language and for a number outside 0..10**9 - 1.
    """
    require(language in _VALUES, f"language must be 'en' or 'fr', got {language!r}")
    _require_integer("number", number, 0)
    return _COMPOSE[language](number)


@cache
def _below_thousand(number: int, language: str) -> str:
    return num2words(number, lang=language)


def _english(number: int) -> str:
    if number < 1000:
        return _below_thousand(number, "en")
    unit, word = (10**6, "million") if number >= 10**6 else (10**3, "thousand")
    group, rest = divmod(number, unit)
    head = f"{_below_thousand(group, 'en')} {word}"
    return f"{head}{' and ' if rest < 100 else ', '}{_english(rest)}" if rest else head


def _french(number: int) -> str:
    if number < 1000:
        return _below_thousand(number, "fr")
    unit = 10**6 if number >= 10**6 else 10**3
    group, rest = divmod(number, unit)
    head = _below_thousand(group, "fr")
    if unit == 10**6:
        head += " million" if group == 1 else " millions"
    else:  # mille is never in the plural; deux cents and quatre-vingts lose their s before it
        head = "mille" if group == 1 else re.sub("(cent|vingt)s$", r"\1", head) + " mille"
    return f"{head} {_french(rest)}" if rest else head


_COMPOSE = {"en": _english, "fr": _french}


def read(text: str, language: str) -> int | None:
    """The number whose name is exactly `text`; None when no number below 10**9 has this name.

    Raises ValueError for a language other than "en" and "fr".
    """
    require(language in _VALUES, f"language must be 'en' or 'fr', got {language!r}")
    number = _value(re.split(r"[ ,-]+", text), _VALUES[language])
    return number if number is not None and number < LIMIT and name(number, language) == text else None


def _value(words: list[str], values: dict[str, int]) -> int | None:
    """The number that the words add up to, sensible or not; None when one of them is no number word."""
    total, group = 0, 0  # group: the three digits being read
    for word in words:
        if word in _HUNDREDS:
            group = max(group, 1) * 100
        elif word in _GROUPS:
            total, group = total + max(group, 1) * _GROUPS[word], 0
        elif word in ("vingt", "vingts") and group % 100 == 4:
            group += 76  # quatre-vingts: four twenties
        elif word in values:
            group += values[word]
        elif word not in _LINKS:
            return None
    return total + group


def correct(english: str, french: str) -> bool:
    """Whether `french` is exactly the French name of the number that `english` names.

    Raises ValueError when `english` is not the English name of a number.
    """
    number = read(english, "en")
    require(number is not None, f"english must be the English name of a number below {LIMIT}, got {english!r}")
    return read(french, "fr") == number


def part_of(number: int) -> str:
    """The part to which a hash assigns `number`: "validation" for about one in ten, "training" for the others."""
    return "validation" if share(str(number)) < HELD_OUT else "training"


def pairs(n: int | None = None, *, seed: int, part: str = "training", largest: int = 999_999) -> Iterator[Pair]:
    """Draw `n` random pairs, endlessly many when n is None. A seed gives the same pairs on every machine.

    part: "training" or "validation", as `part_of` says. First the number of digits is drawn, up to that of `largest`,
    then the number, so that small numbers occur too. A number may be drawn again.
    Raises ValueError for n < 0, an unknown part, a seed that is no integer, or `largest` outside 99..10**9 - 1.
    """
    require(part in PARTS, f"part must be one of {', '.join(PARTS)}, got {part!r}")
    require(isinstance(seed, int), f"seed must be an integer, so that the pairs can be drawn again, got {seed!r}")
    _require_integer("largest", largest, 99)  # of fewer numbers, none might belong to the part
    if n is not None:
        _require_integer("n", n, 0)
    return _pairs(n, random.Random(seed), part, largest)


def _pairs(n: int | None, source: random.Random, part: str, largest: int) -> Iterator[Pair]:
    for _ in count() if n is None else range(n):
        number = _random_number(source, largest)
        while part_of(number) != part:
            number = _random_number(source, largest)
        yield Pair(number, name(number, "en"), name(number, "fr"))


def _random_number(source: random.Random, largest: int) -> int:
    # random() is the one method whose values Python keeps the same from version to version.
    digits = 1 + int(source.random() * len(str(largest)))
    first, last = (0 if digits == 1 else 10 ** (digits - 1)), min(10**digits - 1, largest)
    return first + int(source.random() * (last - first + 1))
