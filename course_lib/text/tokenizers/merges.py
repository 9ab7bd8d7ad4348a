"""Learn byte-pair merges. After each merge only the words that contain the merged pair are counted again.

So a merge takes time in proportion to the length of these words. Text without spaces is one long word, and slow.
"""

import heapq
from collections import Counter, defaultdict
from itertools import pairwise

from course_lib.text.tokenizers.base import BYTES

Pair = tuple[int, int]
LEAST = 2  # occurrences: a pair that occurs once is not worth a token


def merge(ids: list[int], pair: Pair, new: int) -> list[int]:
    """`ids` with each occurrence of `pair`, from the left, replaced by `new`."""
    left, right = pair
    merged, before = [], None
    for token in ids:
        if token == right and before == left:
            merged[-1] = before = new
        else:
            merged.append(token)
            before = token
    return merged


class PairCounts:
    """How often each pair of neighbours occurs in words with weights, kept up to date while pairs are merged."""

    def __init__(self, words: list[list[int]], weights: list[int]):
        self.words, self.weights = words, weights
        self.counts: Counter[Pair] = Counter()
        self.where: defaultdict[Pair, set[int]] = defaultdict(set)  # pair -> words that hold it, or once did
        for index in range(len(words)):
            self._add(index)
        self.heap = [(-count, pair) for pair, count in self.counts.items()]
        heapq.heapify(self.heap)

    def _add(self, index: int) -> None:
        for pair in pairwise(self.words[index]):
            self.counts[pair] += self.weights[index]
            self.where[pair].add(index)

    def _remove(self, index: int) -> None:
        for pair in pairwise(self.words[index]):
            self.counts[pair] -= self.weights[index]

    def most_frequent(self) -> tuple[Pair, int] | None:
        """The most frequent pair and its count; None when no pair is left. Among equal counts, the smaller ids win.

        Once a pair is in the heap its count only falls. So an outdated entry stands too near to the top: it is reached
        in time, and put back with its present count.
        """
        while self.heap:
            negative, pair = self.heap[0]
            count = self.counts[pair]
            if count == -negative:
                return pair, count
            heapq.heappop(self.heap)
            if count:
                heapq.heappush(self.heap, (-count, pair))
        return None

    def replace(self, pair: Pair, new: int) -> None:
        """Merge `pair` into the token `new` in all words."""
        born = set()
        for index in self.where.pop(pair):
            self._remove(index)
            self.words[index] = merge(self.words[index], pair, new)
            self._add(index)
            born.update(p for p in pairwise(self.words[index]) if new in p)
        for p in born:
            heapq.heappush(self.heap, (-self.counts[p], p))


def learn_merges(words: list[list[int]], weights: list[int], n_merges: int) -> list[Pair]:
    """At most `n_merges` pairs, most frequent first; words[i] (ids of bytes) occurs weights[i] times."""
    pairs, merges = PairCounts(words, weights), []
    while len(merges) < n_merges:
        best = pairs.most_frequent()
        if best is None or best[1] < LEAST:
            break
        pairs.replace(best[0], len(BYTES) + len(merges))
        merges.append(best[0])
    return merges
