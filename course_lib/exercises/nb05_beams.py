"""Exercise 5.6: beam search."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage


def beam_search(log_p, n_beams, length):
    beams = [((), 0.0)]  # prefix and its log-probability
    for _ in range(length):
        longer = [(prefix + (t,), total + float(s)) for prefix, total in beams for t, s in enumerate(log_p(prefix))]
        beams = sorted(longer, key=lambda beam: beam[1], reverse=True)[:n_beams]
    return beams[0][0]


def _search(log_p, n_beams, length, *, add=lambda total, s: total + s, keep=None):
    """The search with another rule to score, or to keep, what is found at each step."""
    keep = keep or (lambda longer: sorted(longer, key=lambda beam: -beam[1])[:n_beams])
    beams = [((), 0.0)]
    for _ in range(length):
        longer = [((*prefix, t), add(total, float(s))) for prefix, total in beams for t, s in enumerate(log_p(prefix))]
        beams = keep(longer)
    return max(beams, key=lambda beam: beam[1])[0]


def _greedy(log_p, n_beams, length):
    return beam_search(log_p, 1, length)


def _each_its_own(log_p, n_beams, length):
    firsts = np.argsort(-log_p(()), kind="stable")[:n_beams]
    paths = []
    for first in firsts:
        prefix, total = (int(first),), float(log_p(())[first])
        for _ in range(length - 1):
            scores = log_p(prefix)
            prefix, total = (*prefix, int(scores.argmax())), total + float(scores.max())
        paths.append((total, prefix))
    return max(paths)[1]


def _everything(log_p, n_beams, length):
    return _search(log_p, n_beams, length, keep=lambda longer: longer)


def _last_alone(log_p, n_beams, length):
    return _search(log_p, n_beams, length, add=lambda total, s: s)


def _probabilities_added(log_p, n_beams, length):
    return _search(log_p, n_beams, length, add=lambda total, s: total + np.exp(s))


def _logarithms_multiplied(log_p, n_beams, length):
    beams = [((), 1.0)]
    for _ in range(length):
        longer = [((*prefix, t), total * float(s)) for prefix, total in beams for t, s in enumerate(log_p(prefix))]
        beams = sorted(longer, key=lambda beam: -beam[1])[:n_beams]
    return beams[0][0]


def _least_likely(log_p, n_beams, length):
    return _search(log_p, n_beams, length, keep=lambda longer: sorted(longer, key=lambda b: b[1])[:n_beams])


def _last_token_read(log_p, n_beams, length):
    return beam_search(lambda prefix: log_p(prefix[-1:]), n_beams, length)


def _total_too(log_p, n_beams, length):
    prefix = beam_search(log_p, n_beams, length)
    return prefix, float(sum(log_p(prefix[:i])[t] for i, t in enumerate(prefix)))


def _table(rows):
    """log_p from a dict of prefix to probabilities."""
    return lambda prefix: np.log(rows[prefix])


def _detour():
    """The likelier first token leads to a hard choice: 0.6 * 0.55 = 0.33 is less than 0.4 * 0.9 = 0.36.

    Nowhere are two sequences equally likely, so the answer does not depend on how ties are broken.
    """
    return {(): [0.6, 0.4], (0,): [0.55, 0.45], (1,): [0.1, 0.9]}


def _random(seed, words=4):
    """Probabilities that depend on the whole prefix."""

    def log_p(prefix):
        scores = 2 * np.random.default_rng([seed, len(prefix), *prefix]).normal(size=words)
        return scores - np.logaddexp.reduce(scores)

    return log_p


BEAMS = Exercise(
    id="5.6",
    title="beam search",
    minutes=12,
    difficulty=2,
    solution=beam_search,
    stages=(
        Stage((_table(_detour()), 1, 2), "one beam: greedy, the likeliest token at each step"),
        Stage((_table(_detour()), 2, 2), "two beams, two steps: the likelier first token leads to a worse end"),
        Stage((_random(938), 3, 5), "three beams, five steps, four tokens"),  # all known mistakes differ here
    ),
    mistakes=(
        Mistake(_greedy, "this is greedy search: one prefix is kept at each step; keep the n_beams best"),
        Mistake(
            _each_its_own,
            "each beam keeps its own best continuation; all continuations of all beams compete for the n_beams places",
        ),
        Mistake(
            _everything,
            "every prefix is kept, which finds the best sequence of all and costs as much as trying all of them; "
            "keep n_beams of them at each step",
        ),
        Mistake(
            _last_alone,
            "prefixes are ranked by their last token alone; add the log-probabilities of all their tokens",
        ),
        Mistake(
            _probabilities_added,
            "probabilities are added; it is their logarithms that add, as the probabilities multiply",
        ),
        Mistake(
            _logarithms_multiplied,
            "log-probabilities are multiplied; probabilities multiply, so their logarithms add, beginning with 0",
        ),
        Mistake(_least_likely, "the least likely prefixes are kept; sort from the largest log-probability down"),
        Mistake(
            _last_token_read,
            "log_p is asked with the last token alone; the next token depends on the whole prefix",
        ),
        Mistake(_total_too, "the prefix comes with its log-probability; return its tokens alone"),
        Mistake(
            lambda *a: beam_search(*a)[::-1],
            "the tokens come in reverse; the first one comes first",
        ),
    ),
    hints=(
        "Hold a list of (prefix, log-probability), which starts with the empty prefix and 0.",
        "At each step, extend every prefix by every token, add the log-probabilities, sort, keep the first n_beams.",
        "`log_p(prefix)` takes a tuple of tokens: `prefix + (token,)` is the longer one.",
    ),
)
