"""The tokenizer of a checkpoint, by the package tokenizers, with the methods of the course's tokenizers."""

import operator
from collections.abc import Iterable
from pathlib import Path

from course_lib.config import require
from course_lib.text.tokenizers.base import BYTES, require_text

# Byte-level vocabularies write each byte as one character: 188 bytes as Latin-1 does, the others from U+0100 on.
BYTE_OF = {chr(byte[0]) if i < 188 else chr(0x100 + i - 188): byte for i, byte in enumerate(BYTES)}
BLANKS = (b"\t", b"\n", b" ")  # spelt \u0109, \u010a and \u0120: added as tokens, these letters have the ids of blanks


def spelt_in_bytes(token: str) -> bool:
    """Whether `token` is another text when each of its characters is read as a byte."""
    return not token.isascii() and all(character in BYTE_OF for character in token)


def bytes_of(token: str) -> bytes:
    """The bytes that `token` means in a byte-level vocabulary; an added token with other characters is plain text."""
    known = all(character in BYTE_OF for character in token)
    return b"".join(BYTE_OF[character] for character in token) if known else token.encode()


def to_text(data: bytes, letters: dict[int, str]) -> str:
    """Decode UTF-8. A byte that is no UTF-8 becomes the letter that `letters` has at its position, else U+FFFD."""
    text, start = "", 0
    while start < len(data):
        try:
            return text + data[start:].decode()
        except UnicodeDecodeError as error:
            bad, end = start + error.start, start + error.end
            text += data[start:bad].decode() + letters.get(bad, "\ufffd")
            start = min((at for at in letters if bad < at < end), default=bad + 1 if bad in letters else end)
    return text


class PretrainedTokenizer:
    """The tokenizer that a tokenizer.json describes. Unlike the course's it may lose text: BERT's loses capitals."""

    def __init__(self, path: str | Path):
        """Raises ValueError when the file holds something else, ImportError without the package tokenizers."""
        import tokenizers

        try:
            self.inner = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the package raises no narrower class
            raise ValueError(f"{path} must be a tokenizer of the package tokenizers, but: {error}") from error
        self.inner.no_truncation()
        self.inner.no_padding()
        self.byte_level = "ByteLevel" in str(self.inner.decoder)
        added = {i: token.content for i, token in self.inner.get_added_tokens_decoder().items()}
        blanks = self.inner.get_vocab(with_added_tokens=False) if self.byte_level else {}
        blanks = {i for token, i in blanks.items() if BYTE_OF.get(token) in BLANKS}
        self.added = {i: token for i, token in added.items() if i not in blanks}  # plain text

    def __len__(self) -> int:
        """Number of tokens, special ones included; a model's vocabulary may be padded to more."""
        return self.inner.get_vocab_size(with_added_tokens=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self):,} tokens)"

    def encode(self, text: str, special: bool = False) -> list[int]:
        """The ids of `text`; with `special` also the ids around it, such as BERT's [CLS] and [SEP].

        Raises TypeError unless it is a str, ValueError when it holds half a pair of surrogates, which is no UTF-8.
        """
        require_text("text", text)
        try:
            return self.inner.encode(text, add_special_tokens=special).ids
        except TypeError as error:  # what the package says of such a text
            raise ValueError(
                f"text must be what UTF-8 can write, got half a pair of surrogates in {text!r:.60}"
            ) from error

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids` (list, array or tensor of integers). Raises ValueError and TypeError as `show`."""
        ids = [operator.index(i) for i in ids]
        for i in ids:
            self.spelling(i)
        if self.byte_level and any(spelt_in_bytes(self.added.get(i, "")) for i in ids):
            return self._decode_around_added(ids)
        return self.inner.decode(ids, skip_special_tokens=False)

    def _decode_around_added(self, ids: list[int]) -> str:
        """The text of `ids`, with the added tokens that the package would take for spellings of bytes.

        A token of one letter may share its id with a byte. It is read as the byte where it is part of a character.
        """
        text, data, letters = "", b"", {}
        for i in ids:
            added = self.added.get(i, "")
            if spelt_in_bytes(added) and (len(added) > 1 or BYTE_OF[added] < b"\x80"):
                text, data, letters = text + to_text(data, letters) + added, b"", {}
            else:
                letters |= {len(data): added} if spelt_in_bytes(added) else {}
                data += bytes_of(self.spelling(i))
        return text + to_text(data, letters)

    def tokens(self, text: str, special: bool = False) -> list[str]:
        """`text` cut into its tokens, to show."""
        return [self.show(i) for i in self.encode(text, special)]

    def show(self, token_id: int) -> str:
        """Token `token_id` as text; bytes that are no character by themselves as `<0xC3>`.

        Raises ValueError for an id outside the vocabulary, TypeError for one that is no integer.
        """
        token_id = operator.index(token_id)
        token = self.spelling(token_id)
        if token_id in self.added:
            return self.added[token_id]
        if not self.byte_level:
            return token.replace("\u2581", " ")  # how SentencePiece writes a space
        data = bytes_of(token)
        try:
            return data.decode()
        except UnicodeDecodeError:
            return "".join(f"<0x{byte:02X}>" for byte in data)

    def spelling(self, token_id: int) -> str:
        """A token as the vocabulary writes it."""
        token = self.inner.id_to_token(token_id) if 0 <= token_id < 2**32 else None
        require(token is not None, f"ids must lie in 0..{len(self) - 1} (the vocabulary), got {token_id}")
        return token


class MissingTokenizer:
    """Takes the place of a tokenizer; when it is used, its error says why there is none."""

    def __init__(self, reason: str):
        self.reason = reason

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.reason})"

    def __getattr__(self, name: str):
        if name.startswith("__"):  # what Python itself asks for, copy and pickle before there is a reason
            raise AttributeError(name)
        raise AttributeError(f"{name} needs a tokenizer, but {self.reason}")


def find_tokenizer(folder: Path) -> PretrainedTokenizer | MissingTokenizer:
    """The tokenizer in a folder, or one that is missing: a model can be used without it."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        return MissingTokenizer(f"{folder} holds no tokenizer.json")
    try:
        return PretrainedTokenizer(path)
    except ImportError:
        return MissingTokenizer("the package tokenizers is not installed: pip install tokenizers")
