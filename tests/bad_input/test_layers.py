"""Bad input to the layers: each raises with a message that names argument, value and rule, and leaves the cache."""

import os
import subprocess
import sys

import pytest
import torch

from course_lib.config import GroupedConfig, LatentConfig, Rope
from course_lib.layers import (
    BidirectionalAttention,
    Cache,
    FeedForward,
    GroupedQueryAttention,
    LatentAttention,
    LayerNorm,
    Memory,
    RMSNorm,
    RotaryTable,
    Seen,
    SwiGLU,
    WindowCache,
    attend,
    attention_weights,
)
from course_lib.layers.cpu import by_columns
from course_lib.layers.rowwise import project

GROUPED = GroupedQueryAttention(GroupedConfig(d_model=14, n_heads=6, n_kv_heads=2, d_head=4, rope=Rope()))
GROUPED_WINDOW = GroupedQueryAttention(GroupedConfig(d_model=14, n_heads=6, d_head=4, window=5))
LATENT = LatentAttention(LatentConfig(d_model=14, n_heads=6, d_latent=11, d_head=5, d_rope=4))
BOTH = pytest.mark.parametrize("layer", [GROUPED, LATENT], ids=["grouped", "latent"])


def tokens(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def with_nan():
    X = tokens(2, 5, 14)
    X[1, 3, 2] = torch.nan
    return X


@BOTH
@pytest.mark.parametrize(
    "X, rule",
    [
        (tokens(5, 14), r"X must have shape \(sequences, tokens, d_model = 14\), got \(5, 14\)"),
        (tokens(2, 5, 13), r"X must have shape .*d_model = 14\), got \(2, 5, 13\)"),
        (tokens(2, 0, 14), r"X must hold at least one sequence and one token, got shape \(2, 0, 14\)"),
        (tokens(0, 5, 14), r"X must hold at least one sequence and one token"),
        (tokens(2, 5, 14).double(), "X must have the dtype .*float32.* got torch.float64"),
        (torch.zeros(2, 5, 14, dtype=torch.long), "X must have the dtype .*float32.* got torch.int64"),
        (tokens(2, 5, 14).numpy(), "X must be a torch tensor, got ndarray"),
        (with_nan(), "X must be finite, got NaN"),
        (with_nan() / 0, "X must be finite, got NaN or infinite"),
    ],
)
def test_tokens(layer, X, rule):
    cache = Cache()
    with pytest.raises(ValueError, match=rule):
        layer(X, cache)
    assert cache.length == 0 and cache.nbytes == 0


@BOTH
@pytest.mark.parametrize(
    "keywords, rule",
    [
        ({"lengths": torch.tensor([5, 6])}, r"lengths must be 2 numbers from 0 to n = 5, got \[5, 6\]"),
        ({"lengths": torch.tensor([-1, 5])}, r"lengths must be 2 numbers from 0 to n = 5, got \[-1, 5\]"),
        ({"lengths": torch.tensor([1, 2, 3])}, r"lengths must be 2 numbers .* got \[1, 2, 3\]"),
        ({"lengths": torch.tensor([1.0, 2.0])}, "lengths must be a tensor of integers"),
        ({"lengths": [1, 2]}, r"lengths must be a tensor of integers, got \[1, 2\]"),
        ({"mask": torch.ones(5, 5)}, "mask must be a boolean tensor, true where seen, got torch.float32"),
        ({"mask": torch.ones(5, 4, dtype=torch.bool)}, r"mask must have shape \(n, N\) = \(5, 8\).* got \(5, 4\)"),
        ({"mask": torch.ones(3, 5, 8, dtype=torch.bool)}, r"or \(b, n, N\) = \(2, 5, 8\), got \(3, 5, 8\)"),
        ({"mask": [[True]]}, "mask must be a boolean tensor, true where seen, got list"),
    ],
)
def test_lengths_and_masks(layer, keywords, rule):
    cache = Cache()
    layer(tokens(2, 3, 14), cache)
    with pytest.raises(ValueError, match=rule):
        layer(tokens(2, 5, 14), cache, **keywords)
    assert cache.length == 3


def test_reading():
    with pytest.raises(ValueError, match="reading must be .* got 'merged'"):
        LATENT(tokens(2, 5, 14), reading="merged")


def test_bidirectional_attention_has_no_cache():
    with pytest.raises(ValueError, match="cache must be None: only causal attention"):
        BidirectionalAttention(GROUPED.config)(tokens(2, 5, 14), Cache())


@BOTH
def test_batch_of_another_size(layer):
    cache = Cache()
    layer(tokens(2, 3, 14), cache)
    with pytest.raises(ValueError, match="the cache holds 2 sequences, got a batch of 3"):
        layer(tokens(3, 1, 14), cache)
    assert cache.length == 3


def test_the_cache_of_another_layer():
    cache = Cache()
    GROUPED(tokens(2, 3, 14), cache)
    with pytest.raises(ValueError, match="rows must be like those held.*each layer needs its own cache"):
        LATENT(tokens(2, 3, 14), cache)
    assert cache.length == 3


@BOTH
def test_capacity_is_exceeded(layer):
    cache = Cache(4)
    layer(tokens(2, 3, 14), cache)
    with pytest.raises(ValueError, match="the cache has a capacity of 4 tokens, and 5 are needed"):
        layer(tokens(2, 2, 14), cache)
    assert cache.length == 3
    layer(tokens(2, 1, 14), cache)


@pytest.mark.parametrize("capacity", [0, -3, 2.5, True, "many"])
def test_capacity(capacity):
    with pytest.raises(ValueError, match=f"capacity must be a positive integer or None, got {capacity!r}"):
        Cache(capacity)


@pytest.mark.parametrize("length", [-1, 4, torch.tensor([2, 4]), torch.tensor([1]), torch.tensor([-1, 0])])
def test_truncation(length):
    cache = Cache()
    GROUPED(tokens(2, 3, 14), cache)
    with pytest.raises(ValueError, match="length must lie between 0 and what is held, .*3.*, got "):
        cache.truncate(length)
    assert cache.lengths.tolist() == [3, 3]


NOT_WHOLE = [
    2.5,
    2.0,
    True,
    None,
    "2",
    [1.0, 2.0],
    [True, False],
    torch.tensor([1.0, 2.0]),
    torch.tensor([True, False]),
]


@pytest.mark.parametrize("length", NOT_WHOLE, ids=str)
@pytest.mark.parametrize("new", [Cache, lambda: WindowCache(5)])
def test_truncation_to_what_is_no_whole_number(new, length):
    cache = new()
    GROUPED_WINDOW(tokens(2, 3, 14), cache)
    with pytest.raises(ValueError, match="length must hold whole numbers, got "):
        cache.truncate(length)
    assert cache.lengths.tolist() == [3, 3]


@pytest.mark.parametrize("indices", [[2], [-1], [[0]], 1])
@pytest.mark.parametrize("new", [list, torch.tensor])
def test_reorder(indices, new):
    cache = Cache()
    GROUPED(tokens(2, 3, 14), cache)
    with pytest.raises(ValueError, match="indices must be a list of numbers from 0 to 1, got "):
        cache.reorder(indices if new is list else torch.tensor(indices))
    assert len(cache.lengths) == 2


@pytest.mark.parametrize("indices", NOT_WHOLE, ids=str)
@pytest.mark.parametrize("new", [Cache, lambda: WindowCache(5)])
def test_reorder_by_what_are_no_whole_numbers(new, indices):
    cache = new()
    GROUPED_WINDOW(tokens(2, 3, 14), cache)
    with pytest.raises(ValueError, match="indices must hold whole numbers, got "):
        cache.reorder(indices)
    with pytest.raises(ValueError, match="indices must hold whole numbers, got "):
        Memory({"K": tokens(2, 3, 5)}).select(indices)


@pytest.mark.parametrize("lengths", [[3, 1], torch.ones(2), torch.tensor([4, 1]), torch.tensor([3])], ids=str)
@pytest.mark.parametrize("new", [Cache, lambda: WindowCache(5)])
def test_lengths_of_appended_rows(new, lengths):
    cache = new()
    with pytest.raises(ValueError, match="lengths must be "):
        cache.append({"K": tokens(2, 3, 5)}, lengths)
    assert cache.length == 0


def test_rows_that_disagree():
    with pytest.raises(ValueError, match="rows must agree in batch and number of tokens, got .*K.*V"):
        Cache().append({"K": tokens(2, 3, 5), "V": tokens(2, 4, 5)})


@pytest.mark.parametrize(
    "window, spare, rule", [(0, 0, "window"), (-2, 0, "window"), (1.5, 0, "window"), (3, -1, "spare")]
)
def test_window(window, spare, rule):
    with pytest.raises(ValueError, match=f"{rule} must be .* got "):
        WindowCache(window, spare)


@pytest.mark.parametrize("window", [None, 6])
def test_a_windowed_cache_for_a_layer_that_sees_further(window):
    layer = GroupedQueryAttention(GroupedConfig(d_model=14, n_heads=6, d_head=4, window=window))
    with pytest.raises(ValueError, match=f"cache keeps the last 5 rows, .* got window = {window}"):
        layer(tokens(2, 3, 14), WindowCache(5))


def test_truncation_past_what_a_window_keeps():
    layer = GroupedQueryAttention(GroupedConfig(d_model=14, n_heads=6, d_head=4, window=4))
    cache = layer.new_cache()
    layer(tokens(2, 9, 14), cache)
    with pytest.raises(
        ValueError, match=r"length must leave a whole window of 4 rows.* \[5, 5\] are gone, got \[7, 7\]"
    ):
        cache.truncate(7)
    cache.truncate(8)


@pytest.mark.parametrize("width", [3, 0, -2])
def test_rotary_width(width):
    with pytest.raises(ValueError, match=f"width must be even, got {width}"):
        RotaryTable(Rope(), width)


def test_rotation():
    table = RotaryTable(Rope(), 4)
    with pytest.raises(ValueError, match=r"x must have the rotary width 4, got shape \(3, 6\)"):
        table.rotate(tokens(3, 6), torch.arange(3))
    with pytest.raises(ValueError, match=r"positions must not be negative, got \[-1, 0, 1\]"):
        table.rotate(tokens(3, 4), torch.arange(3) - 1)
    with pytest.raises(ValueError, match=r"positions must be whole numbers, got torch.float32"):
        table.rotate(tokens(3, 4), torch.arange(3.0))


@pytest.mark.parametrize("norm", [RMSNorm, LayerNorm])
def test_norms(norm):
    with pytest.raises(ValueError, match="width must be positive, got 0"):
        norm(0)
    with pytest.raises(ValueError, match="eps must not be negative, got -1"):
        norm(4, eps=-1)
    with pytest.raises(ValueError, match=r"x must have the norm's width 4 .* got shape \(3, 1\)"):
        norm(4)(tokens(3, 1))


@pytest.mark.parametrize("network", [FeedForward, SwiGLU])
def test_feed_forward(network):
    with pytest.raises(ValueError, match="d_model and d_ff must be positive, got 5 and 0"):
        network(5, 0)
    with pytest.raises(ValueError, match=r"X must have width d_model = 5, got shape \(2, 4\)"):
        network(5, 7)(tokens(2, 4))


@pytest.mark.parametrize(
    "Q, K, V, rule",
    [
        ((2, 6, 5, 4), (2, 4, 5, 4), (2, 4, 5, 4), "heads of Q must be a multiple of those of K, got 6 and 4"),
        ((2, 6, 5, 4), (2, 2, 5, 3), (2, 2, 5, 4), "Q and K must have the same width"),
        ((2, 6, 5, 4), (3, 2, 5, 4), (3, 2, 5, 4), "the same batch"),
        ((6, 5, 4), (2, 5, 4), (2, 5, 4), r"Q, K must have four axes"),
        ((2, 6, 5, 4), (2, 2, 5, 4), (2, 2, 7, 4), "K and V must agree in all axes but the last"),
    ],
)
def test_kernel(Q, K, V, rule):
    with pytest.raises(ValueError, match=rule):
        attend(tokens(*Q), tokens(*K), tokens(*V), Seen(), 0.5)


def test_visible_sets():
    Q, K = tokens(2, 6, 5, 4), tokens(2, 2, 7, 4)
    with pytest.raises(ValueError, match="causal needs as many keys as queries, got 5 queries and 7 keys"):
        attention_weights(Q, K, Seen(causal=True), 0.5)
    with pytest.raises(ValueError, match=r"mask must be boolean of shape \(5, 7\) or \(2, 5, 7\), got .*\(5, 6\)"):
        attend(Q, K, K, Seen(torch.ones(5, 6, dtype=torch.bool)), 0.5)
    with pytest.raises(ValueError, match="mask and causal exclude each other"):
        Seen(torch.ones(5, 7, dtype=torch.bool), causal=True)


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad])
def test_rows_that_are_twice_as_wide_as_a_weight_is_high(mode):
    """No way of computing takes such a row for two rows."""
    with mode(), pytest.raises(RuntimeError, match="1x1024 and 512x261"):
        project(tokens(1, 1024), by_columns(tokens(512, 261)))


@pytest.mark.parametrize("given", ["fast"])
def test_another_setting_of_the_processor(given):
    """It is refused when the layers are imported, before anything is computed."""
    code = "import course_lib.layers"
    found = subprocess.run([sys.executable, "-c", code], env=os.environ | {"COURSE_CPU": given}, capture_output=True)
    message = f"ValueError: COURSE_CPU must be measured or plain, got {given!r}"
    assert found.returncode == 1 and found.stderr.decode().splitlines()[-1] == message


@pytest.mark.parametrize("make", [Cache, lambda: WindowCache(4)], ids=["all", "window"])
@pytest.mark.parametrize(
    "rows, got",
    [
        (None, "NoneType"),
        ([tokens(2, 3, 4)], "list"),
        ({"K": tokens(2, 3, 4).numpy()}, "{'K': 'ndarray'}"),
        ({"K": tokens(3)}, r"{'K': \(3,\)}"),
        ({"K": tokens(2, 3, 4).to_sparse()}, "{'K': 'Tensor'}"),
    ],
)
def test_rows_that_are_no_tensors(make, rows, got):
    empty, full = make(), make()
    full.append({"K": tokens(2, 3, 4)})
    for cache, held in ((empty, []), (full, [3, 3])):
        with pytest.raises(ValueError, match=rf"rows must be a dict of dense tensors \(b, ..., n, width\), got {got}"):
            cache.append(rows)
        assert cache.lengths.tolist() == held


@pytest.mark.parametrize(
    "lengths",
    [
        torch.tensor([1, 1], dtype=torch.uint16),
        torch.tensor([1, 1]).to_sparse(),
        torch.ones(2, dtype=int, device="meta"),
    ],
)
def test_lengths_that_hold_no_readable_integers(lengths):
    with pytest.raises(ValueError, match="lengths must be a tensor of integers, got"):
        Cache().append({"K": tokens(2, 3, 4)}, lengths)
