"""Cross-attention against torch's MultiheadAttention, and both forms of a latent memory against each other."""

import pytest
import torch
from torch import nn

from course_lib.config import GroupedConfig, LatentConfig
from course_lib.layers import CrossAttention, CrossLatentAttention

# float64 sums of tens of terms of size 1 in another order: a few hundred units of rounding (2e-16) at most.
EXACT = dict(rtol=0, atol=1e-12)
D, N_KEYS, N = 15, 11, 13
LENGTHS = torch.tensor([N_KEYS, 4])


def close(got, want):
    torch.testing.assert_close(got, want, **EXACT)


def rows(n, seed):
    return torch.randn(2, n, D, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make(kind, config):
    torch.manual_seed(1)
    layer = kind(config).double()
    for parameter in layer.parameters():
        if parameter.ndim == 1:
            nn.init.uniform_(parameter, 0.4, 1.6)
    return layer


@pytest.mark.parametrize("bias", [False, True])
def test_equals_torch(bias):
    """Padding of the memory holds NaN: it is not looked at."""
    layer = make(CrossAttention, GroupedConfig(d_model=D, n_heads=3, bias=bias))
    theirs = nn.MultiheadAttention(D, 3, bias=bias, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([layer.W_Q, layer.W_K, layer.W_V], 1).T)
        theirs.out_proj.weight.copy_(layer.W_O.T)
        if bias:
            theirs.in_proj_bias.copy_(torch.cat([layer.b_Q, layer.b_K, layer.b_V]))
            theirs.out_proj.bias.copy_(layer.b_O)
    X, E, padding = rows(N, 0), rows(N_KEYS, 1), torch.arange(N_KEYS) >= LENGTHS[:, None]
    want, P = theirs(X, E, E, key_padding_mask=padding, average_attn_weights=False)
    memory = layer.remember(E.masked_fill(padding[..., None], torch.nan), LENGTHS)
    close(layer(X, memory), want)
    for got, expected in zip(layer(X, memory, return_weights=True), (want, P), strict=True):
        close(got, expected)


CONFIGS = {
    "grouped": (CrossAttention, GroupedConfig(d_model=D, n_heads=6, n_kv_heads=2, d_head=4, qk_norm=True)),
    "latent": (
        CrossLatentAttention,
        LatentConfig(d_model=D, n_heads=3, d_latent=12, d_head=6, d_value=5, d_latent_q=4),
    ),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_each_query_asks_alone(name):
    """One by one (a latent memory is then read absorbed) as all at once (expanded)."""
    layer = make(*CONFIGS[name])
    X, memory = rows(N, 0), layer.remember(rows(N_KEYS, 1), LENGTHS)
    close(torch.cat([layer(x, memory) for x in X.split(1, 1)], 1), layer(X, memory))
    if name == "latent":
        assert layer.absorbs(1, N_KEYS) and not layer.absorbs(N, N_KEYS)


@pytest.mark.parametrize("name", CONFIGS)
def test_order_of_the_memory_does_not_matter(name):
    layer = make(*CONFIGS[name])
    X, E = rows(N, 0), rows(N_KEYS, 1)
    close(layer(X, layer.remember(E.flip(1))), layer(X, layer.remember(E)))


@pytest.mark.parametrize("name", CONFIGS)
def test_an_empty_memory_gives_nothing(name):
    layer = make(*CONFIGS[name])
    Y = layer(rows(N, 0), layer.remember(rows(N_KEYS, 1), torch.tensor([N_KEYS, 0])))
    assert Y[1].abs().max() == 0 and Y[0].abs().min() > 0


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("name", CONFIGS)
def test_a_selected_memory_is_that_of_the_selected_sequences(name, lengths):
    """Rows and padding, as when a search over translations goes on with some of its candidates."""
    layer, order = make(*CONFIGS[name]), [1, 1, 0]
    X, E = torch.cat([rows(N, 0), rows(N, 2)])[:3], rows(N_KEYS, 1)
    want = layer.remember(E[order], None if lengths is None else lengths[order])
    close(layer(X, layer.remember(E, lengths).select(order)), layer(X, want))


def test_one_query_reads_a_latent_memory_absorbed():
    """Keys and values are formed for many queries only."""
    layer, formed = make(*CONFIGS["latent"]), []
    layer.read = lambda held, read=layer.read: formed.append(held) or read(held)
    memory = layer.remember(rows(N_KEYS, 1))
    layer(rows(1, 0), memory)
    assert not formed
    layer(rows(N, 0), memory)
    assert len(formed) == 1
