"""A checkpoint gives every tensor back as it was, its order in memory included, for every optimiser."""

import copy
import io

import pytest
import torch
from torch import nn

from course_lib.config import LatentConfig, ModelConfig
from course_lib.models import DecoderModel, TranslationModel, shipped
from course_lib.training import Recipe, checkpoint
from course_lib.training.data import cross_entropy
from course_lib.training.optimiser import adamw, named

RECIPE = Recipe(steps=9, learning_rate=0.01)
LATENT = LatentConfig(d_model=13, n_heads=3, d_latent=7, d_head=5, d_rope=2, d_latent_q=11, latent_norm=True)
CONFIG = ModelConfig(vocab_size=31, n_layers=2, attention=LATENT, d_ff=17, tied=False)
OPTIMISERS = {
    "AdamW": lambda p: torch.optim.AdamW(p, fused=True),
    "AdamW, amsgrad": lambda p: torch.optim.AdamW(p, amsgrad=True, foreach=False),
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),  # fused and in bfloat16, it varies by itself
    "RMSprop": lambda p: torch.optim.RMSprop(p, momentum=0.5, centered=True),
    "NAdam": torch.optim.NAdam,  # keeps a number in float32, whatever the dtype of the weights
    "ASGD": torch.optim.ASGD,
    "Adagrad": lambda p: torch.optim.Adagrad(p, fused=True),
    "Adafactor": torch.optim.Adafactor,  # keeps vectors for a matrix
}


def step(model: nn.Module, optimiser: torch.optim.Optimizer, number: int) -> None:
    """One update on random tokens, the same for each `number`."""
    tokens = torch.randint(31, (3, 8), generator=torch.Generator().manual_seed(number))
    arguments = (tokens, tokens) if isinstance(model, TranslationModel) else (tokens,)
    optimiser.zero_grad(set_to_none=True)
    (cross_entropy(model(*arguments), tokens.roll(1, 1)) / tokens.numel()).backward()
    optimiser.step()


def state(model: nn.Module, optimiser: torch.optim.Optimizer) -> dict:
    """Bits, dtype and strides of each tensor."""
    tensors = {name: p for name, p in model.state_dict().items()}
    for name, p in named(model, optimiser).items():
        tensors |= {f"{name}/{key}": value for key, value in optimiser.state[p].items()}
    bits = {name: t.detach().reshape(-1).view(torch.uint8).numpy().tobytes() for name, t in tensors.items()}
    return {name: (bits[name], t.dtype, t.stride()) for name, t in tensors.items()}


def require_resumed(path, model: nn.Module, fresh: nn.Module, new_optimiser) -> None:
    """Three steps, a checkpoint, and two steps of both: they agree bit for bit before and after."""
    optimiser = new_optimiser(model)
    for number in range(3):
        step(model, optimiser, number)
    checkpoint.write(path, model, optimiser, {"step": 3})
    resumed = new_optimiser(fresh)
    assert checkpoint.read(path, fresh, resumed) == {"step": 3}
    assert state(fresh, resumed) == state(model, optimiser)
    for number in (3, 4):
        step(model, optimiser, number)
        step(fresh, resumed, number)
        assert state(fresh, resumed) == state(model, optimiser)


def row_by_row(model: nn.Module) -> nn.Module:
    """The same model with all its parameters contiguous."""
    for parameter in model.parameters():
        parameter.data = parameter.data.contiguous()
    return model


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_optimiser_goes_on_as_it_was(tmp_path, name, dtype):
    """Also with a model that lay otherwise before it was read."""
    for fresh in (DecoderModel(CONFIG), row_by_row(DecoderModel(CONFIG))):
        model = DecoderModel(CONFIG).to(dtype)
        require_resumed(tmp_path / "it", model, fresh.to(dtype), lambda m: OPTIMISERS[name](m.parameters()))


@pytest.mark.parametrize("name", [name for name in shipped.names() if not name.startswith("code")])
def test_models_that_ship_go_on_as_they_were(tmp_path, name):
    model = shipped.load(name).model.requires_grad_(True)
    fresh = shipped.new_model(shipped.describe_model(model)).to_empty(device="cpu")
    require_resumed(tmp_path / "it", model, fresh, lambda m: adamw(m, RECIPE))


def by_state_dicts(model: nn.Module, optimiser: torch.optim.Optimizer, change) -> tuple:
    """A new model and a new optimiser, filled with what `change` makes of both state dicts."""
    fresh = shipped.new_model(shipped.describe_model(model)).to_empty(device="cpu")
    fresh.load_state_dict(change(model.state_dict()))
    other = adamw(fresh, RECIPE)
    other.load_state_dict(change(optimiser.state_dict()))
    return fresh, other


def saved_and_loaded(tree: dict) -> dict:
    torch.save(tree, file := io.BytesIO())
    return torch.load(io.BytesIO(file.getvalue()), weights_only=True)


@pytest.mark.parametrize(
    "copied",
    [
        lambda *both: copy.deepcopy(both),
        lambda *both: by_state_dicts(*both, copy.deepcopy),
        lambda *both: by_state_dicts(*both, saved_and_loaded),
    ],
    ids=["deepcopy", "state dicts", "torch.save"],
)
def test_other_copies_of_model_and_optimiser_go_on_too(copied):
    model = shipped.load("docs-mla").model.requires_grad_(True)
    step(model, optimiser := adamw(model, RECIPE), 0)
    both = copied(model, optimiser)
    assert state(*both) == state(model, optimiser)
    step(model, optimiser, 1)
    step(*both, 1)
    assert state(*both) == state(model, optimiser)


def test_tied_weights_stay_tied_and_gradients_of_another_order_go(tmp_path):
    model = DecoderModel(ModelConfig(vocab_size=31, n_layers=1, attention=LATENT, d_ff=17))
    fresh = row_by_row(copy.deepcopy(model))
    step(model, optimiser := adamw(model, RECIPE), 0)
    step(fresh, adamw(fresh, RECIPE), 0)
    checkpoint.write(tmp_path / "it", model, optimiser, {})
    checkpoint.read(tmp_path / "it", fresh)
    for mine, there in zip(fresh.parameters(), model.parameters(), strict=True):
        assert torch.equal(mine, there) and mine.stride() == there.stride()
        assert mine.grad is None or mine.grad.stride() == mine.stride()


def test_buffers_with_gaps_or_repetitions_come_back_without(tmp_path):
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.W = nn.Parameter(torch.ones(2, 3))
            self.register_buffer("gaps", torch.arange(20.0).view(4, 5)[:, 1:3])
            self.register_buffer("repeated", torch.arange(3.0).expand(2, 3))
            self.register_buffer("turned", torch.arange(24.0).view(2, 3, 4).permute(2, 0, 1))
            self.register_buffer("empty", torch.zeros(3, 0))
            self.register_buffer("count", torch.tensor(7))

    model, fresh = Odd(), Odd()
    for buffer in fresh.buffers():
        buffer.data = torch.zeros_like(buffer.contiguous())
    checkpoint.write(tmp_path / "it", model, torch.optim.SGD(model.parameters()), {})
    checkpoint.read(tmp_path / "it", fresh)
    assert all(torch.equal(there, fresh.get_buffer(name)) for name, there in model.named_buffers())
    assert fresh.turned.stride() == model.turned.stride() and fresh.gaps.is_contiguous()
