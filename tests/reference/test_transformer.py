"""Norms, feed-forward networks and layers against torch with copied weights (float64).

Tolerance 1e-12: entries are of size 1 and the longest sum has 22 terms, so rounding stays below 1e-13.
"""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course_lib.reference import feedforward as ff
from course_lib.reference.masks import causal_mask
from course_lib.reference.multi_head import MultiHeadAttention
from course_lib.reference.norms import LayerNorm, RMSNorm
from course_lib.reference.transformer import DecoderLayer, EncoderLayer, PeriLN, PostLN, PreLN

N, N_E, D, H, D_FF = 7, 11, 15, 3, 22
X, E = (np.random.default_rng(seed).normal(size=(n, D)) for seed, n in ((1, N), (2, N_E)))
ACTIVATIONS = {"relu": ff.relu, "gelu": ff.gelu}
around_each = pytest.mark.parametrize("around", [PostLN, PreLN])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def close(a, b):
    np.testing.assert_allclose(a, b.detach().numpy() if isinstance(b, torch.Tensor) else b, rtol=0, atol=1e-12)


def array(tensor):
    return tensor.detach().numpy()


def attention_of(theirs):
    W_Q, W_K, W_V = (array(W).reshape(H, -1, D).transpose(0, 2, 1) for W in theirs.in_proj_weight.chunk(3))
    return MultiHeadAttention(W_Q=W_Q, W_K=W_K, W_V=W_V, W_O=array(theirs.out_proj.weight).T.reshape(H, -1, D))


def norm_of(theirs):
    return LayerNorm(array(theirs.weight), array(theirs.bias), theirs.eps)


def feed_forward_of(theirs, f):
    one, two = theirs.linear1, theirs.linear2
    return ff.FeedForward(
        W_1=array(one.weight).T, b_1=array(one.bias), W_2=array(two.weight).T, b_2=array(two.bias), f=f
    )


def torch_layer(cls, around, activation="relu"):
    """Without dropout, with random norms; attention has no bias here, so torch's is left at its initial zero."""
    torch.manual_seed(0)
    options = {"dropout": 0.0, "activation": activation, "norm_first": around is PreLN, "dtype": torch.float64}
    layer = cls(D, H, D_FF, **options)
    for name, parameter in layer.named_parameters():
        if name.startswith("norm"):
            torch.nn.init.normal_(parameter, mean=1.0)
    return layer


@around_each
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("masked", [False, True])
def test_equals_torch_encoder_layer(around, activation, masked):
    theirs = torch_layer(torch.nn.TransformerEncoderLayer, around, activation)
    ours = EncoderLayer(
        attention=attention_of(theirs.self_attn),
        feed_forward=feed_forward_of(theirs, ACTIVATIONS[activation]),
        around_attention=around(norm_of(theirs.norm1)),
        around_feed_forward=around(norm_of(theirs.norm2)),
    )
    mask = causal_mask(N, N) if masked else None
    hidden = None if mask is None else torch.from_numpy(~mask)
    close(ours(X, mask), theirs(torch.from_numpy(X), src_mask=hidden))


@around_each
@pytest.mark.parametrize("masked", [False, True])
def test_equals_torch_decoder_layer(around, masked, rng):
    theirs = torch_layer(torch.nn.TransformerDecoderLayer, around)
    ours = DecoderLayer(
        self_attention=attention_of(theirs.self_attn),
        cross_attention=attention_of(theirs.multihead_attn),
        feed_forward=feed_forward_of(theirs, ff.relu),
        around_self_attention=around(norm_of(theirs.norm1)),
        around_cross_attention=around(norm_of(theirs.norm2)),
        around_feed_forward=around(norm_of(theirs.norm3)),
    )
    mask = None
    if masked:
        mask = rng.random((N, N_E)) < 0.5
        mask[:, 4] = True
    options = {"tgt_mask": torch.from_numpy(~causal_mask(N, N))}
    options |= {} if mask is None else {"memory_mask": torch.from_numpy(~mask)}
    close(ours(X, E, mask), theirs(torch.from_numpy(X), torch.from_numpy(E), **options))


def test_peri_ln_is_pre_ln_with_a_norm_on_what_is_added(rng):
    before, after = (RMSNorm(rng.normal(size=D)) for _ in range(2))
    W = rng.normal(size=(D, D))
    x = torch.from_numpy(X)
    gammas = [torch.from_numpy(norm.gamma) for norm in (before, after)]
    added = F.rms_norm(F.rms_norm(x, (D,), gammas[0], eps=1e-6) @ torch.from_numpy(W), (D,), gammas[1], eps=1e-6)
    close(PeriLN(before, after)(X, lambda X: X @ W), x + added)


def test_peri_ln_in_a_layer():
    """Composed from torch's parts: torch has no such layer."""
    theirs = torch_layer(torch.nn.TransformerEncoderLayer, PreLN)
    after = torch.nn.LayerNorm(D, dtype=torch.float64)
    ours = EncoderLayer(
        attention=attention_of(theirs.self_attn),
        feed_forward=feed_forward_of(theirs, ff.relu),
        around_attention=PeriLN(norm_of(theirs.norm1), norm_of(after)),
        around_feed_forward=PeriLN(norm_of(theirs.norm2), norm_of(after)),
    )
    x = torch.from_numpy(X)
    inside = theirs.norm1(x)
    x = x + after(theirs.self_attn(inside, inside, inside, need_weights=False)[0])
    close(ours(X), x + after(theirs.linear2(F.relu(theirs.linear1(theirs.norm2(x))))))


def test_norms_equal_torch(rng):
    gamma, beta = rng.normal(size=(2, D))
    tensors = [torch.from_numpy(a) for a in (X, gamma, beta)]
    close(LayerNorm(gamma, beta, eps=0.1)(X), F.layer_norm(tensors[0], (D,), *tensors[1:], eps=0.1))
    close(RMSNorm(gamma, eps=0.1)(X), F.rms_norm(tensors[0], (D,), tensors[1], eps=0.1))


@pytest.mark.parametrize("name", ["relu", "gelu", "silu"])
def test_activations_equal_torch(name):
    x = np.concatenate([np.linspace(-9, 9, 37), [-800.0, 800.0]])
    with np.errstate(all="raise", under="ignore"):
        y = getattr(ff, name)(x)
    close(y, getattr(F, name)(torch.from_numpy(x)))


def test_swiglu_equals_torch(rng):
    W_gate, W_up = rng.normal(size=(2, D, D_FF)) / np.sqrt(D)
    W_down = rng.normal(size=(D_FF, D)) / np.sqrt(D_FF)
    x, gate, up, down = (torch.from_numpy(a) for a in (X, W_gate, W_up, W_down))
    close(ff.SwiGLU(W_gate=W_gate, W_up=W_up, W_down=W_down)(X), (F.silu(x @ gate) * (x @ up)) @ down)
    gated = F.gelu(x @ gate, approximate="tanh") * (x @ up)
    close(ff.GeGLU(W_gate=W_gate, W_up=W_up, W_down=W_down)(X), gated @ down)
