"""Bad input of the caches. A refusal leaves what they hold."""

from functools import partial

import pytest
import torch

from course_lib.config import GroupedConfig, LatentConfig
from course_lib.layers import Cache, GroupedQueryAttention, LatentAttention, Memory, WindowCache

GROUPED = GroupedQueryAttention(GroupedConfig(d_model=14, n_heads=6, d_head=4, window=5))
LATENT = LatentAttention(LatentConfig(d_model=14, n_heads=6, d_latent=11, d_head=5, d_rope=4))
EACH_KIND = (Cache, partial(WindowCache, 5))
FRACTION = torch.tensor([1.0, 2.0])


def tokens(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def filled(cache, layer=GROUPED):
    """The cache with 3 tokens in each of 2 sequences."""
    layer(tokens(2, 3, 14), cache)
    return cache


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: Cache(0), "capacity", "0", ("positive", "None")),
        (lambda: Cache(-3), "capacity", "-3", ("positive", "None")),
        (lambda: Cache(2.5), "capacity", "2.5", ("integer", "None")),
        (lambda: Cache(True), "capacity", "True", ("integer", "None")),
        (lambda: Cache("many"), "capacity", "'many'", ("integer", "None")),
        (lambda: WindowCache(0), "window", "0", "positive"),
        (lambda: WindowCache(-2), "window", "-2", "positive"),
        (lambda: WindowCache(1.5), "window", "1.5", "integer"),
        (lambda: WindowCache(3, -1), "spare", "-1", "negative"),
        (lambda: Cache().append({"K": tokens(2, 3, 5), "V": tokens(2, 4, 5)}), "rows", ("K", "V"), "tokens"),
    ],
)
def test_new_caches(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule)


def test_caches_of_another_batch_and_capacity(refuses):
    for layer in (GROUPED, LATENT):
        cache = filled(Cache(4), layer)
        refuses(partial(layer, tokens(3, 1, 14), cache), "batch", "3", "2")
        refuses(partial(layer, tokens(2, 2, 14), cache), "capacity", "5", "4")
        assert cache.length == 3
        layer(tokens(2, 1, 14), cache)


def test_caches_of_other_layers(refuses):
    cache = filled(Cache())
    refuses(lambda: LATENT(tokens(2, 3, 14), cache), "rows", "L", ("K", "V"))
    assert cache.length == 3
    for window in (None, 6):
        layer = GroupedQueryAttention(GroupedConfig(d_model=14, n_heads=6, d_head=4, window=window))
        refuses(partial(layer, tokens(2, 3, 14), WindowCache(5)), "window", str(window), ("cache", "5"))


@pytest.mark.parametrize(
    "rows, got",
    [
        (None, "NoneType"),
        ([tokens(2, 3, 4)], "list"),
        ({"K": tokens(2, 3, 4).numpy()}, ("K", "ndarray")),
        ({"K": tokens(3)}, ("K", "(3,)")),
        ({"K": tokens(2, 3, 4).to_sparse()}, ("K", "torch.sparse_coo")),
    ],
)
def test_rows_that_are_no_tensors(refuses, rows, got):
    for new in EACH_KIND:
        for cache, held in ((new(), []), (filled(new()), [3, 3])):
            refuses(partial(cache.append, rows), "rows", got, ("dense", "(b, ..., n, width)"))
            assert cache.held_lengths.tolist() == held


@pytest.mark.parametrize(
    "lengths, got, rule",
    [
        ([3, 1], "[3, 1]", "tensor"),
        (torch.ones(2), "tensor([1., 1.])", "integers|whole"),
        (torch.ones(2, dtype=torch.uint16), "torch.uint16", "integers|whole"),
        (torch.ones(2, dtype=int).to_sparse(), "torch.sparse_coo", "integers|whole"),
        (torch.ones(2, dtype=int, device="meta"), "'meta'", "integers|whole"),
        (torch.tensor([4, 1]), "[4, 1]", ("0", "n = 3")),
        (torch.tensor([-1, 1]), "[-1, 1]", ("0", "n = 3")),
        (torch.tensor([3]), "[3]", "2"),
        (torch.tensor([1, 2, 3]), "[1, 2, 3]", "2"),
    ],
)
def test_lengths_of_appended_rows(refuses, lengths, got, rule):
    for new in EACH_KIND:
        cache = new()
        refuses(partial(cache.append, {"K": tokens(2, 3, 5)}, lengths), "lengths", got, rule)
        assert cache.length == 0


@pytest.mark.parametrize(
    "value", [2.5, 2.0, True, None, "2", [1.0, 2.0], [True, False], FRACTION, FRACTION > 1], ids=str
)
def test_what_is_no_whole_number(refuses, value):
    whole, memory = "whole|integers", Memory({"K": tokens(2, 3, 5)})
    for new in EACH_KIND:
        cache = filled(new())
        refuses(partial(cache.truncate, value), "length", repr(value), whole)
        refuses(partial(cache.reorder, value), "indices", repr(value), whole)
        assert cache.held_lengths.tolist() == [3, 3]
    refuses(lambda: memory.select(value), "indices", repr(value), whole)


@pytest.mark.parametrize(
    "length, held",
    [
        (-1, "3"),
        (4, "3"),
        (torch.tensor([2, 4]), "[3, 3]"),
        (torch.tensor([-1, 0]), "[3, 3]"),
        (torch.tensor([1]), "[3, 3]"),
    ],
    ids=str,
)
def test_lengths_that_are_not_held(refuses, length, held):
    cache = filled(Cache())
    got = str(length.tolist() if isinstance(length, torch.Tensor) else length)
    refuses(lambda: cache.truncate(length), "length", got, ("0", held))
    assert cache.held_lengths.tolist() == [3, 3]


def test_lengths_that_a_window_has_dropped(refuses):
    cache = WindowCache(4)
    cache.append({"K": tokens(2, 9, 5)})
    refuses(lambda: cache.truncate(7), "length", "[7, 7]", ("window", "4", "[5, 5]", "spare"))
    cache.truncate(8)


@pytest.mark.parametrize("indices", [[2], [-1], [[0]], 1], ids=str)
def test_sequences_that_are_not_there(refuses, indices):
    cache = filled(Cache())
    for chosen in (indices, torch.tensor(indices)):
        refuses(partial(cache.reorder, chosen), "indices", str(indices), ("0", "1"))
        assert cache.held_lengths.tolist() == [3, 3]
