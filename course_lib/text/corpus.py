"""A corpus: named documents with their origin, a fingerprint to record with results, and a split by document."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Self

from course_lib.config import require

SEPARATOR = "\n\n"


class Document(NamedTuple):
    """A named piece of text. It stays whole when a corpus is split."""

    name: str
    text: str


def sha256(text: str) -> str:
    """SHA-256 of the UTF-8 bytes in hexadecimal digits; a lone surrogate counts as the three bytes of its number."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def share(name: str) -> float:
    """A number in [0, 1) that depends on `name` alone (a hash); over many names these numbers are evenly spread."""
    return int(sha256(name)[:13], 16) / 16**13  # 52 bits, which a float holds exactly


@dataclass(frozen=True)
class Fingerprint:
    """Identifies a text: recorded with each result, so that a reader can tell whether the text was the same."""

    sha256: str  # of Corpus.text
    characters: int
    versions: dict[str, str]  # of the packages that the text comes from

    def __str__(self) -> str:
        versions = ", ".join(f"{package} {version}" for package, version in self.versions.items())
        return f"{self.characters:,} characters, sha256 {self.sha256[:12]}" + (f", {versions}" if versions else "")


@dataclass(frozen=True)
class Corpus:
    """Documents of one origin, in a fixed order."""

    name: str
    documents: tuple[Document, ...]
    licence: str
    versions: dict[str, str]  # package -> version; empty for a text of your own

    def __post_init__(self):
        object.__setattr__(self, "documents", tuple(Document(*document) for document in self.documents))
        object.__setattr__(self, "versions", dict(self.versions))

    @cached_property
    def text(self) -> str:
        """All documents as one text, with an empty line between two of them."""
        return SEPARATOR.join(document.text for document in self.documents)

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """SHA-256 and length of the text, and the versions of the packages it comes from."""
        return Fingerprint(sha256(self.text), len(self.text), self.versions)

    def split(self, validation: float = 0.1) -> tuple[Self, Self]:
        """Split into (training, validation): about the share `validation` of the documents is held out.

        A hash of a document's name decides its side. So no document is cut, and the side does not depend on the other
        documents: a larger share holds out all that a smaller one held out.
        Raises ValueError unless 0 <= validation <= 1.
        """
        require(0 <= validation <= 1, f"validation must be a share from 0 to 1, got {validation}")
        held_out = tuple(d for d in self.documents if share(d.name) < validation)
        training = tuple(d for d in self.documents if share(d.name) >= validation)
        return (
            replace(self, name=f"{self.name}, training", documents=training),
            replace(self, name=f"{self.name}, validation", documents=held_out),
        )

    def __repr__(self) -> str:
        return f"Corpus({self.name!r}, {len(self.documents):,} documents, {self.fingerprint})"
