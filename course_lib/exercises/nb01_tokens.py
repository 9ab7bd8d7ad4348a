"""Exercise 1.1: greedy tokens."""

import re

from course_lib.exercises.core import Exercise, Mistake, Stage, edits


def greedy_tokens(text, vocabulary):
    tokens, i = [], 0
    while i < len(text):
        pair = text[i : i + 2]
        tokens.append(pair if pair in vocabulary else text[i])
        i += len(tokens[-1])
    return tokens


def _pair_by_pair(text, vocabulary):
    """A wrong answer: merge one pair wherever it occurs, then the next one, as byte-pair encoding does."""
    pairs = sorted(token for token in vocabulary if len(token) == 2 and token in text)
    if not pairs:
        return list(text)
    left, pair, right = text.partition(pairs[0])
    return [*_pair_by_pair(left, vocabulary), pair, *_pair_by_pair(right, vocabulary)]


def _by_unescaped_pattern(text, vocabulary):
    return re.findall("|".join(sorted(vocabulary, key=lambda token: (-len(token), token))), text)


def _letters_and(*pairs):
    return set("abcdhelnostxT. ") | set(pairs)


GREEDY = Exercise(
    id="1.1",
    title="greedy tokens",
    minutes=5,
    difficulty=1,
    solution=greedy_tokens,
    stages=(
        Stage(("abcd", _letters_and("ab", "cd")), "'abcd' with the pairs 'ab' and 'cd'"),
        Stage(("abc", _letters_and()), "'abc', no pair in the vocabulary"),
        Stage(("abxab", _letters_and("ab")), "'abxab' with the pair 'ab'"),
        Stage(("aaa", _letters_and("aa")), "'aaa' with the pair 'aa'"),
        Stage(("xthex", _letters_and("th", "he")), "'xthex' with the pairs 'th' and 'he'"),
        Stage(("The cat sat on the test tent", _letters_and("th", "he", "at", "te", "e ")), "a sentence"),
        Stage((" a cat ", _letters_and("a ", "at")), "' a cat ', a text that begins and ends with a space"),
        Stage(("abxa.b.", _letters_and("a.", "b.")), "'abxa.b.' with the pairs 'a.' and 'b.'"),
        Stage(("", _letters_and("ab")), "the empty text, which has no tokens"),
    ),
    mistakes=(
        *edits(
            greedy_tokens,
            """
            pair if pair in vocabulary else text[i] -> text[i] | These are single characters. A pair that is in the
                vocabulary goes before a single character.
            pair if pair in vocabulary else text[i] -> pair | The text is cut into pairs without asking whether the pair
                is in the vocabulary.
            return tokens -> return [token for token in tokens if len(token) == 2] | Single characters are lost where no
                pair fits.
            i += len(tokens[-1]) -> i += 1 | After a token of two characters the next one begins two characters on, not
                one.
            while i < len(text) -> while i < len(text) - 1 | The last character is lost when no pair ends on it.
            i += len(tokens[-1]) -> tokens += pair[len(tokens[-1]) :]; i += 2 | You try pairs at the places 0, 2, 4, ...
                only. After a single character try the next place.
            tokens, i = [], 0 -> text, vocabulary, tokens, i = text[::-1], {t[::-1] for t in vocabulary}, [], 0 &&
                return tokens -> return [token[::-1] for token in tokens[::-1]] | You match from the right. The greedy
                rule reads from the left.
            tokens, i = [], 0 -> text, tokens, i = text.lower(), [], 0 | The text is changed to lower case. The tokens
                put together are the text as it was.
            tokens, i = [], 0 -> text, tokens, i = text.strip(), [], 0 | Spaces at the ends are lost. The tokens put
                together are the text as it was.
            i += len(tokens[-1]) -> i += len(tokens[-1]) + 1 | A character is skipped after each token. The next token
                begins where the last one ends.
            return tokens -> return tokens[:1] | Only the first token is there. Go on behind it until the text ends.
            return tokens -> return tokens[1:] | The first token is lost. The text begins with it.
            return tokens -> return tokens or [""] | The empty text has no tokens. Return an empty list for it.
            i += len(tokens[-1]) -> i += 2 | You go two characters on after every token, so characters are lost. Go on
                by the length of the token.
            return tokens -> return list(dict.fromkeys(tokens)) | Each token is there once. A token is repeated as often
                as the text has it.
            return tokens -> return tokens + [text[-1]] * (len(tokens[-1]) == 2) | The last character is there twice.
                Append it only if no pair ends on it.
            """,
        ),
        Mistake(
            _pair_by_pair,
            "You go through the pairs. The greedy rule goes through the text, and takes the pair that begins first.",
        ),
        Mistake(
            _by_unescaped_pattern,
            "The tokens are read as regular expressions, in which `.` fits any character. `re.escape` prevents this.",
        ),
    ),
    hints=(
        "Keep a position i. While it is inside the text, append one token and move i on by the length of that token.",
        "`text[i : i + 2]` is the candidate of two characters (of one, at the very end of the text).",
        "If the candidate is in the vocabulary append it, else append `text[i]`.",
    ),
)
