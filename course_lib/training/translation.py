"""Training data for translation: the English and French names of numbers; and the share translated correctly."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from course_lib.config import require
from course_lib.models import Target, TranslationModel, translate
from course_lib.text import numbers
from course_lib.text.numbers import Pair
from course_lib.text.tokenizers import Tokenizer, WordTokenizer
from course_lib.training.data import IGNORED, Batch, TrainingData, cross_entropy
from course_lib.training.recipe import require_whole

PIECE = 250  # validation pairs evaluated at once
LONGEST = 48  # tokens that a translation may have: names below a billion have at most 39 words, blanks and signs


def number_tokenizer(vocab_size: int = 512) -> WordTokenizer:
    """A tokenizer with the words, blanks and signs of number names in both languages, for numbers below a billion."""
    pairs = numbers.pairs(2_000, seed=0, largest=numbers.LIMIT - 1)
    return WordTokenizer.train("\n".join(f"{pair.english}\n{pair.french}" for pair in pairs), vocab_size)


class TranslationData(TrainingData):
    """Pairs of an English and a French number name, endlessly many; no number is both in training and validation.

    One tokenizer encodes both languages. The decoder reads `begin` and the tokens of the French name, and predicts the
    tokens and `end`; begin and end are the two ids after those of the tokenizer. Sequences are padded on the right, and
    the model gets their lengths. The pairs of a step depend on the seed and the step alone; the validation pairs are
    the same for every seed.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        batch_size: int,
        seed: int = 0,
        largest: int = 999_999,  # largest number
        validation_pairs: int = 1_000,  # fewer if there are not as many numbers
    ):
        """Raises ValueError for sizes that are not positive, and for `largest` as `numbers.pairs` does."""
        good = batch_size > 0 and validation_pairs > 0
        require(good, f"batch_size, validation_pairs must be positive, got {batch_size}, {validation_pairs}")
        require_whole("seed", seed)
        self.tokenizer, self.batch_size, self.seed, self.largest = tokenizer, batch_size, seed, largest
        self.begin, self.end = len(tokenizer), len(tokenizer) + 1
        self.vocab_size = len(tokenizer) + 2
        self.target = Target(begin=self.begin, end=self.end, longest=LONGEST)
        self.token_bytes = torch.tensor([*map(len, tokenizer.vocab), 0, 0])
        # Short numbers are few, so about a third of the draws repeats earlier ones.
        drawn = numbers.pairs(3 * validation_pairs, seed=0, part="validation", largest=largest)
        self.validation_pairs: list[Pair] = list(islice(dict.fromkeys(drawn), validation_pairs))

    def pairs(self, step: int) -> list[Pair]:
        """The pairs of this step."""
        # Python cuts a seed into words of 32 bits, repeats them, and adds j to word j. With 2**32 here, step 2 of seed
        # 1 (words 2 and 1) would give the pairs of step 2 of seed 0 (word 2 alone).
        return list(numbers.pairs(self.batch_size, seed=self.seed * 2**64 + step, largest=self.largest))

    def batch(self, step: int) -> Batch:
        """source (b, n), source lengths (b,), target (b, m), target lengths (b,), next tokens (b, m)."""
        return self.encode(self.pairs(step))

    def validation(self) -> Iterator[Batch]:
        for i in range(0, len(self.validation_pairs), PIECE):
            yield self.encode(self.validation_pairs[i : i + PIECE])

    def encode(self, pairs: Sequence[Pair]) -> Batch:
        """The batch of these pairs: its tensors are those of `batch`."""
        sources, source_lengths = self.sources([pair.english for pair in pairs])
        names = [self.tokenizer.encode(pair.french) for pair in pairs]
        targets, target_lengths = padded([[self.begin, *name] for name in names], self.end)
        following, _ = padded([[*name, self.end] for name in names], IGNORED)
        return sources, source_lengths, targets, target_lengths, following

    def sources(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Tokens (b, n) of the English texts, padded on the right, and their lengths (b,)."""
        return padded([self.tokenizer.encode(text) for text in texts], self.end)

    def text(self, target: Iterable[int]) -> str:
        """The text of a target that `translate` returned; begin and end tokens inside it become U+FFFD."""
        known = (
            self.tokenizer.decode(ids) if said else "\ufffd" for said, ids in groupby(target, lambda i: i < self.begin)
        )
        return "".join(known)

    def losses(self, model: nn.Module, batch: Batch) -> Tensor:
        sources, source_lengths, targets, target_lengths, following = batch
        return cross_entropy(model(sources, targets, source_lengths, target_lengths), following)

    def count(self, batch: Batch) -> tuple[int, int]:
        """(tokens of the targets including their `end`, bytes of the French names)."""
        following = batch[-1].cpu()
        following = following[following != IGNORED]
        return following.numel(), int(self.token_bytes[following].sum())

    def describe(self) -> dict:
        sizes = {"batch_size": self.batch_size, "seed": self.seed, "largest": self.largest}
        sizes |= {"validation_pairs": len(self.validation_pairs), "vocab_size": self.vocab_size}
        return sizes | {"task": "names of numbers, English to French", "tokenizer": self.tokenizer.kind}


def exact_matches(model: TranslationModel, data: TranslationData, pairs: Sequence[Pair] | None = None) -> float:
    """The share of pairs whose French name the model writes without a mistake; it takes the likeliest token each time.

    pairs: None for those held out for validation. Raises ValueError for an empty sequence.
    """
    pairs = data.validation_pairs if pairs is None else pairs
    require(len(pairs) > 0, "pairs must hold at least one pair, got none")
    right = [text == pair.french for text, pair in zip(translated(model, data, pairs), pairs, strict=True)]
    return sum(right) / len(right)


def translated(model: TranslationModel, data: TranslationData, pairs: Sequence[Pair]) -> list[str]:
    """The model's translation of the English name of each pair."""
    texts = []
    for i in range(0, len(pairs), PIECE):
        sources, lengths = data.sources([pair.english for pair in pairs[i : i + PIECE]])
        texts += [data.text(target) for target in translate(model, sources, data.target, lengths)]
    return texts


def padded(rows: Sequence[Sequence[int]], padding: int) -> tuple[Tensor, Tensor]:
    """Rows of unequal lengths as one tensor (b, longest), padded on the right, and their lengths (b,)."""
    tensors = [torch.tensor(row) for row in rows]
    lengths = torch.tensor([len(row) for row in rows])
    return pad_sequence(tensors, batch_first=True, padding_value=padding), lengths
