"""Bad input of the layers. A refusal leaves the cache as it was."""

import os
import subprocess
import sys
from functools import partial

import pytest
import torch

from course_lib.config import GroupedConfig, LatentConfig, Rope, RotatedKeysConfig
from course_lib.kernels import cpu
from course_lib.kernels.cpu import by_columns
from course_lib.kernels.rowwise import project
from course_lib.layers import (
    BidirectionalAttention,
    Cache,
    CrossAttention,
    CrossLatentAttention,
    FeedForward,
    GroupedQueryAttention,
    LatentAttention,
    LayerNorm,
    RMSNorm,
    RotaryTable,
    RotatedKeysLatentAttention,
    Seen,
    SwiGLU,
    attend,
    attention_weights,
)
from course_lib.layers.positions import SinusoidalTable

PLAIN = GroupedConfig(d_model=14, n_heads=2)
GROUPED = GroupedQueryAttention(GroupedConfig(d_model=14, n_heads=6, n_kv_heads=2, d_head=4, rope=Rope()))
LATENT = LatentAttention(LatentConfig(d_model=14, n_heads=6, d_latent=11, d_head=5, d_rope=4))
ROTATED_KEYS = RotatedKeysLatentAttention(RotatedKeysConfig(d_model=14, n_heads=6, d_latent=11, d_head=4))


def tokens(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def with_entry(value):
    X = tokens(2, 5, 14)
    X[1, 3, 2] = value
    return X


def mask(*shape):
    return torch.ones(*shape, dtype=torch.bool)


@pytest.mark.parametrize(
    "X, got, rule",
    [
        (tokens(5, 14), "(5, 14)", "d_model = 14"),
        (tokens(2, 5, 13), "(2, 5, 13)", "d_model = 14"),
        (tokens(2, 0, 14), "(2, 0, 14)", "token"),
        (tokens(0, 5, 14), "(0, 5, 14)", "sequence"),
        (tokens(2, 5, 14).double(), "torch.float64", "torch.float32"),
        (torch.zeros(2, 5, 14, dtype=torch.long), "torch.int64", "torch.float32"),
        (tokens(2, 5, 14).to("meta"), "meta", "cpu"),
        (tokens(2, 5, 14).numpy(), "ndarray", "tensor"),
        (with_entry(torch.nan), "NaN", "finite"),
        (with_entry(torch.inf), "infinite|infinity", "finite"),
        (with_entry(-torch.inf), "infinite|infinity", "finite"),
    ],
)
def test_tokens(refuses, X, got, rule):
    for layer in (GROUPED, LATENT):
        cache = Cache()
        refuses(partial(layer, X, cache), "X", got, rule)
        assert cache.length == 0 and cache.nbytes == 0


@pytest.mark.parametrize(
    "argument, value, got, rule",
    [
        ("lengths", [1, 2], "[1, 2]", "tensor"),
        ("lengths", torch.tensor([5, 6]), "[5, 6]", ("0", "n = 5")),
        ("mask", [[True]], "list", ("tensor", "boolean")),
        ("mask", torch.ones(5, 8), "torch.float32", "boolean"),
        ("mask", mask(5, 4), "(5, 4)", ("(n, N)", "(5, 8)")),
        ("mask", mask(3, 5, 8), "(3, 5, 8)", ("(b, n, N)", "(2, 5, 8)")),
        ("mask", mask(1, 5, 8), "(1, 5, 8)", ("(b, n, N)", "(2, 5, 8)")),
    ],
)
def test_lengths_and_masks(refuses, argument, value, got, rule):
    for layer in (GROUPED, LATENT):
        cache = Cache()
        layer(tokens(2, 3, 14), cache)
        refuses(partial(layer, tokens(2, 5, 14), cache, **{argument: value}), argument, got, rule)
        assert cache.length == 3


X, TABLE, CROSS = tokens(2, 5, 14), RotaryTable(Rope(), 4), CrossAttention(PLAIN)
MEMORY = CROSS.remember(X)


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: LATENT(X, form="merged"), "form", "'merged'", ("expanded", "absorbed", "None")),
        (lambda: GROUPED(X, form="absorbed"), "form", "'absorbed'", ("None", "latent")),
        (lambda: ROTATED_KEYS(X, form="absorbed"), "form", "'absorbed'", ("expanded", "None", "R_{j-i}")),
        (lambda: BidirectionalAttention(PLAIN)(X, Cache()), "cache", (), ("None", "causal")),
        (lambda: CrossAttention(GroupedConfig(d_model=8, n_heads=2, rope=Rope())), "rope", "Rope", "cross-attention"),
        (lambda: CrossAttention(GroupedConfig(d_model=8, n_heads=2, window=3)), "window", "3", "cross-attention"),
        (lambda: CrossLatentAttention(LATENT.config), "rope", "Rope", "cross-attention"),
        (lambda: CROSS.remember(X[..., :13]), "X", "(2, 5, 13)", "d_model = 14"),
        (lambda: CROSS.remember(X / 0), "X", "infinite|infinity", "finite"),
        (lambda: CROSS.remember(X, torch.tensor([5, 6])), "lengths", "[5, 6]", ("0", "n = 5")),
        (lambda: CROSS(X.double(), MEMORY), "X", "torch.float64", "torch.float32"),
        (lambda: CROSS(X / 0, MEMORY), "X", "infinite|infinity", "finite"),
        (lambda: CROSS(X, X), "memory", "Tensor", "remember"),
        (lambda: CROSS(X[:1], MEMORY), "memory", "2", "1"),
        (lambda: RotaryTable(Rope(), 3), "width", "3", "even"),
        (lambda: RotaryTable(Rope(), 0), "width", "0", "even"),
        (lambda: RotaryTable(Rope(), -2), "width", "-2", "even"),
        (lambda: TABLE.rotate(tokens(3, 6), torch.arange(3)), "x", "(3, 6)", "4"),
        (lambda: TABLE.rotate(tokens(3, 4), torch.arange(3) - 1), "positions", "[-1, 0, 1]", "negative"),
        (lambda: TABLE.rotate(tokens(3, 4), torch.arange(3.0)), "positions", "torch.float32", "whole|integers"),
        (lambda: SinusoidalTable(5), "d", "5", "even"),
        (lambda: SinusoidalTable(0), "d", "0", "positive"),
        (lambda: RMSNorm(0), "width", "0", "positive"),
        (lambda: LayerNorm(0), "width", "0", "positive"),
        (lambda: RMSNorm(4, eps=-1), "eps", "-1", "negative"),
        (lambda: LayerNorm(4, eps=-1), "eps", "-1", "negative"),
        (lambda: RMSNorm(4)(tokens(3, 1)), "x", "(3, 1)", "4"),
        (lambda: LayerNorm(4)(tokens(3, 1)), "x", "(3, 1)", "4"),
        (lambda: FeedForward(5, 0), "d_ff", ("5", "0"), ("d_model", "positive")),
        (lambda: SwiGLU(5, 0), "d_ff", ("5", "0"), ("d_model", "positive")),
        (lambda: FeedForward(5, 7)(tokens(2, 4)), "X", "(2, 4)", "d_model = 5"),
        (lambda: SwiGLU(5, 7)(tokens(2, 4)), "X", "(2, 4)", "d_model = 5"),
    ],
)
def test_arguments(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule)


@pytest.mark.parametrize(
    "Q, K, V, argument, got, rule",
    [
        ((2, 6, 5, 4), (2, 4, 5, 4), (2, 4, 5, 4), "Q", ("6", "4"), ("K", "multiple")),
        ((2, 6, 5, 4), (2, 2, 5, 3), (2, 2, 5, 4), "Q", ("4", "3"), ("K", "width")),
        ((2, 6, 5, 4), (3, 2, 5, 4), (3, 2, 5, 4), "Q", ("2", "3"), ("K", "batch")),
        ((6, 5, 4), (2, 5, 4), (2, 5, 4), "Q", ("(6, 5, 4)", "(2, 5, 4)"), ("K", "four")),
        ((2, 6, 5, 4), (2, 2, 5, 4), (2, 2, 7, 4), "V", ("(2, 2, 5, 4)", "(2, 2, 7, 4)"), "K"),
    ],
)
def test_kernel(refuses, Q, K, V, argument, got, rule):
    refuses(lambda: attend(tokens(*Q), tokens(*K), tokens(*V), Seen(), 0.5), argument, got, rule)


def test_visible_sets(refuses):
    Q, K = tokens(2, 6, 5, 4), tokens(2, 2, 7, 4)
    refuses(lambda: attention_weights(Q, K, Seen(causal=True), 0.5), "causal", ("5", "7"), ("queries", "keys"))
    refuses(lambda: attend(Q, K, K, Seen(mask(5, 6)), 0.5), "mask", "(5, 6)", ("(5, 7)", "(2, 5, 7)"))
    refuses(lambda: Seen(mask(5, 7), causal=True), "mask", (), "causal")


@pytest.mark.parametrize("setting", cpu.SETTINGS)
@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad])
def test_rows_that_are_twice_as_wide_as_a_weight_is_high(mode, setting, monkeypatch):
    """No way of computing takes such a row for two rows. The message is torch's."""
    monkeypatch.setattr(cpu, "setting", setting)
    with mode(), pytest.raises(RuntimeError, match="1x1024 and 512x261"):
        project(tokens(1, 1024), by_columns(tokens(512, 261)))


def test_another_setting_of_the_processor():
    """It is refused when the layers are imported, before anything is computed."""
    command = [sys.executable, "-c", "import course_lib.layers"]
    found = subprocess.run(command, env=os.environ | {"COURSE_CPU": "fast"}, capture_output=True, text=True)
    last = found.stderr.splitlines()[-1]
    assert found.returncode == 1 and last.startswith("ValueError")
    assert all(token in last for token in ("COURSE_CPU", "'fast'", "measured", "plain"))
