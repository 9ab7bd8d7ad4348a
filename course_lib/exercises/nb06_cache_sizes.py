"""Exercise 6.4: the bytes of a model's cache, windows included."""

from course_lib.exercises.core import Exercise, Mistake, Stage

LLAMA_3_70B = [(80, 8, 128, None)]
GEMMA_3_27B = [(52, 16, 128, 1024), (10, 16, 128, None)]


def cache_bytes(layers, tokens, batch, itemsize):
    numbers = 0
    for count, n_kv_heads, d_head, window in layers:
        rows = tokens if window is None else min(tokens, window)
        numbers += count * rows * 2 * n_kv_heads * d_head  # a key and a value
    return numbers * batch * itemsize


def _total(rows, layers, batch, itemsize, per_row=lambda g, e: 2 * g * e):
    return sum(count * rows(window) * per_row(g, e) for count, g, e, window in layers) * batch * itemsize


def _kept(tokens):
    return lambda window: tokens if window is None else min(tokens, window)


BYTES = Exercise(
    id="6.4",
    title="the bytes of a cache",
    minutes=6,
    difficulty=1,
    solution=cache_bytes,
    stages=(
        Stage(([(1, 1, 3, None)], 1000, 1, 4), "one layer, one head of width 3, 1000 tokens in float32"),
        Stage(([(24, 16, 64, None)], 1024, 1, 4), "GPT-2 medium, 1024 tokens in float32"),
        Stage((LLAMA_3_70B, 8192, 5, 2), "Llama 3 70B, 5 sequences of 8192 tokens in 16 bits"),
        Stage((GEMMA_3_27B, 131_072, 1, 2), "Gemma 3 27B, whose local layers have windows"),
        Stage((GEMMA_3_27B, 300, 1, 2), "Gemma 3 27B, a text shorter than the window"),
        Stage((GEMMA_3_27B, 300, 8, 2), "Gemma 3 27B, 8 texts, each shorter than the window"),
    ),
    mistakes=(
        Mistake(
            lambda layers, tokens, batch, itemsize: cache_bytes(layers, tokens, batch, itemsize) // 2,
            "this is half: a token leaves a key and a value",
        ),
        Mistake(
            lambda layers, *rest: cache_bytes([(1, *layer[1:]) for layer in layers], *rest),
            "one layer of each kind is counted; `count` says how many there are, and each has its own keys and values",
        ),
        Mistake(
            lambda layers, *rest: cache_bytes([(count, 1, e, w) for count, _, e, w in layers], *rest),
            "one KV head of each layer is counted; each of the `n_kv_heads` has its own keys and values",
        ),
        Mistake(
            lambda layers, *rest: cache_bytes([(count, g, 1, w) for count, g, _, w in layers], *rest),
            "a key and a value have `d_head` numbers each",
        ),
        Mistake(
            lambda layers, *rest: cache_bytes(layers[:1], *rest),
            "only the first kind of layers is counted; sum over all of them",
        ),
        Mistake(
            lambda layers, tokens, batch, itemsize: cache_bytes(layers, tokens * batch, 1, itemsize),
            "a window holds rows of one sequence; multiply by the batch after the window has cut",
        ),
        Mistake(
            lambda layers, tokens, batch, itemsize: cache_bytes(layers, tokens, 1, itemsize),
            "the batch is missing: each sequence has keys and values of its own",
        ),
        Mistake(
            lambda layers, tokens, batch, itemsize: cache_bytes(layers, tokens, batch, 1),
            "this is how many numbers there are; each takes `itemsize` bytes",
        ),
        Mistake(
            lambda layers, tokens, batch, itemsize: cache_bytes(layers, tokens, batch, 8 * itemsize),
            "this is in bits; `itemsize` is in bytes already",
        ),
        Mistake(
            lambda layers, *rest: cache_bytes([(*layer[:3], None) for layer in layers], *rest),
            "the windows are ignored: a layer with a window keeps its last `window` rows and no more",
        ),
        Mistake(
            lambda layers, tokens, batch, itemsize: _total(lambda w: w or tokens, layers, batch, itemsize),
            "with a window the layer is counted as full; a text shorter than the window fills `tokens` rows only",
        ),
        Mistake(
            lambda layers, tokens, batch, itemsize: _total(
                lambda w: tokens if w is None else min(tokens, w - 1), layers, batch, itemsize
            ),
            "a window of w tokens counts the token itself, so w rows are kept, not w - 1",
        ),
        Mistake(
            lambda layers, tokens, batch, itemsize: _total(
                _kept(tokens), layers, batch, itemsize, lambda g, e: 2 * g * e * e
            ),
            "a key is a vector of d_head numbers, not a matrix",
        ),
        Mistake(
            lambda *given: cache_bytes(*given) / 2**30,
            "this is in GiB; bytes are asked for, as a whole number",
        ),
        Mistake(lambda *given: cache_bytes(*given) / 2**20, "this is in MiB; bytes are asked for, as a whole number"),
        Mistake(lambda *given: cache_bytes(*given) / 1e9, "this is in GB; bytes are asked for, as a whole number"),
    ),
    hints=(
        "What does one token leave in one layer? For each KV head a key and a value, of d_head numbers each.",
        "How many rows does a layer keep? All `tokens`, or with a window `min(tokens, window)`.",
        "Sum `count * rows * 2 * n_kv_heads * d_head` over the kinds of layers; then batch and itemsize.",
    ),
)
