"""Losses with heads removed: against a copy of the model with zero rows, and against subtracted summands."""

import copy

import pytest
import torch

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig, Rope
from course_lib.models import DecoderModel
from course_lib.models.ablation import Ablation

LAYERS, HEADS, WIDTH, VOCABULARY = 3, 4, 5, 37
ATTENTIONS = {
    "grouped": GroupedConfig(d_model=22, n_heads=HEADS, n_kv_heads=2, d_head=WIDTH - 1, bias=True, rope=Rope()),
    "latent": LatentConfig(d_model=22, n_heads=HEADS, d_latent=7, d_head=3, d_value=WIDTH, d_rope=2),
}
SETS = [[], [(1, 2)], [(2, 0)], [(0, 3), (2, 1), (2, 2)], [(0, h) for h in range(HEADS)]]


@pytest.fixture(params=ATTENTIONS)
def model(request):
    torch.manual_seed(8)
    config = ModelConfig(vocab_size=VOCABULARY, n_layers=LAYERS, attention=ATTENTIONS[request.param], d_ff=31)
    model = DecoderModel(config).double().eval()
    for name, parameter in model.named_parameters():
        if name.endswith("b_O"):
            torch.nn.init.normal_(parameter)
    return model


@pytest.fixture
def tokens():
    return torch.randint(VOCABULARY, (2, 13), generator=torch.Generator().manual_seed(3))


@torch.no_grad()
def plain_losses(model, tokens):
    p = torch.softmax(model(tokens), -1)[:, :-1]
    return -p.gather(-1, tokens[:, 1:, None])[..., 0].log()


@pytest.mark.parametrize("removed", SETS, ids=str)
def test_losses_are_those_of_a_copy_with_zero_rows(model, tokens, removed):
    other = copy.deepcopy(model).requires_grad_(False)
    width = other.blocks[0].attention.W_O.shape[0] // HEADS
    for layer, head in removed:
        other.blocks[layer].attention.W_O[head * width : (head + 1) * width] = 0
    before = {name: value.clone() for name, value in model.state_dict().items()}
    # One row more in the product over tokens may reorder sums, nothing else differs.
    torch.testing.assert_close(Ablation(model, tokens).losses(removed), plain_losses(other, tokens), rtol=0, atol=1e-12)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_removed_head_takes_its_summand_along(tokens):
    torch.manual_seed(9)
    config = ModelConfig(
        vocab_size=VOCABULARY, n_layers=LAYERS, d_ff=31, attention=GroupedConfig(d_model=20, n_heads=HEADS)
    )
    model = DecoderModel(config).double().eval()
    attention = model.blocks[1].attention

    def subtract(module, inputs, output):
        if isinstance(output, tuple):  # the call below, which asks for the weights
            return output
        _, P = module(inputs[0], return_weights=True)
        W_V, W_O = module.W_V[:, 10:15], module.W_O[10:15]  # of head 2, width 5
        return output - P[:, 2] @ inputs[0] @ W_V @ W_O

    expected = plain_losses(model, tokens)
    got = Ablation(model, tokens)
    torch.testing.assert_close(got.losses(), expected, rtol=0, atol=1e-12)
    with attention.register_forward_hook(subtract):
        expected = plain_losses(model, tokens)
    torch.testing.assert_close(got.losses([(1, 2)]), expected, rtol=0, atol=1e-12)


def test_a_model_in_training_is_read_without_dropout_and_stays_in_training(tokens):
    attention = GroupedConfig(d_model=20, n_heads=HEADS, dropout=0.5)
    config = ModelConfig(vocab_size=VOCABULARY, n_layers=LAYERS, d_ff=31, attention=attention, dropout=0.5)
    model = DecoderModel(config).double().eval()
    expected = plain_losses(model, tokens)
    got = Ablation(model.train(), tokens).losses()
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)
    assert model.training and not got.requires_grad
