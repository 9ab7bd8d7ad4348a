"""Words, runs of white space and single signs as tokens (paper, Figure 2)."""

import re
from collections import Counter
from typing import Self

from course_lib.text.tokenizers.base import BYTES, require_text, require_vocab_size, spell
from course_lib.text.tokenizers.listed import ListedTokenizer, by_frequency, is_byte
from course_lib.text.tokenizers.unicode import as_letters, warn_of_unknown

PIECE = re.compile(r"[^\W_]+|\s+|[\W_]")  # letters and digits; white space; one sign. Together they cover any text.


def cut(text: str) -> list[str]:
    """`text` cut into pieces, which join to it again. Warns of characters that this Python does not know."""
    warn_of_unknown(text)
    return PIECE.findall(text)


class WordTokenizer(ListedTokenizer):
    """A tokenizer of words, runs of white space and signs: each is one token if known, else it is spelt in bytes.

    What is a letter depends on the version of Unicode that Python knows: see `course_lib.text.tokenizers.unicode`.
    """

    kind = "words"
    rule = "be one word, one run of white space or one sign"

    @staticmethod
    def accepts(text: str) -> bool:
        """Whether `text` may be a token: one piece, for this Python or for a newer one that knows more letters."""
        return PIECE.fullmatch(text) is not None or PIECE.fullmatch(as_letters(text)) is not None

    @classmethod
    def train(cls, text: str, vocab_size: int) -> Self:
        """Learn at most `vocab_size` tokens: the bytes, then the most frequent pieces of `text`.

        Raises ValueError for a vocab_size below 256, the number of bytes, and TypeError unless `text` is a str.
        """
        require_text("text", text)
        require_vocab_size(vocab_size)
        pieces = [piece for piece in by_frequency(Counter(cut(text))) if not is_byte(piece)]
        return cls(pieces[: vocab_size - len(BYTES)])

    def encode(self, text: str) -> list[int]:
        """The ids of `text`, word by word. Raises TypeError unless it is a str."""
        require_text("text", text)
        ids: list[int] = []
        for piece in cut(text):
            token = self._ids_of_text.get(piece)
            ids.extend(spell(piece) if token is None else (token,))
        return ids
