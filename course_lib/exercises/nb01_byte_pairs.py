"""Exercise 1.2: one step of byte-pair encoding."""

from collections import Counter
from itertools import pairwise

from course_lib.exercises.core import Exercise, Stage, edits


def bpe_step(ids, new_id):
    counts = Counter(pairwise(ids))
    pair = min(counts, key=lambda p: (-counts[p], p))  # the most frequent pair; of equally frequent ones the smallest
    merged, i = [], 0
    while i < len(ids):
        here = tuple(ids[i : i + 2]) == pair
        merged.append(new_id if here else ids[i])
        i += 2 if here else 1
    return pair, merged


BPE_STEP = Exercise(
    id="1.2",
    title="one step of byte-pair encoding",
    minutes=8,
    difficulty=2,
    solution=bpe_step,
    stages=(
        Stage(([5, 7], 9), "two ids, one pair"),
        Stage(([6, 1, 2, 2, 1, 1, 4, 0, 1, 2], 9), "the pair (1, 2) twice, all others once"),
        Stage(([1, 2, 3, 2, 1, 4, 1, 2], 9), "the pair (1, 2) twice, and (2, 1) once"),
        Stage(([5, 6, 2, 1, 2, 5, 6], 9), "the pair (5, 6) twice, (2, 1) and (1, 2) once"),
        Stage(([1, 1, 1, 1, 1, 2], 9), "a run of five equal ids"),
        Stage(([4, 4, 4, 4, 2, 3, 2, 3], 9), "the pair (4, 4) three times, overlapping, and (2, 3) twice"),
        Stage(([3, 7, 1, 9, 2, 4, 8, 3, 7, 1, 9, 2, 4, 8], 10), "six pairs that occur twice each"),
        Stage(([2, 5, 6, 1, 2, 5, 6, 1], 9), "three pairs that occur twice each, and (1, 2) once"),
        Stage(([3, 2, 3, 8, 1, 5, 5, 1, 7, 2, 3, 1, 5], 9), "the pairs (1, 5) and (2, 3) twice each"),
        Stage(([1, 300, 2, 44, 1, 300, 5, 6, 5, 6, 5, 6], 301), "ids above 255"),
        Stage((list(b"the cat sat on that mat, the hat sat there"), 256), "the bytes of a sentence"),
    ),
    mistakes=edits(
        bpe_step,
        """
        (-counts[p], p) -> (counts[p], p) | This is the rarest pair. Merge the most frequent one.
        pairwise(ids) -> zip(ids[::2], ids[1::2]) | You count the pairs at positions 0, 2, 4, ... only. Every two
            neighbours are a pair.
        pairwise(ids) -> [p for k, p in enumerate(pairwise(ids)) if k == 0 or p != (ids[k - 1], ids[k])] | Overlapping
            pairs are not counted. Every two neighbours are a pair, so 4, 4, 4 holds (4, 4) twice.
        pairwise(ids) -> pairwise([*ids, ids[0]]) | The last id and the first are counted as a pair. They are no
            neighbours.
        pairwise(ids) -> [tuple(sorted(p)) for p in pairwise(ids)] | You count (2, 1) as (1, 2). A pair is ordered.
        pairwise(ids) -> [(b, a) for a, b in pairwise(ids)] | The pairs are counted with their two ids exchanged. A pair
            is (ids[i], ids[i + 1]).
        return pair, merged -> return pair, [new_id] | All other ids are lost. Replace the pair alone, wherever it
            stands.
        return pair, merged -> return pair, [str(i) for i in merged] | The ids are strings. Return whole numbers.
        pairwise(ids) -> [divmod(256 * a + b, 256) for a, b in pairwise(ids)] | Two pairs have the same number
            256 a + b, because ids grow beyond 255. Count pairs themselves.
        tuple(ids[i : i + 2]) == pair -> ids[i : i + 2] == pair | Nothing is merged. If you compare a slice of a list
            with a tuple, they are never equal, so compare `tuple(ids[i : i + 2])`.
        i += 2 if here else 1 -> i += 1 | The second id of a merged pair is still there. After a merge go on two ids
            further.
        while i < len(ids) -> while i < len(ids) - 1 | The last id is lost when no pair ends on it.
        merged, i = [], 0 -> ids, backwards, merged, i = ids[::-1], pair[::-1], [], 0 && ids[i : i + 2]) == pair ->
            ids[i : i + 2]) == backwards && return pair, merged -> return pair, merged[::-1] | A run of equal ids is
            merged from the left. Yours is merged from the right.
        == pair -> == pair and new_id not in merged | Only the first occurrence of the pair is replaced. Replace all.
        i += 2 if here else 1 -> i += 2 if here and tuple(ids[i + 1 : i + 3]) != pair else 1 | An id that was merged
            already is used for the next pair, too. Look for the next pair behind it.
        == pair -> in (pair, pair[::-1]) | A pair is ordered. (2, 1) is not (1, 2).
        min(counts, key=lambda p: (-counts[p], p)) -> max(counts, key=lambda p: (counts[p], p)) | Of pairs that occur
            equally often this is the largest. Take the smallest.
        min(counts, key=lambda p: (-counts[p], p)) -> max(counts, key=counts.get) | Of pairs that occur equally often
            this is the one seen first, as `most_common` and `max` give it. Take the smallest.
        (-counts[p], p) -> (-counts[p], sum(p)) | Of pairs that occur equally often this has the smallest sum. Take the
            smallest pair, by its first id, then by its second.
        min(counts, key=lambda p: (-counts[p], p)) -> max(reversed(counts), key=counts.get) | Of pairs that occur
            equally often this is the one seen last. Take the smallest.
        (-counts[p], p) -> (-counts[p], p[::-1]) | Of pairs that occur equally often this has the smallest second id.
            Compare the first ids, and the second ones where the first are equal.
        """,
    ),
    hints=(
        "`Counter(zip(ids, ids[1:]))` counts all neighbours, overlapping ones too.",
        "`min(counts, key=lambda p: (-counts[p], p))` is the most frequent pair, and of equals the smallest.",
        "Merge with a position i. Where `(ids[i], ids[i + 1])` is the pair append new_id and go on two ids, else "
        "append `ids[i]` and go on one.",
    ),
)
