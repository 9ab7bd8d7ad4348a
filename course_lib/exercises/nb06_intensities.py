"""Exercises 6.6 and 6.7: FLOPs per byte of a decode step, and the batch at which it stops waiting for memory."""

import math

from course_lib.exercises.core import Exercise, Mistake, Stage

# 6.6 ------------------------------------------------------------------------------------------------------------------


def decode_intensity(batch, weights, cache, group, itemsize):
    flops = 2 * batch * (weights + group * cache)  # each number of the cache serves the `group` heads that share it
    moved = itemsize * (weights + batch * cache)  # weights are read once for all, a cache by its own sequence only
    return flops / moved


def _ratio(flops, moved):
    def answer(batch, weights, cache, group, itemsize):
        sizes = {"b": batch, "W": weights, "C": cache, "g": group}
        return flops(**sizes) / (itemsize * moved(**sizes))

    return answer


def _flops(b, W, C, g):
    return 2 * b * (W + g * C)


def _moved(b, W, C, g):
    return W + b * C


INTENSITY = Exercise(
    id="6.6",
    title="FLOPs per byte of a decode step",
    minutes=6,
    difficulty=2,
    solution=decode_intensity,
    stages=(
        Stage((3, 1000, 0, 1, 4), "3 sequences in float32, nothing cached"),
        Stage((8, 1000, 0, 1, 2), "8 sequences in 16 bits, nothing cached"),
        Stage((1, 1000, 300, 1, 2), "one sequence with a cache, each number of it read for one head"),
        Stage((8, 1000, 300, 4, 2), "8 sequences with caches that four heads share"),
    ),
    mistakes=(
        Mistake(_ratio(lambda **s: _flops(**s) / 2, _moved), "a multiply-add is two FLOPs, not one"),
        Mistake(
            _ratio(_flops, lambda b, W, C, g: b * (W + C)),
            "the intensity of the weights should grow with the batch: they are read once for all sequences, and every "
            "sequence is multiplied with them",
        ),
        Mistake(
            _ratio(_flops, lambda b, W, C, g: W + C),
            "one cache is read for the whole batch; each sequence has its own",
        ),
        Mistake(
            _ratio(lambda b, W, C, g: 2 * b * (W + C), _moved),
            "each number of the cache is multiplied for all `group` query heads that share it",
        ),
        Mistake(
            _ratio(_flops, lambda b, W, C, g: W + b * g * C),
            "the cache is read once for each of the sharing heads; an ideal kernel reads it once and uses it for all",
        ),
        Mistake(
            lambda batch, weights, cache, group, itemsize: 2 * (batch + group) / itemsize,
            "this is the intensity of the weights plus that of the cache; add up FLOPs, add up bytes, and divide then",
        ),
        Mistake(
            lambda batch, weights, cache, group, itemsize: decode_intensity(batch, weights, cache, group, 1),
            "this is FLOPs per number; divide by the bytes of a number, `itemsize`",
        ),
        Mistake(lambda *given: 1 / decode_intensity(*given), "this is bytes per FLOP; FLOPs per byte are asked for"),
        Mistake(
            _ratio(lambda b, W, C, g: 2 * (b * W + g * C), _moved),
            "the cache's FLOPs are counted for one sequence; each of the batch reads and multiplies its own cache",
        ),
        Mistake(
            lambda batch, weights, cache, group, itemsize: 2 * batch / itemsize,
            "this is right for the weights alone; the cache adds FLOPs and bytes",
        ),
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


def _unchecked(ridge, weights, cache, group, itemsize):
    return math.ceil(ridge * itemsize * weights / (2 * (weights + group * cache) - ridge * itemsize * cache))


def _floor(ridge, weights, cache, group, itemsize):
    per_sequence = 2 * (weights + group * cache) - ridge * itemsize * cache
    return math.inf if per_sequence <= 0 else math.floor(ridge * itemsize * weights / per_sequence)


def _above(ridge, weights, cache, group, itemsize):
    batch = _floor(ridge, weights, cache, group, itemsize)
    return batch if batch == math.inf else batch + 1


def _caches_read_free(ridge, weights, cache, group, itemsize):
    return math.ceil(ridge * itemsize * weights / (2 * (weights + group * cache)))


def _or(marker):
    """Right, but with `marker` in place of infinity."""

    def answer(*given):
        batch = smallest_batch(*given)
        return marker if batch == math.inf else batch

    return answer


BATCH = Exercise(
    id="6.7",
    title="the batch that fills the processor",
    minutes=8,
    difficulty=3,
    solution=smallest_batch,
    stages=(
        Stage((7, 1000, 0, 1, 2), "ridge 7, in 16 bits, weights alone"),
        Stage((7, 1000, 0, 1, 4), "ridge 7, in float32, weights alone"),
        # 91.07 in exact numbers, so that rounding to the nearest gives one too few
        Stage((50, 1020, 10, 4, 2), "with a small cache that four heads share"),
        Stage((300, 7_500_000_000, 19_660_800, 4, 2), "a model of 7.5 billion weights with 300 tokens cached"),
        Stage((50, 1000, 100, 1, 2), "with a cache that no batch can make up for"),
        Stage((50, 4800, 100, 2, 2), "with a cache that only an infinite batch could make up for"),
    ),
    mistakes=(
        Mistake(
            lambda *given: math.inf,
            "some batch reaches the ridge here; math.inf is right only where none does, however large",
        ),
        Mistake(
            lambda ridge, weights, cache, group, itemsize: smallest_batch(ridge, weights, 0, group, itemsize),
            "this is the batch for the weights alone; every sequence brings a cache, which has to be read too",
        ),
        Mistake(
            lambda ridge, weights, cache, group, itemsize: smallest_batch(ridge, weights, cache, 1, itemsize),
            "each number of the cache is multiplied for all `group` heads that share it",
        ),
        Mistake(
            lambda ridge, weights, cache, group, itemsize: smallest_batch(ridge, weights, cache, group, 2),
            "the intensity of weights is 2 batch / itemsize; a number may have another size than 2 bytes",
        ),
        Mistake(
            lambda ridge, weights, cache, group, itemsize: smallest_batch(ridge, weights, cache, group, 2 * itemsize),
            "this is twice too much for the weights alone: a multiply-add is two FLOPs, so the intensity of weights is "
            "2 batch / itemsize",
        ),
        Mistake(
            lambda ridge, weights, cache, group, itemsize: smallest_batch(ridge, weights, cache, group, 1),
            "this compares the ridge with FLOPs per number; divide by `itemsize` for FLOPs per byte",
        ),
        Mistake(
            _floor,
            "this batch is rounded down, and its intensity is still below the ridge; round up (`math.ceil`; `round` "
            "goes to the nearest whole number)",
        ),
        Mistake(
            _above,
            "one less reaches the ridge already, since it is met exactly; compare with >=, not with >",
        ),
        Mistake(
            _caches_read_free,
            "the bytes do not grow with the batch here; each sequence reads its own cache, itemsize b C in all",
        ),
        Mistake(_or(-1), "no batch reaches the ridge here; return math.inf"),
        Mistake(_or(None), "no batch reaches the ridge here, and your function returns nothing; return math.inf"),
        Mistake(
            _unchecked,
            "no batch reaches the ridge here: the intensity grows towards 2 (weights + group cache) / (itemsize cache) "
            "only, which is smaller; return math.inf",
        ),
    ),
    hints=(
        "Write 2 b (W + group C) >= ridge itemsize (W + b C), with C for cache, and bring every b to one side.",
        "b (2 (W + group C) - ridge itemsize C) >= ridge itemsize W. What if the bracket is not positive?",
        "`math.ceil` rounds up; a search `while decode_intensity(...) < ridge` is a right answer too, if it knows when "
        "to give up.",
    ),
)
