"""What sublayers write: against sums and loops done by hand, and against what the initialisation predicts."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_lib.config import GroupedConfig, ModelConfig, Rope
from course_lib.models import DecoderModel
from course_lib.models.stream import VOCABULARY, Start, matrices, mean_cosine, movement, random_stack, written

TOKENS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])


def model(placement):
    torch.manual_seed(1)
    heads = GroupedConfig(d_model=24, n_heads=3, rope=Rope())
    sizes = {"vocab_size": 11, "n_layers": 3, "d_ff": 40}
    return DecoderModel(ModelConfig(attention=heads, placement=placement, norm="rms", **sizes)).double()


@pytest.mark.parametrize("placement", ["pre", "peri"])
def test_what_was_written_adds_up_to_the_stream_in_front_of_the_last_norm(placement):
    stack = model(placement)
    rows = written(stack, TOKENS)
    both = ("attention", "feed-forward")
    assert list(rows) == ["embedding", *(f"{part} {number}" for number in range(3) for part in both)]
    logits = stack.logits(stack.norm(sum(rows.values())))
    torch.testing.assert_close(logits, stack(TOKENS)[0, -1], rtol=0, atol=1e-12)


def test_each_row_is_what_its_sublayer_adds():
    stack = model("pre")
    block, X = stack.blocks[0], stack.embedding(TOKENS)
    rows = written(stack, TOKENS)
    added = block.attention(block.around_attention.norm(X))
    torch.testing.assert_close(rows["attention 0"], added[0, -1], rtol=0, atol=1e-12)
    X = X + added
    added = block.feed_forward(block.around_feed_forward.norm(X))
    torch.testing.assert_close(rows["feed-forward 0"], added[0, -1], rtol=0, atol=1e-12)


def test_hooks_are_gone_afterwards():
    stack = model("pre")
    written(stack, TOKENS)
    assert not any(module._forward_hooks for module in stack.modules())


def test_nothing_adds_up_where_norms_stand_on_the_stream():
    with pytest.raises(ValueError, match="model must have placement pre or peri, got post"):
        written(model("post"), TOKENS)


def test_random_stacks_have_the_stated_variances_and_depend_on_the_seed_alone():
    stack = random_stack("pre", 3, seed=5, width=96)
    for name, weight in stack.named_parameters():
        if weight.ndim == 2:
            expected = 1.0 if name == "embedding.W_E" else 1 / weight.shape[0]
            assert weight.var().item() == pytest.approx(expected, rel=0.1), name
    again, other = (random_stack("pre", 3, seed=seed, width=96) for seed in (5, 6))
    assert torch.equal(stack.blocks[2].feed_forward.W_2, again.blocks[2].feed_forward.W_2)
    assert not torch.equal(stack.blocks[2].feed_forward.W_2, other.blocks[2].feed_forward.W_2)


def test_mean_cosine_is_that_of_a_loop_over_pairs():
    X = torch.randn(3, 5, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    cosines = [
        x[i] @ x[j] / (np.linalg.norm(x[i]) * np.linalg.norm(x[j]))
        for x in X.numpy()
        for i in range(5)
        for j in range(5)
        if i != j
    ]
    assert mean_cosine(X) == pytest.approx(np.mean(cosines), rel=1e-12)


def test_start_is_what_the_blocks_give_one_after_the_other():
    torch.manual_seed(3)
    stack = random_stack("pre", 2, seed=3)
    before, state = copy.deepcopy(stack), torch.get_rng_state()
    start = Start.of(stack)
    torch.set_rng_state(state)
    tokens = torch.randint(VOCABULARY, (4, 24))
    X, alike = before.embedding(tokens), []
    for number, block in enumerate(before.blocks):
        alike.append(mean_cosine(X.detach()))
        added = block.attention(block.around_attention.norm(X))
        assert start.attention[number] == pytest.approx(added.square().mean().item(), rel=1e-4)
        X = X + added
        added = block.feed_forward(block.around_feed_forward.norm(X))
        assert start.feed_forward[number] == pytest.approx(added.square().mean().item(), rel=1e-4)
        X = X + added
        assert start.size[number] == pytest.approx(X.square().mean().sqrt().item(), rel=1e-4)
    np.testing.assert_allclose(start.alike, alike, rtol=1e-4)
    loss = F.cross_entropy(before.logits(before.norm(X))[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
    weights = [W for W in before.blocks[1].parameters() if W.ndim == 2]
    length = sum(g.square().sum() for g in torch.autograd.grad(loss, weights)).sqrt().item()
    assert start.gradient[1] == pytest.approx(length, rel=1e-3)


def test_noise_of_twice_the_size_moves_the_output_twice_as_far():
    moved = [np.mean([Start.of(random_stack("pre", 4, seed), eta).moved for seed in range(4)]) for eta in (2e-3, 4e-3)]
    assert moved[1] / moved[0] == pytest.approx(2, rel=0.02)


def test_the_noise_has_the_size_eta_relative_to_each_matrix():
    stack = random_stack("pre", 2, seed=5).requires_grad_(False)
    before = copy.deepcopy(stack)
    movement(stack, torch.randint(VOCABULARY, (2, 9)), eta=0.1)
    for block, old in zip(stack.blocks, before.blocks, strict=True):
        for W, V in zip(matrices(block), matrices(old), strict=True):
            # 4096 entries or more: their standard deviation is known to about 1 %.
            assert float((W - V).std() / V.std()) == pytest.approx(0.1, rel=0.05)
    assert torch.equal(stack.embedding.W_E, before.embedding.W_E)


def test_attention_writes_the_square_of_a_mean_of_unit_rows():
    """Its mean over the draws of W_V and W_O: notebook 05, section 5. Feed-forward writes 1/2."""
    measured, expected, network = [], [], []
    for seed in range(40):
        torch.manual_seed(seed)
        stack, state = random_stack("pre", 1, seed), torch.get_rng_state()
        tokens = torch.randint(VOCABULARY, (4, 24))
        (P,) = stack.attention_weights(tokens)
        unit = F.normalize(stack.blocks[0].around_attention.norm(stack.embedding(tokens)), dim=-1).detach()
        expected.append((P @ unit[:, None]).square().sum(-1).mean().item())
        torch.set_rng_state(state)
        start = Start.of(stack)
        measured.append(start.attention[0])
        network.append(start.feed_forward[0])
    assert np.mean(measured) == pytest.approx(np.mean(expected), rel=0.03)
    assert np.mean(network) == pytest.approx(0.5, rel=0.03)
