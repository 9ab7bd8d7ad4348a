"""Exercises 6.6 and 6.7: FLOPs per byte of a decode step, and the batch at which it stops waiting for memory."""

import math

from course_lib.exercises.core import Exercise, Stage, edits

# 6.6 ------------------------------------------------------------------------------------------------------------------


def decode_intensity(batch, weights, cache, group, itemsize):
    flops = 2 * batch * (weights + group * cache)  # each number of the cache serves the `group` heads that share it
    moved = itemsize * (weights + batch * cache)  # parameters are read once a step, and each sequence's own cache
    return flops / moved


INTENSITY = Exercise(
    id="6.6",
    title="FLOPs per byte of a decode step",
    minutes=6,
    difficulty=2,
    solution=decode_intensity,
    stages=(
        Stage((11, 1103, 299, 3, 2), "11 sequences in 16 bits with caches that three heads share"),
        Stage((5, 1009, 403, 7, 4), "5 sequences in float32 with caches that seven heads share"),
        Stage((7, 1100, 300, 1, 4), "7 sequences in float32 with caches, each number of them read for one head"),
        Stage((9, 1100, 0, 5, 3), "9 sequences, 3 bytes a number, nothing cached"),
        Stage((1, 1000, 900, 6, 2), "one sequence with a cache that six heads share"),
    ),
    mistakes=edits(
        decode_intensity,
        """
        2 * batch * (weights -> batch * (weights | This is half. A multiply-add is two FLOPs, and `cache` counts the
            numbers of keys and values together.
        weights + group * cache -> weights + cache | Each number of the cache is multiplied for all `group` query heads
            that share it.
        batch * (weights + group * cache) -> (batch * weights + group * cache) | The cache's FLOPs are counted for one
            sequence. Each sequence multiplies its own cache.
        batch * (weights + group * cache) -> (weights + batch * group * cache) | The FLOPs of the parameters are counted
            for one sequence. Every sequence is multiplied with them.
        batch * (weights + group * cache) -> (weights + group * cache) | The FLOPs are those of one sequence. There are
            `batch` of them.
        weights + group * cache -> weights + cache / group | The cache's FLOPs are divided by the group. Each number of
            the cache is multiplied for `group` heads.
        weights + group * cache -> weights + group * cache / 2 | The cache's FLOPs lack the factor 2. A multiply-add is
            two FLOPs there, too.
        weights + group * cache -> weights / 2 + group * cache | The FLOPs of the parameters lack the factor 2. A
            multiply-add is two FLOPs there, too.
        weights + group * cache -> weights + cache / 2 | The cache's FLOPs lack the factor 2 and the group. Each of its
            numbers takes part in `group` multiply-adds.
        group * cache -> 2 * group * cache && batch * cache -> 2 * batch * cache | The cache is counted twice. `cache`
            counts the numbers of keys and values together.
        group * cache -> 2 * group * cache | The cache's FLOPs are counted twice. `cache` counts the numbers of keys and
            values together.
        batch * cache -> 2 * batch * cache | The cache's bytes are counted twice. `cache` counts the numbers of keys and
            values together.
        weights + group * cache -> group * (weights + cache) | The group multiplies the parameters, too. A parameter is
            used once for each sequence.
        weights + group * cache -> weights + cache && batch * cache -> batch * cache / group | The group divides the
            bytes of the cache here. It multiplies its FLOPs, because `cache` counts the numbers that are read already.
        weights + group * cache -> weights | The FLOPs of the cache are missing. Each of its numbers is multiplied for
            `group` heads.
        weights + group * cache -> group * cache | The FLOPs of the parameters are missing.
        (weights + batch * cache) -> batch * (weights + cache) | The parameters are read once for all sequences. So
            the batch multiplies all FLOPs, but of the bytes those of the caches alone.
        (weights + batch * cache) -> (weights + cache) | One cache is read for the whole batch. Each sequence has its
            own.
        (weights + batch * cache) -> (weights + batch * group * cache) | The cache is read once for each head that
            shares it. An ideal kernel reads it once and uses it for all.
        (weights + batch * cache) -> (weights + batch * cache / group) | The cache is divided by the group. `cache`
            counts the numbers that are read already.
        (weights + batch * cache) -> weights | The caches are not read here. Each sequence reads its own.
        (weights + batch * cache) -> batch * cache | The parameters are not read here. They are read once.
        itemsize * (weights + batch * cache) -> itemsize * weights + batch * cache | Only the parameters are in bytes. A
            number of the cache takes `itemsize` bytes, too.
        itemsize * (weights + batch * cache) -> weights + itemsize * batch * cache | Only the caches are in bytes. A
            parameter takes `itemsize` bytes, too.
        itemsize * (weights -> (weights | These are FLOPs per number. Divide by the bytes of a number, `itemsize`.
        itemsize * (weights -> itemsize * 8 * (weights | These are FLOPs per bit. `itemsize` counts bytes.
        itemsize * (weights -> 2 * (weights | `itemsize` is not used. A number takes `itemsize` bytes.
        (batch, weights, cache, group, -> (group, weights, cache, batch, | `batch` and `group` are exchanged. The batch
            multiplies all FLOPs, the group those of the cache alone.
        (batch, weights, cache, -> (batch, cache, weights, | `weights` and `cache` are exchanged. The parameters are
            read once for all sequences, each cache for its own.
        flops / moved -> moved / flops | This is bytes per FLOP. Return FLOPs per byte.
        flops / moved -> flops // moved | This is rounded down. Return the quotient itself.
        flops / moved -> flops / itemsize * (weights + batch * cache) | This multiplies by the numbers that are read.
            Put the product in parentheses, a / (b * c), because a / b * c is (a / b) c.
        flops / moved -> flops | These are the FLOPs alone. Divide by the bytes.
        flops / moved -> 2 * (batch + group) / itemsize | This is the intensity of the parameters plus that of the
            cache. Add up FLOPs, add up bytes, and divide then.
        flops / moved -> (batch + group) / itemsize | This is the mean of the intensities of parameters and cache. Add
            up FLOPs, add up bytes, and divide then.
        flops / moved -> 2 * group / itemsize | This is right for the cache alone. The parameters add FLOPs and bytes.
        flops / moved -> 2 * batch / itemsize | This is 2 batch / itemsize, which is right without a cache. Each number
            of a cache is multiplied for `group` heads, and each sequence reads its own.
        2 * batch * (weights + group * cache) -> (2 * batch * weights + group * cache) | 2 and `batch` multiply the
            parameters alone. Each sequence takes the cache, too, two FLOPs for a multiply-add.
        flops / moved -> moved | These are the bytes alone. Divide the FLOPs by them.
        """,
    ),
    hints=(
        "FLOPs: each parameter takes part in one multiply-add for every sequence, each cached number in `group` "
        "of them.",
        "Bytes: the parameters once, the caches of all sequences once each, `itemsize` bytes a number.",
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
        Stage((19, 1000, 0, 3, 8), "ridge 19, in float64, parameters alone"),
        # Before rounding up: 734.7, then 385.2. Rounding to the nearest number is wrong for the second stage only.
        Stage((40, 3986, 48, 6, 4), "with a small cache that six heads share"),
        Stage((60, 1791, 27, 4, 2), "with a small cache that four heads share"),
        Stage((300, 7_500_000_000, 19_660_800, 4, 2), "a model of 7.5 billion parameters with 300 tokens cached"),
        Stage((2, 100, 100, 4, 2), "with a ridge of 2, which one sequence reaches"),
        Stage((2.5, 1001, 2001, 2, 2), "with a ridge of 2.5 that a large batch just reaches"),
        # These come before the very large batches, so that an endless search is stopped where no batch is large enough.
        Stage((50, 1000, 100, 3, 2), "with a cache that no batch can make up for"),
        Stage((50, 4700, 100, 3, 2), "with a cache that only an infinite batch could make up for"),
        Stage((3, 1_000_020, 1_000_000, 5, 4), "with a cache that a batch above 100,000 makes up for"),
        # A search that tries one batch after the other takes about a second.
        Stage((1005, 3_002_321, 3000, 5, 2), "with a cache that only a batch above a million makes up for"),
    ),
    mistakes=edits(
        smallest_batch,
        """
        if per_sequence <= 0: -> if True: | Some batch reaches the ridge here. math.inf is right only where none does,
            however large.
        2 * (weights + group * cache) - ridge * itemsize * cache -> 2 * weights | This is the batch for the parameters
            alone. Every sequence brings a cache, which has to be read, too.
        group * cache -> cache | Each number of the cache is multiplied for all `group` heads that share it.
        ridge * itemsize -2> ridge * 2 | This takes 2 bytes a number. A number has `itemsize` bytes.
        2 * (weights -> (weights | This is twice too much. A multiply-add is two FLOPs, so the intensity of the
            parameters is 2 batch / itemsize.
        2 * (weights -> 4 * (weights | Four FLOPs are counted for a multiply-add. It is two.
        ridge * itemsize -2> ridge | This compares the ridge with FLOPs per number. Divide by `itemsize` for FLOPs per
            byte.
        math.ceil -> math.floor | This batch is rounded down, and its intensity is still below the ridge. Round up
            (`math.ceil`).
        math.ceil -> round | `round` goes to the nearest whole number, whose intensity may be below the ridge. Round up
            (`math.ceil`).
        math.ceil(ridge * itemsize * weights / per_sequence) -> math.floor(ridge * itemsize * weights / per_sequence) +
            1 | One less reaches the ridge already, since it is met exactly. Compare with >=, not with >.
        - ridge * itemsize * cache -> | The bytes do not grow with the batch here. Each sequence reads its own cache,
            itemsize b C in all.
        if per_sequence <= 0: -> if 2 * (weights + cache) <= ridge * itemsize * cache: | Some batch reaches the ridge
            here. The largest intensity is 2 (weights + group cache) / (itemsize cache), with the group.
        return math.ceil(ridge * itemsize * weights / per_sequence) -> batch = math.ceil(ridge * itemsize * weights /
            per_sequence); return batch if batch <= 1000 else math.inf | Some batch above 1000 reaches the ridge. Decide
            by the limit of the intensity, not by a largest batch, where none does.
        return math.ceil(ridge * itemsize * weights / per_sequence) -> batch = math.ceil(ridge * itemsize * weights /
            per_sequence); return batch if batch <= 10000 else math.inf | Some batch above 10,000 reaches the ridge.
            None does only if 2 (W + group C) <= ridge itemsize C.
        return math.ceil(ridge * itemsize * weights / per_sequence) -> batch = math.ceil(ridge * itemsize * weights /
            per_sequence); return batch if batch <= 1_000_000 else math.inf | Some batch above 1,000,000 reaches the
            ridge. None does only if 2 (W + group C) <= ridge itemsize C.
        math.ceil(ridge * itemsize * weights / per_sequence) -> 2 ** math.ceil(math.log2(math.ceil(ridge * itemsize *
            weights / per_sequence))) | This is a power of two, and a smaller batch reaches the ridge. After a search
            that doubles, look between the last two batches.
        math.ceil(ridge * itemsize * weights / per_sequence) -> ridge * itemsize * weights / per_sequence | A batch is a
            whole number. Round up (`math.ceil`).
        / per_sequence -> / (2 * (weights + group * cache) - ridge * itemsize * group) | `group` is taken for `cache` in
            the bytes that grow with the batch. Each sequence reads `cache` numbers.
        math.ceil -> -math.floor | This is negative. A batch is positive, and -(-a // b) rounds a / b up.
        / per_sequence -> / (per_sequence - 2 * group * cache) | The FLOPs of the cache are missing. A sequence brings
            2 (W + group C) - ridge itemsize C.
        / per_sequence -> / (per_sequence - 4 * group * cache) | The FLOPs of the cache have the wrong sign. A
            sequence brings 2 (W + group C) - ridge itemsize C.
        / per_sequence -> / (per_sequence + 2 * ridge * itemsize * cache) | The bytes of the cache have the wrong
            sign. A sequence brings 2 (W + group C) - ridge itemsize C.
        / per_sequence -> / (2 * (weights + group * cache) - ridge * itemsize) | The cache is missing in
            the bytes that grow with the batch, itemsize b C. A sequence brings 2 (W + group C) - ridge itemsize C.
        / per_sequence -> / (2 * (weights + group * cache) - itemsize * cache) | The ridge is missing where
            you divide. A sequence brings 2 (W + group C) - ridge itemsize C.
        / per_sequence -> / (2 * (weights + group * cache) - ridge * cache) | `itemsize` is missing where you
            divide. A sequence brings 2 (W + group C) - ridge itemsize C.
        if per_sequence <= 0: -> if weights + group * cache <= ridge * itemsize * cache: | Some batch reaches the ridge
            here. None does only if 2 (W + group C) <= ridge itemsize C, with each of these factors.
        ridge * itemsize -2> ridge / itemsize | The ridge is divided by `itemsize`. A number has `itemsize` bytes, so
            multiply.
        ridge * itemsize * weights / per_sequence -> ridge * itemsize * (weights + cache) / (2 * (weights + group *
            cache)) && if per_sequence <= 0: -> if False: | The bytes are those of one cache. Each sequence reads its
            own cache, itemsize b C in all.
        ridge * itemsize -2> itemsize | The ridge is missing. The intensity is compared with 1 here.
        return math.ceil(ridge * itemsize * weights / per_sequence) -> return 1 && return math.inf -> return 1 | One
            sequence does not reach the ridge here. The batch b must satisfy 2 b (W + group C) >= ridge itemsize
            (W + b C).
        math.ceil(ridge * itemsize * weights / per_sequence) -> max(2, math.ceil(ridge * itemsize * weights /
            per_sequence)) | One sequence reaches the ridge here. Begin the search with a batch of 1.
        return math.inf -> return -1 | No batch reaches the ridge here. Return math.inf, not -1.
        return math.inf -> return 0 | No batch reaches the ridge here. Return math.inf, not 0.
        return math.inf -> return math.nan | No batch reaches the ridge here. Return math.inf, not NaN.
        return math.inf -> return 10**9 | No batch reaches the ridge here, however large. Return math.inf.
        return math.inf -> return 1_000_000 | No batch reaches the ridge here, also none beyond your search. Return
            math.inf.
        return math.inf -> return None | No batch reaches the ridge here, and your function returns nothing. Return
            math.inf.
        if per_sequence <= 0: -> if False: | No batch reaches the ridge here, because the intensity grows towards
            2 (weights + group cache) / (itemsize cache) only. Return math.inf.
        2 * (weights + group * cache) - -> 2 * weights + group * cache - | The cache's FLOPs lack the factor 2. A
            multiply-add is two FLOPs there, too.
        math.ceil(ridge * itemsize * weights / per_sequence) -> math.ceil(ridge * itemsize * weights / per_sequence) - 1
            | This batch is one too small, and its intensity is still below the ridge.
        return math.inf -> return max(1, math.ceil(ridge * itemsize * weights / per_sequence)) | No batch reaches the
            ridge here. Return math.inf before you divide by what is negative.
        return math.ceil(ridge * itemsize * weights / per_sequence) -> batch = math.ceil(ridge * itemsize * weights /
            per_sequence); return batch if batch <= 2000 else math.inf | A batch larger than all that you try reaches
            the ridge. The limit of the intensity says where none does.
        """,
    ),
    hints=(
        "Write 2 b (W + group C) >= ridge itemsize (W + b C), with C for cache, and bring every b to one side.",
        "b (2 (W + group C) - ridge itemsize C) >= ridge itemsize W. What if the bracket is not positive?",
        "`math.ceil` rounds up. A search that doubles the batch, and then halves an interval, is a right answer, too. "
        "It gives up where the bracket is not positive.",
    ),
)
