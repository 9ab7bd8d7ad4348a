"""Recipe, schedule, optimiser groups, data: each by values worked out otherwise."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.config import GroupedConfig, ModelConfig
from course_lib.models import DecoderModel
from course_lib.training import NextTokenData, Recipe
from course_lib.training.data import IGNORED, cross_entropy
from course_lib.training.optimiser import adamw, decay_groups, named
from course_lib.training.schedule import learning_rate

VOCAB = [bytes([65 + i]) * (1 + i % 3) for i in range(11)]


def data(n=101, context=5, batch_size=3, seed=0) -> NextTokenData:
    """Token i of the text is i mod 11, so that a window tells where it was cut."""
    return NextTokenData((np.arange(n) % 11, np.arange(38) % 11), VOCAB, context, batch_size, seed)


def test_learning_rate_rises_in_equal_parts_and_falls_along_a_cosine():
    recipe = Recipe(steps=13, learning_rate=0.8, warmup=4, final=0.25)
    rates = [learning_rate(recipe, step) for step in range(13)]
    assert rates[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8], rel=1e-12)
    assert rates[4] == pytest.approx(0.8, rel=1e-12) and rates[-1] == pytest.approx(0.2, rel=1e-12)
    middle = 0.2 + 0.6 * (1 + math.cos(math.pi * 3 / 8)) / 2
    assert rates[7] == pytest.approx(middle, rel=1e-12)
    assert all(a > b for a, b in zip(rates[4:], rates[5:], strict=False))


def test_one_step_and_warmup_alone_have_a_learning_rate():
    assert learning_rate(Recipe(steps=1, learning_rate=0.5), 0) == 0.5
    assert learning_rate(Recipe(steps=3, learning_rate=0.6, warmup=3), 2) == pytest.approx(0.6)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 5)
        self.hidden = nn.Linear(5, 3)
        self.norm = nn.LayerNorm(3)
        self.frozen = nn.Parameter(torch.ones(2, 2), requires_grad=False)
        self.output = nn.Linear(5, 7, bias=False)
        self.output.weight = self.embedding.weight


def test_matrices_decay_and_norms_biases_and_embeddings_do_not():
    model = Tied()
    decayed, rest = decay_groups(model, 0.3)
    assert decayed["weight_decay"] == 0.3 and rest["weight_decay"] == 0.0
    assert [id(p) for p in decayed["params"]] == [id(model.hidden.weight)]
    optimiser = adamw(model, Recipe(steps=1, learning_rate=1.0))
    assert list(named(model, optimiser)) == [
        "hidden.weight", "embedding.weight", "hidden.bias", "norm.weight", "norm.bias",
    ]  # fmt: skip


@pytest.mark.parametrize("tied", [True, False])
def test_embeddings_of_the_courses_models_do_not_decay(tied):
    attention = GroupedConfig(d_model=12, n_heads=3, bias=True, qk_norm=True)
    sizes = {"vocab_size": 11, "n_layers": 2, "d_ff": 17, "positions": "learned", "max_length": 5, "tied": tied}
    model = DecoderModel(ModelConfig(attention=attention, **sizes))
    decayed, rest = (group["params"] for group in decay_groups(model, 0.1))
    names_of = {id(p): name.rpartition(".")[2] for name, p in model.named_parameters()}
    output = set() if tied else {"W_U"}
    assert {names_of[id(p)] for p in decayed} == {"W_Q", "W_K", "W_V", "W_O", "W_1", "W_2"} | output
    biases = {"b_Q", "b_K", "b_V", "b_O", "b_1", "b_2"}
    assert {names_of[id(p)] for p in rest} == {"W_E", "W_P", "gamma", "beta"} | biases
    assert len(decayed) + len(rest) == len(list(model.parameters()))


def test_adamw_follows_its_formulas():
    """Against the update written out in float64, over three steps: decay is taken from the weight, not the gradient."""
    torch.manual_seed(0)
    model = nn.Linear(3, 2).double()
    recipe = Recipe(steps=3, learning_rate=0.01, weight_decay=0.2, betas=(0.8, 0.9))
    W, b = model.weight.detach().numpy().copy(), model.bias.detach().numpy().copy()
    gradients = np.random.default_rng(0).normal(size=(3, 2, 4))
    optimiser = adamw(model, recipe)
    moments = np.zeros((2, 2, 4))
    for t, g in enumerate(gradients, start=1):
        model.weight.grad, model.bias.grad = torch.tensor(g[:, :3]), torch.tensor(g[:, 3])
        optimiser.step()
        moments = np.stack([0.8 * moments[0] + 0.2 * g, 0.9 * moments[1] + 0.1 * g**2])
        update = 0.01 * (moments[0] / (1 - 0.8**t)) / (np.sqrt(moments[1] / (1 - 0.9**t)) + 1e-8)
        W, b = W * (1 - 0.01 * 0.2) - update[:, :3], b - update[:, 3]
    # Three updates in float64, in another order of operations, of numbers of size 1.
    np.testing.assert_allclose(model.weight.detach(), W, rtol=0, atol=1e-14)
    np.testing.assert_allclose(model.bias.detach(), b, rtol=0, atol=1e-14)


def test_targets_are_the_next_tokens():
    inputs, targets = data().batch(4)
    assert inputs.shape == targets.shape == (3, 5) and inputs.dtype == torch.int64
    assert torch.equal((inputs + 1) % 11, targets)


@pytest.mark.parametrize("batch_size", [3, 47])  # 47 sequences are more than an epoch of 19 has
def test_an_epoch_reads_every_window_once(batch_size):
    text = torch.arange(101)
    made = NextTokenData((text, text[:9]), [b"."] * 101, 5, batch_size, seed=1)
    n = made.windows
    rows = torch.cat([made.batch(step)[0] for step in range(-(-3 * n // batch_size))])
    for epoch in range(3):
        starts = rows[epoch * n : (epoch + 1) * n, 0]
        offset = int(starts.min())
        assert 0 <= offset < 5 and starts.sort().values.tolist() == [offset + 5 * i for i in range(n)]
    assert rows[:n, 0].tolist() != rows[n : 2 * n, 0].tolist()


def test_a_batch_depends_on_seed_and_step_alone():
    forwards, backwards = data(), data()
    there = [forwards.batch(step) for step in range(23)]
    back = [backwards.batch(step) for step in reversed(range(23))][::-1]
    assert all(torch.equal(a[0], b[0]) for a, b in zip(there, back, strict=True))
    assert not all(torch.equal(a[0], data(seed=1).batch(step)[0]) for step, a in enumerate(there))


def test_validation_asks_for_every_token_but_the_first_once():
    targets = torch.cat([batch[1].flatten() for batch in data().validation()])
    assert targets.tolist() == [i % 11 for i in range(1, 38)]  # 7 windows of 5, and 2 left over
    counts = [data().count(batch) for batch in data().validation()]
    assert np.sum(counts, 0).tolist() == [37, sum(len(VOCAB[i % 11]) for i in range(1, 38))]


def test_ignored_targets_cost_nothing():
    logits = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([[1, IGNORED, 4], [IGNORED, 0, IGNORED]])
    P = logits.double().softmax(-1)
    expected = -(P[0, 0, 1].log() + P[0, 2, 4].log() + P[1, 1, 0].log())
    assert float(cross_entropy(logits, targets)) == pytest.approx(float(expected), rel=1e-6)  # float32


def test_the_sum_of_losses_is_taken_in_float32():
    """Logits that are rounded to bfloat16 have 8 bits; their losses and the sum of these have 24."""
    logits = torch.randn(40, 50, 5, generator=torch.Generator().manual_seed(0)).bfloat16()
    targets = torch.randint(5, (40, 50), generator=torch.Generator().manual_seed(1))
    expected = -logits.double().log_softmax(-1).gather(-1, targets[..., None]).sum()
    assert cross_entropy(logits, targets).dtype == torch.float32
    assert float(cross_entropy(logits, targets)) == pytest.approx(float(expected), rel=1e-5)


def test_runs_on_another_text_are_told_apart():
    assert data().describe() == data().describe()
    for training, validation in ((1, 0), (0, 1)):
        texts = (np.arange(101) + training) % 11, (np.arange(38) + validation) % 11
        assert NextTokenData(texts, VOCAB, 5, 3).describe() != data().describe()
    assert data(seed=1).describe() != data().describe()
