"""Decoder-only models against GPT-2 and Llama of transformers, in float64, with random biases and gains."""

import json

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from course_lib.config import GroupedConfig, ModelConfig, Rope
from course_lib.models import DecoderModel, generate

# float64 sums of tens of terms of size 1 in another order, through three layers: about 1e-14; angles and norms that an
# oracle rounds to float32 are compared at SINGLE.
EXACT = dict(rtol=0, atol=1e-12)
SINGLE = dict(rtol=0, atol=2e-5)
VOCAB, N = 29, 11


def close(got, want, **tolerance):
    torch.testing.assert_close(got, want, **(tolerance or EXACT))


def randomise(model):
    """Gains and biases away from 1 and 0, so that a forgotten or swapped one fails."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.uniform_(0.4, 1.6)
    return model.double().eval()


def tokens(batch=2, n=N):
    return torch.randint(VOCAB, (batch, n), generator=torch.Generator().manual_seed(7))


@torch.no_grad()
def copy(pairs):
    for theirs, ours in pairs:
        theirs.copy_(ours)


def half_split(W, heads):
    """Columns of W (d, heads width) in the order in which Llama pairs them: i with i + width / 2."""
    return torch.cat([W.unflatten(-1, (heads, -1))[..., 0::2], W.unflatten(-1, (heads, -1))[..., 1::2]], -1).flatten(1)


def gpt2(model):
    """transformers' GPT-2 with the weights of ours; Conv1D keeps W as ours do."""
    config = model.config
    oracle = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCAB, n_positions=config.max_length, n_embd=config.d_model, n_layer=config.n_layers,
            n_head=config.attention.n_heads, n_inner=config.d_ff, activation_function="gelu",
            attn_implementation="sdpa", bos_token_id=0, eos_token_id=0,
        )
    ).double().eval()  # fmt: skip
    pairs = [(oracle.transformer.wte.weight, model.embedding.W_E), (oracle.transformer.wpe.weight, model.embedding.W_P)]
    norms = [(oracle.transformer.ln_f, model.norm)]
    for theirs, ours in zip(oracle.transformer.h, model.blocks, strict=True):
        a, f = ours.attention, ours.feed_forward
        pairs += [
            (theirs.attn.c_attn.weight, torch.cat([a.W_Q, a.W_K, a.W_V], 1)),
            (theirs.attn.c_attn.bias, torch.cat([a.b_Q, a.b_K, a.b_V])),
            (theirs.attn.c_proj.weight, a.W_O),
            (theirs.attn.c_proj.bias, a.b_O),
            (theirs.mlp.c_fc.weight, f.W_1),
            (theirs.mlp.c_fc.bias, f.b_1),
            (theirs.mlp.c_proj.weight, f.W_2),
            (theirs.mlp.c_proj.bias, f.b_2),
        ]
        norms += [(theirs.ln_1, ours.around_attention.norm), (theirs.ln_2, ours.around_feed_forward.norm)]
    copy(pairs + [(n.weight, m.gamma) for n, m in norms] + [(n.bias, m.beta) for n, m in norms])
    return oracle


def llama(model):
    """transformers' Llama with the weights of ours. Its RMSNorm rounds to float32, so torch's stands in for it."""
    config, attention = model.config, model.config.attention
    h, g = attention.n_heads, attention.n_kv_heads
    oracle = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCAB, hidden_size=config.d_model, num_hidden_layers=config.n_layers, num_attention_heads=h,
            num_key_value_heads=g, head_dim=attention.d_head, intermediate_size=config.d_ff, attention_bias=True,
            tie_word_embeddings=config.tied, attn_implementation="sdpa",
            rope_parameters={"rope_type": "default", "rope_theta": attention.rope.base},
        )
    ).double().eval()  # fmt: skip
    pairs = [(oracle.model.embed_tokens.weight, model.embedding.W_E)]
    if not config.tied:
        pairs.append((oracle.lm_head.weight, model.unembedding.W_U.T))
    norm = lambda ours: torch.nn.RMSNorm(config.d_model, eps=ours.eps, dtype=torch.float64)  # noqa: E731
    oracle.model.norm = norm(model.norm)
    pairs.append((oracle.model.norm.weight, model.norm.gamma))
    for theirs, ours in zip(oracle.model.layers, model.blocks, strict=True):
        a, f = ours.attention, ours.feed_forward
        theirs.input_layernorm = norm(ours.around_attention.norm)
        theirs.post_attention_layernorm = norm(ours.around_feed_forward.norm)
        split = {"q_proj": (a.W_Q, a.b_Q, h), "k_proj": (a.W_K, a.b_K, g)}
        for name, (W, b, heads) in split.items():
            linear = getattr(theirs.self_attn, name)
            pairs += [(linear.weight, half_split(W, heads).T), (linear.bias, half_split(b[None], heads)[0])]
        pairs += [
            (theirs.self_attn.v_proj.weight, a.W_V.T),
            (theirs.self_attn.v_proj.bias, a.b_V),
            (theirs.self_attn.o_proj.weight, a.W_O.T),
            (theirs.self_attn.o_proj.bias, a.b_O),
            (theirs.mlp.gate_proj.weight, f.W_gate.T),
            (theirs.mlp.up_proj.weight, f.W_up.T),
            (theirs.mlp.down_proj.weight, f.W_down.T),
            (theirs.input_layernorm.weight, ours.around_attention.norm.gamma),
            (theirs.post_attention_layernorm.weight, ours.around_feed_forward.norm.gamma),
        ]
    copy(pairs)
    return oracle


def like_gpt2():
    torch.manual_seed(0)
    attention = GroupedConfig(d_model=15, n_heads=3, bias=True)
    return randomise(
        DecoderModel(
            ModelConfig(
                vocab_size=VOCAB, n_layers=3, attention=attention, d_ff=22, positions="learned", max_length=N + 6
            )
        )
    )  # fmt: skip


def like_llama(tied):
    torch.manual_seed(1)
    attention = GroupedConfig(d_model=18, n_heads=6, n_kv_heads=2, d_head=4, rope=Rope(base=500.0), bias=True)
    config = ModelConfig(
        vocab_size=VOCAB, n_layers=3, attention=attention, d_ff=23, norm="rms", feedforward="swiglu", tied=tied
    )
    return randomise(DecoderModel(config))


def test_equals_gpt2():
    model = like_gpt2()
    close(model(tokens()), gpt2(model)(tokens()).logits)


@pytest.mark.parametrize("tied", [True, False])
def test_equals_llama(tied):
    """Llama's angles are float32."""
    model = like_llama(tied)
    close(model(tokens()), llama(model)(tokens()).logits, **SINGLE)


@pytest.mark.parametrize("make, oracle", [(like_gpt2, gpt2), (lambda: like_llama(False), llama)])
def test_greedy_text_equals_that_of_transformers(make, oracle):
    model = make()
    want = oracle(model).generate(
        tokens(), attention_mask=torch.ones_like(tokens()), max_new_tokens=6, do_sample=False, eos_token_id=None
    )
    assert generate(model, tokens(), 6) == want[:, N:].tolist()


@pytest.mark.parametrize("make", [like_gpt2, lambda: like_llama(True)])
def test_chunks_equal_one_call(make):
    model = make()
    whole, caches = model(tokens()).detach(), model.new_caches()
    parts = [model(chunk, caches) for chunk in tokens().split([4, 1, 5, 1], 1)]
    close(torch.cat(parts, 1), whole)
    assert not parts[0].requires_grad and not model.hidden(tokens(), model.new_caches()).requires_grad


def test_caches_have_the_capacity_that_was_asked_for():
    model = like_llama(True)
    caches = model.new_caches(N + 2)
    close(model(tokens(), caches), model(tokens()).detach())
    assert [cache.capacity for cache in caches] == [cache.allocated for cache in caches] == 3 * [N + 2]


@pytest.mark.parametrize("make", [like_gpt2, lambda: like_llama(True)])
def test_ragged_chunks_equal_each_sequence_alone(make):
    """What stands in the padding is not looked at."""
    model, X, caches = make(), tokens(3), make().new_caches()
    alone = [model(x[None, :n])[0].detach() for x, n in zip(X, (11, 7, 4), strict=True)]
    first = X[:, :7].clone()
    first[1, 3:] = first[2, 4:] = -1
    logits = model(first, caches, lengths=torch.tensor([7, 3, 4]))
    for i, n in enumerate((7, 3, 4)):
        close(logits[i, :n], alone[i][:n])
    rest = torch.full((3, 4), -1)
    rest[0], rest[1] = X[0, 7:], X[1, 3:7]
    logits = model(rest, caches, lengths=torch.tensor([4, 4, 0]))
    close(logits[0], alone[0][7:])
    close(logits[1], alone[1][3:])


def test_padding_may_stand_past_the_table_of_positions():
    """The first sequence stands at 12 of at most 17 tokens, and its padding would reach to 20."""
    model, X = like_gpt2(), tokens()
    caches = model.new_caches()
    model(X, caches, lengths=torch.tensor([N, 2]))
    last = torch.stack([X[0].roll(1)[:9], X[1, 2:]])
    logits = model(last, caches, lengths=torch.tensor([1, 9]))
    close(logits[0, :1], model(torch.cat([X[:1], last[:1, :1]], 1))[0, -1:].detach())
    close(logits[1], model(X[1:])[0, 2:].detach())


def test_attention_weights_of_every_layer():
    model = like_llama(True)
    weights = model.attention_weights(tokens())
    assert [tuple(P.shape) for P in weights] == 3 * [(2, 6, N, N)]
    for P in weights:
        close(P.sum(-1), torch.ones(2, 6, N, dtype=torch.float64))
        assert P.triu(1).abs().max() == 0


def test_config_as_json():
    config = like_llama(False).config
    assert ModelConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config


def test_loss_at_the_start_is_nearly_that_of_guessing():
    torch.manual_seed(2)
    config = ModelConfig(vocab_size=97, n_layers=4, attention=GroupedConfig(d_model=64, n_heads=4), d_ff=256)
    X = torch.randint(97, (8, 33))
    logits = DecoderModel(config)(X[:, :-1])
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), X[:, 1:].flatten())
    assert loss.item() == pytest.approx(torch.tensor(97.0).log().item(), abs=0.35)
