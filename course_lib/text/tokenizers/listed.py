"""The base class of `PairTokenizer` and `WordTokenizer`: their tokens are a list of strings, frequent ones first."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable
from typing import ClassVar, Self

from course_lib.config import require
from course_lib.text.tokenizers.base import BYTES, Tokenizer, require_text, to_bytes


def by_frequency(counts: Counter) -> list[str]:
    """The keys of `counts`, most frequent first; equally frequent keys in the order of their code points."""
    return sorted(counts, key=lambda key: (-counts[key], key))


def is_byte(text: str) -> bool:
    """Whether `text` is one ASCII character, and so in every vocabulary already."""
    return len(text) == 1 and text.isascii()


class ListedTokenizer(Tokenizer):
    """A tokenizer made from a list of strings: without ASCII characters, string i of the list is token 256 + i."""

    rule: ClassVar[str]  # what `accepts` asks for, to complete "tokens must ..."

    def __init__(self, tokens: Iterable[str]):
        """`tokens`: strings. ASCII characters are in every vocabulary, so they may be left out.

        Raises ValueError for a token that breaks the rule of the class, and for one that occurs twice; TypeError for
        one that is no str.
        """
        require(not isinstance(tokens, str), f"tokens must be a sequence of str, got one str: {tokens!r}")
        texts = list(tokens)
        for text in texts:
            require_text("each of tokens", text)
            require(self.accepts(text), f"tokens must {self.rule}, got {text!r}")
        texts = [text for text in texts if not is_byte(text)]
        super().__init__(map(to_bytes, texts))
        self._ids_of_text = {text: len(BYTES) + i for i, text in enumerate(texts)}

    @staticmethod
    @abstractmethod
    def accepts(text: str) -> bool:
        """Whether `text` may be a token."""

    def state(self) -> list[str]:
        return list(self._ids_of_text)

    @classmethod
    def from_state(cls, state: list[str]) -> Self:
        return cls(state)
