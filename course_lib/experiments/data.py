"""The tokens of a sweep: made once from a corpus, kept in one file, read by every run.

With the file at hand, runs need neither the corpus nor the packages that it is read from.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from course_lib.config import require
from course_lib.experiments import documents
from course_lib.files import write_atomically
from course_lib.text.corpus import SEPARATOR, Corpus
from course_lib.text.tokenizers import BPETokenizer, Tokenizer
from course_lib.training import NextTokenData

NAME = "tokens.safetensors"
FORMAT = "1"
CURVE = 64  # windows of the tune split on which the learning curve is measured


class HeldOut(NamedTuple):
    """A held-out document."""

    name: str
    tokens: Tensor  # (n,) int32, without the separator before it
    characters: int
    repeated: float  # share of its characters in long lines that occur in the training documents

    @property
    def kept(self) -> bool:
        """Whether it counts in means: see `documents.MOST_REPEATED`."""
        return self.repeated <= documents.MOST_REPEATED


@dataclass(frozen=True)
class Tokens:
    """All texts of a sweep as tokens of one tokenizer, which was trained on the training documents alone."""

    training: Tensor  # (N,) int32: the training documents, with a separator between two of them
    tune: tuple[HeldOut, ...]
    test: tuple[HeldOut, ...]
    separator: tuple[int, ...]  # the tokens between two documents
    vocab: tuple[bytes, ...]
    origin: dict  # of the text, ready for JSON

    @cached_property
    def digest(self) -> str:
        """A hash of all tokens, names and repeated shares: runs of other tokens are other runs."""
        digest = hashlib.sha256(b"".join(self.vocab))
        for name, tensor in self.tensors().items():
            digest.update(name.encode() + tensor.numpy().astype("<i4").tobytes())
        digest.update(json.dumps(self.facts()).encode())
        return digest.hexdigest()[:16]

    def tensors(self) -> dict[str, Tensor]:
        """The tensors of the file: the documents of a split stand one after the other."""
        splits = {split: torch.cat([each.tokens for each in getattr(self, split)]) for split in ("tune", "test")}
        return {"training": self.training} | splits

    def facts(self) -> dict:
        """What the file holds beside tensors and vocabulary, ready for JSON."""
        splits = {
            split: [[each.name, len(each.tokens), each.characters, each.repeated] for each in getattr(self, split)]
            for split in ("tune", "test")
        }
        return {"separator": list(self.separator), **splits}

    def describe(self) -> dict:
        """Sizes, origin and what is repeated, ready for JSON."""
        splits = {split: summary(getattr(self, split)) for split in ("tune", "test")}
        sizes = {"training tokens": len(self.training), "vocab_size": len(self.vocab)}
        return {"digest": self.digest, **sizes, **splits, "origin": self.origin}

    def batches(self, context: int, sequences: int, seed: int) -> NextTokenData:
        """Training batches. Their order depends on the seed alone, so that arms with the same seed read the same.

        The validation text, for the learning curve alone, is CURVE windows at equal distances in the tune split.
        """
        text = torch.cat([each.tokens for each in self.tune])
        count = max(1, min(CURVE, len(text) // context))
        starts = torch.linspace(0, max(0, len(text) - context), count).long()
        curve = torch.cat([text[start : start + context] for start in starts])
        return NextTokenData((self.training, curve), self.vocab, context, sequences, seed, {"tokens": self.digest})

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all. Raises OSError when it cannot be written."""
        vocab = [token.decode("latin-1") for token in self.vocab]
        facts = {"facts": self.facts(), "vocab": vocab, "origin": self.origin}
        write_atomically(path, save(self.tensors(), {"format": FORMAT, "tokens": json.dumps(facts)}))


def summary(held_out: Sequence[HeldOut]) -> dict:
    """Numbers of documents, tokens and characters of a split, and the share of repeated characters."""
    characters = sum(each.characters for each in held_out)
    return {
        "documents": len(held_out),
        "documents left out": sum(not each.kept for each in held_out),
        "tokens": sum(len(each.tokens) for each in held_out),
        "characters": characters,
        "repeated": round(sum(each.repeated * each.characters for each in held_out) / characters, 6),
    }


def make(corpus: Corpus, vocab_size: int) -> Tokens:
    """Split a corpus by document, train a tokenizer on its training documents, and encode everything."""
    split = documents.split(corpus)
    text = SEPARATOR.join(document.text for document in split.training)
    tokenizer = BPETokenizer.train(text, vocab_size)
    share = documents.repeated(split.training)

    def held_out(side) -> tuple[HeldOut, ...]:
        return tuple(HeldOut(name, encoded(tokenizer, text), len(text), share(text)) for name, text in side)

    origin = {"corpus": corpus.name, "licence": corpus.licence, "fingerprint": asdict(corpus.fingerprint)}
    separator = tuple(tokenizer.encode(SEPARATOR))
    training = encoded(tokenizer, text)
    return Tokens(training, held_out(split.tune), held_out(split.test), separator, tokenizer.vocab, origin)


def encoded(tokenizer: Tokenizer, text: str) -> Tensor:
    return torch.tensor(tokenizer.encode(text), dtype=torch.int32)


def read(path: Path) -> Tokens:
    """Read the file that `Tokens.write` wrote. Raises ValueError when it holds something else, OSError without it."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise ValueError(f"path must lead to the tokens of a sweep, got {path} ({error})") from error
    require(metadata.get("format") == FORMAT and "tokens" in metadata, f"path must lead to tokens, got {path}")
    saved = json.loads(metadata["tokens"])
    facts, vocab = saved["facts"], tuple(token.encode("latin-1") for token in saved["vocab"])
    splits = [parts(tensors[split], facts[split]) for split in ("tune", "test")]
    return Tokens(tensors["training"], *splits, tuple(facts["separator"]), vocab, saved["origin"])


def parts(tokens: Tensor, facts: list) -> tuple[HeldOut, ...]:
    """The documents of a split, which stand one after the other in `tokens`."""
    pieces = tokens.split([count for _, count, _, _ in facts])
    return tuple(
        HeldOut(name, piece, characters, repeated)
        for (name, _, characters, repeated), piece in zip(facts, pieces, strict=True)
    )
