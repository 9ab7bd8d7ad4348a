"""Exercise 6.2: the FLOPs of attention over a whole generation, with and without a cache."""

from course_lib.exercises.core import Exercise, Mistake, Stage


def generation_flops(N, d):
    return {
        "cached": 2 * d * N * (N + 1),  # 4 d i at step i, and 1 + 2 + ... + N = N (N + 1) / 2
        "recomputed": 2 * d * N * (N + 1) * (2 * N + 1) // 3,  # 4 d i^2, and the squares sum to N (N + 1) (2 N + 1) / 6
    }


def _summed(cached, recomputed, start=1):
    """The sums over the steps of other terms."""

    def answer(N, d):
        steps = range(start, N + start)
        return {"cached": sum(cached(i, d) for i in steps), "recomputed": sum(recomputed(i, d) for i in steps)}

    return answer


def _exchanged(N, d):
    right = generation_flops(N, d)
    return {"cached": right["recomputed"], "recomputed": right["cached"]}


COSTS = Exercise(
    id="6.2",
    title="the FLOPs of a generation",
    minutes=8,
    difficulty=2,
    solution=generation_flops,
    stages=(
        Stage((3, 5), "three tokens, width 5"),
        Stage((1000, 768), "1000 tokens, width 768"),
    ),
    mistakes=(
        Mistake(
            lambda N, d: {"cached": 4 * d * N, "recomputed": 4 * d * N * N},
            "this is what the last token costs; sum over all steps",
        ),
        Mistake(
            lambda N, d: {"cached": 4 * d * N * N, "recomputed": 4 * d * N**3},
            "this is N times the last step, but the earlier steps see fewer tokens: step i sees i of them",
        ),
        Mistake(
            _summed(lambda i, d: 2 * d * i, lambda i, d: 2 * d * i * i),
            "this is half: each pair takes part in two products, Q K^T and P V, and a multiply-add is 2 FLOPs",
        ),
        Mistake(
            _summed(lambda i, d: 8 * d * i, lambda i, d: 8 * d * i * i),
            "this is twice too much: 2 d FLOPs for the score of a pair and 2 d for its part of the mix, 4 d together",
        ),
        Mistake(
            lambda N, d: {"cached": 2 * d * N**2, "recomputed": 4 * d * N**3 / 3},
            "these are the integrals of 4 d i and 4 d i^2, the leading terms; the sums are asked for",
        ),
        Mistake(
            _summed(lambda i, d: 4 * d * i, lambda i, d: 4 * d * i * i, start=0),
            "step i sees i - 1 tokens here; it sees itself too, so that the first one costs 4 d",
        ),
        Mistake(
            _summed(lambda i, d: 4 * d * i, lambda i, d: 2 * d * i * (i + 1)),
            "without a cache you count visible pairs only; the matrix product computes all i^2 scores, and the mask "
            "hides some of them afterwards",
        ),
        Mistake(
            _summed(lambda i, d: 4 * d, lambda i, d: 4 * d * i),
            "each step here meets one token less than a whole text: with a cache one query meets i keys, without one "
            "all i queries meet i keys",
        ),
        Mistake(_exchanged, "the two are exchanged: with the cache it costs less"),
    ),
    hints=(
        "How many (query, key) pairs does step i compute with a cache, how many without? Each pair costs 4 d.",
        "i pairs with the cache, i^2 without. A loop that adds them up is a right answer.",
        "1 + 2 + ... + N = N (N + 1) / 2, and 1 + 4 + ... + N^2 = N (N + 1) (2 N + 1) / 6.",
    ),
)
