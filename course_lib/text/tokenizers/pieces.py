r"""Cut text into pieces before byte-pair merges, as GPT-2 does. A merge then stays within a word and the space before.

GPT-2's pattern is

    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+

Python's `re` has no classes such as `\p{L}`, and takes four control characters for white space that Unicode does not.
So the classes are written out here.
"""

import re
import sys
import unicodedata
from functools import cache

from course_lib.text.tokenizers.unicode import warn_of_unknown

ASCII_SIGN = r"[\0-\x08\x0e-\x1f!-/:-@\[-`{-\x7f]"  # no letter, number or space
SPACE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # Unicode's White_Space


@cache
def other_numbers() -> str:
    r"""The characters of \p{N} that `\d` leaves out (Roman numerals, fractions, ...), as ranges for a regex class."""
    categories = map(unicodedata.category, map(chr, range(sys.maxunicode + 1)))
    codes = [code for code, category in enumerate(categories) if category in ("Nl", "No")]
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


@cache
def pattern() -> re.Pattern:
    """GPT-2's pattern for `re`. Its matches cover any text without gaps, so that they join to the text again."""
    letter = rf"[^\W\d_{other_numbers()}]"  # \w is letters, numbers and the underscore
    number = rf"[\d{other_numbers()}]"
    sign = rf"(?:(?!{letter}|{number})[^{SPACE}])"
    # Most pieces are ASCII. Trying these first, with classes of a few ranges only, is three times as fast.
    ascii_piece = rf" ?(?:[A-Za-z]++|[0-9]++|{ASCII_SIGN}++)(?![^\0-\x7f])"
    any_piece = rf" ?{letter}+| ?{number}+| ?{sign}+|[{SPACE}]+(?![^{SPACE}])|[{SPACE}]+"
    return re.compile(rf"'(?:[stmd]|re|ve|ll)|{ascii_piece}|{any_piece}", re.DOTALL)


def pieces(text: str) -> list[str]:
    """`text` cut into pieces, which join to it again. Warns of characters that this Python does not know."""
    warn_of_unknown(text)
    return pattern().findall(text)
