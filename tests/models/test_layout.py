"""Matrices lie in memory column by column, as a decode step reads them, wherever a model comes from."""

import copy

import pytest
import torch
import transformers

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig, Rope
from course_lib.models import DecoderModel, MaskedTokenModel, TranslationModel, pretrained, shipped
from course_lib.models.initialise import initialise
from course_lib.surgery.heads import first, share_heads
from course_lib.surgery.latent import embed

GROUPED = GroupedConfig(d_model=24, n_heads=4, rope=Rope())
LATENT = LatentConfig(d_model=24, n_heads=3, d_head=6, d_latent=5, d_latent_q=7, d_rope=2, rope=Rope())


def config(attention=GROUPED, **more):
    return ModelConfig(vocab_size=31, n_layers=2, attention=attention, d_ff=20, **more)


def by_rows(model):
    """The names of all matrices that do not lie by columns. Embeddings are read by rows, and backwards by columns."""
    matrices = {name: p for name, p in model.named_parameters() if p.ndim == 2}
    return {name.rpartition(".")[2] for name, p in matrices.items() if p.stride() != (1, len(p))}


MODELS = {
    "grouped": lambda: DecoderModel(config(feedforward="swiglu")),
    "latent": lambda: DecoderModel(config(LATENT)),
    "untied": lambda: DecoderModel(config(tied=False)),
    "masked": lambda: MaskedTokenModel(config(positions="learned", max_length=9)),
    "translation": lambda: TranslationModel(config(), config()),
    "copied": lambda: copy.deepcopy(DecoderModel(config())),
    "double": lambda: DecoderModel(config()).double(),
    "shared": lambda: share_heads(DecoderModel(config()), 2, first),
    "embedded": lambda: embed(DecoderModel(config(GroupedConfig(d_model=24, n_heads=4)))),
    "shipped": lambda: shipped.load("docs-mla").model,
}


@pytest.mark.parametrize("name", MODELS)
def test_matrices_lie_by_columns(name):
    assert by_rows(MODELS[name]()) <= {"W_E", "W_P"}


def test_those_of_a_published_checkpoint_too(tmp_path):
    sizes = dict(vocab_size=31, n_embd=12, n_layer=2, n_head=3, n_positions=9)
    transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes)).save_pretrained(tmp_path)
    assert by_rows(pretrained.load(tmp_path).model) == {"W_E", "W_P"}


def test_the_layout_changes_no_drawn_number():
    """A seed draws the same weights into matrices that lie by columns and by rows."""
    drawn = []
    for lay in (lambda W: W, torch.Tensor.contiguous):
        model = DecoderModel(config())
        for W in model.parameters():
            W.data = lay(W.data)
        torch.manual_seed(3)
        initialise(model, model.config, sublayers=4)
        drawn.append(model.state_dict())
    assert by_rows(model) > {"W_E"}
    assert all(torch.equal(W, drawn[1][name]) for name, W in drawn[0].items())
