"""The tokenizer benchmark: how fast the course's tokenizers, and those of the package `tokenizers`, learn and work."""

import time
from dataclasses import asdict, dataclass

from tqdm.auto import tqdm

from course_lib.bench.text_contenders import Contender, contenders
from course_lib.bench.timing import Timing
from course_lib.config import require
from course_lib.text import corpora
from course_lib.text.corpora import Corpus
from course_lib.text.tokenizers.base import to_bytes

LEAST = 100_000  # characters: the time to encode a shorter text would drown in other work of the computer
MEGA = 1_000_000


@dataclass(frozen=True)
class Row:
    """The results of one contender: medians, and quartiles, between which half of the repeats lie.

    Rates are in 10**6 bytes of UTF-8 text per second.
    """

    name: str
    about: str
    agreement: str  # how its ids compare to those of the course's byte-pair tokenizer
    vocabulary: int
    tokens_per_character: float
    training_seconds: float
    training_seconds_quartiles: tuple[float, float]
    encode_mb_per_second: float
    encode_mb_per_second_quartiles: tuple[float, float]
    decode_mb_per_second: float
    decode_mb_per_second_quartiles: tuple[float, float]

    def as_dict(self) -> dict:
        return asdict(self)


class Trial:
    """A contender that is checked once, and then timed as often as wanted."""

    def __init__(self, contender: Contender):
        """Runs once, without timing, all that is timed later.

        Raises ValueError when decoding does not give the text back, and when the contender makes other ids than it
        should.
        """
        tokenizer = contender.train()
        ids = contender.encode(tokenizer)
        require(
            contender.decode(tokenizer, ids) == list(contender.parts),
            f"{contender.name} must give back the text that it encoded, but does not",
        )
        self.contender, self.size = contender, contender.vocabulary(tokenizer)
        self.agreement = contender.agreement(tokenizer, ids)
        self.n_tokens = sum(map(len, ids))
        self.seconds: list[tuple[float, float, float]] = []

    def repeat(self) -> None:
        """Learn, encode and decode once more, with a new tokenizer, which remembers nothing of earlier repeats."""
        start = time.perf_counter()
        tokenizer = self.contender.train()
        trained = time.perf_counter()
        ids = self.contender.encode(tokenizer)
        encoded = time.perf_counter()
        self.contender.decode(tokenizer, ids)
        self.seconds.append((trained - start, encoded - trained, time.perf_counter() - encoded))

    def row(self) -> Row:
        training, encoding, decoding = (Timing(seconds) for seconds in zip(*self.seconds, strict=True))
        megabytes = sum(len(to_bytes(part)) for part in self.contender.parts) / MEGA
        return Row(
            name=self.contender.name,
            about=self.contender.about,
            agreement=self.agreement,
            vocabulary=self.size,
            tokens_per_character=self.n_tokens / sum(map(len, self.contender.parts)),
            training_seconds=training.median,
            training_seconds_quartiles=training.quartiles,
            encode_mb_per_second=megabytes / encoding.median,
            encode_mb_per_second_quartiles=rates(megabytes, encoding),
            decode_mb_per_second=megabytes / decoding.median,
            decode_mb_per_second_quartiles=rates(megabytes, decoding),
        )


def rates(amount: float, timing: Timing) -> tuple[float, float]:
    """`amount` divided by each quartile of the time, the lower rate first."""
    low, high = timing.quartiles
    return amount / high, amount / low


def long_text(name_or_path: str) -> Corpus:
    """A corpus of the course or of a text file. Raises as `corpora.load_or_read`; ValueError for a text below LEAST."""
    corpus = corpora.load_or_read(name_or_path)
    length = len(corpus.text)
    require(length >= LEAST, f"the text must have {LEAST:,} characters at least, got {length:,} in {name_or_path}")
    return corpus


def measure(corpus: Corpus, repeats: int) -> list[Row]:
    """Run the benchmark: a row for each contender. All are checked first, then timed in turn, `repeats` >= 2 times.

    Raises ValueError when a contender does not give back the text that it encoded, or makes other ids than it should.
    """
    found = contenders(corpus)
    with tqdm(total=len(found) * (1 + repeats), unit="run") as bar:
        trials = []
        for contender in found:
            bar.set_description(f"check {contender.name}")
            trials.append(Trial(contender))
            bar.update()
        for _ in range(repeats):
            for trial in trials:
                bar.set_description(trial.contender.name)
                trial.repeat()
                bar.update()
    return [trial.row() for trial in trials]
