"""Warn of characters that are newer than the version of Unicode that this Python has.

The tokenizers of byte pairs and of words cut text where words end. So they ask Python which characters are letters,
numbers or white space. Python answers from tables of one version of Unicode: 14.0 in Python 3.11, 15.0 in 3.12, 15.1
in 3.13. It takes a character of a later version for a sign, also in the middle of a word. With a newer Python, or in
the package tokenizers, the same vocabulary cuts such a text elsewhere and gives other ids. Every id means the same in
all of them, and decoding uses no table.
"""

import unicodedata
import warnings


def is_unknown(character: str) -> bool:
    """Whether a later version of Unicode may have assigned `character`: this Python's neither has nor rules it out."""
    ruled_out = ord(character) & 0xFFFE == 0xFFFE or "\ufdd0" <= character <= "\ufdef"
    return unicodedata.category(character) == "Cn" and not ruled_out


def warn_of_unknown(text: str) -> None:
    """Warn if `text` has a character that this Python does not know, and therefore takes for a sign."""
    found = [] if text.isascii() else [character for character in set(text) if is_unknown(character)]
    if found:
        warnings.warn(
            f"U+{ord(min(found)):04X} is not in Unicode {unicodedata.unidata_version}, which this Python has: "
            "it counts as a sign here, and a newer Python may cut the text elsewhere",
            stacklevel=4,
        )


def as_letters(text: str) -> str:
    """`text` with a letter in place of each character that this Python does not know."""
    return "".join("a" if is_unknown(character) else character for character in text)
