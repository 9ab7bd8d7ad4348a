"""Bad input of the figures of caches and of the roofline, which read sizes of models."""

from functools import partial

import pytest

from course_lib import accounting
from course_lib.accounting import Machine, Model
from course_lib.config import GroupedConfig, LatentConfig
from course_lib.widgets.cache_growth import CacheGrowth
from course_lib.widgets.choices import ChoiceError
from course_lib.widgets.roofline import Device, Roofline

GPT2, LLAMA = accounting.model("GPT-2 124M"), accounting.model("Llama-3-8B")
GROUPED, LATENT = GroupedConfig(d_model=8, n_heads=2), LatentConfig(d_model=8, n_heads=2, d_latent=3, d_head=4)
MACHINE = Machine("a", 1e9, 1e10)
DEVICE = Device(MACHINE)
growth = partial(CacheGrowth, [GPT2])
roofline = partial(Roofline, {"Llama-3-8B": LLAMA}, [DEVICE])


def copies(count):
    return {str(i): LLAMA for i in range(count)}


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: CacheGrowth([]), "models", "0", ("1", "6")),
        (lambda: CacheGrowth([Model(f"m{i}", GPT2.layers) for i in range(7)]), "models", "7", ("1", "6")),
        (lambda: CacheGrowth([GPT2, GPT2]), "models", "['GPT-2 124M', 'GPT-2 124M']", "names"),
        (lambda: growth().choose(tokens=1000), "context", "1000", ("256", "512", "1048576")),
        (lambda: growth().choose(texts=3), "batch", "3", "[1, 2, 4, 8, 16, 32, 64]"),
        (lambda: growth().choose(name="x"), "model", "'x'", "['GPT-2 124M']"),
        (lambda: Roofline({}, [DEVICE]), "models", "0", ("1", "8")),
        (lambda: Roofline(copies(9), [DEVICE]), "models", "9", ("1", "8")),
        (lambda: Roofline(copies(1), []), "devices", "0", ("1", "4")),
        (lambda: Roofline(copies(1), [DEVICE] * 5), "devices", "5", ("1", "4")),
        (
            lambda: Roofline({"m": Model("m", ((1, GROUPED), (2, LATENT)))}, [DEVICE]),
            "'m'",
            "both",
            ("grouped", "latent"),
        ),
        (lambda: Device(MACHINE, "bf16"), "dtype", "'bf16'", ("float32", "bfloat16")),
        (lambda: setattr(roofline(), "texts", 3), "texts", "3", ("1", "2", "1024")),
        (lambda: setattr(roofline(), "texts", 0), "texts", "0", ("1", "2", "1024")),
        (lambda: setattr(roofline(), "tokens", 8191), "tokens", "8191", ("1", "8192", "131072")),
        (lambda: setattr(roofline(), "tokens", "16"), "tokens", "'16'", ("1", "16", "131072")),
    ],
)
def test_values(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule)


def test_a_dtype_that_cannot_be_chosen(refuses):
    figure = growth()
    choose = partial(setattr, figure, "dtype", "int4")
    refuses(choose, "dtype", "'int4'", ("'float32'", "'bfloat16'", "'float8'"), ChoiceError)
    assert figure.dtype != "int4"


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: CacheGrowth(["GPT-2 124M"]), "models", "'GPT-2 124M'", "accounting.Models|accounting.Model"),
        (lambda: CacheGrowth(GPT2), "models", "Model", ("sequence", "accounting.Models|accounting.Model")),
        (lambda: Roofline({"x": GROUPED}, [DEVICE]), "'x'", "GroupedConfig", ("ModelConfig", "accounting.Model")),
        (lambda: Roofline(copies(1), [MACHINE]), "devices", "Machine", "Devices|Device"),
        (lambda: Device("H100"), "machine", "'H100'", "Machine"),
        (lambda: Device(MACHINE, source=3), "source", "3", "str"),
    ],
)
def test_types(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule, TypeError)
