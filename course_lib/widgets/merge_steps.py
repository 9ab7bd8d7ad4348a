"""Figure 13: byte-pair encoding, merge by merge, with the pairs of a short text, their counts, and their tokens."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure as Drawing

from course_lib.config import is_whole, require
from course_lib.figures.inputs import shown
from course_lib.figures.tokens import merges
from course_lib.text.tokenizers import BPETokenizer
from course_lib.text.tokenizers.base import BYTES, require_text, spell
from course_lib.text.tokenizers.merges import LEAST, Pair, PairCounts
from course_lib.text.tokenizers.pieces import pieces
from course_lib.widgets import page
from course_lib.widgets.base import InteractiveFigure
from course_lib.widgets.choices import Index, Try, Walk

MAX_CHARACTERS, MAX_STEPS = 120, 40
LEADING = 6  # pairs whose counts are shown
DRAWN = 6  # steps in the static twin
READING = "Merges stay within a word, with the space before it. A pair that occurs once is not merged."


class Moment(NamedTuple):
    """The text after some merges: ids word by word, and the leading pairs (pair, count), the next merge first."""

    words: list[list[int]]
    leading: list[tuple[Pair, int]]


class MergeSteps(InteractiveFigure):
    """Byte-pair encoding of a short text: each step joins the most frequent pair of neighbours.

    text: the training text, of at most MAX_CHARACTERS characters. most: the largest number of merges; there are fewer
    when no pair is left that occurs twice. Merges, ties and the cut into words are those of
    `BPETokenizer.train(text, 256 + most)`.

    Chosen: `step`, the number of merges so far. After that step `tokens` are the text's tokens, word by word; `leading`
    the most frequent pairs of neighbours, (left, right, count), the next merge first; `vocab_size` is 256 + step.

    Raises TypeError for a text that is no string; ValueError for a text that is too long or has no pair twice, and
    unless `most` is a whole number from 1 to MAX_STEPS.
    """

    entry = "merge_steps"
    reading = READING
    step = Index(0).tag(sync=True, chosen=True)
    walk = Walk(keys="Tab Tab Tab Tab Tab Tab Enter Enter", chosen={"step": 2}, said="step 2: ")

    def __init__(self, text: str, *, most: int = MAX_STEPS, title: str = "Merge by merge", caption: str = ""):
        require_text("text", text)
        require(len(text) <= MAX_CHARACTERS, f"text must have at most {MAX_CHARACTERS} characters, got {len(text)}")
        good = is_whole(most, 1) and most <= MAX_STEPS
        require(good, f"most must be a whole number from 1 to {MAX_STEPS}, got {most!r}")
        self._bpe = BPETokenizer.train(text, len(BYTES) + most)
        require(len(self._bpe.merges) > 0, f"text must hold a pair of bytes twice within its words, got {text!r:.80}")
        self._moments = moments(text, self._bpe.merges)
        used = sorted({token for moment in self._moments for word in moment.words for token in word})
        data = {
            "labels": {str(token): self._label(token) for token in used},
            "words": [moment.words for moment in self._moments],
            "leading": [[[*pair, count] for pair, count in moment.leading] for moment in self._moments],
            "bytes": len(BYTES),
            "least": LEAST,
        }
        super().__init__(data, title=title, caption=caption)

    @classmethod
    def example(cls, tokens: Sequence[str]) -> "MergeSteps":
        text = " ".join(tokens)
        return cls(text[:MAX_CHARACTERS], title=text, caption=text)

    def first_try(self) -> Try | None:
        last = len(self._moments) - 1
        return Try("the bytes", {"step": 0}) if self.step == last else Try("one merge more", {"step": self.step + 1})

    def allowed(self) -> dict[str, range]:
        return {"step": range(len(self.data["words"]))}

    @property
    def tokens(self) -> list[list[str]]:
        """The tokens after the chosen step, word by word, as they are shown."""
        return self._tokens(self.step)

    @property
    def leading(self) -> list[tuple[str, str, int]]:
        """The most frequent pairs of neighbours after the chosen step, and their counts: at most LEADING."""
        pairs = self._moments[self.step].leading
        return [(self._label(left), self._label(right), count) for (left, right), count in pairs]

    @property
    def vocab_size(self) -> int:
        """The size of the vocabulary after the chosen step, 256 + step."""
        return len(BYTES) + self.step

    def _label(self, token: int) -> str:
        return shown(self._bpe.show(token))

    def _tokens(self, step: int) -> list[list[str]]:
        return [[self._label(token) for token in word] for word in self._moments[step].words]

    def _drawn(self) -> list[int]:
        """The steps in the static twin: the start, and up to DRAWN - 1 more that reach the chosen one."""
        until = max(self.step, min(DRAWN - 1, len(self._moments) - 1))
        return [0, *range(max(1, until - DRAWN + 2), until + 1)]

    def drawing(self) -> Drawing:
        return merges([(self._added(step), self._tokens(step)) for step in self._drawn()])

    def _added(self, step: int) -> str:
        """The token that a step makes; none at the start."""
        return self._label(len(BYTES) + step - 1) if step else ""

    def alt(self) -> str:
        steps = self._drawn()
        counts = ", ".join(str(sum(map(len, self._tokens(step)))) for step in steps)
        added = ", ".join(self._added(step) for step in steps[1:])
        return (
            f"The text at the start and after steps {steps[1]} to {steps[-1]} of byte-pair encoding, a line each, cut "
            f"into {counts} tokens. The steps make {added}; in each line the new token has a thick frame."
        )

    def table(self) -> str:
        rows = [["0", "", "", str(sum(map(len, self._tokens(0)))), str(len(BYTES))]]
        for step in range(1, len(self._moments)):
            (left, right), count = self._moments[step - 1].leading[0]
            tokens = sum(map(len, self._tokens(step)))
            pair = f"{self._label(left)} + {self._label(right)}"
            rows.append([str(step), pair, str(count), str(tokens), str(len(BYTES) + step)])
        return page.table(["step", "merge", "times", "tokens", "vocabulary size"], rows)

    def __repr__(self):
        return f"MergeSteps(bytes={sum(map(len, self.data['words'][0]))}, merges={len(self.data['words']) - 1})"


def moments(text: str, merged: Sequence[Pair]) -> list[Moment]:
    """The text at the start and after each of the `merged` pairs."""
    words = [spell(word) for word in pieces(text)]
    pairs = PairCounts(words, [1] * len(words))
    found = [Moment([*pairs.words], leading(pairs))]
    for rank, pair in enumerate(merged):
        pairs.replace(pair, len(BYTES) + rank)
        found.append(Moment([*pairs.words], leading(pairs)))
    return found


def leading(pairs: PairCounts) -> list[tuple[Pair, int]]:
    """At most LEADING pairs with their counts, the most frequent first, and of equal ones that of smaller ids."""
    held = [(pair, count) for pair, count in pairs.counts.items() if count]
    return sorted(held, key=lambda item: (-item[1], item[0]))[:LEADING]
