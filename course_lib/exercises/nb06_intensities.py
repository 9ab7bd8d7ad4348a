"""Exercises 6.6 and 6.7: FLOPs per byte of a decode step, and the batch at which it stops waiting for memory."""

import math

from course_lib.exercises.core import Exercise, Stage, edits

# 6.6 ------------------------------------------------------------------------------------------------------------------


def decode_intensity(batch, weights, cache, group, itemsize):
    flops = 2 * batch * (weights + group * cache)  # each number of the cache serves the `group` heads that share it
    moved = itemsize * (weights + batch * cache)  # weights are read once for all, a cache by its own sequence only
    return flops / moved


INTENSITY = Exercise(
    id="6.6",
    title="FLOPs per byte of a decode step",
    minutes=6,
    difficulty=2,
    solution=decode_intensity,
    stages=(
        Stage((5, 1100, 300, 3, 2), "5 sequences in 16 bits with caches that three heads share"),
        Stage((7, 1100, 300, 1, 4), "7 sequences in float32 with caches, each number of them read for one head"),
        Stage((9, 1100, 0, 5, 3), "9 sequences, 3 bytes a number, nothing cached"),
        Stage((1, 1000, 900, 6, 2), "one sequence with a cache that six heads share"),
    ),
    mistakes=edits(
        decode_intensity,
        """
        2 * batch * (weights -> batch * (weights | A multiply-add is two FLOPs, not one.
        weights + group * cache -> weights + cache | Each number of the cache is multiplied for all `group` query heads
            that share it.
        batch * (weights + group * cache) -> (batch * weights + group * cache) | The cache's FLOPs are counted for one
            sequence. Each sequence multiplies its own cache.
        batch * (weights + group * cache) -> (weights + batch * group * cache) | The FLOPs of the weights are counted
            for one sequence. Every sequence is multiplied with them.
        batch * (weights + group * cache) -> (weights + group * cache) | The FLOPs are those of one sequence. There are
            `batch` of them.
        weights + group * cache -> weights + cache / group | The cache's FLOPs are divided by the group. Each number of
            the cache is multiplied for `group` heads.
        weights + group * cache -> weights | The FLOPs of the cache are missing. Each of its numbers is multiplied for
            `group` heads.
        weights + group * cache -> group * cache | The FLOPs of the weights are missing.
        (weights + batch * cache) -> batch * (weights + cache) | The weights are read once for all sequences, so their
            bytes do not grow with the batch.
        (weights + batch * cache) -> (weights + cache) | One cache is read for the whole batch. Each sequence has its
            own.
        (weights + batch * cache) -> (weights + batch * group * cache) | The cache is read once for each head that
            shares it. An ideal kernel reads it once and uses it for all.
        (weights + batch * cache) -> (weights + batch * cache / group) | The cache is divided by the group. `cache`
            counts the numbers that are read already.
        (weights + batch * cache) -> weights | The caches are not read here. Each sequence reads its own.
        (weights + batch * cache) -> batch * cache | The weights are not read here. They are read once.
        itemsize * (weights + batch * cache) -> itemsize * weights + batch * cache | Only the weights are in bytes. A
            number of the cache takes `itemsize` bytes, too.
        itemsize * (weights -> (weights | These are FLOPs per number. Divide by the bytes of a number, `itemsize`.
        itemsize * (weights -> itemsize * 8 * (weights | These are FLOPs per bit. `itemsize` counts bytes.
        itemsize * (weights -> 2 * (weights | `itemsize` is not used. A number takes `itemsize` bytes.
        flops / moved -> moved / flops | This is bytes per FLOP. Return FLOPs per byte.
        flops / moved -> flops // moved | This is rounded down. Return the quotient itself.
        flops / moved -> flops | These are the FLOPs alone. Divide by the bytes.
        flops / moved -> 2 * (batch + group) / itemsize | This is the intensity of the weights plus that of the cache.
            Add up FLOPs, add up bytes, and divide then.
        flops / moved -> (batch + group) / itemsize | This is the mean of the intensities of weights and cache. Add up
            FLOPs, add up bytes, and divide then.
        flops / moved -> 2 * batch / itemsize | This is right for the weights alone. The cache adds FLOPs and bytes.
        """,
    ),
    hints=(
        "FLOPs: each weight takes part in one multiply-add for every sequence, each cached number in `group` of them.",
        "Bytes: the weights once, the caches of all sequences once each, `itemsize` bytes a number.",
    ),
)

# 6.7 ------------------------------------------------------------------------------------------------------------------


def smallest_batch(ridge, weights, cache, group, itemsize):
    # 2 b (W + g C) >= ridge s (W + b C), solved for b
    per_sequence = 2 * (weights + group * cache) - ridge * itemsize * cache
    if per_sequence <= 0:
        return math.inf  # the caches alone keep the intensity below the ridge
    return math.ceil(ridge * itemsize * weights / per_sequence)


BATCH = Exercise(
    id="6.7",
    title="the batch that fills the processor",
    minutes=8,
    difficulty=3,
    solution=smallest_batch,
    stages=(
        Stage((327, 6549, 11, 7, 3), "ridge 327, a small cache that seven heads share, 3 bytes a number"),
        Stage((7, 1000, 0, 1, 4), "ridge 7, in float32, weights alone"),
        Stage((2.25, 251, 1003, 2, 2), "a ridge just below the limit of the intensity for large batches"),
        Stage((300, 7_500_000_000, 19_660_800, 4, 2), "a model of 7.5 billion weights with 300 tokens cached"),
        Stage((3, 100, 100, 4, 2), "ridge 3, a cache as large as the weights, shared by four heads"),
        Stage((2.99999, 1_000_003, 1_000_000, 2, 2), "a ridge that only a batch of more than 100,000 reaches"),
        Stage((50, 1000, 100, 1, 2), "with a cache that no batch can make up for"),
        Stage((50, 4800, 100, 2, 2), "a cache for which the intensity tends to the ridge and stays below"),
    ),
    mistakes=edits(
        smallest_batch,
        """
        per_sequence <= 0 -> 2 * (weights + cache) <= ridge * itemsize * cache | Some batch reaches the ridge here. Each
            number of the cache is multiplied for `group` heads, also in the limit of large batches.
        return math.ceil(ridge * itemsize * weights / per_sequence) -> batch = math.ceil(ridge * itemsize * weights /
            per_sequence); return batch if batch <= 10_000 else math.inf | Some batch reaches the ridge here. A search
            must not stop at 10,000.
        weights + group * cache -> weights + cache | Each number of the cache is multiplied for all `group` heads that
            share it.
        weights + group * cache -> weights | The FLOPs of the cache are missing. Each of its numbers is multiplied for
            `group` heads.
        per_sequence = 2 * (weights + group * cache) - ridge * itemsize * cache -> per_sequence = 2 * weights | This is
            the batch for the weights alone. Every sequence brings a cache, which has to be read, too.
        - ridge * itemsize * cache -> | The bytes do not grow with the batch here. Each sequence reads its own cache,
            itemsize b C in all.
        - ridge * itemsize * cache -> - ridge * cache | A number of the cache takes `itemsize` bytes.
        - ridge * itemsize * cache -> && ridge * itemsize * weights -> ridge * itemsize * (weights + cache) | One cache
            is read for the whole batch. Each sequence has its own.
        2 * (weights -> (weights | A multiply-add is two FLOPs, so a sequence costs 2 (weights + group cache).
        ridge * itemsize * weights -> ridge * weights && itemsize * cache -> cache | The ridge is compared with FLOPs
            per number. A number takes `itemsize` bytes.
        ridge * itemsize * weights -> ridge * weights | The bytes of the weights are missing. A weight takes `itemsize`
            bytes.
        ridge * itemsize * weights -> ridge * 2 * weights && itemsize * cache -> 2 * cache | `itemsize` is not used. A
            number may have another size than 2 bytes.
        math.ceil(ridge * itemsize * weights / per_sequence) -> math.floor(ridge * itemsize * weights / per_sequence) |
            This batch is one too small, so its intensity is below the ridge. Round up with `math.ceil`.
        math.ceil(ridge -> round(ridge | This is rounded to the nearest whole number, so its intensity is below the
            ridge. Round up with `math.ceil`.
        math.ceil(ridge * itemsize * weights / per_sequence) -> ridge * itemsize * weights / per_sequence | This is no
            whole number. Round up with `math.ceil`.
        math.ceil(ridge * itemsize * weights / per_sequence) -> math.floor(ridge * itemsize * weights / per_sequence) +
            1 | One less reaches the ridge already, since it is met exactly. Compare with >=, not with >.
        return math.inf -> return -1 | No batch reaches the ridge here. Return math.inf, not -1.
        return math.inf -> return 0 | No batch reaches the ridge here. Return math.inf, not 0.
        return math.inf -> return None | No batch reaches the ridge here, and your function returns nothing. Return
            math.inf.
        if per_sequence <= 0: -> if per_sequence == 0: | No batch reaches the ridge here. The intensity grows towards
            2 (weights + group cache) / (itemsize cache) only, which is smaller. Return math.inf.
        """,
    ),
    hints=(
        "Write 2 b (W + group C) >= ridge itemsize (W + b C), with C for cache, and bring every b to one side.",
        "b (2 (W + group C) - ridge itemsize C) >= ridge itemsize W. What if the bracket is not positive?",
        "`math.ceil` rounds up. A search `while decode_intensity(...) < ridge` is a right answer, too, if it knows "
        "when to give up.",
    ),
)
