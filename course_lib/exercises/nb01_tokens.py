"""Exercise 1.1: greedy tokens."""

from course_lib.exercises.core import Exercise, Mistake, Stage


def greedy_tokens(text, vocabulary):
    tokens, i = [], 0
    while i < len(text):
        tokens.append(text[i : i + 2] if text[i : i + 2] in vocabulary else text[i])
        i += len(tokens[-1])
    return tokens


def _blind_pairs(text, vocabulary):
    return [text[i : i + 2] for i in range(0, len(text), 2)]


def _on_a_grid(text, vocabulary):
    return [token for pair in _blind_pairs(text, vocabulary) for token in ([pair] if pair in vocabulary else pair)]


def _pairs_alone(text, vocabulary):
    return [token for token in greedy_tokens(text, vocabulary) if len(token) == 2]


def _pair_by_pair(text, vocabulary):
    """Each pair in turn, wherever it is free: the way of byte-pair encoding."""
    pairs = sorted(token for token in vocabulary if len(token) == 2 and token in text)
    if not pairs:
        return list(text)
    left, pair, right = text.partition(pairs[0])
    return [*_pair_by_pair(left, vocabulary), pair, *_pair_by_pair(right, vocabulary)]


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
        Stage(("abc", _letters_and()), "no pair in the vocabulary"),
        Stage(("abcd", _letters_and("ab", "cd")), "two pairs side by side"),
        Stage(("abxab", _letters_and("ab")), "'abxab' with the pair 'ab'"),
        Stage(("aaa", _letters_and("aa")), "'aaa' with the pair 'aa'"),
        Stage(("xthex", _letters_and("th", "he")), "'xthex' with the pairs 'th' and 'he'"),
        Stage(("the cat sat on the test tent", _letters_and("th", "he", "at", "te", "e ")), "a sentence"),
    ),
    mistakes=(
        Mistake(lambda text, vocabulary: list(text), "a pair that is in the vocabulary goes before a single character"),
        Mistake(_blind_pairs, "the text is cut into pairs without asking whether the pair is in the vocabulary"),
        Mistake(_pairs_alone, "single characters are lost where no pair fits"),
        Mistake(_overlapping, "after a token of two characters the next one begins two characters on, not one"),
        Mistake(_without_the_last, "the last character is lost when no pair ends on it"),
        Mistake(
            _pair_by_pair,
            "you go through the pairs; the greedy rule goes through the text, and takes the pair that begins first",
        ),
        Mistake(
            _on_a_grid, "you try pairs at the places 0, 2, 4, ... only; after a single character try the next place"
        ),
        Mistake(_from_the_right, "you match from the right; the greedy rule reads from the left"),
    ),
    hints=(
        "Keep a position i. While it is inside the text, append one token and move i on by the length of that token.",
        "`text[i : i + 2]` is the candidate of two characters (of one, at the very end of the text).",
        "If the candidate is in the vocabulary append it, else append `text[i]`.",
    ),
)
