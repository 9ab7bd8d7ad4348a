"""The encoder-decoder against torch's nn.Transformer with copied weights, in float64, with random biases and gains."""

import json

import pytest
import torch
from torch import nn

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig, Rope, TranslationConfig
from course_lib.models import TranslationModel

# float64 sums of tens of terms of size 1 in another order, through some ten sublayers: about 1e-14.
EXACT = dict(rtol=0, atol=1e-12)
SOURCES, TARGETS, N, M, D, HEADS = 29, 23, 11, 7, 15, 3
LENGTHS = torch.tensor([N, 4])


def close(got, want):
    torch.testing.assert_close(got, want, **EXACT)


def tokens(size, n, batch=2):
    return torch.randint(size, (batch, n), generator=torch.Generator().manual_seed(n))


def randomise(model):
    """Gains and biases away from 1 and 0, so that a forgotten or swapped one fails."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.uniform_(0.4, 1.6)
    return model.double().eval()


def make(attention, layers=(3, 2), **keywords):
    torch.manual_seed(0)
    common = dict(attention=attention, d_ff=22, positions="sinusoidal" if attention.d_model % 2 == 0 else "learned")
    common |= dict(max_length=N + 5) | keywords
    source = ModelConfig(vocab_size=SOURCES, n_layers=layers[0], **common)
    return randomise(TranslationModel(source, ModelConfig(vocab_size=TARGETS, n_layers=layers[1], **common)))


def original(placement):
    """As in the paper: Post-LN, ReLU, embeddings times sqrt(d); biases as torch has them."""
    attention = GroupedConfig(d_model=D, n_heads=HEADS, bias=True)
    return make(attention, feedforward="relu", placement=placement, embedding_scale=D**0.5)


def copy_attention(theirs, ours):
    theirs.in_proj_weight.copy_(torch.cat([ours.W_Q, ours.W_K, ours.W_V], 1).T)
    theirs.in_proj_bias.copy_(torch.cat([ours.b_Q, ours.b_K, ours.b_V]))
    theirs.out_proj.weight.copy_(ours.W_O.T)
    theirs.out_proj.bias.copy_(ours.b_O)


def copy_norm(theirs, ours):
    theirs.weight.copy_(ours.gamma)
    theirs.bias.copy_(ours.beta)


def copy_layer(theirs, ours):
    copy_attention(theirs.self_attn, ours.attention)
    norms = [ours.around_attention, ours.around_feed_forward]
    if hasattr(ours, "cross_attention"):
        copy_attention(theirs.multihead_attn, ours.cross_attention)
        norms.insert(1, ours.around_cross_attention)
    for i, around in enumerate(norms, 1):
        copy_norm(getattr(theirs, f"norm{i}"), around.norm)
    for linear, W, b in (("linear1", "W_1", "b_1"), ("linear2", "W_2", "b_2")):
        getattr(theirs, linear).weight.copy_(getattr(ours.feed_forward, W).T)
        getattr(theirs, linear).bias.copy_(getattr(ours.feed_forward, b))


@torch.no_grad()
def oracle(model):
    """nn.Transformer with the weights of ours. It ends with a norm even in Post-LN, where the original has none."""
    pre = model.config.source.placement == "pre"
    theirs = nn.Transformer(
        D, HEADS, len(model.encoder.blocks), len(model.blocks), 22, 0.0, batch_first=True, norm_first=pre
    ).double()
    for stack, ours in ((theirs.encoder, model.encoder), (theirs.decoder, model)):
        for layer, block in zip(stack.layers, ours.blocks, strict=True):
            copy_layer(layer, block)
        if pre:
            copy_norm(stack.norm, ours.norm)
        else:
            stack.norm = None
    return theirs


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("placement", ["post", "pre"])
def test_equals_torch(placement, lengths):
    model = original(placement)
    source, target = tokens(SOURCES, N), tokens(TARGETS, M)
    padding = None if lengths is None else torch.arange(N) >= lengths[:, None]
    want = oracle(model)(
        model.encoder.embedding(source),
        model.embedding(target),
        tgt_mask=torch.ones(M, M, dtype=torch.bool).triu(1),
        src_key_padding_mask=padding,
        memory_key_padding_mask=padding,
    )
    memory = model.encode(source, lengths)
    close(model.hidden(target, memory), want)
    close(model(source, target, lengths), want @ model.embedding.W_E.T)


GROUPED = GroupedConfig(d_model=18, n_heads=6, n_kv_heads=2, d_head=4, rope=Rope(base=50.0), window=4)
LATENT = LatentConfig(d_model=18, n_heads=3, d_latent=10, d_head=7, d_rope=4, d_latent_q=5, latent_norm=True)
VARIANTS = pytest.mark.parametrize("attention", [GROUPED, LATENT], ids=["grouped", "latent"])


@VARIANTS
@pytest.mark.parametrize("placement", ["post", "pre", "peri"])
def test_decoding_in_chunks_equals_one_call(attention, placement):
    model = make(attention, placement=placement)
    source, target = tokens(SOURCES, N), tokens(TARGETS, M)
    whole = model(source, target, LENGTHS).detach()
    memory, caches = model.encode(source, LENGTHS), model.new_caches()
    for stop, chunk in zip((2, 3, 6, 7), target.split([2, 1, 3, 1], 1), strict=True):
        logits = (model.decode if chunk.shape[1] == 1 else model.prefill)(chunk, memory, caches)
        close(logits, whole[:, stop - 1])
        assert not logits.requires_grad
    assert whole.abs().max() > 0.1


@VARIANTS
def test_padding_is_not_seen(attention):
    """What stands in the padding of either side is not looked at, and each sequence is as if alone."""
    model = make(attention)
    source, target, lengths = tokens(SOURCES, N), tokens(TARGETS, M), torch.tensor([3, M])
    source[1, 4:], target[0, 3:] = -1, -1
    logits = model(source, target, LENGTHS, lengths)
    close(logits[0, :3], model(source[:1], target[:1, :3])[0])
    close(logits[1], model(source[1:, :4], target[1:])[0])


@VARIANTS
def test_weights_and_gradients_reach_the_source(attention):
    model = make(attention)
    source, target = tokens(SOURCES, N), tokens(TARGETS, M)
    weights = model.cross_attention_weights(source, target, LENGTHS)
    assert [tuple(P.shape) for P in weights] == 2 * [(2, attention.n_heads, M, N)]
    for P in weights:
        close(P.sum(-1), torch.ones_like(P[..., 0]))
        assert P[1, ..., 4:].abs().max() == 0
    model(source, target, LENGTHS).square().sum().backward()
    read = torch.zeros(SOURCES, dtype=torch.bool)
    read[source[torch.arange(N) < LENGTHS[:, None]]] = True
    assert torch.equal(model.encoder.embedding.W_E.grad.abs().sum(-1) > 0, read)


def test_later_target_tokens_are_not_seen():
    model = make(GROUPED)
    source, target = tokens(SOURCES, N), tokens(TARGETS, M)
    changed = target.clone()
    changed[:, 4:] = (changed[:, 4:] + 1) % TARGETS
    before, after = model(source, target), model(source, changed)
    close(after[:, :4], before[:, :4])
    assert (after[:, 4:] - before[:, 4:]).abs().amax(-1).min() > 1e-6


def test_memory_of_chosen_sequences():
    model = make(LATENT)
    source, target, chosen = tokens(SOURCES, N), tokens(TARGETS, M, 3), torch.tensor([1, 0, 1])
    memory = [held.select(chosen) for held in model.encode(source, LENGTHS)]
    close(model.logits(model.hidden(target, memory)), model(source[chosen], target, LENGTHS[chosen]))


def test_config_as_json():
    config = make(LATENT).config
    assert TranslationConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config
