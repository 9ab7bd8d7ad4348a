"""A text as ids of characters: the first nine tenths for training, the last tenth for validation."""

from dataclasses import dataclass
from pathlib import Path

from course_lib.config import require
from course_lib.text import corpora
from course_lib.text.tokenizers.base import to_bytes
from course_lib.training import NextTokenData

SHARE = 0.9  # of the characters for training: the first ones, so that neighbours are not on both sides


@dataclass(frozen=True)
class CharacterText:
    """A text as one id for each character, in two parts; ids follow the order of code points."""

    origin: dict  # name, length and SHA-256 of the text, recorded with the results
    vocab: tuple[bytes, ...]  # UTF-8 bytes of each character
    training: list[int]
    validation: list[int]

    @classmethod
    def read(cls, path: str | Path, context: int) -> "CharacterText":
        """Read a UTF-8 text file, for windows of up to `context` characters.

        Raises OSError when the file cannot be read, ValueError when it is not UTF-8 or too short.
        """
        corpus = corpora.from_file(path)
        characters = sorted(set(corpus.text))
        ids = {character: i for i, character in enumerate(characters)}
        tokens = [ids[character] for character in corpus.text]
        cut, least = int(SHARE * len(tokens)), 2 * context + 1
        require(
            len(tokens) - cut >= least,
            f"the last tenth of the text must have {least} characters at least, for windows of {context}; "
            f"got {len(tokens) - cut} of {len(tokens)} in {path}",
        )
        mark = corpus.fingerprint
        origin = {"name": corpus.name, "characters": mark.characters, "sha256": mark.sha256}
        return cls(origin, tuple(map(to_bytes, characters)), tokens[:cut], tokens[cut:])

    def data(self, context: int, batch_size: int) -> NextTokenData:
        """Data with windows of `context` characters for training, and the whole last tenth for validation."""
        return NextTokenData((self.training, self.validation), self.vocab, context, batch_size, origin=self.origin)
