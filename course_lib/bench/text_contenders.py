"""The contenders of the tokenizer benchmark. All learn the same number of tokens from the same text."""

import importlib.util
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable

from course_lib.config import require
from course_lib.text.corpus import Corpus
from course_lib.text.tokenizers import BPETokenizer, PairTokenizer, Tokenizer, WordTokenizer
from course_lib.text.tokenizers.merges import LEAST, Pair

VOCAB_SIZE = 2048
PEER = "tokenizers"  # the package to compare with

Ids = list[list[int]]  # a list of ids for each part of the text


class Contender(ABC):
    """A way to learn tokens from a text, to encode and to decode it; the text is given in one or several parts."""

    def __init__(self, name: str, about: str, parts: Iterable[str]):
        self.name, self.about, self.parts = name, about, tuple(parts)

    @abstractmethod
    def train(self):
        """Learn a new tokenizer from the text."""

    @abstractmethod
    def encode(self, tokenizer) -> Ids:
        """The ids of each part of the text."""

    @abstractmethod
    def decode(self, tokenizer, ids: Ids) -> list[str]:
        """The text of each list of ids."""

    @abstractmethod
    def vocabulary(self, tokenizer) -> int:
        """The number of tokens of the tokenizer."""

    @abstractmethod
    def agreement(self, tokenizer, ids: Ids) -> str:
        """Says how the ids compare to those of the course's byte-pair tokenizer."""


class Ours(Contender):
    """A tokenizer of the course, given the whole text at once."""

    def __init__(self, kind: type[Tokenizer], about: str, text: str):
        super().__init__(kind.kind, about, [text])
        self.kind = kind

    def train(self) -> Tokenizer:
        return self.kind.train(self.parts[0], VOCAB_SIZE)

    def encode(self, tokenizer: Tokenizer) -> Ids:
        return [tokenizer.encode(part) for part in self.parts]

    def decode(self, tokenizer: Tokenizer, ids: Ids) -> list[str]:
        return [tokenizer.decode(part) for part in ids]

    def vocabulary(self, tokenizer: Tokenizer) -> int:
        return len(tokenizer)

    def agreement(self, tokenizer: Tokenizer, ids: Ids) -> str:
        return "same ids" if self.kind is BPETokenizer else "other tokens"


class Theirs(Contender):
    """Byte-level byte-pair encoding of the package `tokenizers`, with its fastest calls, those for many texts."""

    def __init__(self, name: str, about: str, parts: Iterable[str], ours: BPETokenizer):
        """ours: the course's tokenizer, learnt from the whole text."""
        super().__init__(name, about, parts)
        self.ours = ours

    def train(self):
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=VOCAB_SIZE,
            min_frequency=LEAST,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(self.parts, trainer)
        return tokenizer

    def encode(self, tokenizer) -> Ids:
        return [encoding.ids for encoding in tokenizer.encode_batch_fast(self.parts)]

    def decode(self, tokenizer, ids: Ids) -> list[str]:
        return tokenizer.decode_batch(ids, skip_special_tokens=False)

    def vocabulary(self, tokenizer) -> int:
        return tokenizer.get_vocab_size()

    def agreement(self, tokenizer, ids: Ids) -> str:
        """As in `Contender`. Raises ValueError if the course's tokenizer makes other ids with the same merges."""
        merges = merges_of(tokenizer)
        same = BPETokenizer(merges)
        require(
            [same.encode(part) for part in self.parts] == ids,
            f"{self.name} must make the same ids from the same merges as the course's tokenizer, but does not",
        )
        if same.merges == self.ours.merges:
            return "same ids"
        shared = len(set(same.vocab) & set(self.ours.vocab))
        return f"same ids from its own merges; {shared:,} tokens in common"


def merges_of(tokenizer) -> list[Pair]:
    """The merges that a tokenizer of the package has learnt, as pairs of ids."""
    ids = tokenizer.get_vocab()
    return [(ids[left], ids[right]) for left, right in json.loads(tokenizer.to_str())["model"]["merges"]]


def contenders(corpus: Corpus) -> list[Contender]:
    """The course's tokenizers and, if it is installed, PEER twice: with the whole text, and with its documents."""
    ours = [
        Ours(BPETokenizer, "the course's byte-pair encoding", corpus.text),
        Ours(PairTokenizer, "the course's pairs of characters", corpus.text),
        Ours(WordTokenizer, "the course's words", corpus.text),
    ]
    if importlib.util.find_spec(PEER) is None:
        return ours
    learnt = BPETokenizer.train(corpus.text, VOCAB_SIZE)
    documents = [document.text for document in corpus.documents]
    theirs = [
        Theirs(f"{PEER}, one text", "the same, by the package tokenizers", [corpus.text], learnt),
        Theirs(f"{PEER}, documents", "the same, documents apart, on all cores", documents, learnt),
    ]
    return [ours[0], *theirs, *ours[1:]]
