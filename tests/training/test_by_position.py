"""A short run learns, repeats, and measures the loss at each position."""

import numpy as np
import pytest
import torch

from course_lib.config import GroupedConfig, ModelConfig, Rope
from course_lib.models import DecoderModel
from course_lib.training.by_position import fit, loss_by_position, spread

TEXT = torch.arange(400) % 7


def model():
    torch.manual_seed(0)
    heads = GroupedConfig(d_model=16, n_heads=2, rope=Rope())
    return DecoderModel(ModelConfig(vocab_size=7, n_layers=1, attention=heads, d_ff=32))


def test_a_periodic_text_is_learnt_and_a_run_repeats():
    sizes = {"batch": 4, "length": 20, "rate": 1e-2}
    trained, again, other = (fit(model(), TEXT, 60, **sizes, seed=seed) for seed in (1, 1, 2))
    pieces = spread(TEXT, 9, 21)
    assert loss_by_position(model().eval(), pieces).mean() > 1.5
    assert loss_by_position(trained, pieces).mean() < 0.2 and not trained.training
    same = [torch.equal(a, b) for a, b in zip(trained.parameters(), again.parameters(), strict=True)]
    assert all(same) and not torch.equal(trained.embedding.W_E, other.embedding.W_E)


def test_learning_rates_and_lengths_of_gradients(monkeypatch):
    """Of 16 steps two warm up; then the rate falls linearly. Large logits have gradients that are cut to length 1."""
    steep, rates, lengths, step = model(), [], [], torch.optim.AdamW.step
    torch.nn.init.constant_(steep.norm.gamma, 30.0)

    def noted(optimiser):
        rates.append([group["lr"] for group in optimiser.param_groups])
        lengths.append(float(torch.cat([p.grad.flatten() for p in steep.parameters()]).norm()))
        return step(optimiser)

    monkeypatch.setattr(torch.optim.AdamW, "step", noted)
    fit(steep, TEXT, 16, batch=1, length=5, rate=0.016)
    expected = [0.008, *(0.001 * left for left in range(15, 0, -1))]
    np.testing.assert_allclose(rates, np.array(expected)[:, None], rtol=1e-12)
    assert max(lengths) == pytest.approx(1, rel=1e-4)  # clip_grad_norm_ divides by length + 1e-6, in float32


def test_the_shortest_text_is_one_piece_and_the_token_after_it(monkeypatch):
    untrained, read = model(), []
    untrained.register_forward_pre_hook(lambda _, arguments: read.append(arguments[0]))
    fit(untrained, TEXT[:6], 1, batch=2, length=5, rate=1e-3)
    assert read[0].tolist() == [TEXT[:5].tolist()] * 2


def test_the_loss_at_each_position_is_that_of_each_piece_alone():
    untrained, pieces = model().eval(), spread(TEXT[:90], 40, 12)  # more pieces than go through at once
    by_hand = np.zeros(11)
    with torch.no_grad():
        for piece in pieces:
            log_p = untrained(piece[None, :-1])[0].log_softmax(-1)
            by_hand -= log_p[torch.arange(11), piece[1:]].numpy()
    np.testing.assert_allclose(loss_by_position(untrained, pieces), by_hand / 40, rtol=1e-5)


def test_pieces_are_spread_from_end_to_end():
    pieces = spread(torch.arange(100), 4, 10)
    assert pieces[:, 0].tolist() == [0, 30, 60, 90] and pieces[-1].tolist() == list(range(90, 100))


def test_texts_that_are_too_short():
    with pytest.raises(ValueError, match="text must hold more than length = 20 tokens, got 20"):
        fit(model(), TEXT[:20], 1, batch=1, length=20, rate=1e-3)
    with pytest.raises(ValueError, match="text must hold at least length = 500 tokens, got 400"):
        spread(TEXT, 3, 500)
