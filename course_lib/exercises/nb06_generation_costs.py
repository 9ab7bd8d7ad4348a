"""Exercise 6.2: the FLOPs of attention over a whole generation, with and without a cache."""

from course_lib.exercises.core import Exercise, Stage, edits


def generation_flops(N, d):
    steps = range(1, N + 1)
    return {
        "cached": sum(4 * d * i for i in steps),  # 2 d N (N + 1)
        "recomputed": sum(4 * d * i * i for i in steps),  # 2 d N (N + 1) (2 N + 1) / 3
    }


COSTS = Exercise(
    id="6.2",
    title="the FLOPs of a generation",
    minutes=8,
    difficulty=2,
    solution=generation_flops,
    stages=(
        Stage((5, 3), "five tokens, width 3"),
        Stage((7, 12), "seven tokens, width 12"),
        Stage((1, 7), "one token, width 7"),
        Stage((1000, 768), "1000 tokens, width 768"),
    ),
    mistakes=edits(
        generation_flops,
        """
        sum(4 * d * i for i in steps) -> 4 * d * N && sum(4 * d * i * i for i in steps) -> 4 * d * N * N | This is what
            the last token costs. Sum over all steps.
        sum(4 * d * i for i in steps) -> 4 * d * N * N && sum(4 * d * i * i for i in steps) -> 4 * d * N**3 | This is N
            times the last step. Earlier steps see fewer tokens, and step i sees i of them.
        sum(4 * d * i * i for i in steps) -> 4 * d * N**3 | Without a cache this is N times the last step. Step i has i
            queries, and earlier steps have fewer.
        sum(4 * d * i * i for i in steps) -> 4 * d * N**2 | Without a cache this is the last step alone. Sum over all
            steps.
        sum(4 * d * i for i in steps) -> 4 * d * N | With the cache this is 4 d N, as the last step costs alone. Step i
            costs 4 d i, and all steps are summed.
        sum(4 * d * i for i in steps) -> 4 * d * N * N | With the cache this is N times the last step. Step i sees i
            tokens.
        sum(4 * d * i for -> sum(2 * d * i for && sum(4 * d * i * i -> sum(2 * d * i * i | This is half. Each pair takes
            part in two products, Q K^T and P V, and a multiply-add is 2 FLOPs.
        sum(4 * d * i for -> sum(2 * d * i for | With the cache this is half. Each pair takes part in two products, and
            a multiply-add is 2 FLOPs.
        sum(4 * d * i * i -> sum(2 * d * i * i | Without a cache this is half. Each pair takes part in two products, and
            a multiply-add is 2 FLOPs.
        sum(4 * d * i for -> sum(d * i for && sum(4 * d * i * i -> sum(d * i * i | This is a quarter. Each pair takes
            part in two products, Q K^T and P V, and a multiply-add is 2 FLOPs.
        sum(4 * d * i for -> sum(8 * d * i for && sum(4 * d * i * i -> sum(8 * d * i * i | This is twice too much. A
            pair costs 2 d FLOPs for its score and 2 d for its part of the mix.
        4 * d * i -2> 4 * i | The width is missing. A pair costs 4 d FLOPs.
        4 * d * i -2> 4 * d * d * i | A pair costs 4 d FLOPs, not 4 d^2. The projections are not counted.
        4 * d * i for -> (8 * d * d + 4 * d * i) for && 4 * d * i * i -> 8 * d * d * i + 4 * d * i * i | The projections
            are counted, too. Count attention alone, which is Q K^T and P V.
        sum(4 * d * i for i in steps) -> 2 * d * N**2 && sum(4 * d * i * i for i in steps) -> 4 * d * N**3 / 3 | These
            are the integrals of 4 d i and 4 d i^2. The sums are asked for.
        sum(4 * d * i for i in steps) -> 2 * d * N**2 | With the cache this is the integral of 4 d i. The sum is asked
            for, and 1 + 2 + ... + N = N (N + 1) / 2.
        sum(4 * d * i * i for i in steps) -> 4 * d * N**3 / 3 | Without a cache this is the integral of 4 d i^2. The sum
            of the squares is asked for, 1 + 4 + ... + N^2.
        sum(4 * d * i * i for i in steps) -> 4 * d * sum(steps) ** 2 | Without a cache this is 4 d (1 + 2 + ... + N)^2.
            Square each i first, then add.
        4 * d * i * i -> 4 * d * i * N | Without a cache this has i N pairs in step i. Only i tokens are there, so i^2
            pairs.
        4 * d * i for -> 4 * d * (i - 1) for | With the cache step i sees i - 1 tokens here. It sees itself, too.
        4 * d * i * i -> 4 * d * (i - 1) ** 2 | Without a cache step i has i - 1 tokens here. It has i, the new one
            included.
        range(1, N + 1) -> range(2, N + 2) | Step i sees i + 1 tokens here. The new token is one of the i.
        range(1, N + 1) -> range(N) | Step i sees i - 1 tokens here. It sees itself, too, so the first one costs 4 d.
        range(1, N + 1) -> range(2, N + 1) | The first step is missing. It costs 4 d, because the token sees itself.
        range(1, N + 1) -> range(1, N + 2) | There is one step too many. The steps are 1 to N.
        4 * d * i * i -> 2 * d * i * (i + 1) | Without a cache this sums i (i + 1) / 2, the visible pairs. The matrix
            product computes all i^2 scores, so the sum is that of the squares.
        sum(4 * d * i for -> sum(4 * d for && sum(4 * d * i * i -> sum(4 * d * i | A factor i is missing. With a cache
            one query meets i keys, without one i queries meet i keys.
        sum(4 * d * i * i -> sum(4 * d * i | Without a cache all i queries meet i keys, so step i costs 4 d i^2.
        "cached": -> "x": && "recomputed": -> "cached": && "x": -> "recomputed": | The two are exchanged. With the
            cache it costs less.
        range(1, N + 1) -> range(1, 2) | This is the first step alone. Sum over all steps. If you use a loop, put
            `return` behind it.
        sum(4 * d * i for i in steps) -> sum(4 * d * i * i for i in steps) | With the cache this has i^2 pairs in step
            i, as without one. One query meets i keys there.
        sum(4 * d * i for i in steps) -> 4 * d * (N // 2 * (N + 1)) | N // 2 is rounded down before it is multiplied.
            Multiply first, then divide.
        """,
    ),
    hints=(
        "How many (query, key) pairs does step i compute with a cache, how many without? Each pair costs 4 d.",
        "Step i computes i pairs with the cache and i^2 without. A loop that adds them up is a right answer.",
        "1 + 2 + ... + N = N (N + 1) / 2, and 1 + 4 + ... + N^2 = N (N + 1) (2 N + 1) / 6.",
    ),
)
