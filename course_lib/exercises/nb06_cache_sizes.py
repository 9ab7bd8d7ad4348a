"""Exercise 6.4: the bytes of a model's cache, windows included."""

from course_lib.exercises.core import Exercise, Stage, edits

LLAMA_3_70B = [(80, 8, 128, None)]
GEMMA_3_27B = [(52, 16, 128, 1024), (10, 16, 128, None)]
MIXED = [(3, 5, 7, 11), (2, 1, 9, None), (1, 3, 4, 60)]


def cache_bytes(layers, tokens, batch, itemsize):
    numbers = 0
    for count, n_kv_heads, d_head, window in layers:
        rows = tokens if window is None else min(tokens, window)
        numbers += count * rows * 2 * n_kv_heads * d_head  # a key and a value
    return numbers * batch * itemsize


BYTES = Exercise(
    id="6.4",
    title="the bytes of a cache",
    minutes=6,
    difficulty=1,
    solution=cache_bytes,
    stages=(
        Stage(
            (MIXED, 56, 16, 3),
            "three kinds of layers, windows of 11, none and 60; 16 texts of 56 tokens, 3 bytes a number",
        ),
        Stage((LLAMA_3_70B, 8191, 5, 2), "Llama 3 70B, 5 texts of 8191 tokens in 16 bits"),
        Stage((GEMMA_3_27B, 131_072, 1, 2), "Gemma 3 27B, whose local layers have windows"),
        Stage((GEMMA_3_27B, 299, 7, 4), "Gemma 3 27B in float32, 7 texts, each shorter than the window"),
    ),
    mistakes=edits(
        cache_bytes,
        """
        * 2 * n_kv_heads -> * n_kv_heads | This is half. A token leaves a key and a value.
        count * rows -> rows | One layer of each kind is counted. `count` says how many there are, and each has its own
            keys and values.
        2 * n_kv_heads * d_head -> 2 * d_head | One KV head of each layer is counted. Each of the `n_kv_heads` has its
            own keys and values.
        n_kv_heads * d_head -> n_kv_heads | The width is missing. A key and a value have `d_head` numbers each.
        * rows -> * tokens | The windows are ignored. A layer with a window keeps its last `window` rows.
        min(tokens, window) -> window | A layer with a window is counted as full. A text shorter than the window fills
            `tokens` rows.
        min(tokens, window) -> max(tokens, window) | The larger number is taken. A layer with a window keeps at most
            `window` rows.
        min(tokens, window) -> min(tokens, window - 1) | A window of w tokens counts the token itself, so w rows are
            kept, not w - 1.
        min(tokens, window) -> min(tokens, window + 1) | A window of w tokens counts the token itself, so w rows are
            kept, not w + 1.
        min(tokens, window) -> tokens % window | tokens % window is the slot of the next token in a ring. A full ring
            keeps `window` rows.
        min(tokens, window) -> max(tokens - window, 0) | These are the rows that a window has dropped. Count those that
            it keeps.
        tokens if -> 0 if | Layers without a window are not counted. They keep all rows.
        min(tokens, window) -> min(tokens * batch, window) / batch | A window holds rows of one text. Multiply by the
            batch after the window has cut.
        (layers, tokens, batch, -> (layers, batch, tokens, | `tokens` and `batch` are exchanged. A window cuts the
            tokens of each text, not the texts.
        * batch -> | The batch is missing. Each text has keys and values of its own.
        * batch -> / batch | This is divided by the batch. Each text has keys and values of its own, so multiply.
        * itemsize -> / itemsize | This is divided by `itemsize`. Each number takes `itemsize` bytes, so multiply.
        * itemsize -> | These are numbers. Each takes `itemsize` bytes.
        * itemsize -> * itemsize * 8 | These are bits. `itemsize` is in bytes already.
        * itemsize -> * itemsize / 8 | This is divided by 8. `itemsize` is in bytes already.
        * itemsize -> * 2 | `itemsize` is not used. A number takes `itemsize` bytes.
        numbers += count -> numbers = count | Only the last kind of layers is counted. Sum over all kinds.
        in layers -> in layers[:1] | Only the first kind of layers is counted. Sum over all kinds.
        2 * n_kv_heads * d_head -> 2 * n_kv_heads * d_head * d_head | A key has d_head numbers. It is a vector, not a
            matrix.
        2 * n_kv_heads -> 2 + n_kv_heads | A factor is added. Keys and values double the numbers of the heads.
        numbers * batch * itemsize -> numbers * batch * itemsize / 2**30 | This is in GiB. Return bytes, as a whole
            number.
        numbers * batch * itemsize -> numbers * batch * itemsize / 2**20 | This is in MiB. Return bytes, as a whole
            number.
        numbers * batch * itemsize -> numbers * batch * itemsize / 2**10 | This is in KiB. Return bytes, as a whole
            number.
        numbers * batch * itemsize -> numbers * batch * itemsize / 1e9 | This is in GB. Return bytes, as a whole number.
        numbers * batch * itemsize -> numbers * batch * itemsize / 1e6 | This is in MB. Return bytes, as a whole number.
        * 2 * n_kv_heads -> * 4 * n_kv_heads | This is twice too much. A token leaves one key and one value in each KV
            head.
        n_kv_heads * d_head -> (n_kv_heads + d_head) | Heads and width are added. Each KV head has `d_head` numbers, so
            multiply.
        """,
    ),
    hints=(
        "What does one token leave in one layer? For each KV head a key and a value, of d_head numbers each.",
        "How many rows does a layer keep? All `tokens`, or with a window `min(tokens, window)`.",
        "Sum `count * rows * 2 * n_kv_heads * d_head` over the kinds of layers. Then multiply by batch and itemsize.",
    ),
)
