"""Sizes follow the model: the models that ship get the largest size, larger published models smaller ones."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from course_lib.accounting import Work
from course_lib.accounting.effort import BUSY_CORE, SHORT, bar, largest_within, loss_work
from course_lib.config import GroupedConfig, ModelConfig
from course_lib.models import shipped

SMOLLM2 = ModelConfig(
    vocab_size=49_152, n_layers=30, attention=GroupedConfig(d_model=576, n_heads=9, n_kv_heads=3), d_ff=1536,
    feedforward="swiglu", norm="rms", ff_bias=False,
)  # fmt: skip
LLAMA_3_8B = ModelConfig(
    vocab_size=128_256, n_layers=32, attention=GroupedConfig(d_model=4096, n_heads=32, n_kv_heads=8), d_ff=14_336,
    feedforward="swiglu", norm="rms", tied=False,
)  # fmt: skip
SIZES = (16, 8, 4, 2)


def seconds(count):
    """Work that keeps the busy core for so many seconds."""
    return Work({"project": int(count * BUSY_CORE.flops)}, {"weights": 1})


def test_the_largest_size_that_fits():
    found = [largest_within(60, SIZES, lambda n: seconds(n * each)) for each in (0.1, 3.75, 3.8, 7.6, 15.1, 1000)]  # noqa: B023
    assert found == [16, 16, 8, 4, 2, 2]
    assert largest_within(60, sorted(SIZES), lambda n: seconds(3.8 * n)) == 8
    moved = Work({"project": 1}, {"weights": int(61 * BUSY_CORE.bandwidth)})  # memory may be what takes long
    assert largest_within(60, (5, 3), lambda n: moved) == 3


def test_sizes_fall_with_the_model():
    docs = shipped.load("docs-mha").model.config
    counts = [
        largest_within(20, (256, 64, 16, 4, 1), lambda n: loss_work(config, 120, n))  # noqa: B023
        for config in (docs, SMOLLM2, LLAMA_3_8B)
    ]
    assert counts[0] == 256 > counts[1] > counts[2]


@pytest.mark.parametrize("name", ["docs-mha", "docs-gqa"])
def test_the_work_of_a_loss_is_what_torch_counts(name):
    model = shipped.load(name).model
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(torch.zeros(3, 11, dtype=torch.long))
    assert loss_work(model.config, 11, 3).flops == counter.get_total_flops()


def test_a_bar_for_long_work_only(capfd):
    assert list(bar("abc", seconds(SHORT / 3), "head")) == ["a", "b", "c"]
    assert capfd.readouterr().err == ""
    assert list(bar("abc", seconds(SHORT / 2), "head")) == ["a", "b", "c"]
    assert "3/3" in capfd.readouterr().err
