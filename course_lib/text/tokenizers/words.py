"""Words, runs of white space and single signs as tokens (paper, Figure 2)."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Self

from course_lib.config import require
from course_lib.text.tokenizers.base import BYTES, Tokenizer, require_text, require_vocab_size, spell, to_bytes
from course_lib.text.tokenizers.pairs import by_frequency

PIECE = re.compile(r"[^\W_]+|\s+|[\W_]")  # letters and digits; white space; one sign. Together they cover any text.


class WordTokenizer(Tokenizer):
    """Each word, run of white space or sign is one token if the vocabulary has it, else it is spelt in bytes."""

    kind = "words"

    def __init__(self, tokens: Iterable[str]):
        """`tokens` are words, white space or signs; single ASCII ones are in every vocabulary and may be left out.

        Raises ValueError for a token that is not one piece, and for one that occurs twice.
        """
        require(not isinstance(tokens, str), f"tokens must be a sequence of str, got one str: {tokens!r}")
        texts = list(tokens)
        for text in texts:
            require_text("each of tokens", text)
            require(PIECE.fullmatch(text), f"tokens must be one word, one run of white space or one sign, got {text!r}")
        texts = [text for text in texts if to_bytes(text) not in BYTES]
        super().__init__(map(to_bytes, texts))
        self._ids_of_text = {text: len(BYTES) + i for i, text in enumerate(texts)}

    @classmethod
    def train(cls, text: str, vocab_size: int) -> Self:
        """The most frequent pieces of `text` up to `vocab_size` tokens (fewer if it has fewer).

        Raises ValueError for a vocab_size below 256, the bytes that spell everything else.
        """
        require_text("text", text)
        require_vocab_size(vocab_size)
        pieces = [piece for piece in by_frequency(Counter(PIECE.findall(text))) if to_bytes(piece) not in BYTES]
        return cls(pieces[: vocab_size - len(BYTES)])

    def encode(self, text: str) -> list[int]:
        """The ids of `text`, word by word. Raises TypeError unless it is a str."""
        require_text("text", text)
        ids: list[int] = []
        for piece in PIECE.findall(text):
            token = self._ids_of_text.get(piece)
            ids.extend(spell(piece) if token is None else (token,))
        return ids

    def state(self) -> list[str]:
        return list(self._ids_of_text)

    @classmethod
    def from_state(cls, state: list[str]) -> Self:
        return cls(state)
