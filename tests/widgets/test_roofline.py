"""The numbers of figure 9 against torch's counter of FLOPs and against bytes of tensors."""

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from course_lib import accounting
from course_lib.accounting import Machine
from course_lib.config import GroupedConfig, LatentConfig, ModelConfig
from course_lib.models import DecoderModel
from course_lib.widgets.base import unpacked
from course_lib.widgets.roofline import BATCHES, TOKENS, Device, Roofline

GROUPED = GroupedConfig(d_model=28, n_heads=6, n_kv_heads=2, d_head=10)
LATENT = LatentConfig(d_model=28, n_heads=3, d_latent=11, d_head=10, d_value=7, d_rope=4)
SHEET = Device(Machine("sheet", 2.0e12, 300e12), "bfloat16", "a data sheet")
HERE = Device(Machine("here", 1.7e10, 1.3e11), "float32")


def decoder(attention):
    return ModelConfig(vocab_size=101, n_layers=3, attention=attention, d_ff=37, feedforward="swiglu")


@pytest.fixture
def figure():
    models = {"grouped": decoder(GROUPED), "latent": decoder(LATENT), "real": accounting.model("DeepSeek-V2")}
    return Roofline(models, [SHEET, HERE])


def counted(call):
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def test_flops_of_a_decoder_are_those_that_torch_counts(figure):
    figure.texts, figure.tokens = 4, 64
    model = DecoderModel(decoder(GROUPED)).eval()
    rows, caches = torch.zeros(4, 64, dtype=torch.long), model.new_caches()
    prefill = counted(lambda: model.logits(model.hidden(rows)[:, -1]))
    model(rows[:, :63], caches)
    decode = counted(lambda: model(rows[:, 63:], caches))
    assert {name: work.flops for name, work in figure.works.items()} == {"decode": decode, "prefill": prefill}


def test_bytes_of_a_decode_step_are_those_of_the_tensors_it_needs(figure):
    figure.device, figure.texts, figure.tokens = 1, 8, 64
    model = DecoderModel(decoder(GROUPED)).eval()
    caches = model.new_caches()
    model(torch.zeros(8, 64, dtype=torch.long), caches)
    moved = figure.works["decode"].bytes_by_part
    matrices = [weight for weight in model.parameters() if weight.ndim == 2]  # the tied embedding is the output too
    assert moved["weights"] == sum(weight.nbytes for weight in matrices)
    assert moved["cache"] * 64 == sum(cache.nbytes for cache in caches) * 65  # 64 rows read, the new one written


def test_forms_of_latent_attention_are_two_points_and_differ_as_their_products_do(figure):
    figure.model, figure.texts, figure.tokens = 1, 1, 256
    works = figure.works
    h, r, e, v, rope, N = 3, 11, 10, 7, 4, 256
    assert list(works) == ["decode, absorbed", "decode, expanded", "prefill, absorbed", "prefill, expanded"]
    flops = {name: work.flops for name, work in works.items()}
    attend = {"absorbed": h * (2 * r + rope), "expanded": h * (e + rope + v)}
    turned = {"absorbed": h * r * (e + v), "expanded": N * h * r * (e + v)}
    gap = turned["expanded"] - turned["absorbed"] + N * (attend["expanded"] - attend["absorbed"])
    assert flops["decode, expanded"] - flops["decode, absorbed"] == 3 * 2 * gap
    written_and_read = 2 * N * h * (e + rope + v) * 3 * 2  # three layers, two bytes
    difference = works["decode, expanded"].bytes - works["decode, absorbed"].bytes
    assert difference == written_and_read


@pytest.mark.parametrize("model", range(3))
@pytest.mark.parametrize("device", range(2))
def test_what_the_browser_gets_is_what_python_says(figure, model, device):
    figure.model, figure.device, figure.texts, figure.tokens = model, device, 64, 1024
    sent, at = figure.data["models"][model], (figure.context, figure.batch)
    size = figure.data["devices"][device]["itemsize"]
    for i, work in enumerate(figure.works.values()):
        flops, numbers = (unpacked(sent[name])[i, *at] for name in ("flops", "numbers"))
        assert (flops.sum(), size * numbers.sum()) == (work.flops, work.bytes)


def test_real_models_are_counted_as_their_layers(figure):
    figure.model = 2
    real = accounting.model("DeepSeek-V2")
    assert figure.works["decode, absorbed"] == real.decode(8191, batch=32)
    assert figure.works["prefill, expanded"] == real.prefill(8192, batch=32)


def test_at_best_the_slower_of_memory_and_arithmetic_decides(figure):
    for figure.model in range(3):
        for figure.device in range(2):
            for name, work in figure.works.items():
                intensity, rate = figure.points[name]
                assert np.isclose(intensity * work.bytes, work.flops, rtol=1e-14)
                assert np.isclose(work.flops / rate, figure.machine.seconds(work), rtol=1e-14)


def test_prefill_of_one_token_and_decode_of_the_first_are_the_same_step(figure):
    figure.tokens = 1
    works = figure.works
    assert works["decode"] == works["prefill"]


def test_the_still_draws_the_times_on_one_scale_and_says_by_how_much_the_slower_form_is_slower(figure):
    figure.model = 2
    _, decode, prefill = figure.drawing().axes
    for axes, phase in ((decode, "decode"), (prefill, "prefill")):
        works = [figure.works[f"{phase}, {form}"] for form in ("absorbed", "expanded")]
        seconds = [time for work in works for time in (work.bytes / 2.0e12, work.flops / 300e12)]
        drawn = np.array([bar.get_width() for bar in axes.patches])
        np.testing.assert_allclose(drawn / drawn.max(), np.array(seconds) / max(seconds), rtol=1e-12)
        absorbed, expanded = max(seconds[:2]), max(seconds[2:])
        ratio = max(absorbed / expanded, expanded / absorbed)
        said = [text.get_text().split(", ")[1] for text in axes.texts if "times" in text.get_text()]
        assert [float(text.split()[0]) for text in said] == [pytest.approx(ratio, rel=0.05)]
        filled = [bar.get_facecolor()[3] > 0 for bar in axes.patches]
        assert filled == [time in (absorbed, expanded) for time in seconds]


def test_models_have_the_colour_of_their_method(figure):
    assert [model["method"] for model in figure.data["models"]] == ["GQA", "MLA", "MLA"]
    many = GroupedConfig(d_model=30, n_heads=6)
    others = {"many": decoder(many), "one": decoder(GroupedConfig(d_model=30, n_heads=6, n_kv_heads=1))}
    assert [model["method"] for model in Roofline(others, [SHEET]).data["models"]] == ["MHA", "MQA"]


def test_batch_and_length_are_set_by_their_values(figure):
    assert (figure.texts, figure.tokens) == (32, 8192)
    figure.texts, figure.tokens = 1024, 1
    assert (figure.batch, figure.context) == (len(BATCHES) - 1, 0)
    assert Roofline({"a": decoder(GROUPED)}, [HERE], context=TOKENS.index(64)).tokens == 64


def test_rates_of_a_measured_machine_stand_in_no_text(figure):
    other = Roofline({"grouped": decoder(GROUPED)}, [SHEET, Device(Machine("here", 9e10, 7e11), "float32")])
    figure = Roofline({"grouped": decoder(GROUPED)}, [SHEET, HERE])
    for device in range(2):
        figure.device = other.device = device
        assert (figure.alt(), figure.table(), repr(figure)) == (other.alt(), other.table(), repr(other))
    assert "The roof is measured" in figure.alt()


def test_alternative_text_and_table_hold_the_numbers(figure):
    work = figure.works["decode"]
    assert f"decode {work.intensity:.3g}; prefill" in figure.alt()
    assert "ridge is at 150: decode waits for memory; prefill waits for arithmetic" in figure.alt()
    assert (
        f"<th>decode</th><td>{work.flops:.4g}</td><td>{work.bytes:.4g}</td><td>{work.intensity:.4g}" in figure.table()
    )
