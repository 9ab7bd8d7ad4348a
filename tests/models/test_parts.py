"""The parts of a model against the NumPy reference and by hand: embeddings, what stands around a sublayer, biases."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig
from course_lib.models.blocks import new_around, new_cross_attention, new_feed_forward, new_final_norm, new_norm
from course_lib.models.embeddings import Embedding, check_tokens
from course_lib.reference.norms import LayerNorm
from course_lib.reference.positions import sinusoidal
from course_lib.reference.transformer import PeriLN, PostLN, PreLN

# float64: a handful of operations on numbers of size 1 to 10; the sines of both sides are rounded apart.
EXACT = dict(rtol=0, atol=1e-12)
VOCAB, N, D = 29, 11, 14
CONFIG = ModelConfig(vocab_size=VOCAB, n_layers=2, attention=GroupedConfig(d_model=D, n_heads=2), d_ff=23)


def randomised(module):
    """Every gain, shift and matrix away from what training starts with."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        torch.nn.init.uniform_(parameter, 0.4, 1.6)
    return module.double().requires_grad_(False)


def rows():
    return torch.randn(2, N, D, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def in_reference(norm):
    return LayerNorm(norm.gamma.numpy(), norm.beta.numpy(), norm.eps)


def test_embeddings_are_scaled_and_get_sinusoidal_positions():
    embedding = randomised(Embedding(replace(CONFIG, positions="sinusoidal", embedding_scale=3.0)))
    tokens = torch.randint(VOCAB, (2, N), generator=torch.Generator().manual_seed(2))
    want = 3.0 * embedding.W_E.numpy()[tokens.numpy()] + sinusoidal(np.arange(N), D)
    np.testing.assert_allclose(embedding(tokens).numpy(), want, **EXACT)


@pytest.mark.parametrize(
    "placement, reference, norms",
    [("post", PostLN, ("norm",)), ("pre", PreLN, ("norm",)), ("peri", PeriLN, ("before", "after"))],
)
def test_norms_stand_where_the_reference_has_them(placement, reference, norms):
    around = randomised(new_around(replace(CONFIG, placement=placement)))
    want = reference(*(in_reference(getattr(around, name)) for name in norms))(rows()[0].numpy(), np.tanh)
    np.testing.assert_allclose(around(rows()[0], torch.tanh).numpy(), want, **EXACT)


@pytest.mark.parametrize("placement, kind", [("post", "Identity"), ("pre", "LayerNorm"), ("peri", "LayerNorm")])
def test_only_post_ln_needs_no_last_norm(placement, kind):
    assert type(new_final_norm(replace(CONFIG, placement=placement))).__name__ == kind


@pytest.mark.parametrize("name, oracle", [("layer", F.layer_norm), ("rms", F.rms_norm)])
def test_norms_have_the_eps_of_the_config(name, oracle):
    norm = new_norm(replace(CONFIG, norm=name, norm_eps=0.3)).double().requires_grad_(False)
    np.testing.assert_allclose(norm(rows()).numpy(), oracle(rows(), (D,), eps=0.3).numpy(), **EXACT)


@pytest.mark.parametrize("placement", ["post", "pre", "peri"])
def test_what_a_sublayer_adds_is_dropped_in_training(placement):
    """A sublayer adds ones; at rate 0.25 they become 0 or 4/3, and the skip connection carries X on whole."""
    around = new_around(replace(CONFIG, placement=placement, dropout=0.25)).double().requires_grad_(False)
    for name, _ in list(around.named_children()):
        if "dropout" not in name:
            setattr(around, name, torch.nn.Identity())
    torch.manual_seed(3)
    added = around(rows(), torch.ones_like) - rows()
    kept = added.abs() > 1e-12
    np.testing.assert_allclose(added[kept].numpy(), 4 / 3, **EXACT)
    # 308 entries: 0.75 within four standard deviations of 0.025.
    assert abs(float(kept.double().mean()) - 0.75) < 0.1
    np.testing.assert_allclose(around.eval()(rows(), torch.ones_like).numpy(), rows().numpy() + 1, **EXACT)


@pytest.mark.parametrize("placement", ["pre", "peri"])
def test_a_sublayers_output_is_dropped_behind_its_norms(placement):
    """A norm behind the dropout would change the entries that are kept."""
    around = randomised(new_around(replace(CONFIG, placement=placement, dropout=0.25)))
    added, whole = around(rows(), torch.tanh) - rows(), around.eval()(rows(), torch.tanh) - rows()
    kept = added.abs() > 1e-12
    assert 0.5 < kept.double().mean() < 1
    np.testing.assert_allclose(added[kept].numpy(), 4 / 3 * whole[kept].numpy(), **EXACT)


def test_embeddings_are_dropped_behind_their_norm():
    embedding = randomised(Embedding(replace(CONFIG, dropout=0.25, embedding_norm=True)))
    tokens = torch.arange(N)[None]
    dropped, whole = embedding(tokens), embedding.eval()(tokens)
    kept = dropped != 0
    assert 0.5 < kept.double().mean() < 1
    np.testing.assert_allclose(dropped[kept].numpy(), 4 / 3 * whole[kept].numpy(), **EXACT)


def test_embeddings_are_dropped_in_training():
    embedding = randomised(Embedding(replace(CONFIG, dropout=0.25)))
    tokens = torch.zeros(5, N, dtype=torch.long)
    dropped = embedding(tokens) == 0
    # 770 entries: 0.25 within four standard deviations of 0.016. None of W_E is 0.
    assert abs(float(dropped.double().mean()) - 0.25) < 0.065
    assert embedding.eval()(tokens).abs().min() > 0


def test_the_first_number_that_is_no_token_is_refused():
    check_tokens(torch.tensor([[0, VOCAB - 1]]), None, VOCAB)
    for wrong in (-1, VOCAB):
        with pytest.raises(ValueError, match=f"tokens must lie from 0 to vocab_size - 1 = 28, got {wrong}"):
            check_tokens(torch.tensor([[wrong, 0]]), None, VOCAB)


@pytest.mark.parametrize("bias, names", [(True, ["W_1", "W_2", "b_1", "b_2"]), (False, ["W_1", "W_2"])])
def test_feed_forward_has_the_biases_of_its_config(bias, names):
    assert sorted(new_feed_forward(replace(CONFIG, ff_bias=bias)).state_dict()) == names


@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_latent_cross_attention_has_the_scale_of_its_own_width(factor):
    """Queries and keys of the other sequence have no rotary coordinates: 7 are left of 7 + 4."""
    sizes = dict(d_model=D, n_heads=2, d_latent=10, d_head=7)
    latent = LatentConfig(**sizes, d_rope=4, scale=factor * 11**-0.5)
    cross = new_cross_attention(replace(CONFIG, attention=latent)).config
    assert cross.scale == pytest.approx(factor * 7**-0.5, rel=1e-12) and cross.d_rope == 0
