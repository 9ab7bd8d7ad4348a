"""Byte-level byte-pair encoding: start from bytes, then merge the most frequent pair of neighbours again and again.

Sennrich, Haddow, Birch, "Neural Machine Translation of Rare Words with Subword Units", arXiv 1508.07909. As in GPT-2,
it works on bytes, and merges stay within words.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Self

from course_lib.config import require
from course_lib.text.tokenizers.base import BYTES, Tokenizer, require_text, require_vocab_size, spell
from course_lib.text.tokenizers.merges import Pair, learn_merges, merge
from course_lib.text.tokenizers.pieces import pieces


class BPETokenizer(Tokenizer):
    """Byte-pair encoding: `merges[r]` is the pair of ids that token 256 + r joins.

    Encoding applies the merges to each word, in their order.

    Where a word ends depends on the version of Unicode that Python knows: see `course_lib.text.tokenizers.unicode`.
    """

    kind = "bpe"

    def __init__(self, merges: Iterable[Pair]):
        """Raises ValueError when a pair joins a token that does not exist yet, or makes a token that exists already."""
        self.merges: tuple[Pair, ...] = tuple((left, right) for left, right in merges)
        vocab = list(BYTES)
        for left, right in self.merges:
            good = 0 <= left < len(vocab) and 0 <= right < len(vocab)
            require(good, f"merges must join earlier tokens (ids 0..{len(vocab) - 1} here), got {(left, right)}")
            vocab.append(vocab[left] + vocab[right])
        super().__init__(vocab[len(BYTES) :])
        self._token_of_pair = {pair: len(BYTES) + rank for rank, pair in enumerate(self.merges)}

    @classmethod
    def train(cls, text: str, vocab_size: int) -> Self:
        """Learn `vocab_size` tokens from `text`, or fewer when no pair is left that occurs twice.

        Of equally frequent pairs the one with the smaller ids is merged first. Raises ValueError for a vocab_size below
        256, the number of bytes, and TypeError unless `text` is a str.
        """
        require_text("text", text)
        require_vocab_size(vocab_size)
        words = Counter(pieces(text))
        return cls(learn_merges([spell(w) for w in words], list(words.values()), vocab_size - len(BYTES)))

    def encode(self, text: str) -> list[int]:
        """The ids of `text`. Raises TypeError unless it is a str."""
        require_text("text", text)
        words = pieces(text)
        known = {word: self._encode_word(word) for word in dict.fromkeys(words)}  # each distinct word once
        return [token for word in words for token in known[word]]

    def _encode_word(self, word: str) -> list[int]:
        """The ids of one word: of the merges that apply, do the earliest, until none applies."""
        ids, token_of_pair = spell(word), self._token_of_pair.get
        # Ids of merged tokens begin at 256, so `if` never takes one for false.
        while found := [token for pair in pairwise(ids) if (token := token_of_pair(pair))]:
            new = min(found)
            ids = merge(ids, self.merges[new - len(BYTES)], new)
        return ids

    def state(self) -> list[Pair]:
        return list(self.merges)

    @classmethod
    def from_state(cls, state: list) -> Self:
        return cls((left, right) for left, right in state)
