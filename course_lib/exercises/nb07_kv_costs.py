"""Exercises 7.3 to 7.5: what the number of KV heads changes, and what it does not."""

from math import ceil

from course_lib.exercises.core import Exercise, Mistake, Stage, edits

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
        Stage((5, 33, 3, 7, 4), "five layers, 33 query heads share three KV heads of width 7, 4 bytes a number"),
        Stage((9, 35, 5, 11, 2), "nine layers, 35 query heads share five KV heads of width 11, 2 bytes a number"),
        Stage((1, 3, 3, 5, 2), "one layer, three heads (MHA), 2 bytes a number"),
        Stage((80, 64, 8, 128, 2), "Llama 3 70B in 16 bits, 80 layers, 64 heads, 8 KV heads of width 128"),
    ),
    mistakes=edits(
        cache_of_a_token,
        """
        2 * n_layers -> n_layers | Keys alone, or values alone, are counted. A token leaves both.
        n_kv_heads * d_head -> n_heads * d_head | This is the cache of MHA. What is cached has n_kv_heads heads.
        2 * n_layers * n_kv_heads -> 2 * n_kv_heads | This is one layer. Each layer has a cache of its own.
        d_head * itemsize -> d_head | These are numbers. Each takes `itemsize` bytes.
        n_kv_heads * d_head -> (n_heads // n_kv_heads) * d_head | h / g query heads share a KV head. The number of KV
            heads is g.
        n_kv_heads * d_head -> n_kv_heads | A key has d_head numbers, and so has a value.
        2 * n_layers -> n_layers && n_heads / n_kv_heads -> 2 * n_heads / n_kv_heads | Of this cache keys alone are
            counted, of that of MHA keys and values. A token leaves both in either.
        n_heads / n_kv_heads -> n_heads / n_kv_heads / 2 | Of the cache of MHA keys alone are counted, so the saving is
            too small by 2.
        d_head * itemsize -> d_head && n_heads / n_kv_heads -> n_heads / n_kv_heads * itemsize | Numbers of this cache
            are compared with bytes of that of MHA. Count bytes in both.
        n_heads / n_kv_heads -> n_heads / n_kv_heads / itemsize | Bytes of this cache are compared with numbers of that
            of MHA. Count bytes in both.
        2 * n_layers * n_kv_heads -> 2 * n_kv_heads && n_heads / n_kv_heads -> n_heads / n_kv_heads * n_layers | One
            layer of this cache is compared with all layers of that of MHA. Count all layers in both.
        n_heads / n_kv_heads -> n_heads / n_kv_heads / n_layers | All layers of this cache are compared with one layer
            of that of MHA. Count all layers in both.
        n_heads / n_kv_heads -> 2 * n_layers * n_heads * d_head * itemsize | This is the cache of MHA itself. The saving
            is its ratio to this one.
        n_kv_heads * d_head -> d_head && n_heads / n_kv_heads -> n_heads | One KV head is counted. There are n_kv_heads
            of them.
        n_kv_heads * d_head -> n_heads * d_head && n_heads / n_kv_heads -> 1.0 | Both caches are those of MHA. In the
            one asked for there are n_kv_heads heads.
        n_kv_heads * d_head -> n_kv_heads && n_heads / n_kv_heads -> n_heads * d_head / n_kv_heads | The width of a head
            is missing in this cache. A key has d_head numbers, and so has a value.
        n_heads / n_kv_heads -> n_kv_heads / n_heads | This is the share that is left. The saving is the ratio of the
            cache of MHA to this one.
        n_heads / n_kv_heads -> 1 - n_kv_heads / n_heads | This is the share that is saved. The saving is the ratio of
            the cache of MHA to this one.
        2 * n_layers * n_kv_heads -> n_layers * (2 * n_kv_heads + n_heads) | Queries are counted. No later token uses
            the query of an earlier one, so only keys and values are kept.
        n_kv_heads * d_head -> (n_heads // n_kv_heads) * d_head && n_heads / n_kv_heads -> n_kv_heads | The cache has
            h / g KV heads here, and the saving is computed from it. h / g query heads share a KV head, and g is the
            number of KV heads.
        n_heads / n_kv_heads -> 2 * n_layers * (n_heads - n_kv_heads) * d_head * itemsize | These are the bytes that are
            saved. The saving is the ratio of the cache of MHA to this one.
        n_heads / n_kv_heads -> 100 * (1 - n_kv_heads / n_heads) | This is a percentage. The saving is the ratio of the
            cache of MHA to this one.
        n_heads / n_kv_heads -> n_heads - n_kv_heads | This is a difference. The saving is the ratio of the cache of MHA
            to this one.
        """,
    ),
    hints=(
        "In each layer a token leaves one key and one value of width d_head in each KV head.",
        "bytes = 2 n_layers n_kv_heads d_head itemsize. MHA has n_heads in place of n_kv_heads, and all else is equal.",
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
        Stage((1, 1, 5, 3), "one head of width 5, three tokens in the cache"),
        Stage((3, 3, 5, 7), "three heads (MHA), seven tokens"),
        Stage((10, 2, 3, 7), "ten query heads share two KV heads"),
        Stage((28, 4, 9, 5), "28 query heads share four KV heads"),
    ),
    mistakes=edits(
        one_step,
        """
        4 * n_heads -> 4 * n_kv_heads | Every query head still has its own products with the keys and values that it
            reads. Sharing saves reading, not arithmetic.
        2 * n_kv_heads -> 2 * n_heads | A key is read once for all query heads of its group, so g heads are read.
        4 * n_heads -> 2 * n_heads | This is half of the FLOPs. A multiply-add is 2, and it is needed for Q K^T and
            again for P V, so 4 h d_head N.
        4 * n_heads -> n_heads | This is a quarter of the FLOPs. A multiply-add is 2, and it is needed for Q K^T and
            again for P V, so 4 h d_head N.
        2 * n_kv_heads -> n_kv_heads | This is half of the numbers. Keys are read, and values too.
        flops / numbers -> numbers / flops | This is numbers per FLOP. Return its inverse.
        flops / numbers -> n_heads / n_kv_heads | This is half of the FLOPs per number, 4 h / (2 g) = 2 h / g.
        n_heads * d_head * N -> n_heads * d_head * (N + 1) && n_kv_heads * d_head * N -> n_kv_heads * d_head * (N + 1) |
            N counts the new token already.
        n_heads * d_head * N -> n_heads * d_head * (N - 1) && n_kv_heads * d_head * N -> n_kv_heads * d_head * (N - 1) |
            The new token sees itself, too, and N counts it already, so there are N keys.
        2 * n_kv_heads * d_head * N -> 2 * n_kv_heads * d_head * (N - 1) | The row of the new token is read, too. N
            counts it already.
        4 * n_heads * d_head * N -> n_heads * ((2 * d_head - 1) * N + (2 * N - 1) * d_head) | A sum of k products has
            k - 1 additions, and you count these. Here a multiply-add is 2 FLOPs, so k products are 2 k FLOPs.
        4 * n_heads -> 2 * n_heads && 2 * n_kv_heads -> n_kv_heads | This is Q K^T alone. P V takes as many FLOPs, and
            reads the values.
        2 * n_kv_heads -> 4 * n_kv_heads | This is twice the numbers. Count numbers, not bytes, and each key and value
            once.
        n_heads * d_head * N -> n_heads * d_head * N * N | There is one query, so there are N scores a head. N^2 is for
            N queries.
        """,
    ),
    hints=(
        "One query in each of h heads needs N inner products of width d_head, then a sum of N rows of width d_head.",
        "Both take h N d_head multiply-adds, and a multiply-add is 2 FLOPs. What must come from memory is the cache, "
        "which holds N keys and N values in each of g heads.",
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
        Stage((1000, 0, 7, 1), "1000 bytes, no parameters, 7 bytes per token, one text"),
        Stage((1000, 300, 9, 1), "1000 bytes, 300 of them for parameters, 9 bytes per token, one text"),
        Stage((1000, 311, 7, 3), "1000 bytes, 311 of them for parameters, 7 bytes per token, three texts at once"),
        Stage((1009, 1187, 11, 5), "1009 bytes, but 1187 for parameters, so the formula gives a negative number"),
        Stage((80 * 10**9, 16 * 10**9, 2**17, 16), "80 GB, 16 GB of parameters, 128 KiB per token, 16 texts"),
    ),
    mistakes=(
        *edits(
            longest_context,
            """
            (memory - weights) -> memory | The parameters need their place, too. The caches share
                memory - weights.
            (batch * bytes_per_token) -> bytes_per_token | These are the tokens of all texts together. Each of the
                `batch` texts has a cache.
            // (batch -> / (batch | There are no parts of tokens. Round down (`//`).
            memory - weights -> memory - batch * weights | The parameters are held once. All texts are computed
                with the same parameters.
            memory - weights -> memory + weights | The parameters are added to the memory. Subtract them, because they
                take their place in it.
            (batch * bytes_per_token) -> (batch * bytes_per_token) * batch | These are the tokens of all texts together.
                Return those of one text.
            (memory - weights) // (batch * bytes_per_token) -> (memory - weights) // batch * bytes_per_token | This
                multiplies by the bytes of a token. Put the product in parentheses, because a // b * c is (a // b) c.
            (memory - weights) // (batch * bytes_per_token) -> memory // (batch * bytes_per_token) - weights // (batch *
                bytes_per_token) | Two quotients are rounded down and then subtracted. Subtract first, then round once.
            (memory - weights) // -> memory - weights // | Only the parameters are divided. Put memory - weights in
                parentheses.
            (memory - weights) // (batch * bytes_per_token) -> (memory - weights) // (batch * bytes_per_token) - 1 | One
                token more still fits. Round down once.
            return (memory - weights) // (batch * bytes_per_token) -> return int((memory - weights) / (batch *
                bytes_per_token)) | `int` cuts towards 0. Rounded down, -3.2 is -4 (`//`).
            return (memory - weights) // (batch * bytes_per_token) -> return max(0, (memory - weights) // (batch *
                bytes_per_token)) | The parameters alone do not fit here. Return what the formula gives, a negative
                number, not 0.
            (memory - weights) // (batch * bytes_per_token) -> (memory - weights) // bytes_per_token * batch | The
                texts share the memory. Divide by the batch, too.
            """,
        ),
        Mistake(
            lambda memory, weights, each, batch: ceil((memory - weights) / (batch * each)),
            "This is rounded up, and the last token does not fit. Round down (`//`).",
        ),
    ),
    hints=(
        "What is left beside the parameters is shared by `batch` caches of the same length.",
        "Divide it by the bytes that one token takes in all of them, and round down.",
    ),
)
