"""Exercise 1.2: one step of byte-pair encoding."""

from collections import Counter
from itertools import pairwise

from course_lib.exercises.core import Exercise, Mistake, Stage


def bpe_step(ids, new_id):
    counts = Counter(pairwise(ids))
    pair = min(counts, key=lambda p: (-counts[p], p))  # most frequent; of equals the smallest
    merged, i = [], 0
    while i < len(ids):
        here = tuple(ids[i : i + 2]) == pair
        merged.append(new_id if here else ids[i])
        i += 2 if here else 1
    return pair, merged


def _merge(ids, new_id, is_pair):
    merged = []
    ids = iter(ids)
    first = next(ids)
    for second in ids:
        merged.append(new_id if is_pair((first, second)) else first)
        first = next(ids, None) if is_pair((first, second)) else second
    return merged if first is None else merged + [first]


def _choosing(choose):
    """The step with another rule for the pair: `choose` takes the neighbours in order."""

    def step(ids, new_id):
        pair = choose(list(pairwise(ids)))
        return pair, _merge(ids, new_id, lambda two: two == pair)

    return step


def _rarest(pairs):
    return min(pairs, key=lambda p: (pairs.count(p), p))


def _largest(pairs):
    return max(pairs, key=lambda p: (pairs.count(p), p))


def _most_common(pairs):
    return Counter(pairs).most_common(1)[0][0]  # the first seen of equals


def _most_common_of_disjoint(pairs):
    return min(pairs[::2], key=lambda p: (-pairs[::2].count(p), p))


def _merge_once(ids, new_id):
    pair, _ = bpe_step(ids, new_id)
    i = next(i for i in range(len(ids)) if tuple(ids[i : i + 2]) == pair)
    return pair, ids[:i] + [new_id] + ids[i + 2 :]


def _merge_nothing(ids, new_id):
    return bpe_step(ids, new_id)[0], ids


def _merge_and_keep(ids, new_id):
    pair, _ = bpe_step(ids, new_id)
    return pair, [new_id if tuple(ids[i : i + 2]) == pair else x for i, x in enumerate(ids)]


def _merge_without_the_last(ids, new_id):
    pair, merged = bpe_step(ids, new_id)
    return pair, merged if merged[-1] == new_id else merged[:-1]


def _merge_from_the_right(ids, new_id):
    pair, _ = bpe_step(ids, new_id)
    return pair, _merge(ids[::-1], new_id, lambda two: two == pair[::-1])[::-1]


def _merge_overlapping(ids, new_id):
    pair, _ = bpe_step(ids, new_id)
    hits = [tuple(ids[i : i + 2]) == pair for i in range(len(ids))]
    used = [False] + hits[:-1]  # the second id of a pair
    return pair, [new_id if hits[i] else x for i, x in enumerate(ids) if hits[i] or not used[i]]


def _merge_both_orders(ids, new_id):
    pair, _ = bpe_step(ids, new_id)
    return pair, _merge(ids, new_id, lambda two: sorted(two) == sorted(pair))


BPE_STEP = Exercise(
    id="1.2",
    title="one step of byte-pair encoding",
    minutes=8,
    difficulty=2,
    solution=bpe_step,
    stages=(
        Stage(([5, 7], 9), "two ids, one pair"),
        Stage(([6, 1, 2, 0, 4, 1, 2], 9), "the pair (1, 2), twice"),
        Stage(([1, 2, 3, 2, 1, 4, 1, 2], 9), "the pair (1, 2) twice, and (2, 1) once"),
        Stage(([1, 1, 1, 1, 1, 2], 9), "a run of five equal ids"),
        Stage(([3, 4, 1, 2, 3, 4, 1, 2], 9), "three pairs that occur twice each"),
        Stage((list(b"the cat sat on that mat, the hat sat there"), 256), "the bytes of a sentence"),
    ),
    mistakes=(
        Mistake(_choosing(_rarest), "this is the rarest pair; the most frequent one is merged"),
        Mistake(
            _choosing(_most_common_of_disjoint),
            "you count the pairs at positions 0, 2, 4, ... only; every two neighbours are a pair",
        ),
        Mistake(
            _merge_nothing,
            "nothing is merged (a slice of a list never equals a tuple: compare `tuple(ids[i : i + 2])`)",
        ),
        Mistake(_merge_and_keep, "the second id of a merged pair is still there; after a merge go on two ids further"),
        Mistake(_merge_without_the_last, "the last id is lost when no pair ends on it"),
        Mistake(_merge_from_the_right, "a run of equal ids is merged from the left; yours is from the right"),
        Mistake(_merge_once, "only the first occurrence of the pair is replaced; all are"),
        Mistake(
            _merge_overlapping,
            "an id that was merged already is used for the next pair too; look for the next pair behind it",
        ),
        Mistake(_merge_both_orders, "a pair is ordered: (2, 1) is not (1, 2)"),
        Mistake(_choosing(_largest), "of pairs that occur equally often this is the largest; take the smallest"),
        Mistake(
            _choosing(_most_common),
            "of pairs that occur equally often take the smallest; `most_common` gives the one that was seen first",
        ),
    ),
    hints=(
        "`Counter(zip(ids, ids[1:]))` counts all neighbours, overlapping ones too.",
        "`min(counts, key=lambda p: (-counts[p], p))` is the most frequent pair, and of equals the smallest.",
        "Merge with a position i: where `(ids[i], ids[i + 1])` is the pair append new_id and go on two ids, "
        "else append `ids[i]` and go on one.",
    ),
)
