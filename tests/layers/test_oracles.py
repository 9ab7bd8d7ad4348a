"""Outside oracles with copied weights: torch's own attention, and transformers' Llama and DeepSeek-V3 layers."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from transformers import DeepseekV3Config, Gemma3TextConfig, LlamaConfig
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3Attention
from transformers.models.gemma3.modeling_gemma3 import Gemma3MLP
from transformers.models.llama.modeling_llama import LlamaAttention, LlamaMLP, LlamaRotaryEmbedding

from course_lib.config import DynamicRope, GroupedConfig, LatentConfig, Llama3Rope, LongRope, Rope, YarnRope
from course_lib.kernels.attention import mix
from course_lib.layers import (
    BidirectionalAttention,
    Cache,
    FeedForward,
    GeGLU,
    GroupedQueryAttention,
    LatentAttention,
    LayerNorm,
    RMSNorm,
    Seen,
    SwiGLU,
    attend,
    attention_weights,
    rotary_table,
)
from course_lib.reference.positions import rotate

# Sums of tens of terms of size 1 in another order. float64 rounds each at 1e-16, float32 at 6e-8.
EXACT = dict(rtol=0, atol=1e-12)
SINGLE = dict(rtol=0, atol=1e-5)
BASE, N = 700.0, 9


def close(got, want, **tolerance):
    torch.testing.assert_close(got, want, **(tolerance or EXACT))


def angles(width, positions, base=BASE):
    """cos and sin (1, n, width) as transformers wants them, each twice, in float64: theirs are float32."""
    theta = base ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    both = (positions[:, None] * theta).repeat(1, 2)[None]
    return both.cos(), both.sin()


def half_split(W, heads):
    """Columns of W (d, heads width) in the order in which Llama pairs them: i with i + width / 2."""
    return torch.cat([W.unflatten(-1, (heads, -1))[..., 0::2], W.unflatten(-1, (heads, -1))[..., 1::2]], -1).flatten(1)


def copy(pairs):
    """Linear layers keep W transposed."""
    with torch.no_grad():
        for linear, W in pairs:
            linear.weight.copy_(W.T)


def run(oracle, X, position_embeddings):
    """Values in float64 from transformers' "sdpa" path, and weights from its "eager" one, which rounds to float32."""
    mask = torch.full((N, N), -torch.inf, dtype=torch.float64).triu(1)[None, None]
    results = {}
    for oracle.config._attn_implementation in ("sdpa", "eager"):
        results[oracle.config._attn_implementation] = oracle(X, position_embeddings, mask)
    return results["sdpa"][0], results["eager"][1]


@pytest.mark.parametrize("make", [GroupedQueryAttention, BidirectionalAttention])
def test_multi_head_equals_torch_multihead_attention(make):
    torch.manual_seed(0)
    layer = make(GroupedConfig(d_model=15, n_heads=3)).double()
    oracle = nn.MultiheadAttention(15, 3, bias=False, batch_first=True).double()
    with torch.no_grad():
        oracle.in_proj_weight.copy_(torch.cat([layer.W_Q, layer.W_K, layer.W_V], 1).T)
        oracle.out_proj.weight.copy_(layer.W_O.T)
    X, lengths = torch.randn(2, 7, 15, dtype=torch.float64), torch.tensor([7, 4])
    hidden = torch.ones(7, 7, dtype=torch.bool).triu(1) if make is GroupedQueryAttention else None
    padding = torch.arange(7) >= lengths[:, None]
    want, weights = oracle(X, X, X, attn_mask=hidden, key_padding_mask=padding, average_attn_weights=False)
    Y, P = layer(X, lengths=lengths, return_weights=True)
    for i, n in enumerate(lengths):
        close(Y[i, :n], want[i, :n])
        close(P[i, :, :n, :n], weights[i, :, :n, :n])
    close(layer(X), oracle(X, X, X, attn_mask=hidden, need_weights=False)[0])


@pytest.mark.parametrize("kv_heads", [1, 2, 6])
def test_grouped_equals_llama_attention(kv_heads):
    """Llama turns the pairs (i, i + w/2); with the columns of W_Q and W_K in that order the scores are the same."""
    torch.manual_seed(1)
    config = GroupedConfig(d_model=18, n_heads=6, n_kv_heads=kv_heads, d_head=8, rope=Rope(base=BASE))
    layer = GroupedQueryAttention(config).double()
    sizes = dict(hidden_size=18, num_attention_heads=6, num_key_value_heads=kv_heads, head_dim=8)
    oracle = LlamaAttention(LlamaConfig(**sizes, attn_implementation="sdpa"), layer_idx=0).double()
    W_Q, W_K = half_split(layer.W_Q, 6), half_split(layer.W_K, kv_heads)
    copy([(oracle.q_proj, W_Q), (oracle.k_proj, W_K), (oracle.v_proj, layer.W_V), (oracle.o_proj, layer.W_O)])
    X = torch.randn(2, N, 18, dtype=torch.float64)
    want, weights = run(oracle, X, angles(8, torch.arange(N)))
    Y, P = layer(X, return_weights=True)
    close(Y, want)
    close(P, weights, **SINGLE)
    cache = Cache()
    close(torch.cat([layer(x, cache) for x in X.split([5, 1, 3], 1)], 1), want.detach())


@pytest.mark.parametrize("rank", [None, 7])
@pytest.mark.parametrize("interleave", [True, False])
@pytest.mark.parametrize("form", ["expanded", "absorbed"])
def test_latent_equals_deepseek_attention(rank, interleave, form):
    """kv_a_proj is [W_L, W_KR], kv_b_proj holds [W_LK_h, W_LV_h] per head, q_b_proj [W_LQQ_h, W_QR_h].

    torch's RMSNorm stands in for the oracle's own, which rounds to float32.
    """
    torch.manual_seed(2)
    h, e, p, v, r = 3, 5, 4, 7, 11
    config = LatentConfig(
        d_model=14, n_heads=h, d_latent=r, d_head=e, d_value=v, d_rope=p, d_latent_q=rank, rope=Rope(base=BASE),
        latent_norm=True,
    )  # fmt: skip
    layer = LatentAttention(config).double()
    sizes = dict(kv_lora_rank=r, q_lora_rank=rank, qk_rope_head_dim=p, qk_nope_head_dim=e, v_head_dim=v)
    hf = DeepseekV3Config(
        hidden_size=14, num_attention_heads=h, num_key_value_heads=h, rope_interleave=interleave, **sizes,
        attn_implementation="sdpa",
    )  # fmt: skip
    oracle = DeepseekV3Attention(hf, layer_idx=0).double()
    oracle.kv_a_layernorm = nn.RMSNorm(r, eps=1e-6, dtype=torch.float64)
    with torch.no_grad():
        layer.norm_L.gamma.uniform_(0.5, 2)
        oracle.kv_a_layernorm.weight.copy_(layer.norm_L.gamma)
        if rank is None:
            W_Q = layer.W_Q
        else:
            oracle.q_a_layernorm = nn.RMSNorm(rank, eps=1e-6, dtype=torch.float64)
            layer.norm_LQ.gamma.uniform_(0.5, 2)
            oracle.q_a_layernorm.weight.copy_(layer.norm_LQ.gamma)
            copy([(oracle.q_a_proj, layer.W_LQ)])
            W_Q = layer.W_LQQ
    W_QR, W_KR = (layer.W_QR, layer.W_KR) if interleave else (half_split(layer.W_QR, h), half_split(layer.W_KR, 1))
    heads = lambda *weights: torch.cat([W.unflatten(-1, (h, -1)) for W in weights], -1).flatten(1)  # noqa: E731
    copy(
        [
            (oracle.q_proj if rank is None else oracle.q_b_proj, heads(W_Q, W_QR)),
            (oracle.kv_a_proj_with_mqa, torch.cat([layer.W_L, W_KR], 1)),
            (oracle.kv_b_proj, heads(layer.W_LK, layer.W_LV)),
            (oracle.o_proj, layer.W_O),
        ]
    )
    assert oracle.scaling == pytest.approx(config.scale)
    X = torch.randn(2, N, 14, dtype=torch.float64)
    want, weights = run(oracle, X, angles(p, torch.arange(N)))
    Y, P = layer(X, return_weights=True, form=form)
    close(Y, want)
    close(P, weights, **SINGLE)
    cache = Cache()
    close(torch.cat([layer(x, cache, form=form) for x in X.split([5, 1, 3], 1)], 1), want.detach())


SHORT, LONG = [1.0 + i / 7 for i in range(8)], [2.0 + i * i for i in range(8)]
SCALED = {
    "linear": (Rope(base=5e5, factor=4.0), {"factor": 4.0}),
    "dynamic": (DynamicRope(base=5e5, factor=4.0, length=31), {"factor": 4.0}),
    "llama3": (
        Llama3Rope(base=5e5, factor=8.0, length=29, low=1.0, high=3.0),
        {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 3.0, "original_max_position_embeddings": 29},
    ),
    "yarn": (
        YarnRope(base=5e5, factor=8.0, length=290, low=1.0, high=3.0),
        {"factor": 8.0, "beta_slow": 1.0, "beta_fast": 3.0, "original_max_position_embeddings": 290},
    ),
    "longrope": (
        LongRope(base=5e5, factor=4.0, length=31, short=SHORT, long=LONG),
        {"factor": 4.0, "short_factor": SHORT, "long_factor": LONG, "original_max_position_embeddings": 31},
    ),
}


@pytest.mark.parametrize("kind", SCALED)
@pytest.mark.parametrize("n", [17, 31, 32, 50, 4000])
def test_angles_equal_llamas_in_float32(kind, n):
    """As for a text of n tokens. Their angles are float32 too: at position 4000 they are off by 4000 * 6e-8."""
    rope, values = SCALED[kind]
    stated = {"rope_type": kind, "rope_theta": 5e5} | values
    config = LlamaConfig(
        hidden_size=32, num_attention_heads=2, max_position_embeddings=31, rope_parameters=stated
    )  # fmt: skip
    positions = torch.arange(n)
    x = torch.randn(1, n, 16)
    cos, sin = LlamaRotaryEmbedding(config)(x, positions[None])
    ours = rotary_table(rope, 16).rotate(x, positions)
    even, odd = x[..., 0::2], x[..., 1::2]
    want = torch.stack([even * cos[..., :8] - odd * sin[..., :8], even * sin[..., :8] + odd * cos[..., :8]], -1)
    close(ours, want.flatten(-2), rtol=0, atol=1e-5 if n < 100 else 2e-3)
    in_numpy = rotate(x.double().numpy(), positions.numpy(), rope)
    close(rotary_table(rope, 16).rotate(x.double(), positions), torch.from_numpy(in_numpy), rtol=0, atol=1e-11)


def test_dynamic_scaling_leaves_texts_up_to_its_length_alone():
    dynamic, plain = rotary_table(DynamicRope(factor=3.0, length=N), 8), rotary_table(Rope(), 8)
    x = torch.randn(2, N + 1, 8, dtype=torch.float64)
    positions = torch.arange(N + 1)
    assert torch.equal(dynamic.rotate(x[:, :N], positions[:N]), plain.rotate(x[:, :N], positions[:N]))
    assert not torch.allclose(dynamic.rotate(x, positions), plain.rotate(x, positions))
    assert torch.equal(dynamic.rotate(x[:, :N], positions[:N]), plain.rotate(x[:, :N], positions[:N]))  # and afterwards
    with pytest.raises(ValueError, match="positions must not be negative"):
        dynamic.rotate(x, positions - 1)


@pytest.mark.parametrize("held", [0, 2])
def test_padding_makes_no_text_longer(held):
    """Dynamic scaling counts tokens: 5 and 3 of them, in a batch padded to 9, are not past a length of 6."""
    layer = GroupedQueryAttention(GroupedConfig(d_model=12, n_heads=2, rope=DynamicRope(factor=3.0, length=6))).double()
    X, lengths = torch.randn(2, 9, 12, dtype=torch.float64), torch.tensor([5, 3])
    cache = Cache()
    first = layer(X[:, :held], cache) if held else X[:, :0]
    Y = torch.cat([first, layer(X[:, held:], cache, lengths=lengths - held)], 1)
    for i, n in enumerate(lengths.tolist()):
        close(Y[i : i + 1, :n], layer(X[i : i + 1, :n]))


@pytest.mark.parametrize("dtype, atol", [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 0.04)])
@pytest.mark.parametrize("g, v", [(6, 8), (2, 8), (1, 8), (1, 5), (6, 5)])
@pytest.mark.parametrize("kind", ["all", "causal", "mask", "mask per sequence"])
def test_kernel_and_readable_path_equal_torch_with_repeated_keys(dtype, atol, g, v, kind):
    """bfloat16 keeps 8 bits: entries of size up to 3 are rounded at 0.008, P and Y once more each."""
    torch.manual_seed(4)
    Q, K, V = (torch.randn(*s, dtype=dtype) for s in ((2, 6, 5, 8), (2, g, 5, 8), (2, g, 5, v)))
    masks = {"mask": torch.rand(5, 5) < 0.6, "mask per sequence": torch.rand(2, 5, 5) < 0.6}
    mask = masks.get(kind)
    if mask is not None:
        mask[..., 2, :] = False
    seen = Seen(mask, causal=kind == "causal")
    K_all, V_all = (x.repeat_interleave(6 // g, 1).double() for x in (K, V))
    wide = None if mask is None else mask.unsqueeze(-3)
    want = F.scaled_dot_product_attention(Q.double(), K_all, V_all, wide, is_causal=kind == "causal", scale=0.4)
    fused, P = attend(Q, K, V, seen, 0.4), attention_weights(Q, K, seen, 0.4)
    close(fused.double(), want, rtol=0, atol=atol)
    close(mix(P, V).double(), want, rtol=0, atol=atol)
    assert P.dtype == fused.dtype == dtype
    if mask is not None:
        for result in (P, fused, mix(P, V)):
            assert result[:, :, 2].abs().max() == 0


def test_large_logits_do_not_overflow():
    Q, K, V = (torch.randn(1, 2, 5, 8) * s for s in (1e4, 1e4, 1.0))
    P = attention_weights(Q, K, Seen(causal=True), 1.0)
    assert P.isfinite().all()
    close(attend(Q, K, V, Seen(causal=True), 1.0), mix(P, V), **SINGLE)


@pytest.mark.parametrize("v", [8, 5])
def test_large_logits_are_not_rounded_to_bfloat16(v):
    """Logits of about 30: rounded to 8 bits they would be wrong by 0.1, and so would the weights."""
    torch.manual_seed(6)
    Q, K, V = (torch.randn(2, h, 5, w).bfloat16() for h, w in ((6, 8), (2, 8), (2, v)))
    want = mix(attention_weights(Q.double(), K.double(), Seen(), 10.0), V.double())
    close(attend(Q, K, V, Seen(), 10.0).double(), want, rtol=0, atol=0.02)
    close(mix(attention_weights(Q, K, Seen(), 10.0), V).double(), want, rtol=0, atol=0.02)


@pytest.mark.parametrize("ours, theirs", [(RMSNorm(7), nn.RMSNorm(7, eps=1e-6)), (LayerNorm(7), nn.LayerNorm(7))])
@pytest.mark.parametrize("dtype, atol", [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 0.05)])
def test_norms_equal_torch(ours, theirs, dtype, atol):
    """bfloat16: entries up to 4 are rounded at 0.016, and once more when gamma multiplies."""
    ours, theirs = ours.to(dtype), theirs.to(dtype)
    x = (3 * torch.randn(2, 5, 7) + 1).to(dtype)
    with torch.no_grad():
        ours.gamma.uniform_(0.5, 2)
        theirs.weight.copy_(ours.gamma)
        if isinstance(ours, LayerNorm):
            ours.beta.uniform_(-1, 1)
            theirs.bias.copy_(ours.beta)
    close(ours(x), theirs(x), rtol=0, atol=atol)


def test_feed_forward_without_biases_is_two_products():
    layer = FeedForward(5, 13, F.gelu, bias=False).double()
    X = torch.randn(2, 3, 5, dtype=torch.float64)
    assert {name for name, _ in layer.named_parameters()} == {"W_1", "W_2"}
    # float64: sums of 13 terms.
    torch.testing.assert_close(layer(X), F.gelu(X @ layer.W_1) @ layer.W_2, rtol=1e-12, atol=1e-12)


def test_feed_forward_equals_torch_linear_layers():
    layer = FeedForward(5, 13, F.gelu).double()
    oracle = nn.Sequential(nn.Linear(5, 13), nn.GELU(), nn.Linear(13, 5)).double()
    with torch.no_grad():
        layer.b_1.uniform_(-1, 1)
        layer.b_2.uniform_(-1, 1)
        oracle[0].bias.copy_(layer.b_1)
        oracle[2].bias.copy_(layer.b_2)
    copy([(oracle[0], layer.W_1), (oracle[2], layer.W_2)])
    X = torch.randn(2, 3, 5, dtype=torch.float64)
    close(layer(X), oracle(X))


@pytest.mark.parametrize(
    "ours, theirs, config", [(SwiGLU, LlamaMLP, LlamaConfig), (GeGLU, Gemma3MLP, Gemma3TextConfig)]
)
def test_gated_networks_equal_those_of_llama_and_gemma(ours, theirs, config):
    layer = ours(5, 13).double()
    oracle = theirs(config(hidden_size=5, intermediate_size=13, num_attention_heads=5)).double()
    copy([(oracle.gate_proj, layer.W_gate), (oracle.up_proj, layer.W_up), (oracle.down_proj, layer.W_down)])
    X = torch.randn(2, 3, 5, dtype=torch.float64)
    close(layer(X), oracle(X))


@pytest.mark.parametrize("norm", [RMSNorm(129), LayerNorm(129)])
def test_norms_keep_single_precision_under_autocast(norm):
    """Mean and mean square of bfloat16 products would be off by 1e-3."""
    x = torch.randn(5, 129, generator=torch.Generator().manual_seed(0))
    want = norm(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(norm(x), want, rtol=0, atol=1e-6)
