"""Exercise 8.4: what one cached token costs a new one, in both readings of latent attention."""

from course_lib.exercises.core import Exercise, Mistake, Stage


def per_cached_token(n_heads, d_head, d_value, d_latent, d_rope, absorbed):
    if absorbed:  # one shared row [L, K_R] is the key, and its part L the value
        key, value, numbers = d_latent + d_rope, d_latent, d_latent + d_rope
    else:
        key, value = d_head + d_rope, d_value
        numbers = n_heads * (key + value)
    return {"flops": 2 * n_heads * (key + value), "numbers": numbers}


def _changed(**formulas):
    """The right counts with other formulas for one or both, from the six sizes."""
    return lambda *sizes: per_cached_token(*sizes) | {name: count(*sizes) for name, count in formulas.items()}


def _flops(*sizes):
    return per_cached_token(*sizes)["flops"]


COSTS = Exercise(
    id="8.4",
    title="what a cached token costs",
    minutes=8,
    difficulty=2,
    solution=per_cached_token,
    stages=(
        Stage((1, 4, 3, 9, 0, False), "expanded, one head without rotary coordinates"),
        Stage((5, 4, 3, 9, 2, False), "expanded, five heads, d_R = 2"),
        Stage((5, 4, 3, 9, 0, True), "absorbed, five heads without rotary coordinates"),
        Stage((5, 4, 3, 9, 2, True), "absorbed, five heads, d_R = 2"),
        Stage((128, 128, 128, 512, 64, True), "absorbed, the sizes of DeepSeek-V2"),
    ),
    mistakes=(
        Mistake(
            _changed(flops=lambda *sizes: _flops(*sizes) // 2),
            "these are multiply-adds; each is two operations, one multiplication and one addition",
        ),
        Mistake(
            _changed(flops=lambda h, e, v, r, p, a: 2 * h * (2 * r + 2 * p if a else e + p + v)),
            "the mix runs over L alone, d_L numbers; the rotary coordinates belong to the score only",
        ),
        Mistake(
            _changed(
                flops=lambda h, e, v, r, p, a: 2 * h * (2 * r if a else e + v),
                numbers=lambda h, e, v, r, p, a: r if a else h * (e + v),
            ),
            "the rotary coordinates are missing: each score also runs over d_R of them, and they are read",
        ),
        Mistake(
            _changed(flops=lambda h, e, v, r, p, a: 2 * h * (2 * r if a else e + v)),
            "the score runs over the d_R rotary coordinates too",
        ),
        Mistake(
            _changed(numbers=lambda h, e, v, r, p, a: r if a else h * (e + v)),
            "the d_R rotary coordinates are read as well",
        ),
        Mistake(
            _changed(flops=lambda h, e, v, r, p, a: 2 * (2 * r + p) if a else _flops(h, e, v, r, p, a)),
            "this is one head; the row is shared, but each head has its own query, so all h of them compute with it",
        ),
        Mistake(_changed(flops=lambda h, *widths: _flops(1, *widths)), "this is one head; all h compute"),
        Mistake(
            _changed(numbers=lambda h, e, v, r, p, a: h * (r + p) if a else h * (e + p + v)),
            "absorbed, all heads read the same row [L, K_R]; it is read once, not once for each head",
        ),
        Mistake(
            _changed(numbers=lambda h, e, v, r, p, a: 2 * r + p if a else h * (e + p + v)),
            "the value is a part of the row that serves as key, so L is not read a second time",
        ),
        Mistake(
            _changed(numbers=lambda h, e, v, r, p, a: r + h * p if a else h * (e + p + v)),
            "absorbed, K_R is shared by all heads like L; its d_R numbers are read once",
        ),
        Mistake(
            _changed(numbers=lambda *sizes: 2 * per_cached_token(*sizes)["numbers"]), "these are bytes; count numbers"
        ),
        Mistake(
            _changed(numbers=lambda h, e, v, r, p, a: r + p if a else e + p + v),
            "expanded, each head has a key and a value of its own: h times as many numbers",
        ),
        Mistake(
            _changed(numbers=lambda h, e, v, r, p, a: r + p if a else h * (e + v) + p),
            "in the expanded keys every head has its own copy of K_R, so d_R counts h times",
        ),
        Mistake(
            _changed(numbers=lambda h, e, v, r, p, a: r + p),
            "what lies in the cache is d_L + d_R numbers in both readings, but expanded, attention reads the keys and "
            "values made from them",
        ),
        Mistake(
            _changed(flops=lambda h, e, v, r, p, a: _flops(h, e, v, r, p, a) + (0 if a else 2 * h * r * (e + v))),
            "making the keys and values from L is counted as well; take them as given here; the text after the "
            "exercise adds it",
        ),
        Mistake(
            _changed(flops=lambda h, e, v, r, p, a: 2 * h * (r + p if a else e + p)),
            "this is the score alone; the mix takes one multiply-add for each coordinate of the value",
        ),
        Mistake(
            _changed(flops=lambda h, e, v, r, p, a: 2 * h * (r + p + v if a else e + p + v)),
            "absorbed, the mix runs over L, d_L numbers; the way to d_V follows once per new token, not per cached one",
        ),
        Mistake(
            _changed(
                flops=lambda h, e, v, r, p, a: 2 * h * (2 * r + p if a else e + v) + (0 if a else 2 * p),
                numbers=lambda h, e, v, r, p, a: r + p if a else h * (e + v) + p,
            ),
            "the rotary part is counted for one head; each has its own rotary query, and in the expanded keys its own "
            "copy of K_R",
        ),
        Mistake(
            lambda h, e, v, r, p, a: per_cached_token(h, e, v, r, p, not a),
            "the two readings have changed places",
        ),
    ),
    hints=(
        "One new token, one cached one. A score is an inner product, and the mix adds a multiple of one value.",
        "Per head: 2 (width of the key) FLOPs for the score, 2 (width of the value) for the mix.",
        "Absorbed, the key is [L, K_R] of width d_L + d_R and the value is L; both are the same row for all heads.",
    ),
)
