"""Exercises 1.1 and 1.2: greedy tokens, one step of byte-pair encoding."""

from collections import Counter

from course_lib.exercises.core import Exercise, Mistake, Stage

# 1.1 ------------------------------------------------------------------------------------------------------------------


def greedy_tokens(text, vocabulary):
    tokens, i = [], 0
    while i < len(text):
        tokens.append(text[i : i + 2] if text[i : i + 2] in vocabulary else text[i])
        i += len(tokens[-1])
    return tokens


def _blind_pairs(text, vocabulary):
    return [text[i : i + 2] for i in range(0, len(text), 2)]


def _overlapping(text, vocabulary):
    return [text[i : i + 2] if text[i : i + 2] in vocabulary else text[i] for i in range(len(text))]


def _without_the_last(text, vocabulary):
    tokens, i = [], 0
    while i < len(text) - 1:
        tokens.append(text[i : i + 2] if text[i : i + 2] in vocabulary else text[i])
        i += len(tokens[-1])
    return tokens


def _from_the_right(text, vocabulary):
    backwards = greedy_tokens(text[::-1], {token[::-1] for token in vocabulary})
    return [token[::-1] for token in backwards[::-1]]


def _letters_and(*pairs):
    return set("abcdhelnostx ") | set(pairs)


GREEDY = Exercise(
    id="1.1",
    title="greedy tokens",
    minutes=5,
    difficulty=1,
    solution=greedy_tokens,
    stages=(
        Stage(lambda: ("abc", _letters_and()), "no pair in the vocabulary"),
        Stage(lambda: ("abcd", _letters_and("ab", "cd")), "two pairs side by side"),
        Stage(lambda: ("aaa", _letters_and("aa")), "'aaa' with the pair 'aa'"),
        Stage(lambda: ("xthex", _letters_and("th", "he")), "'xthex' with the pairs 'th' and 'he'"),
        Stage(lambda: ("the cat sat on the test tent", _letters_and("th", "he", "at", "te", "e ")), "a sentence"),
    ),
    mistakes=(
        Mistake(lambda text, vocabulary: list(text), "a pair that is in the vocabulary goes before a single character"),
        Mistake(_blind_pairs, "the text is cut into pairs without asking whether the pair is in the vocabulary"),
        Mistake(_overlapping, "after a token of two characters the next one begins two characters on, not one"),
        Mistake(_without_the_last, "the last character is lost when no pair ends on it"),
        Mistake(_from_the_right, "you match from the right; the greedy rule reads from the left"),
    ),
    hints=(
        "Keep a position i. While it is inside the text, append one token and move i on by the length of that token.",
        "`text[i : i + 2]` is the candidate of two characters (of one, at the very end of the text).",
        "If the candidate is in the vocabulary append it, else append `text[i]`.",
    ),
)


# 1.2 ------------------------------------------------------------------------------------------------------------------


def bpe_step(ids, new_id):
    counts = Counter(zip(ids, ids[1:], strict=False))
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
        pair = choose(list(zip(ids, ids[1:], strict=False)))
        return pair, _merge(ids, new_id, lambda two: two == pair)

    return step


def _rarest(pairs):
    return min(pairs, key=lambda p: (pairs.count(p), p))


def _most_common(pairs):
    return Counter(pairs).most_common(1)[0][0]  # the first seen of equals


def _most_common_of_disjoint(pairs):
    return min(pairs[::2], key=lambda p: (-pairs[::2].count(p), p))


def _merge_once(ids, new_id):
    pair, _ = bpe_step(ids, new_id)
    i = next(i for i in range(len(ids)) if tuple(ids[i : i + 2]) == pair)
    return pair, ids[:i] + [new_id] + ids[i + 2 :]


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
        Stage(lambda: ([5, 7], 9), "two ids, one pair"),
        Stage(lambda: ([6, 1, 2, 0, 4, 1, 2], 9), "the pair (1, 2), twice"),
        Stage(lambda: ([1, 2, 3, 2, 1, 4, 1, 2], 9), "the pair (1, 2) twice, and (2, 1) once"),
        Stage(lambda: ([1, 1, 1, 1, 1, 2], 9), "a run of five equal ids"),
        Stage(lambda: ([3, 4, 1, 2, 3, 4, 1, 2], 9), "three pairs that occur twice each"),
        Stage(lambda: (list(b"the cat sat on that mat, the hat sat there"), 256), "the bytes of a sentence"),
    ),
    mistakes=(
        Mistake(_choosing(_rarest), "this is the rarest pair; the most frequent one is merged"),
        Mistake(
            _choosing(_most_common_of_disjoint),
            "you count the pairs at positions 0, 2, 4, ... only; every two neighbours are a pair",
        ),
        Mistake(_merge_once, "only the first occurrence of the pair is replaced; all are"),
        Mistake(
            _merge_overlapping,
            "an id that was merged already is used for the next pair too; after a merge go on two ids further",
        ),
        Mistake(_merge_both_orders, "a pair is ordered: (2, 1) is not (1, 2)"),
        Mistake(
            _choosing(_most_common),
            "of pairs that occur equally often take the smallest, here by `min` over the pairs",
        ),
    ),
    hints=(
        "`Counter(zip(ids, ids[1:]))` counts all neighbours, overlapping ones too.",
        "`min(counts, key=lambda p: (-counts[p], p))` is the most frequent pair, and of equals the smallest.",
        "Merge with a position i: where `(ids[i], ids[i + 1])` is the pair append new_id and go on two ids, "
        "else append `ids[i]` and go on one.",
    ),
)
