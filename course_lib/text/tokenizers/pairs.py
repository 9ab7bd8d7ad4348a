"""Greedy longest match with tokens of at most two characters (paper, Figure 1)."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Self

from course_lib.config import require
from course_lib.text.tokenizers.base import BYTES, Tokenizer, require_text, require_vocab_size, spell, to_bytes


def by_frequency(counts: Counter) -> list[str]:
    """Keys, most frequent first; equally frequent ones in the order of their code points."""
    return sorted(counts, key=lambda key: (-counts[key], key))


class PairTokenizer(Tokenizer):
    """From left to right: two characters if they are a token together, else one, else its bytes."""

    kind = "pairs"

    def __init__(self, tokens: Iterable[str]):
        """`tokens` of one or two characters each; ASCII characters are in every vocabulary and may be left out.

        Raises ValueError for a token of another length, and for one that occurs twice.
        """
        require(not isinstance(tokens, str), f"tokens must be a sequence of str, got one str: {tokens!r}")
        texts = list(tokens)
        for text in texts:
            require_text("each of tokens", text)
            require(1 <= len(text) <= 2, f"tokens must have one or two characters, got {text!r}")
        texts = [text for text in texts if to_bytes(text) not in BYTES]
        super().__init__(map(to_bytes, texts))
        self._ids_of_text = {text: len(BYTES) + i for i, text in enumerate(texts)}

    @classmethod
    def train(cls, text: str, vocab_size: int) -> Self:
        """The characters of `text`, then its most frequent pairs, up to `vocab_size` tokens (fewer if it has fewer).

        Raises ValueError for a vocab_size below 256, the bytes that spell everything else.
        """
        require_text("text", text)
        require_vocab_size(vocab_size)
        characters = [c for c in by_frequency(Counter(text)) if not c.isascii()]
        pairs = by_frequency(Counter(a + b for a, b in pairwise(text)))
        return cls((characters + pairs)[: vocab_size - len(BYTES)])

    def encode(self, text: str) -> list[int]:
        """The ids of `text`, at each position the longest token that fits. Raises TypeError unless it is a str."""
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

    def state(self) -> list[str]:
        return list(self._ids_of_text)

    @classmethod
    def from_state(cls, state: list[str]) -> Self:
        return cls(state)
