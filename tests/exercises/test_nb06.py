"""Checks of notebook 06: right answers pass in any style, further wrong ones hear why."""

import math
from bisect import bisect_left

import numpy as np
import pytest
import torch

from course_lib import accounting
from course_lib.config import GroupedConfig
from course_lib.exercises import nb06_cache_sizes as cache_sizes
from course_lib.exercises import nb06_cached_step as cached_step
from course_lib.exercises import nb06_chunk_masks as chunk_masks
from course_lib.exercises import nb06_generation_costs as generation_costs
from course_lib.exercises import nb06_intensities as intensities
from course_lib.exercises import nb06_ring_slots as ring_slots
from course_lib.exercises import of_notebook
from course_lib.exercises.grading import grade
from course_lib.layers import GroupedQueryAttention as Layer
from course_lib.layers import WindowCache
from course_lib.reference.attention import softmax_weights
from course_lib.reference.cache import Cache, step
from course_lib.reference.grouped import GroupedQueryAttention

EXERCISES = {exercise.id: exercise for exercise in of_notebook("6")}


def test_the_step_is_that_of_the_reference():
    rng = np.random.default_rng(0)
    h, d, e, v, d_out = 3, 7, 5, 4, 11
    W_Q, W_K = rng.normal(size=(2, h, d, e))
    W_V, W_O = rng.normal(size=(h, d, v)), rng.normal(size=(h, v, d_out))
    layer = GroupedQueryAttention(W_Q=W_Q, W_K=W_K, W_V=W_V, W_O=W_O)
    K, V, cache = np.zeros((h, 0, e)), np.zeros((h, 0, v)), Cache()
    for x in rng.normal(size=(6, d)):
        y, K, V = cached_step.decode_step(x, W_Q, W_K, W_V, W_O, K, V)
        want, cache = step(layer, x[None], cache)
        # Sums of some dozens of products of numbers near 1, in another order
        assert np.allclose(y, want[0], rtol=0, atol=1e-12)
        assert np.allclose(K, cache.rows["K"], rtol=0, atol=1e-13) and np.allclose(V, cache.rows["V"], atol=1e-13)


@pytest.mark.parametrize(("N", "d"), [(1, 14), (13, 14), (40, 6)])
def test_costs_are_those_of_accounting(N, d):
    config = GroupedConfig(d_model=d, n_heads=2)
    assert generation_costs.generation_flops(N, d) == {
        "cached": accounting.generate_with_cache(config, 1, N).flops_by_part["attend"],
        "recomputed": accounting.generate_without_cache(config, 1, N).flops_by_part["attend"],
    }


@pytest.mark.parametrize(("n", "past"), [(3, [0, 2]), (1, [4, 4, 7]), (5, [0])])
def test_the_mask_is_that_of_the_layers(n, past):
    past = np.array(past)
    positions = torch.from_numpy(past[:, None] + np.arange(n))
    layer = Layer(GroupedConfig(d_model=6, n_heads=1))
    want = layer.visible(positions, torch.arange(past.max() + n)).numpy()
    assert np.array_equal(chunk_masks.chunk_mask(n, past), want)


@pytest.mark.parametrize("name", ["GPT-2 124M", "Gemma-3-27B", "GPT-OSS-120B", "Mistral-7B v0.1"])
@pytest.mark.parametrize("tokens", [100, 50_000])
def test_bytes_are_those_of_accounting(name, tokens):
    model = accounting.model(name)
    layers = [(count, c.n_kv_heads, c.d_head, c.window) for count, c in model.layers]
    assert cache_sizes.cache_bytes(layers, tokens, 3, 2) == model.cache_bytes(tokens, batch=3)


@pytest.mark.parametrize("length", [1, 4, 5, 13])
def test_slots_are_those_of_the_window_cache(length):
    cache = WindowCache(5)
    numbers = torch.arange(1.0, length + 1)  # position p holds p + 1, an empty slot 0
    for number in numbers:
        held, _ = cache.append({"K": number.reshape(1, 1, 1)})
    assert ring_slots.positions_in_ring(length, 5).tolist() == (held["K"].flatten() - 1).tolist()


@pytest.mark.parametrize("batch", [1, 7])
def test_intensity_is_that_of_accounting_but_for_activations(batch):
    config = GroupedConfig(d_model=2048, n_heads=16, n_kv_heads=4)
    work = accounting.decode(config, 4999, batch=batch)
    got = intensities.decode_intensity(batch, accounting.parameters(config), 5000 * config.floats_per_token, 4, 2)
    assert math.isclose(work.intensity, got, rel_tol=2e-3)  # inputs, outputs and the new row: 1e-3 of the bytes


@pytest.mark.parametrize("cache", [0, 3, 30, 70, 79, 80, 81, 500])
def test_no_smaller_batch_reaches_the_ridge(cache):
    ridge, weights, group, itemsize = 30, 1000, 5, 2
    batch = intensities.smallest_batch(ridge, weights, cache, group, itemsize)
    reached = [b for b in range(1, 5000) if intensities.decode_intensity(b, weights, cache, group, itemsize) >= ridge]
    assert batch == (reached[0] if reached else math.inf)


def step_in_loops(x, W_Q, W_K, W_V, W_O, K, V):
    y, new_K, new_V = 0, [], []
    for q, k, v, o, old_K, old_V in zip(W_Q, W_K, W_V, W_O, K, V, strict=True):
        new_K.append([*old_K, x @ k])
        new_V.append([*old_V, x @ v])
        logits = [(x @ q) @ key / math.sqrt(len(key)) for key in new_K[-1]]
        weights = [math.exp(logit - max(logits)) for logit in logits]
        y = y + sum(w * value for w, value in zip(weights, new_V[-1], strict=True)) / sum(weights) @ o
    return y, np.array(new_K), np.array(new_V)


def step_in_torch(*given):
    x, W_Q, W_K, W_V, W_O, K, V = (torch.from_numpy(a) for a in given)
    K, V = torch.cat([K, (x @ W_K)[:, None]], 1), torch.cat([V, (x @ W_V)[:, None]], 1)
    Y = torch.nn.functional.scaled_dot_product_attention((x @ W_Q)[:, None], K, V)
    return (Y @ W_O).sum(0)[0], K, V


def step_by_stacking(x, W_Q, W_K, W_V, W_O, K, V):
    K = np.stack([np.vstack([rows, x @ W]) for rows, W in zip(K, W_K, strict=True)])
    V = np.stack([np.vstack([rows, x @ W]) for rows, W in zip(V, W_V, strict=True)])
    S = (K @ (x @ W_Q)[..., None])[..., 0] / np.sqrt(K.shape[-1])
    P = np.exp(S - S.max(-1, keepdims=True))
    P = P / P.sum(-1, keepdims=True)
    return np.concatenate(list((P[:, None] @ V)[:, 0])) @ np.concatenate(list(W_O)), K, V


def costs_in_a_loop(N, d):
    steps = range(1, N + 1)
    return {"recomputed": sum(4 * d * i**2 for i in steps), "cached": sum(4 * d * i for i in steps)}


def costs_with_numpy(N, d):
    i = np.arange(1, N + 1)
    return {"cached": (4 * d * i).sum(), "recomputed": (4 * d * i * i).sum()}


def mask_in_loops(n, past):
    N = max(past) + n
    return [[[bool(j <= p + t) for j in range(N)] for t in range(n)] for p in past]


def mask_in_torch(n, past):
    N = int(past.max()) + n
    return torch.stack([torch.ones(n, N, dtype=torch.bool).tril(int(p)) for p in past])


def ring_in_a_loop(length, window):
    ring = [-1] * window
    for p in range(length):
        ring[p % window] = p
    return np.array(ring)


def ring_by_search(length, window):
    return [max((p for p in range(length) if p % window == slot), default=-1) for slot in range(window)]


def batch_without_floats(r, W, C, g, s):
    return math.inf if 2 * (W + g * C) <= r * s * C else -(-r * s * W // (2 * (W + g * C) - r * s * C))


def batch_by_search(r, W, C, g, s, most=10**18):
    b = bisect_left(range(most), True, key=lambda b: 2 * b * (W + g * C) >= r * s * (W + b * C))
    return math.inf if b == most else b  # no batch exceeds 2 r s W, as 2 r is whole, and 2 r s W is far below 10**18


def batch_one_by_one(r, W, C, g, s):
    """A search that tries all batches where there is one."""
    if 2 * (W + g * C) <= r * s * C:
        return math.inf
    b = 1
    while intensities.decode_intensity(b, W, C, g, s) < r:
        b += 1
    return b


def batch_up_to(longest, otherwise=math.inf):
    """An answer that tries all batches below a largest one."""

    def answer(r, W, C, g, s):
        return next((b for b in range(1, longest) if 2 * b * (W + g * C) >= r * s * (W + b * C)), otherwise)

    return answer


def batch_or(otherwise):
    """A right answer, except where no batch reaches the ridge."""
    return lambda *given: otherwise if batch_without_floats(*given) == math.inf else batch_without_floats(*given)


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("6.1", step_in_loops),
        ("6.1", step_in_torch),
        ("6.1", step_by_stacking),
        ("6.2", costs_in_a_loop),
        ("6.2", costs_with_numpy),
        ("6.3", mask_in_loops),
        ("6.3", mask_in_torch),
        ("6.3", lambda n, past: np.stack([np.tri(n, past.max() + n, k=p, dtype=bool) for p in past])),
        ("6.4", lambda layers, N, b, s: sum(2 * c * g * e * min(N, w or N) for c, g, e, w in layers) * b * s),
        ("6.4", lambda layers, N, b, s: int(sum(np.prod([2, c, g, e, b, s, min(N, w or N)]) for c, g, e, w in layers))),
        ("6.5", ring_in_a_loop),
        ("6.5", ring_by_search),
        ("6.6", lambda b, W, C, g, s: (W * b + C * b * g) * 2 / (W * s + C * b * s)),
        ("6.6", lambda b, W, C, g, s: torch.tensor(2.0 * b * (W + g * C)) / (s * (W + b * C))),
        ("6.7", batch_by_search),
        ("6.7", batch_without_floats),
        ("6.7", batch_one_by_one),
        ("6.7", lambda *given: float(batch_without_floats(*given))),
    ],
)
def test_right_answers_pass_in_any_style(number, answer):
    result = grade(EXERCISES[number], answer)
    assert result.passed is True, result.message


def softmax_over_heads(x, W_Q, W_K, W_V, W_O, K, V):
    _, K, V = step_in_loops(x, W_Q, W_K, W_V, W_O, K, V)
    S = np.einsum("he,hNe->hN", x @ W_Q, K) / np.sqrt(K.shape[-1])
    P = np.exp(S) / np.exp(S).sum(0)
    return np.einsum("hN,hNv,hvo->o", P, V, W_O), K, V


def step_with_heads_apart(x, W_Q, W_K, W_V, W_O, K, V):
    alone = [step_in_loops(x, *(W[i : i + 1] for W in (W_Q, W_K, W_V, W_O, K, V)))[0] for i in range(len(K))]
    return np.array(alone), *step_in_loops(x, W_Q, W_K, W_V, W_O, K, V)[1:]


def step_that_reads_before_it_stores(x, W_Q, W_K, W_V, W_O, K, V):
    S = np.exp(np.einsum("he,hNe->hN", x @ W_Q, K) / np.sqrt(K.shape[-1]))
    y = np.einsum("hN,hNv,hvo->o", S / S.sum(-1, keepdims=True), V, W_O)
    return y, np.concatenate([K, (x @ W_K)[:, None]], 1), np.concatenate([V, (x @ W_V)[:, None]], 1)


def mask_with_new_rows_at_the_end(n, past):
    new = np.tri(n, dtype=bool)
    return np.stack([np.hstack([np.tile(np.arange(past.max()) < p, (n, 1)), new]) for p in past])


def mask_with_padding_on_the_left(n, past):
    longest = past.max()
    return np.stack(
        [np.tri(n, longest + n, k=longest, dtype=bool) & (np.arange(longest + n) >= longest - p) for p in past]
    )


def first_kind_only(layers, tokens, batch, itemsize):
    for count, n_kv_heads, d_head, window in layers:  # returns in the first round
        return 2 * count * n_kv_heads * d_head * min(tokens, window or tokens) * batch * itemsize


def ring_that_is_empty_when_just_full(length, window):
    """Right but for length = window, where length % window is 0 as if nothing had been written."""
    written = (np.arange(window) < length % window) | (length > window)
    return np.where(written, ring_in_a_loop(length, window), -1)


def batch_checked_for_less(r, W, C, g, s):
    per_sequence = 2 * (W + g * C) - r * s * C
    return math.inf if per_sequence < 0 else -(-r * s * W // per_sequence)


def batch_rounded_to_the_nearest(r, W, C, g, s):
    per_sequence = 2 * (W + g * C) - r * s * C
    return math.inf if per_sequence <= 0 else round(r * s * W / per_sequence)


def batch_above_the_ridge(ridge, weights, cache, group, itemsize):
    for b in range(1, 10**6):
        if 2 * b * (weights + group * cache) > ridge * itemsize * (weights + b * cache):
            return b
    return math.inf


@pytest.mark.parametrize(
    ("number", "answer", "message"),
    [
        ("6.1", lambda x, W_Q, W_K, *rest: step_in_loops(x, W_K, W_Q, *rest), "W_Q and W_K are exchanged"),
        ("6.1", softmax_over_heads, "The softmax runs over the heads"),
        ("6.1", step_with_heads_apart, "y is their sum"),
        ("6.1", lambda *given: (step_in_loops(*given)[0] / 3, *step_in_loops(*given)[1:]), "mean over the heads"),
        ("6.1", lambda *given: (step_in_loops(*given)[0] * 3, *step_in_loops(*given)[1:]), "the third token"),
        ("6.1", step_that_reads_before_it_stores, "does not see itself"),
        ("6.1", lambda *given: tuple(step_in_torch(*given)[i] for i in (1, 2, 0)), "return y first"),
        ("6.1", lambda *given: step_in_loops(*given)[::-1], "in entry 0, your result has shape"),
        ("6.1", lambda x, W_Q, W_K, W_V, W_O, K, V: K @ (x @ W_Q), "your code raises ValueError"),
        ("6.1", lambda *given: (*step_in_loops(*given)[:2], given[6]), "in entry 2, your result has shape"),
        ("6.2", lambda N, d: {"cached": 4 * d * N, "recomputed": 4 * d * N**3}, "five tokens"),
        ("6.2", lambda N, d: (2 * d * N * (N + 1), 4 * d * N**3), "a dict is expected"),
        (
            "6.2",
            lambda N, d: {"cached": 2 * d * N * (N + 1), "recomputed": 2 * d * N * (N + 1)},
            "all i queries meet i keys",
        ),
        ("6.2", lambda N, d: {"cached": 2 * d * N * (N + 1)}, "the key 'recomputed' is missing"),
        ("6.2", lambda N, d: {k: v // d for k, v in costs_in_a_loop(N, d).items()}, "The width is missing"),
        ("6.3", lambda n, past: np.tri(n, past.max() + n, k=past.max(), dtype=bool), "return one for each"),
        ("6.3", lambda n, past: np.tri(n, n, dtype=bool)[None].repeat(len(past), 0), "shape (1, 3, 3)"),
        ("6.3", lambda n, past: np.array(mask_in_loops(n, past)).astype(int), "a boolean array"),
        ("6.3", lambda n, past: np.array(mask_in_loops(n, past))[::-1], "four sequences"),
        ("6.3", mask_with_new_rows_at_the_end, "behind those of the longest sequence"),
        ("6.3", mask_with_padding_on_the_left, "padded on the left"),
        ("6.4", lambda layers, N, b, s: sum(2 * c * g * e * N for c, g, e, _ in layers) * s, "three kinds of layers"),
        ("6.4", lambda layers, N, b, s: 0, "three kinds of layers"),
        ("6.4", lambda layers, N, b, s: sum(2 * c * g * e * (w or N) for c, g, e, w in layers) * b * s, "shorter than"),
        (
            "6.4",
            lambda layers, N, b, s: sum(2 * g * e * min(N, w or N) for _, g, e, w in layers) * b * s,
            "one layer of",
        ),
        ("6.4", lambda layers, N, b, s: cache_sizes.cache_bytes(layers, N, b, s) // 1000, "three kinds of layers"),
        (
            "6.4",
            lambda layers, N, b, s: sum(2 * c * e * min(N, w or N) for c, _, e, w in layers) * b * s,
            "one KV head",
        ),
        ("6.4", lambda layers, N, b, s: sum(2 * c * g * min(N, w or N) for c, g, _, w in layers) * b * s, "d_head"),
        (
            "6.4",
            lambda layers, N, b, s: sum(2 * c * g * e * min(N * b, w or N * b) for c, g, e, w in layers) * s,
            "rows of one text",
        ),
        ("6.4", first_kind_only, "only the first kind"),
        ("6.4", lambda layers, N, b, s: cache_sizes.cache_bytes(layers, b, N, s), "`tokens` and `batch` are exchanged"),
        ("6.5", lambda length, window: np.arange(window), "Slot s holds s, the first position"),
        ("6.5", lambda length, window: list(range(max(length - window, 0), length)), "in order of age"),
        ("6.5", lambda length, window: np.roll(ring_in_a_loop(length, window), 1), "one slot too far"),
        ("6.5", lambda length, window: ring_in_a_loop(length, window + 1), "shape"),
        ("6.5", lambda length, window: sorted(ring_in_a_loop(length, window)), "in order of age"),
        ("6.5", ring_that_is_empty_when_just_full, "5 tokens in 5 slots"),
        ("6.6", lambda b, W, C, g, s: 2 * b * (W + C) / (s * W + b * C), "11 sequences in 16 bits"),
        ("6.6", lambda b, W, C, g, s: b * (W + g * C) / (s * (W + b * C)), "two FLOPs"),
        ("6.6", lambda b, W, C, g, s: 2 * b * (W + g * C) / s * (W + b * C), "Put the product in parentheses"),
        ("6.6", lambda b, W, C, g, s: 2 * b * W / (s * (W + b * C)), "The FLOPs of the cache are missing"),
        ("6.6", lambda b, W, C, g, s: 2 * b / s + 2 * g / s * (C > 0), "add up FLOPs, add up bytes"),
        ("6.6", lambda b, W, C, g, s: 2 * (W + g * C) / (s * (W + C)), "the batch multiplies all FLOPs"),
        ("6.7", lambda r, W, C, g, s: r, "parameters alone"),
        ("6.7", lambda r, W, C, g, s: -(-r * s * W // (4 * (W + g * C) - r * s * C)), "Four FLOPs"),
        ("6.7", lambda r, W, C, g, s: -(-r * s // 2), "parameters alone. Every sequence brings a cache"),
        ("6.7", lambda r, W, C, g, s: r * s / 2, "parameters alone. Every"),
        ("6.7", batch_up_to(10_000), "Some batch above 10,000 reaches the ridge"),
        ("6.7", batch_up_to(1_000_000), "Some batch above 1,000,000 reaches the ridge"),
        ("6.7", batch_or(-1), "no batch reaches the ridge here. return math.inf, not -1"),
        ("6.7", batch_or(None), "your function returns nothing. return math.inf"),
        ("6.7", lambda r, W, C, g, s: -(-r * s * W // (2 * (W + g * C) - r * s * C)), "the intensity grows towards"),
        ("6.7", batch_rounded_to_the_nearest, "`round` goes to the nearest"),
        ("6.7", batch_above_the_ridge, "compare with >=, not with >"),
        (
            "6.7",
            lambda r, W, C, g, s: -(-r * s * (W + C) // (2 * (W + g * C))),
            "each sequence reads its own cache",
        ),
        ("6.7", batch_checked_for_less, "an infinite batch could make up for\n  your code raises ZeroDivisionError"),
        ("6.7", lambda *given: batch_by_search(*given) - 1, "parameters alone"),
    ],
)
def test_other_wrong_answers_hear_stage_or_reason(number, answer, message):
    result = grade(EXERCISES[number], answer)
    assert result.passed is False and message.lower() in result.message.lower(), result.message


def softmax_without_shift(x, W_Q, W_K, W_V, W_O, K, V):
    K, V = np.concatenate([K, (x @ W_K)[:, None]], 1), np.concatenate([V, (x @ W_V)[:, None]], 1)
    A = np.exp(np.einsum("he,hNe->hN", x @ W_Q, K) / np.sqrt(K.shape[-1]))
    return np.einsum("hN,hNv,hvo->o", A / A.sum(-1, keepdims=True), V, W_O), K, V


def mask_with_the_last_as_longest(n, past):
    return np.arange(past[-1] + n) <= past[:, None, None] + np.arange(n)[:, None]


def batch_whose_limit_lacks_the_group(r, W, C, g, s):
    if C and r * s >= 2 * (W + C) / C:
        return math.inf
    return batch_without_floats(r, W, C, g, s)


def batch_whose_limit_has_the_itemsize(r, W, C, g, s):
    return math.inf if 2 * (W + s * C) <= r * s * C else batch_without_floats(r, W, C, g, s)


@pytest.mark.parametrize(
    ("number", "answer", "message"),
    [
        ("6.1", softmax_without_shift, "Subtract from the logits of each head their own maximum"),
        ("6.3", mask_with_the_last_as_longest, "The last sequence is taken for the longest"),
        ("6.6", lambda b, W, C, g, s: 2 * g * (W + b * C) / (s * (W + g * C)), "`batch` and `group` are exchanged"),
        ("6.7", batch_whose_limit_lacks_the_group, "Some batch reaches the ridge here"),
        ("6.7", batch_whose_limit_has_the_itemsize, "Some batch above 10,000 reaches the ridge"),
        ("6.7", lambda *given: max(2, batch_by_search(*given)), "Begin the search with a batch of 1"),
    ],
)
def test_answers_that_passed_or_heard_a_wrong_reason(number, answer, message):
    with np.errstate(all="ignore"):
        result = grade(EXERCISES[number], answer)
    assert result.passed is False and message in result.message, result.message


def step_with(part):
    """A decode step that does not return what it should: `part` takes y, K, V and the new rows k and v."""

    def answer(x, W_Q, W_K, W_V, W_O, K, V):
        y, longer_K, longer_V = step_in_loops(x, W_Q, W_K, W_V, W_O, K, V)
        return part(y, longer_K, longer_V, x @ W_K, x @ W_V)

    return answer


def mask_of_the_longest(n, past):
    return np.tri(n, past.max() + n, k=past.max(), dtype=bool)[None]


def mask_in_the_order_of_the_longest(n, past):
    longest = mask_of_the_longest(n, past)
    return longest & (np.arange(longest.shape[2]) < past[:, None, None] + n)


def bytes_with(rows, unit=1):
    """The bytes of a cache, where a window of w keeps rows(tokens, w), in another unit."""

    def answer(layers, tokens, batch, itemsize):
        numbers = sum(2 * c * g * e * (rows(tokens, w) if w else tokens) for c, g, e, w in layers)
        return numbers * batch * itemsize / unit

    return answer


def costs_with(recomputed):
    return lambda N, d: {"cached": 2 * d * N * (N + 1), "recomputed": recomputed(N, d)}


def step_of_heads(heads=lambda *given: given, softmax=softmax_weights, read_out="hv,hvo->o"):
    """A decode step in which `heads` changes q, all keys, all values, W_O before they meet."""

    def answer(x, W_Q, W_K, W_V, W_O, K, V):
        _, K, V = step_in_loops(x, W_Q, W_K, W_V, W_O, K, V)
        q, keys, values, W = heads(x @ W_Q, K, V, W_O)
        P = softmax(np.einsum("he,hNe->hN", q, keys) / np.sqrt(K.shape[-1]))
        return np.einsum(read_out, np.einsum("hN,hNv->hv", P[:, : values.shape[1]], values), W), K, V

    return answer


def from_zero(S):
    """A softmax whose largest logit comes from a loop that begins with 0."""
    A = np.exp(S - np.maximum(S.max(-1, keepdims=True), 0))
    return A / A.sum(-1, keepdims=True)


def mask_where(visible):
    """Where visible(column, position of the query, past, n) holds, all as arrays of three axes."""

    def answer(n, past):
        p = past[:, None, None]
        return visible(np.arange(past.max() + n), p + np.arange(n)[:, None], p, n)

    return answer


def ring_turned_back(length, w):
    kept = np.arange(max(length - w, 0), length)
    return np.roll(kept, -(length % w)) if length >= w else np.append(kept, np.full(w - length, -1))


@pytest.mark.parametrize(
    ("number", "answer", "message"),
    [
        ("6.1", step_with(lambda y, K, V, k, v: (y, k, v)), "The new rows come back alone"),
        ("6.1", step_with(lambda y, K, V, k, v: (y, k[:, None], v[:, None])), "come back without the old ones"),
        ("6.2", costs_with(lambda N, d: 4 * N**3 * d // 3), "this is the integral of 4 d i^2"),
        ("6.2", costs_with(lambda N, d: 4 * d * (N * (N + 1) // 2) ** 2), "Square each i first"),
        ("6.2", costs_with(lambda N, d: N * 2 * d * N * (N + 1)), "i N pairs in step i"),
        ("6.3", mask_of_the_longest, "the mask of the longest sequence alone"),
        ("6.3", mask_in_the_order_of_the_longest, "In a shorter sequence the new tokens see the ones after them"),
        ("6.3", lambda n, past: np.stack([np.tri(n, dtype=bool)] * len(past)), "They see the old ones, too"),
        ("6.3", lambda n, past: np.stack([np.tri(past.max() + n, dtype=bool)] * len(past)), "so there are n rows"),
        ("6.4", bytes_with(min, 1024), "This is in KiB"),
        ("6.4", bytes_with(min, 8), "`itemsize` is in bytes already"),
        ("6.4", lambda *given: bytes_with(min)(*given) // 8, "`itemsize` is in bytes already"),
        ("6.4", bytes_with(lambda tokens, w: tokens % w), "the slot of the next token"),
        ("6.5", lambda length, w: [length // w * w + s for s in range(w)], "a position of the round before"),
        ("6.5", lambda length, w: [(length - 1) // w * w + s for s in range(w)], "a position of the round before"),
        ("6.6", lambda b, W, C, g, s: 2 * b * (W + 2 * g * C) / (s * (W + 2 * b * C)), "The cache is counted twice"),
        ("6.6", lambda b, W, C, g, s: 2 * g / s, "right for the cache alone"),
        ("6.7", batch_or(0), "not 0"),
        ("6.7", batch_or(10**9), "however large"),
        ("6.7", batch_or(math.nan), "not NaN"),
        ("6.7", batch_up_to(10**6), "Some batch above 1,000,000"),
        ("6.1", step_of_heads(softmax=from_zero), "What is subtracted lies far from the largest logit"),
        ("6.1", step_of_heads(read_out="hv,kvo->o"), "the sum of all W_O"),
        ("6.1", step_of_heads(lambda q, K, V, W: (q, K, V, W[[0, 0, 0]])), "All heads use the W_O of head 0"),
        ("6.1", step_of_heads(lambda q, K, V, W: (q[[0, 0, 0]], K, V, W)), "All heads have the query of head 0"),
        ("6.1", step_of_heads(lambda q, K, V, W: (q, K[[0, 0, 0]], V, W)), "All heads read the keys of head 0"),
        ("6.1", step_of_heads(lambda q, K, V, W: (q, K, V[[0, 0, 0]], W)), "All heads read the values of head 0"),
        ("6.1", step_of_heads(lambda q, K, V, W: (q, K, V[:, :-1], W)), "but its value is left out"),
        ("6.2", lambda N, d: {"cached": 4 * N * d, "recomputed": costs_in_a_loop(N, d)["recomputed"]}, "4 d N"),
        ("6.2", costs_with(lambda N, d: 4 * d * N * (N + 1) * (N + 2) // 6), "this sums i (i + 1) / 2"),
        ("6.2", lambda N, d: dict.fromkeys(("cached", "recomputed"), 4 * d), "the first step alone"),
        ("6.2", lambda N, d: dict.fromkeys(("cached", "recomputed"), costs_in_a_loop(N, d)["recomputed"]), "i^2 pairs"),
        ("6.3", mask_where(lambda j, i, p, n: (j <= i) | (j < p.max())), "All columns before past.max()"),
        ("6.3", mask_where(lambda j, i, p, n: j <= i - p + p.min()), "treated as the shortest"),
        ("6.3", mask_where(lambda j, i, p, n: (j <= i) & (j > i - n)), "as in a window"),
        ("6.4", lambda *given: 2 * cache_sizes.cache_bytes(*given), "This is twice too much"),
        ("6.5", ring_turned_back, "turned the wrong way"),
        ("6.6", lambda b, W, C, g, s: 2 * b * (W + g * C) / (2 * s * (W + b * C)), "This is half"),
        ("6.6", lambda b, W, C, g, s: 2 * b * (W + C) / (s * (W + C)), "This is 2 batch / itemsize"),
        ("6.6", lambda b, W, C, g, s: (2 * b * W + g * C) / (s * (W + b * C)), "multiply the parameters alone"),
        ("6.6", lambda b, W, C, g, s: s * (W + b * C), "These are the bytes alone"),
        ("6.7", batch_up_to(2000), "A batch larger than all that you try"),
        ("6.7", lambda *given: batch_without_floats(*given) - 1, "one too small"),
    ],
)
def test_natural_slips_hear_their_own_reason(number, answer, message):
    result = grade(EXERCISES[number], answer)
    assert result.passed is False and message in result.message, result.message


def test_zeros_hear_no_question():
    result = grade(EXERCISES["6.2"], lambda N, d: {"cached": 0, "recomputed": 0})
    assert result.kind == "numbers" and "?" not in result.message


@pytest.mark.parametrize("kind", [np.array, torch.tensor, np.float64, float])
@pytest.mark.parametrize("number", ["6.2", "6.4", "6.6", "6.7"])
def test_numbers_of_every_kind_are_right(number, kind):
    solution = EXERCISES[number].solution

    def answer(*given):
        value = solution(*given)
        return {key: kind(v) for key, v in value.items()} if isinstance(value, dict) else kind(value)

    result = grade(EXERCISES[number], answer)
    rounded = kind is torch.tensor and "float32" in result.message  # which torch makes of a float
    assert result.passed is True or rounded, result.message


def test_minutes_in_the_title_of_the_notebook():
    assert sum(EXERCISES[number].minutes for number in ("6.1", "6.2", "6.3", "6.4", "6.6")) == 34
    assert sum(EXERCISES[number].minutes for number in ("6.5", "6.7")) == 13
