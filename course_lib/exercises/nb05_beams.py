"""Exercise 5.6: beam search."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits


def beam_search(log_p, n_beams, length):
    beams = [((), 0.0)]  # prefix and its log-probability
    for _ in range(length):
        longer = [(prefix + (t,), total + float(s)) for prefix, total in beams for t, s in enumerate(log_p(prefix))]
        longer.sort(key=lambda beam: beam[1], reverse=True)
        beams = longer[:n_beams]
    return beams[0][0]


def _kept_by(keep):
    """A beam search that goes on with keep(longer, n_beams); `longer` has, for each prefix, a list of longer ones."""

    def answer(log_p, n_beams, length):
        beams = [((), 0.0)]
        for _ in range(length):
            longer = [[((*p, t), total + float(s)) for t, s in enumerate(log_p(p))] for p, total in beams]
            beams = keep(longer, n_beams)
        return max(beams, key=_total)[0]

    return answer


def _total(beam):
    return beam[1]


def _each_its_own(longer, n_beams):
    if len(longer) == 1:
        return sorted(longer[0], key=_total, reverse=True)[:n_beams]
    return [max(group, key=_total) for group in longer]


def _many_each(longer, n_beams):
    return [beam for group in longer for beam in sorted(group, key=_total, reverse=True)[:n_beams]]


def _viterbi(longer, n_beams):
    return [max(group, key=_total) for group in zip(*longer, strict=True)]


def _random(seed, n_tokens):
    """A function log_p of a prefix of any length: random log-probabilities that depend on all of it."""

    def log_p(prefix):
        scores = np.random.default_rng([seed, *map(int, prefix)]).normal(size=n_tokens) ** 3
        return scores - np.logaddexp.reduce(scores)

    return log_p


BEAMS = Exercise(
    id="5.6",
    title="beam search",
    minutes=12,
    difficulty=2,
    solution=beam_search,
    stages=(
        # The seeds were chosen so that different mistakes give different results, and a wrong number of beams shows
        Stage((_random(103964, 7), 3, 5), "three beams, five steps, seven tokens"),
        Stage((_random(489, 5), 3, 5), "three beams, five steps, five tokens"),
        Stage((_random(1953, 5), 3, 4), "three beams, four steps, five tokens"),
        Stage((_random(22, 7), 2, 4), "two beams, four steps, seven tokens"),
        Stage((_random(2, 5), 1, 4), "one beam, four steps, five tokens"),
    ),
    mistakes=(
        *edits(
            beam_search,
            """
            longer[:n_beams] -> longer[:1] | This is the result of greedy search, which follows one prefix. Keep
                the n_beams best, and extend each of them by its own probabilities.
            longer[:n_beams] -> longer | More than n_beams prefixes are kept. Keep the n_beams best of
                all at each step.
            total + float(s) -> float(s) | Prefixes are ranked by their last token alone. Add the log-probabilities of
                all their tokens.
            longer[:n_beams] -> longer[:n_beams if beams[0][0] else 1] | After the first step a single prefix is left.
                Keep the n_beams best from the beginning.
            total + float(s) -> (total + float(s)) / 2 | The sum is halved at each step, so early tokens count less. Add
                the log-probabilities, all with the same weight.
            float(s) -> np.exp(s) | Probabilities are added. Add their logarithms, because probabilities multiply.
            total + -> total * && 0.0 -> 1.0 | Log-probabilities are multiplied. Add them, and begin with 0.
            , reverse=True -> | The least likely prefixes are kept. Sort from the largest log-probability down.
            , reverse=True -> && beams[0][0] -> max(beams, key=lambda beam: beam[1])[0] | The least likely prefixes are
                kept, and the best of them is returned. Keep those with the largest log-probability.
            , reverse=True -> && longer[:n_beams] -> longer[-n_beams:] | The worst of the kept prefixes is returned.
                Return the one with the largest sum of log-probabilities.
            beams[0][0] -> beams[1][0] | The second of the kept prefixes is returned. Return the first, which has the
                largest sum of log-probabilities.
            beams[0][0] -> max(beams)[0] | The largest prefix is returned, which is compared token by token. Return the
                one with the largest sum of log-probabilities.
            in beams for -> in beams[-1:] for | Only the last of the kept prefixes is extended. Collect the
                continuations of all of them.
            enumerate(log_p(prefix)) -> enumerate(np.cumsum(log_p(prefix))) | The log-probabilities of the tokens that
                may follow are added up one after the other. Each longer prefix adds that of its own last token.
            longer.sort(key=lambda beam: beam[1], reverse=True) -> pass | Log-probabilities have no effect on which
                prefixes are kept. Sort the longer prefixes by the sum of their log-probabilities.
            key=lambda beam: beam[1], reverse=True -> reverse=True | The prefixes are sorted by their tokens. Sort them
                by their log-probability.
            enumerate(log_p(prefix)) -> sorted(enumerate(log_p(prefix)), key=lambda pair: -pair[1])[:n_beams] && ,
                reverse=True -> | Of the likeliest continuations of each prefix, the least likely prefixes are kept.
                Sort from the largest log-probability down.
            enumerate(log_p(prefix)) -> sorted(enumerate(log_p(prefix)), key=lambda pair: -pair[1])[:n_beams] && ,
                reverse=True -> && beams[0][0] -> max(beams, key=lambda beam: beam[1])[0] | Of the likeliest
                continuations of each prefix, the least likely prefixes are kept, and the best of these is returned.
                Keep those with the largest log-probability.
            longer[:n_beams] -> longer[:3] | Three prefixes are kept at each step. Keep n_beams.
            longer[:n_beams] -> longer[:max(n_beams, 2)] | At least two prefixes are kept at each step. Keep n_beams,
                which may be 1.
            prefix + (t,) -> (t,) + prefix | New tokens are put in front of the prefix. Put them behind it.
            log_p(prefix) -> log_p(prefix[-1:]) | log_p is asked with the last token alone. The next token depends on
                the whole prefix.
            log_p(prefix) -> log_p(()) | log_p is asked with the empty prefix at each step. Ask it with the prefix.
            log_p(prefix) -> log_p(prefix[::-1]) | log_p is asked with the prefix in reverse. The first token comes
                first.
            enumerate(log_p(prefix)) -> enumerate(log_p(prefix)[:n_beams]) | Only the first n_beams tokens of the
                vocabulary are tried. Extend each prefix by every token.
            longer[:n_beams] -> longer[:n_beams + 1] | Each step keeps n_beams + 1 prefixes. Keep n_beams.
            longer[:n_beams] -> longer[:max(n_beams - 1, 1)] | Each step keeps n_beams - 1 prefixes. Keep n_beams.
            range(length) -> range(length + 1) | The search takes one step too many. Each of the `length` steps adds a
                token.
            range(length) -> range(length - 1) | The search takes one step too few. Each of the `length` steps adds a
                token.
            beams[0][0] -> max(beams, key=lambda beam: log_p(beam[0][:-1])[beam[0][-1]])[0] | The last choice is made by
                the last token alone. Return the prefix with the largest sum.
            enumerate(log_p(prefix)) -> sorted(enumerate(log_p(prefix)), key=lambda pair: pair[1])[:n_beams] | The least
                likely tokens are tried. `argsort` sorts in ascending order, so the likeliest tokens come last.
            enumerate(log_p(prefix)) -> sorted(enumerate(log_p(prefix)), key=lambda pair: -pair[1])[:2] | At most two
                continuations of a prefix are tried. All of the n_beams best may continue the same prefix.
            beams[0][0] -> beams[0] | The prefix comes with its log-probability. Return its tokens alone.
            beams[0][0] -> beams[0][0][::-1] | The tokens come in reverse. The first one comes first.
            beams[0][0] -> [prefix for prefix, _ in beams] | All kept prefixes are returned. Return the best one.
            """,
        ),
        Mistake(
            _kept_by(_each_its_own),
            "Each beam keeps its own best continuation. Sort the continuations of all beams together, and keep n_beams "
            "of them.",
        ),
        Mistake(
            _kept_by(_many_each),
            "The n_beams best continuations of each prefix are kept, so the prefixes become more and more. Keep the "
            "n_beams best of all.",
        ),
        Mistake(
            _kept_by(_viterbi),
            "One prefix is kept for each last token, as in Viterbi's algorithm. Keep the n_beams best of all prefixes, "
            "whatever their last tokens are.",
        ),
        Mistake(
            _kept_by(lambda longer, n_beams: sorted(_viterbi(longer, n_beams), key=_total, reverse=True)[:n_beams]),
            "No two of the kept prefixes have the same last token. Keep the n_beams best of all, whatever their last "
            "tokens are.",
        ),
    ),
    hints=(
        "Hold a list of (prefix, log-probability). It starts with the empty prefix and 0.",
        "At each step, extend every prefix by every token, add the log-probabilities, sort, keep the first n_beams.",
        "`log_p(prefix)` takes a tuple of tokens: `prefix + (token,)` is the longer one.",
    ),
)
