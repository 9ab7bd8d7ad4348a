"""The base class of all tokenizers: a vocabulary of byte strings that includes all 256 bytes, so any text has ids."""

import json
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Self

from course_lib.config import is_whole, require
from course_lib.files import write_atomically

# The 256 single bytes in GPT-2's order, those that print in Latin-1 first: other libraries give them the same ids.
_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
BYTES = tuple(bytes([b]) for b in _PRINTABLE + sorted(set(range(256)) - set(_PRINTABLE)))
_ID_OF_BYTE = {token[0]: i for i, token in enumerate(BYTES)}


def to_bytes(text: str) -> bytes:
    """The UTF-8 bytes of `text`. A lone surrogate, which has none, becomes the three bytes of its number."""
    return text.encode("utf-8", "surrogatepass")


def to_text(data: bytes) -> str:
    """Inverse of `to_bytes`. Bytes that come from no text, such as a model may generate, become U+FFFD."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def spell(text: str) -> list[int]:
    """One id for each UTF-8 byte: the start of byte-pair encoding, the fallback of the other tokenizers."""
    return [_ID_OF_BYTE[byte] for byte in to_bytes(text)]


def require_text(name: str, value) -> None:
    """Raise TypeError unless the argument called `name` is a str."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, got {type(value).__name__}")


def require_vocab_size(value) -> None:
    """Raise ValueError unless `value` is an integer of at least 256: the bytes, so that any text can be spelt."""
    rule = f"an integer of at least {len(BYTES)}, one token for each byte"
    require(is_whole(value, len(BYTES)), f"vocab_size must be {rule}, got {value!r}")


class Tokenizer(ABC):
    """A vocabulary of N_T tokens, with `encode` and `decode`.

    `vocab[i]` is token i as bytes, `ids[token]` its id. Ids 0 to 255 are the single bytes; they spell text for which
    there is no other token. decode(encode(text)) == text for every str, also the empty one and lone surrogates.
    """

    kind: ClassVar[str]  # name of the class in a saved file

    def __init__(self, tokens: Iterable[bytes]):
        """`tokens` are those after the 256 bytes. Raises ValueError when one occurs twice or is empty."""
        self.vocab: tuple[bytes, ...] = (*BYTES, *tokens)
        self.ids: dict[bytes, int] = {token: i for i, token in enumerate(self.vocab)}
        require(b"" not in self.ids, "tokens must not be empty")
        twice = (token for i, token in enumerate(self.vocab) if self.ids[token] != i)
        require(len(self.ids) == len(self.vocab), f"tokens must be distinct, got {next(twice, None)!r} twice")

    def __len__(self) -> int:
        """N_T, the number of rows of an embedding matrix for these tokens."""
        return len(self.vocab)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self):,} tokens)"

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """The ids of `text`. Raises TypeError unless it is a str."""

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids` (list, array or tensor of integers). Bytes that are not UTF-8 become U+FFFD.

        Raises ValueError for an id outside 0..N_T - 1 and TypeError for one that is no integer.
        """
        return to_text(b"".join(map(self.vocab.__getitem__, self.checked(ids))))

    def tokens(self, text: str) -> list[str]:
        """The tokens of `text` as strings to display. Raises TypeError unless `text` is a str.

        A token that is only a part of a character is displayed as its bytes, such as `<0xC3>`.
        """
        return [self.show(i) for i in self.encode(text)]

    def show(self, token_id: int) -> str:
        """Token `token_id` as a string to display: its text, or its bytes as `<0xC3>` if it is no whole characters.

        Raises as `decode` does.
        """
        (token_id,) = self.checked([token_id])
        token = self.vocab[token_id]
        try:
            return token.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return "".join(f"<0x{byte:02X}>" for byte in token)

    def checked(self, ids: Iterable[int]) -> list[int]:
        """`ids` as a list of int. Raises ValueError for an id outside 0..N_T - 1, TypeError for other types."""
        try:
            checked = list(map(operator.index, ids))
        except TypeError as error:
            raise TypeError(f"ids must be a sequence of integers: {error}") from None
        size = len(self)
        if checked and (min(checked) < 0 or max(checked) >= size):
            outside = next(i for i in checked if not 0 <= i < size)
            raise ValueError(f"ids must lie in 0..{size - 1} (the vocabulary), got {outside}")
        return checked

    @abstractmethod
    def state(self) -> list:
        """A list, ready for JSON, from which `from_state` builds an equal tokenizer."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: list) -> Self:
        """Inverse of `state`."""

    def save(self, path: str | Path) -> None:
        """Write the tokenizer as JSON, whole or not at all. Raises OSError when the folder cannot be written."""
        write_atomically(path, json.dumps({"tokenizer": self.kind, "state": self.state()}).encode())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote. Raises ValueError when the file holds something else, OSError when it is missing."""
        kind, state = read_saved(path)
        require(kind == cls.kind, f"path must lead to a tokenizer of kind {cls.kind!r}, got {kind!r} in {path}")
        try:
            return cls.from_state(state)
        except (TypeError, ValueError) as error:
            raise ValueError(f"path must lead to a saved tokenizer, got {path} ({error})") from error


def read_saved(path: str | Path) -> tuple[str, list]:
    """(kind, state) of a saved tokenizer. Raises ValueError when the file holds something else."""
    try:
        content = json.loads(Path(path).read_bytes())
        return content["tokenizer"], content["state"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"path must lead to a saved tokenizer, got {path} ({error!r})") from error
