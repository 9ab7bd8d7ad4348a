"""Bad input to figure 9: each message names argument, value and rule."""

import pytest

from course_lib import accounting
from course_lib.accounting import Machine, Model
from course_lib.config import GroupedConfig, LatentConfig
from course_lib.widgets.roofline import Device, Roofline

MODEL = {"Llama-3-8B": accounting.model("Llama-3-8B")}
MACHINE = Machine("a", 1e9, 1e10)


@pytest.mark.parametrize(
    ("models", "devices", "message"),
    [
        ({}, [Device(MACHINE)], "models must be 1 to 8, got 0"),
        ({str(i): MODEL["Llama-3-8B"] for i in range(9)}, [Device(MACHINE)], "models must be 1 to 8, got 9"),
        (MODEL, [], "devices must be 1 to 4, got 0"),
        (MODEL, [Device(MACHINE)] * 5, "devices must be 1 to 4, got 5"),
    ],
)
def test_how_many(models, devices, message):
    with pytest.raises(ValueError, match=message):
        Roofline(models, devices)


def test_what_is_no_model_or_device():
    with pytest.raises(TypeError, match="model 'x' must be a ModelConfig or an accounting.Model, got GroupedConfig"):
        Roofline({"x": GroupedConfig(d_model=8, n_heads=2)}, [Device(MACHINE)])
    with pytest.raises(TypeError, match="devices must be Devices, got Machine"):
        Roofline(MODEL, [MACHINE])
    with pytest.raises(TypeError, match="machine must be a Machine, got 'H100'"):
        Device("H100")
    with pytest.raises(TypeError, match="source must be a str, got 3"):
        Device(MACHINE, source=3)
    with pytest.raises(ValueError, match="dtype must be one of .*, got 'bf16'"):
        Device(MACHINE, "bf16")


def test_layers_of_both_kinds():
    latent = LatentConfig(d_model=8, n_heads=2, d_latent=3, d_head=4)
    mixed = Model("mixed", ((1, GroupedConfig(d_model=8, n_heads=2)), (2, latent)))
    with pytest.raises(ValueError, match="model 'mixed' must have layers of one kind, grouped or latent, got both"):
        Roofline({"mixed": mixed}, [Device(MACHINE)])


@pytest.mark.parametrize(("name", "value"), [("texts", 3), ("texts", 0), ("tokens", 8191), ("tokens", "16")])
def test_values_that_are_not_there(name, value):
    figure = Roofline(MODEL, [Device(MACHINE)])
    with pytest.raises(ValueError, match=f"{name} must be one of 1, .*got {value!r}"):
        setattr(figure, name, value)
