"""Encoder-only models against BERT of transformers with copied weights, in float64, with random biases and gains.

BERT adds an embedding of the kind of sentence to every token. Ours has none: that of the first kind is folded into the
positions, which are added to every token too.
"""

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig, Rope
from course_lib.models import ClassifierModel, EncoderModel, MaskedTokenModel

# float64 sums of tens of terms of size 1 in another order, through three layers: about 1e-14.
EXACT = dict(rtol=0, atol=1e-12)
VOCAB, N, D, LENGTHS = 29, 11, 15, torch.tensor([11, 4, 1])


def close(got, want):
    torch.testing.assert_close(got, want, **EXACT)


def tokens():
    return torch.randint(VOCAB, (3, N), generator=torch.Generator().manual_seed(7))


def randomise(model):
    """Gains and biases away from 1 and 0, so that a forgotten or swapped one fails."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.uniform_(0.4, 1.6)
    return model.double().eval()


def like_bert(kind=MaskedTokenModel, *arguments, **keywords):
    torch.manual_seed(0)
    common = dict(positions="learned", max_length=N + 2, placement="post", embedding_norm=True, output_bias=True)
    attention = GroupedConfig(d_model=D, n_heads=3, bias=True)
    config = ModelConfig(vocab_size=VOCAB, n_layers=3, attention=attention, d_ff=22, **(common | keywords))
    return randomise(kind(config, *arguments))


def copy_linear(theirs, W, b):
    theirs.weight.copy_(W.T)
    theirs.bias.copy_(b)


def copy_norm(theirs, ours):
    theirs.weight.copy_(ours.gamma)
    theirs.bias.copy_(ours.beta)


@torch.no_grad()
def bert(model):
    """transformers' BERT with the weights of ours."""
    config = model.config
    oracle = BertForMaskedLM(
        BertConfig(
            vocab_size=VOCAB, hidden_size=D, num_hidden_layers=config.n_layers, intermediate_size=config.d_ff,
            num_attention_heads=config.attention.n_heads, max_position_embeddings=config.max_length,
            layer_norm_eps=1e-5, pad_token_id=None, attn_implementation="eager", tie_word_embeddings=config.tied,
        )
    ).double().eval()  # fmt: skip
    theirs, ours = oracle.bert.embeddings, model.encoder.embedding
    theirs.word_embeddings.weight.copy_(ours.W_E)
    theirs.position_embeddings.weight.copy_(ours.W_P - theirs.token_type_embeddings.weight[0])
    copy_norm(theirs.LayerNorm, ours.norm)
    for theirs, ours in zip(oracle.bert.encoder.layer, model.encoder.blocks, strict=True):
        a, f = ours.attention, ours.feed_forward
        copy_linear(theirs.attention.self.query, a.W_Q, a.b_Q)
        copy_linear(theirs.attention.self.key, a.W_K, a.b_K)
        copy_linear(theirs.attention.self.value, a.W_V, a.b_V)
        copy_linear(theirs.attention.output.dense, a.W_O, a.b_O)
        copy_norm(theirs.attention.output.LayerNorm, ours.around_attention.norm)
        copy_linear(theirs.intermediate.dense, f.W_1, f.b_1)
        copy_linear(theirs.output.dense, f.W_2, f.b_2)
        copy_norm(theirs.output.LayerNorm, ours.around_feed_forward.norm)
    head, unembedding = oracle.cls.predictions, model.head.unembedding
    copy_linear(head.transform.dense, model.head.W_H, model.head.b_H)
    copy_norm(head.transform.LayerNorm, model.head.norm)
    copy_linear(head.decoder, model.encoder.embedding.W_E.T if config.tied else unembedding.W_U, unembedding.b_U)
    return oracle


def real():
    return torch.arange(N) < LENGTHS[:, None]


@pytest.mark.parametrize("tied", [True, False])
def test_equals_bert(tied):
    model = like_bert(tied=tied)
    close(model(tokens()), bert(model)(tokens()).logits)


def test_equals_bert_with_padding():
    """What stands in the padding is not looked at."""
    model = like_bert()
    want = bert(model)(tokens(), attention_mask=real().long()).logits
    close(model(tokens().masked_fill(~real(), -1), LENGTHS)[real()], want[real()])


def test_classes_from_the_mean_of_berts_rows():
    model = like_bert(MaskedTokenModel)
    classifier = like_bert(ClassifierModel, 5)
    classifier.encoder.load_state_dict(model.encoder.state_dict())
    H = bert(model).bert(tokens(), attention_mask=real().long()).last_hidden_state
    mean = torch.stack([row[:n].mean(0) for row, n in zip(H, LENGTHS, strict=True)])
    close(classifier(tokens().masked_fill(~real(), -1), LENGTHS), mean @ classifier.W_C + classifier.b_C)
    close(classifier(tokens()[:1]), classifier(tokens(), LENGTHS)[:1])


VARIANTS = {
    "grouped": GroupedConfig(d_model=18, n_heads=6, n_kv_heads=2, d_head=4, rope=Rope(base=50.0)),
    "windowed": GroupedConfig(d_model=18, n_heads=3, rope=Rope(base=50.0), window=3),
    "latent": LatentConfig(d_model=18, n_heads=3, d_latent=10, d_head=7, d_rope=4),
}


def variant(name, placement):
    torch.manual_seed(1)
    common = dict(norm="rms", feedforward="swiglu", placement=placement)
    return randomise(
        EncoderModel(ModelConfig(vocab_size=VOCAB, n_layers=2, attention=VARIANTS[name], d_ff=23, **common))
    )


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("placement", ["post", "pre", "peri"])
def test_each_sequence_as_if_alone(name, placement):
    model = variant(name, placement)
    H = model(tokens().masked_fill(~real(), -1), LENGTHS)
    for row, x, n in zip(H, tokens(), LENGTHS, strict=True):
        close(row[:n], model(x[None, :n])[0])


@pytest.mark.parametrize("name", ["grouped", "latent"])
def test_the_last_token_is_seen_by_every_other(name):
    model, x = variant(name, "pre"), tokens()[:1]
    assert all(P.min() > 0 for P in model.attention_weights(x))
    other = x.clone()
    other[0, -1] = (x[0, -1] + 1) % VOCAB
    assert (model(x) - model(other)).abs().amax(-1).min() > 1e-6


def test_every_token_sees_every_other():
    model = like_bert()
    for P in model.attention_weights(tokens(), LENGTHS):
        assert P.shape == (3, 3, N, N) and P[0].min() > 0 and P[1, :, :4, 4:].abs().max() == 0
        close(P.sum(-1)[real()[:, None].expand(-1, 3, -1)], torch.ones(3 * int(LENGTHS.sum()), dtype=torch.float64))
