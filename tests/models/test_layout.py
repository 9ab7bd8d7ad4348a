"""Matrices of every model lie in memory column by column, and they train as matrices that lie row by row.

torch's fused AdamW walks through a weight, its gradient and its moments in the order of memory, so that these must lie
alike. Three steps are compared with those of a twin that lies row by row, updated by AdamW one entry at a time.
"""

import copy
import io

import pytest
import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import load, save
from torch import nn

from course_lib import convert
from course_lib.config import GroupedConfig, LatentConfig, ModelConfig, Rope
from course_lib.models import (
    ClassifierModel,
    DecoderModel,
    EncoderModel,
    MaskedTokenModel,
    TranslationModel,
    pretrained,
    shipped,
)
from course_lib.models.initialise import initialise
from course_lib.surgery.alignment import align_heads, reorder_heads
from course_lib.surgery.calibration import calibrate
from course_lib.surgery.kv_heads import first, repeat_heads, share_heads
from course_lib.surgery.latent import decouple, embed, to_latent, truncate
from course_lib.training import Recipe
from course_lib.training.optimiser import adamw, decay_groups

GROUPED = GroupedConfig(d_model=24, n_heads=4, rope=Rope())
PLAIN = GroupedConfig(d_model=24, n_heads=4)
WINDOW = GroupedConfig(d_model=24, n_heads=6, n_kv_heads=2, rope=Rope(), qk_norm=True, window=3, bias=True)
LATENT = LatentConfig(d_model=24, n_heads=3, d_head=6, d_latent=5, d_latent_q=7, d_rope=2, latent_norm=True)
TOKENS = torch.randint(31, (4, 8), generator=torch.Generator().manual_seed(0))


def config(attention=GROUPED, **more):
    return ModelConfig(vocab_size=31, n_layers=2, attention=attention, d_ff=20, **more)


def by_rows(model):
    """The names of all matrices that do not lie by columns. Embeddings are read by rows, and backwards by columns."""
    matrices = {name: p for name, p in model.named_parameters() if p.ndim == 2}
    return {name.rpartition(".")[2] for name, p in matrices.items() if p.stride() != (1, len(p))}


def decoder(attention=GROUPED, **more) -> DecoderModel:
    return DecoderModel(config(attention, **more))


def loaded(model: nn.Module, tensors: dict, **options) -> nn.Module:
    model.load_state_dict(tensors, **options)
    return model


def by_torch(tensors: dict) -> dict:
    """Saved and loaded."""
    file = io.BytesIO()
    torch.save(tensors, file)
    return torch.load(io.BytesIO(file.getvalue()), weights_only=True)


def by_safetensors(tensors: dict) -> dict:
    """Saved row by row, as they must be there, and loaded."""
    return load(save({name: tensor.contiguous() for name, tensor in tensors.items()}))


def converted() -> DecoderModel:
    """Through the reference and back."""
    model = decoder(LATENT, feedforward="swiglu")
    for block in model.blocks:
        block.attention = convert.to_layer(convert.to_reference(block.attention)).float()
    return model


MODELS = {
    "grouped": lambda: decoder(WINDOW, feedforward="swiglu", norm="rms", placement="peri"),
    "latent": lambda: decoder(LATENT),
    "untied": lambda: decoder(tied=False),
    "post-norm": lambda: decoder(placement="post", positions="sinusoidal", output_bias=True),
    "encoder": lambda: EncoderModel(config()),
    "masked": lambda: MaskedTokenModel(config(positions="learned", max_length=9, embedding_norm=True)),
    "classifier": lambda: ClassifierModel(config(), 5),
    "translation": lambda: TranslationModel(config(), config(WINDOW)),
    "copied": lambda: copy.deepcopy(decoder()),
    "double": lambda: decoder().double(),
    "from a state dict": lambda: loaded(decoder(LATENT), decoder(LATENT).state_dict()),
    "from torch.save": lambda: loaded(decoder(LATENT), by_torch(decoder(LATENT).state_dict()), assign=True),
    "from safetensors": lambda: loaded(decoder(LATENT), by_safetensors(decoder(LATENT).state_dict())),
    "converted": converted,
    "shared": lambda: share_heads(decoder(), 2, first),
    "repeated": lambda: repeat_heads(decoder(WINDOW)),
    "reordered": lambda: reorder_heads(decoder(), [[2, 0, 3, 1]] * 2),
    "aligned": lambda: align_heads(decoder(), 2),
    "truncated": lambda: truncate(decoder(), 7),
    "to latent": lambda: to_latent(decoder(PLAIN), 7),
    "embedded": lambda: embed(decoder(PLAIN)),
    "decoupled": lambda: decouple(model := decoder(), 7, calibrate(model, [TOKENS])),
} | {name: lambda name=name: shipped.load(name).model for name in shipped.names()}


@pytest.mark.parametrize("name", MODELS)
def test_matrices_lie_by_columns(name):
    assert by_rows(MODELS[name]()) <= {"W_E", "W_P"}


def require_same_training(model: nn.Module) -> None:
    """Three steps in float64, with gradients cut to length 1."""
    model = model.double().train().requires_grad_(True)
    twin = copy.deepcopy(model)
    for parameter in twin.parameters():
        parameter.data = parameter.data.contiguous()
    recipe = Recipe(steps=3, learning_rate=0.01)
    plain = dict(lr=recipe.learning_rate, betas=recipe.betas, foreach=False, fused=False)
    optimisers = adamw(model, recipe), torch.optim.AdamW(decay_groups(twin, recipe.weight_decay), **plain)
    for number in range(3):
        lengths = [step(*each, number) for each in zip((model, twin), optimisers, strict=True)]
        assert lengths[0] == pytest.approx(lengths[1], rel=1e-10)
    for (name, mine), other in zip(model.named_parameters(), twin.parameters(), strict=True):
        # Gradients are equal to 1e-16. AdamW divides them by their own size plus 1e-8 and multiplies by 1e-2, so that
        # an error grows to 1e-10 at most. Entries that are mixed up differ by some 1e-2.
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-9, msg=name)


def step(model: nn.Module, optimiser: torch.optim.Optimizer, number: int) -> float:
    """One update; the length of the gradient before it was cut."""
    tokens = TOKENS.roll(number, 1)
    outputs = model(tokens, tokens) if isinstance(model, TranslationModel) else model(tokens)
    optimiser.zero_grad(set_to_none=True)
    F.cross_entropy(outputs.flatten(0, -2), torch.arange(outputs[..., 0].numel()) % outputs.shape[-1]).backward()
    length = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    return float(length)


@pytest.mark.parametrize("name", MODELS)
def test_they_train_as_matrices_that_lie_by_rows(name):
    require_same_training(MODELS[name]())


def test_those_that_were_assigned_lie_by_rows_and_train_alike():
    model = loaded(decoder(LATENT), by_safetensors(decoder(LATENT).state_dict()), assign=True)
    assert by_rows(model) > {"W_E"}
    require_same_training(model)


def test_those_that_are_a_part_of_a_larger_matrix_train_alike():
    tensors = decoder(tied=False).double().state_dict()
    tensors["unembedding.W_U"] = tensors["unembedding.W_U"].repeat(1, 2).contiguous()[:, :31]  # 31 of 62 columns
    model = loaded(decoder(tied=False).double(), tensors, assign=True)
    assert model.unembedding.W_U.stride() == (62, 1)
    require_same_training(model)


def test_moments_that_lay_otherwise_are_laid_as_the_weights():
    """Weights from safetensors are assigned row by row, while the optimiser's state comes from a model by columns."""
    recipe = Recipe(steps=6, learning_rate=0.01)
    model = decoder(LATENT).double()
    optimiser = adamw(model, recipe)
    step(model, optimiser, 0)
    fresh = loaded(decoder(LATENT).double(), by_safetensors(model.state_dict()), assign=True).requires_grad_(True)
    resumed = adamw(fresh, recipe)
    resumed.load_state_dict(by_torch(optimiser.state_dict()))
    assert by_rows(fresh) > by_rows(model)
    for number in (1, 2):
        step(model, optimiser, number)
        step(fresh, resumed, number)
    for (name, mine), other in zip(fresh.named_parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-9, msg=name)


def test_those_of_a_published_checkpoint_too(tmp_path):
    sizes = dict(vocab_size=31, n_embd=12, n_layer=2, n_head=3, n_positions=9)
    transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes)).save_pretrained(tmp_path)
    model = pretrained.load(tmp_path).model
    assert by_rows(model) == {"W_E", "W_P"}
    require_same_training(model)


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
