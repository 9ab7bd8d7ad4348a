"""Weights to start from: variances that the docstring of `initialise` promises."""

import math

import pytest
import torch

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig, Rope
from course_lib.models import DecoderModel, TranslationModel

WIDTH, LAYERS, VOCAB = 192, 3, 997
ATTENTION = {
    "grouped": GroupedConfig(d_model=WIDTH, n_heads=6, n_kv_heads=3, rope=Rope()),
    "latent": LatentConfig(d_model=WIDTH, n_heads=6, d_latent=96, d_head=32, d_rope=32),
    "latent queries": LatentConfig(d_model=WIDTH, n_heads=6, d_latent=96, d_head=32, d_rope=32, d_latent_q=80),
}


def new_model(attention="grouped", **changes):
    torch.manual_seed(0)
    return DecoderModel(
        ModelConfig(vocab_size=VOCAB, n_layers=LAYERS, attention=ATTENTION[attention], d_ff=256, **changes)
    )


@pytest.mark.parametrize("name", ATTENTION)
def test_logits_of_attention_start_with_variance_one(name):
    attention = new_model(name).blocks[0].attention
    X = torch.randn(1, 400, WIDTH, generator=torch.Generator().manual_seed(1))  # as a norm leaves its rows
    with torch.no_grad():
        positions = torch.arange(400)
        Q, rows = attention.queries(X, positions), attention.compress(X, positions)
        K, _ = attention.read(rows)
        logits = attention.config.scale * Q.unflatten(1, (K.shape[1], -1)) @ K.transpose(-1, -2)[:, :, None]
    # 6 heads of 400 x 400 logits, of 32 or 64 coordinates each; products of several random matrices vary most.
    assert float(logits.var()) == pytest.approx(1, rel=0.15)


@pytest.mark.parametrize("placement, damping", [("pre", 2 * LAYERS), ("post", 1), ("peri", 1)])
def test_other_matrices_have_the_small_variance(placement, damping):
    block = new_model(placement=placement).requires_grad_(False).blocks[1]
    for W in (block.attention.W_V, block.feed_forward.W_1):
        # Of some 20,000 entries or more, the variance is known to 1 %.
        assert float(W.var()) * len(W) == pytest.approx(2 / 5, rel=0.05)
    for W in (block.attention.W_O, block.feed_forward.W_2):
        assert float(W.var()) * len(W) == pytest.approx(2 / 5 / damping, rel=0.05)


def test_matrices_of_swiglu_and_of_the_output_have_the_small_variance():
    """The fan-in of W_U is the width of the stream, not the size of the vocabulary."""
    model = new_model(feedforward="swiglu", tied=False).requires_grad_(False)
    assert float(model.unembedding.W_U.var()) * WIDTH == pytest.approx(2 / 5, rel=0.05)
    for block in model.blocks:
        network = block.feed_forward
        for W, damping in ((network.W_gate, 1), (network.W_up, 1), (network.W_down, 2 * LAYERS)):
            assert float(W.var()) * len(W) == pytest.approx(2 / 5 / damping, rel=0.05)


@pytest.mark.parametrize("tied", [True, False])
def test_embeddings_and_vectors(tied):
    """Also where W_E is the output: its fan-in is the width, not the size of the vocabulary."""
    model = new_model("grouped", positions="learned", max_length=500, norm="layer", tied=tied).requires_grad_(False)
    for W in (model.embedding.W_E, model.embedding.W_P):
        assert float(W.var()) * WIDTH == pytest.approx(2 / 5, rel=0.05)
    vectors = [(path.rpartition(".")[2], p) for path, p in model.named_parameters() if p.ndim == 1]
    assert all(torch.all(p == (1 if name == "gamma" else 0)) for name, p in vectors)
    assert {name for name, _ in vectors} == {"gamma", "beta", "b_1", "b_2"}


def test_a_translators_decoder_has_three_sublayers_in_a_layer_and_its_encoder_two():
    config = new_model().config
    torch.manual_seed(0)
    model = TranslationModel(config, config).requires_grad_(False)
    for side, sublayers in ((model, 3 * LAYERS), (model.encoder, 2 * LAYERS)):
        for block in side.blocks:
            for W in (block.attention.W_O, block.feed_forward.W_2):
                assert float(W.var()) * len(W) == pytest.approx(2 / 5 / sublayers, rel=0.05)


def test_the_loss_starts_near_that_of_a_uniform_guess():
    tokens = torch.randint(0, VOCAB, (4, 50), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        P = new_model()(tokens).log_softmax(-1)
    loss = -float(P[:, :-1].gather(-1, tokens[:, 1:, None]).mean())
    assert loss == pytest.approx(math.log(VOCAB), abs=0.3)
