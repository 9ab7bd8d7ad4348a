"""Fewer KV heads from more: held against transformers, and against cases in which nothing may be lost."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers
from torch.nn import functional as F

from course_lib.config import GroupedConfig, ModelConfig, Rope
from course_lib.models import DecoderModel, generate, pretrained, shipped
from course_lib.surgery import alignment
from course_lib.surgery.alignment import align_heads, nearest_orthogonal, nearest_pair_rotations, reorder_heads
from course_lib.surgery.kv_heads import Fresh, first, is_multi_head, mean, repeat_heads, share_heads

VOCAB, N, D, HEADS, WIDTH = 29, 11, 15, 12, 4
VARIANTS = {
    "rope": dict(rope=Rope()),
    "no positions": dict(),
    "biases": dict(rope=Rope(), bias=True),
    "biases, no positions": dict(bias=True),
    "qk-norm": dict(rope=Rope(), qk_norm=True),
    "window": dict(rope=Rope(), window=3, scale=0.7),
}
# float64 throughout. Products of the same numbers in the same order are equal; in another order, a few hundred
# numbers of size 1 through three layers are off by some 1e-14.
EXACT, REORDERED = dict(rtol=0, atol=0), dict(rtol=0, atol=1e-11)
each_variant = pytest.mark.parametrize("variant", VARIANTS)


def new_model(variant, n_kv_heads=HEADS):
    """A random model in float64, with gains and biases away from 1 and 0."""
    attention = GroupedConfig(d_model=D, n_heads=HEADS, n_kv_heads=n_kv_heads, d_head=WIDTH, **VARIANTS[variant])
    config = ModelConfig(vocab_size=VOCAB, n_layers=3, attention=attention, d_ff=13, tied=False, placement="peri")
    torch.manual_seed(3)
    model = DecoderModel(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.uniform_(0.4, 1.6)
    return model


def tokens():
    return torch.randint(VOCAB, (2, N), generator=torch.Generator().manual_seed(7))


@torch.no_grad()
def logits(model):
    return model(tokens())


@each_variant
@pytest.mark.parametrize("way", [mean, first])
def test_as_many_heads_as_before_change_nothing(variant, way):
    model = new_model(variant)
    torch.testing.assert_close(logits(share_heads(model, HEADS, way)), logits(model), **EXACT)


@each_variant
@pytest.mark.parametrize("g", [1, 3, 4])
def test_repeated_heads_are_the_same_function_and_sharing_undoes_repeating(variant, g):
    grouped = new_model(variant, g)
    wide = repeat_heads(grouped)
    assert wide.config.attention.n_kv_heads == HEADS
    torch.testing.assert_close(logits(wide), logits(grouped), **REORDERED)
    for way in (mean, first):
        back = share_heads(wide, g, way)
        assert back.config == grouped.config
        for name, want in grouped.state_dict().items():
            torch.testing.assert_close(back.state_dict()[name], want, rtol=1e-15, atol=0)  # (x + x + x) / 3


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v != "qk-norm"])  # a norm of a mean is no mean of norms
@pytest.mark.parametrize("g", [1, 3, 4])
def test_mean_and_first_are_those_of_the_cached_keys_and_values(variant, g):
    """Keys and values are linear in the weights, and rotations are linear in the keys."""
    model, at = new_model(variant), torch.arange(N)
    X = torch.randn(2, N, D, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for way, pooled in ((mean, lambda heads: heads.mean(2)), (first, lambda heads: heads[:, :, 0])):
        old, new = (m.blocks[1].attention.compress(X, at) for m in (model, share_heads(model, g, way)))
        for name in ("K", "V"):
            want = pooled(old[name].view(2, g, HEADS // g, N, WIDTH))
            torch.testing.assert_close(new[name], want, **REORDERED)


def test_pooled_heads_of_pooled_heads_are_pooled_heads():
    model = new_model("biases")
    twice = share_heads(share_heads(model, 6, mean), 2, mean)
    torch.testing.assert_close(logits(twice), logits(share_heads(model, 2, mean)), **REORDERED)


@pytest.mark.parametrize("way", [lambda W: W.mean(1), lambda W: W[:, 0]], ids=["mean", "first"])
@pytest.mark.parametrize("bias", [False, True])
def test_equals_transformers_with_pooled_weights(way, bias, tmp_path):
    sizes = dict(
        vocab_size=VOCAB, hidden_size=24, num_hidden_layers=2, num_attention_heads=6, intermediate_size=23,
        max_position_embeddings=40, attention_bias=bias,
    )  # fmt: skip
    torch.manual_seed(0)
    mha = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes)).eval()
    with torch.no_grad():
        for parameter in mha.parameters():
            parameter.normal_(std=0.3)
    gqa = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, num_key_value_heads=2)).eval()
    pooled = {
        name: way(W.view(2, 3, 4, *W.shape[1:])).flatten(0, 1) if "k_proj" in name or "v_proj" in name else W
        for name, W in mha.state_dict().items()
    }
    gqa.load_state_dict(pooled)
    mha.save_pretrained(tmp_path)
    ours = share_heads(pretrained.load(tmp_path).model, 2, mean if way(torch.eye(2)[None])[0, 0] == 0.5 else first)
    with torch.no_grad():  # float32 on both sides, and angles in another order
        torch.testing.assert_close(ours(tokens()), gqa(tokens()).logits, rtol=0, atol=1e-4)
        assert (ours(tokens()) - mha(tokens()).logits).abs().max() > 0.1


def test_mean_is_the_least_squares_head():
    W = np.random.default_rng(0).normal(size=(5, 2, 3, 4))
    best = np.stack([np.linalg.lstsq(np.ones((3, 1)), g.reshape(5, 3, 4).swapaxes(0, 1).reshape(3, -1), rcond=None)[0]
                     for g in W.swapaxes(0, 1)])  # fmt: skip
    np.testing.assert_allclose(mean(torch.from_numpy(W)).swapaxes(0, 1).reshape(2, 1, 20), best, rtol=0, atol=1e-14)


def test_fresh_heads_are_seeded_and_have_the_variance_of_a_new_layer():
    model = new_model("biases")
    one, same, other = (share_heads(model, 4, Fresh(seed=seed)) for seed in (0, 0, 1))
    torch.testing.assert_close(logits(one), logits(same), **EXACT)
    assert (logits(one) - logits(other)).abs().max() > 0.1
    a, b = one.blocks[0].attention, one.blocks[1].attention
    assert not torch.equal(a.W_K, a.W_V) and not torch.equal(a.W_K, b.W_K)
    assert (a.b_K == 0).all() and (a.b_V == 0).all()
    assert torch.equal(a.W_Q, model.blocks[0].attention.W_Q) and torch.equal(a.b_Q, model.blocks[0].attention.b_Q)
    drawn = Fresh(seed=0)(torch.zeros(400, 3, 2, 50, dtype=torch.float64))
    assert abs(float(drawn.var()) * 400 - 1) < 0.03  # 60,000 numbers: the variance is known to 0.006


@pytest.mark.parametrize("change", [lambda m: share_heads(m, 3, mean), lambda m: reorder_heads(m, [range(12)] * 3),
                                    lambda m: align_heads(m, 3), repeat_heads])  # fmt: skip
def test_the_old_model_is_untouched_and_shares_no_memory(change):
    model = new_model("biases").train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    new = change(model)
    assert new.training and all(p.requires_grad for p in new.parameters())
    with torch.no_grad():
        for parameter in new.parameters():
            parameter.add_(1.0)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert model.config.attention.n_kv_heads == HEADS


def test_dtype_stays_and_the_new_model_generates_with_a_smaller_cache():
    model = share_heads(new_model("rope").float(), 3, mean)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    caches = model.new_caches()
    model(tokens(), caches)
    assert caches[0].floats_per_token == 3 * 2 * WIDTH
    assert len(generate(model, tokens(), 4)[0]) == 4


def test_the_new_model_learns():
    model = share_heads(new_model("rope").train(), 3, Fresh(0))
    loss = F.cross_entropy(model(tokens()).flatten(0, 1), tokens().flatten())
    loss.backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in model.parameters())


# Alignment --------------------------------------------------------------------------------------------------------


@each_variant
@pytest.mark.parametrize("g", [HEADS, 6])
def test_reordered_and_aligned_heads_are_the_same_function(variant, g):
    model = new_model(variant, g)
    orders = [np.random.default_rng(layer).permutation(g).tolist() for layer in range(3)]
    for other in (reorder_heads(model, orders), align_heads(model, 2)):
        torch.testing.assert_close(logits(other), logits(model), **REORDERED)
        assert not torch.equal(other.blocks[1].attention.W_V, model.blocks[1].attention.W_V)


@pytest.mark.parametrize("dtype, atol", [(torch.bfloat16, 2**-7), (torch.float16, 2**-10)])
def test_heads_in_half_precision_are_aligned_in_float32(dtype, atol):
    """And rounded once: weights up to 2 keep 8 or 11 bits."""
    model = new_model("rope").to(dtype)
    aligned, want = (align_heads(m, 2).blocks[1].attention for m in (model, copy.deepcopy(model).float()))
    for name, W in aligned.named_parameters():
        assert W.dtype == dtype
        torch.testing.assert_close(W.float(), want.get_parameter(name), rtol=0, atol=atol)


def test_reordering_moves_a_head_with_its_queries():
    model = new_model("rope", 6)
    moved = reorder_heads(model, [[2, 0, 1, 3, 5, 4]] * 3).blocks[0].attention
    old = model.blocks[0].attention
    assert torch.equal(moved.W_K[:, :WIDTH], old.W_K[:, 2 * WIDTH : 3 * WIDTH])
    assert torch.equal(moved.W_Q[:, : 2 * WIDTH], old.W_Q[:, 4 * WIDTH : 6 * WIDTH])
    assert torch.equal(moved.W_O[: 2 * WIDTH], old.W_O[4 * WIDTH : 6 * WIDTH])


@pytest.mark.parametrize("variant", ["rope", "no positions", "biases"])
def test_heads_that_are_equal_but_for_their_basis_are_shared_without_loss(variant):
    """Equal heads, turned: the mean forgets much, and after alignment nothing."""
    equal = repeat_heads(new_model(variant, 3))
    for block in equal.blocks:
        turn_at_random(block.attention)
    want = logits(equal)
    plain, aligned = (logits(share_heads(m, 3, mean)) for m in (equal, align_heads(equal, 3)))
    assert (plain - want).abs().max() > 0.1
    # Thirty iterations from the first head, to which all others can be turned exactly, end at rounding error.
    torch.testing.assert_close(aligned, want, rtol=0, atol=1e-10)


@torch.no_grad()
def turn_at_random(attention):
    """W_V G, b_V G, G^T W_O and W_Q H, W_K H, by another G and H for each head; under RoPE H turns pairs."""
    rng = np.random.default_rng(5)
    for h in range(HEADS):
        cut = slice(h * WIDTH, (h + 1) * WIDTH)
        G, H = (torch.from_numpy(np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0]) for _ in "GH")
        a, b = rng.uniform(0, 2 * np.pi, size=2)
        if attention.config.rope is not None:
            H = torch.block_diag(*(torch.tensor([[np.cos(x), -np.sin(x)], [np.sin(x), np.cos(x)]]) for x in (a, b)))
        attention.W_V[:, cut] = attention.W_V[:, cut] @ G
        attention.W_O[cut] = G.T @ attention.W_O[cut]
        for name in ("W_Q", "W_K"):
            getattr(attention, name)[:, cut] = getattr(attention, name)[:, cut] @ H
        if attention.config.bias:
            attention.b_V[cut] = attention.b_V[cut] @ G
            for name in ("b_Q", "b_K"):
                getattr(attention, name)[cut] = getattr(attention, name)[cut] @ H


def test_keys_with_qk_norm_are_not_turned():
    model = new_model("qk-norm")
    assert torch.equal(align_heads(model, 2).blocks[0].attention.W_K, model.blocks[0].attention.W_K)


@pytest.mark.parametrize("nearest", [nearest_orthogonal, nearest_pair_rotations])
def test_no_other_turn_is_nearer(nearest):
    """<G, C> is largest at the nearest G; the others are drawn from the same group."""
    rng = np.random.default_rng(0)
    C = torch.from_numpy(rng.normal(size=(3, 6, 6)))
    G = nearest(C)
    torch.testing.assert_close(G.mT @ G, torch.eye(6, dtype=G.dtype).expand(3, 6, 6), rtol=0, atol=1e-14)
    best = (G * C).sum((-2, -1))
    for _ in range(50):
        other = nearest(torch.from_numpy(rng.normal(size=(3, 6, 6))))
        assert bool(((other * C).sum((-2, -1)) <= best).all())


@pytest.mark.parametrize("nearest", [nearest_orthogonal, nearest_pair_rotations])
def test_where_all_turns_are_as_near_it_still_is_one(nearest):
    """A head with zero weights must not make the others of its group vanish."""
    G = nearest(torch.zeros(3, 6, 6, dtype=torch.float64))
    torch.testing.assert_close(G.mT @ G, torch.eye(6, dtype=G.dtype).expand(3, 6, 6), **EXACT)


def test_alignment_never_raises_what_the_mean_loses():
    model = new_model("rope")
    for g in (1, 2, 4):
        before, after = (lost(m.blocks[0].attention, g) for m in (model, align_heads(model, g)))
        assert after["W_K"] < before["W_K"] and after["W_V"] < before["W_V"]


def test_each_iteration_lowers_what_the_mean_loses(monkeypatch):
    """The mean is computed anew after each turn of the heads; their distance to the first head alone is another sum."""
    found = []
    for count in (1, 2, 4, 30):
        monkeypatch.setattr(alignment, "ITERATIONS", count)
        found.append([lost(align_heads(new_model(v), 2).blocks[0].attention, 2) for v in ("rope", "no positions")])
    for i, name in ((0, "W_K"), (0, "W_V"), (1, "W_K")):
        sums = [one[i][name] for one in found]
        assert all(later < 0.999 * earlier for earlier, later in zip(sums, sums[1:], strict=False)), sums


@torch.no_grad()
def lost(attention, g):
    found = {}
    for name in ("W_K", "W_V"):
        heads = getattr(attention, name).unflatten(1, (g, HEADS // g, WIDTH))
        found[name] = float((heads - heads.mean(2, keepdim=True)).square().sum())
    return found


def test_a_model_with_fewer_heads_is_that_of_its_config():
    model = share_heads(new_model("window"), 4, first)
    attention = new_model("window").config.attention
    assert model.config.attention == replace(attention, n_kv_heads=4)
    assert model.blocks[0].attention.norm_K is None


def test_which_models_are_multi_head():
    kinds = {name: is_multi_head(shipped.load(name).model) for name in ("docs-mha", "docs-gqa", "docs-mla")}
    assert kinds == {"docs-mha": True, "docs-gqa": False, "docs-mla": False}
    assert is_multi_head(repeat_heads(new_model("rope", 3)))
    assert not is_multi_head(share_heads(new_model("rope"), 1, mean))
    one = GroupedConfig(d_model=6, n_heads=1)
    assert not is_multi_head(DecoderModel(ModelConfig(vocab_size=5, n_layers=1, attention=one, d_ff=3)))
