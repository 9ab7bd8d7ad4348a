"""Greedy longest match with tokens of at most two characters (paper, Figure 1)."""

from collections import Counter
from itertools import pairwise
from typing import Self

from course_lib.text.tokenizers.base import BYTES, require_text, require_vocab_size, spell
from course_lib.text.tokenizers.listed import ListedTokenizer, by_frequency


class PairTokenizer(ListedTokenizer):
    """A tokenizer that goes from left to right and takes two characters if they are a token.

    Else it takes one character if that is a token, else the bytes of this character.
    """

    kind = "pairs"
    rule = "have one or two characters"

    @staticmethod
    def accepts(text: str) -> bool:
        return 1 <= len(text) <= 2

    @classmethod
    def train(cls, text: str, vocab_size: int) -> Self:
        """Learn at most `vocab_size` tokens: the bytes, the other characters of `text`, then its most frequent pairs.

        Raises ValueError for a vocab_size below 256, the number of bytes, and TypeError unless `text` is a str.
        """
        require_text("text", text)
        require_vocab_size(vocab_size)
        characters = [c for c in by_frequency(Counter(text)) if not c.isascii()]
        pairs = by_frequency(Counter(a + b for a, b in pairwise(text)))
        return cls((characters + pairs)[: vocab_size - len(BYTES)])

    def encode(self, text: str) -> list[int]:
        """The ids of `text`: at each position the longest token that fits. Raises TypeError unless it is a str."""
        require_text("text", text)
        ids, position = [], 0
        while position < len(text):
            for width in (2, 1):
                token = self._ids_of_text.get(text[position : position + width])
                if token is not None:
                    ids.append(token)
                    break
            else:
                ids.extend(spell(text[position]))
            position += width
        return ids
