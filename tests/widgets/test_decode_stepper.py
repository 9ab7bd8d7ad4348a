"""The numbers of figure 7: FLOPs by torch's counter, bytes by tensors, logits by the model itself."""

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from course_lib.config import GroupedConfig, ModelConfig, Rope
from course_lib.models import DecoderModel
from course_lib.widgets.base import unpacked
from course_lib.widgets.decode_stepper import DecodeStepper

NAMES = [f"w{i}" for i in range(23)]
PROMPT, STEPS = [4, 1, 9, 20, 7], 4


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(6)
    attention = GroupedConfig(d_model=18, n_heads=6, n_kv_heads=2, d_head=4, rope=Rope())
    config = ModelConfig(vocab_size=23, n_layers=3, attention=attention, d_ff=29, norm="rms", feedforward="swiglu")
    return DecoderModel(config).eval()


@pytest.fixture
def figure(model):
    return DecodeStepper(model, PROMPT, steps=STEPS, text_of=NAMES.__getitem__)


def counted(model, tokens, caches=None):
    """FLOPs that torch counts, the last row's logits only; the CPU's fused kernel would count as nothing."""
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.logits(model.hidden(tokens, caches)[:, -1])
    return counter.get_total_flops()


def test_flops_are_those_that_torch_counts(model, figure):
    ids, caches = torch.tensor([[NAMES.index(token) for token in figure.tokens]]), model.new_caches()
    read, so_far = 0, np.zeros(2)
    for figure.step in range(STEPS):
        expected = [counted(model, ids[:, : figure.length]), counted(model, ids[:, read : figure.length], caches)]
        read, so_far = figure.length, so_far + expected
        assert [work.flops for work in figure.works] == expected
        assert unpacked(figure.data["flops"])[:, :, figure.step].tolist() == [expected, so_far.tolist()]


def test_bytes_are_counted_by_hand(figure):
    """float32. Weights once for each step; each row of a layer in and out of attention and network; K and V."""
    attention = 18 * 24 + 2 * 18 * 8 + 24 * 18
    weights = 3 * (attention + 3 * 18 * 29) + 23 * 18
    for figure.step in range(STEPS):
        n = figure.length
        for new, work in zip((n, 1 if figure.step else n), figure.works, strict=True):
            activations = 3 * 4 * new * 18 + new * 18 + 23
            cache = 3 * (new + n) * 2 * 2 * 4
            assert work.bytes == 4 * (weights + activations + cache)
        assert figure.data["held"][figure.step] == 4 * 3 * n * 2 * 2 * 4
    assert unpacked(figure.data["bytes"])[1, :, -1].tolist() == unpacked(figure.data["bytes"])[0].sum(axis=1).tolist()


def test_logits_and_candidates_are_those_of_the_model(model, figure):
    ids = torch.tensor([[NAMES.index(token) for token in figure.tokens]])
    with torch.no_grad():
        logits = model(ids)[0, len(PROMPT) - 1 :].double().numpy()
    for figure.step in range(STEPS):
        # float32 with sums of tens of terms of size 1, in another order
        np.testing.assert_allclose(figure.logits, np.stack([logits[figure.step]] * 2), rtol=0, atol=1e-5)
        assert figure.difference == np.abs(figure.logits[0] - figure.logits[1]).max()
        best = np.argsort(-figure.logits[1])[:5]
        assert figure.data["candidates"][figure.step] == [NAMES[i] for i in best]
        shown = unpacked(figure.data["logits"])[:, figure.step]
        assert shown.tolist() == figure.logits[:, best].tolist()
        if figure.step + 1 < STEPS:
            assert figure.tokens[figure.length] == figure.data["candidates"][figure.step][0]


def test_rows_are_the_keys_and_values_of_the_layer(model, figure):
    """The second layer's values of head 1, from the stream that enters it, by NumPy."""
    ids = torch.tensor([[NAMES.index(token) for token in figure.tokens]])
    entering = []
    handle = model.blocks[1].attention.register_forward_pre_hook(lambda _, args: entering.append(args[0]))
    with torch.no_grad():
        model.hidden(ids)
    handle.remove()
    V = entering[0][0].double().numpy() @ model.blocks[1].attention.W_V.detach().double().numpy()
    figure.layer, figure.head, figure.tensor = 1, 1, "V"
    for figure.step in range(STEPS):
        np.testing.assert_allclose(figure.rows, V[: figure.length, 4:8], rtol=0, atol=1e-5)


def test_it_opens_in_the_middle_and_words_hold_the_numbers(figure):
    assert (figure.step, figure.tensor, figure.length) == (2, "K", 7)
    recomputed, cached = figure.works
    assert f"{recomputed.flops / cached.flops:.3g} times the FLOPs" in figure.alt()
    assert "The step makes 7 rows anew, or 1 with a cache" in figure.alt()
    assert f"<th>FLOPs, this step</th><td>{recomputed.flops:,}</td><td>{cached.flops:,}</td>" in figure.table()
    assert repr(figure) == "DecodeStepper(tokens=8, steps=4)"


def test_the_still_shows_the_rows_their_frames_and_the_part_that_a_cache_takes(figure):
    figure.step, figure.tensor = 3, "V"
    rows, shares, steps = figure.drawing().get_axes()
    np.testing.assert_array_equal(rows.images[0].get_array(), figure.rows)
    assert [(p.get_y(), p.get_height(), p.get_linestyle()) for p in rows.patches][0] == (-0.5, 7, "-")
    assert (rows.patches[1].get_y(), rows.patches[1].get_height()) == (6.5, 1)
    recomputed, cached = figure.works
    parts = [bar.get_width() for bar in shares.patches[2:]]
    assert parts == pytest.approx([cached.flops / recomputed.flops, cached.bytes / recomputed.bytes], rel=1e-12)
    for line, way in zip(steps.lines, range(2), strict=False):
        drawn = dict(zip(*line.get_data(), strict=True))
        assert drawn[figure.length] == figure.works[way].flops / 1e6


def test_the_one_thing_to_try_is_a_token_more_and_at_the_end_the_prompt(figure):
    assert figure.first_try().chosen == {"step": 3}
    figure.step = 3
    assert figure.first_try().chosen == {"step": 0}
