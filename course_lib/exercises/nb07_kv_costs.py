"""Exercises 7.3 to 7.5: what the number of KV heads changes, and what it does not."""

from math import ceil

from course_lib.exercises.core import Exercise, Mistake, Stage


def _changed(right, **formulas):
    """`right`, a function that returns a dict, with other formulas for some entries."""
    return lambda *sizes: right(*sizes) | {key.replace("_", " "): f(*sizes) for key, f in formulas.items()}


# 7.3 ------------------------------------------------------------------------------------------------------------------


def cache_of_a_token(n_layers, n_heads, n_kv_heads, d_head, itemsize):
    return {
        "bytes": 2 * n_layers * n_kv_heads * d_head * itemsize,  # keys and values
        "saving": n_heads / n_kv_heads,
    }


CACHE = Exercise(
    id="7.3",
    title="what a token leaves behind",
    minutes=5,
    difficulty=1,
    solution=cache_of_a_token,
    stages=(
        Stage((1, 6, 2, 5, 4), "one layer, six query heads share two KV heads of width 5, 4 bytes a number"),
        Stage((1, 3, 3, 5, 4), "three heads (MHA)"),
        Stage((80, 64, 8, 128, 2), "Llama 3 70B in 16 bits: 80 layers, 64 heads, 8 KV heads of width 128"),
    ),
    mistakes=(
        Mistake(
            _changed(cache_of_a_token, bytes=lambda layers, h, g, e, size: layers * g * e * size),
            "keys alone, or values alone, are counted; a token leaves both",
        ),
        Mistake(
            _changed(cache_of_a_token, bytes=lambda layers, h, g, e, size: 2 * layers * h * e * size),
            "this is the cache of MHA; what is cached has n_kv_heads heads",
        ),
        Mistake(
            _changed(cache_of_a_token, bytes=lambda layers, h, g, e, size: 2 * g * e * size),
            "this is one layer; each layer has a cache of its own",
        ),
        Mistake(
            _changed(cache_of_a_token, bytes=lambda layers, h, g, e, size: 2 * layers * g * e),
            "these are numbers; each takes `itemsize` bytes",
        ),
        Mistake(
            _changed(cache_of_a_token, bytes=lambda layers, h, g, e, size: 2 * layers * (h // g) * e * size),
            "h / g is how many query heads share a KV head; how many KV heads there are is g",
        ),
        Mistake(
            _changed(cache_of_a_token, saving=lambda layers, h, g, e, size: g / h),
            "this is the share that is left; the saving is how many times larger the cache of MHA is",
        ),
        Mistake(
            _changed(cache_of_a_token, saving=lambda layers, h, g, e, size: 1 - g / h),
            "this is the share that is saved; asked for is how many times larger the cache of MHA is",
        ),
    ),
    hints=(
        "In each layer a token leaves one key and one value of width d_head in each KV head.",
        "bytes = 2 n_layers n_kv_heads d_head itemsize; MHA has n_heads in place of n_kv_heads, and all else is equal.",
    ),
)

# 7.4 ------------------------------------------------------------------------------------------------------------------


def one_step(n_heads, n_kv_heads, d_head, N):
    flops = 4 * n_heads * d_head * N  # 2 for a multiply-add; once for Q K^T, once for P V
    numbers = 2 * n_kv_heads * d_head * N  # each key and each value once
    return {"flops": flops, "numbers": numbers, "flops per number": flops / numbers}


STEP = Exercise(
    id="7.4",
    title="what falls, and what does not",
    minutes=6,
    difficulty=2,
    solution=one_step,
    stages=(
        Stage((1, 1, 5, 1), "one head of width 5, one token in the cache"),
        Stage((3, 3, 5, 7), "three heads (MHA), seven tokens"),
        Stage((6, 2, 5, 7), "six query heads share two KV heads"),
    ),
    mistakes=(
        Mistake(
            lambda h, g, e, N: {"flops": 4 * g * e * N, "numbers": 2 * g * e * N, "flops per number": 2.0},
            "every query head still has its own products with the keys and values that it reads; sharing saves "
            "reading, not arithmetic",
        ),
        Mistake(
            lambda h, g, e, N: {"flops": 4 * h * e * N, "numbers": 2 * h * e * N, "flops per number": 2.0},
            "a key is read once for all query heads of its group, so g heads are read, not h",
        ),
        Mistake(
            lambda h, g, e, N: {"flops": 2 * h * e * N, "numbers": 2 * g * e * N, "flops per number": h / g},
            "half of the FLOPs: a multiply-add is 2, and it is needed for Q K^T and again for P V, 4 h d_head N",
        ),
        Mistake(
            lambda h, g, e, N: {"flops": 4 * h * e * N, "numbers": g * e * N, "flops per number": 4 * h / g},
            "half of the numbers: keys and values are read, both",
        ),
        Mistake(
            _changed(one_step, flops_per_number=lambda h, g, e, N: g / (2 * h)),
            "this is numbers per FLOP; asked for is the inverse",
        ),
        Mistake(
            _changed(one_step, flops_per_number=lambda h, g, e, N: h / g),
            "half of the FLOPs per number: 4 h / (2 g) = 2 h / g",
        ),
        Mistake(lambda h, g, e, N: one_step(h, g, e, N + 1), "N counts the new token already"),
        Mistake(
            lambda h, g, e, N: {"flops": 4 * h * e * N, "numbers": 4 * g * e * N, "flops per number": h / g},
            "numbers are asked for, not bytes",
        ),
        Mistake(
            lambda h, g, e, N: {
                "flops": 4 * h * e * N * N,
                "numbers": 2 * g * e * N,
                "flops per number": 2 * h / g * N,
            },
            "one token asks, so there are N scores a head; N^2 is for N queries",
        ),
    ),
    hints=(
        "One query in each of h heads: N inner products of width d_head, then a sum of N rows of width d_head.",
        "Both take h N d_head multiply-adds, and a multiply-add is 2 FLOPs. What must come from memory is the cache: "
        "N keys and N values in each of g heads.",
        "flops = 4 h d_head N, numbers = 2 g d_head N. Divide.",
    ),
)

# 7.5 ------------------------------------------------------------------------------------------------------------------


def longest_context(memory, weights, bytes_per_token, batch):
    return (memory - weights) // (batch * bytes_per_token)


CONTEXT = Exercise(
    id="7.5",
    title="how long may the text be?",
    minutes=4,
    difficulty=1,
    solution=longest_context,
    stages=(
        Stage((1000, 0, 7, 1), "1000 bytes, no weights, 7 bytes per token, one text"),
        Stage((1000, 300, 7, 1), "300 of them are taken by the weights"),
        Stage((1000, 300, 7, 4), "four texts at once"),
        Stage((80 * 10**9, 16 * 10**9, 2**17, 16), "80 GB, 16 GB of weights, 128 KiB per token, 16 texts"),
    ),
    mistakes=(
        Mistake(
            lambda memory, weights, each, batch: memory // (batch * each),
            "the weights need their place too: memory - weights is left for the caches",
        ),
        Mistake(
            lambda memory, weights, each, batch: (memory - weights) // each,
            "these are the tokens of all texts together; each of the `batch` texts has a cache",
        ),
        Mistake(
            lambda memory, weights, each, batch: (memory - weights) / (batch * each),
            "there are no parts of tokens: round down (`//`)",
        ),
        Mistake(
            lambda memory, weights, each, batch: ceil((memory - weights) / (batch * each)),
            "rounded up, the last token does not fit; round down",
        ),
        Mistake(
            lambda memory, weights, each, batch: (memory - batch * weights) // (batch * each),
            "all texts are computed with the same weights, which are held once",
        ),
    ),
    hints=(
        "What is left beside the weights is shared by `batch` caches of the same length.",
        "Divide it by the bytes that one token takes in all of them, and round down.",
    ),
)
