"""Bad input to figure 8: each message names argument, value and rule."""

import pytest

from course_lib.accounting import Model, model
from course_lib.widgets.cache_growth import CacheGrowth

GPT2 = model("GPT-2 124M")


@pytest.mark.parametrize(
    ("models", "error", "message"),
    [
        ([], ValueError, "models must be 1 to 6, got 0"),
        ([Model(f"m{i}", GPT2.layers) for i in range(7)], ValueError, "models must be 1 to 6, got 7"),
        ([GPT2, GPT2], ValueError, "models must have different names, got"),
        (["GPT-2 124M"], TypeError, "models must be accounting.Models, got 'GPT-2 124M'"),
        (GPT2, TypeError, "models must be a sequence of accounting.Models, got Model"),
    ],
)
def test_models(models, error, message):
    with pytest.raises(error, match=message):
        CacheGrowth(models)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"tokens": 1000}, "context must be one of .*got 1000"),
        ({"texts": 3}, "batch must be one of .*got 3"),
        ({"name": "x"}, "model must be one of .*got 'x'"),
    ],
)
def test_choices_by_value(choice, message):
    figure = CacheGrowth([GPT2])
    with pytest.raises(ValueError, match=message):
        figure.choose(**choice)


def test_dtype():
    with pytest.raises(ValueError, match="dtype must be one of 'float32', 'bfloat16', 'float8', got 'int4'"):
        CacheGrowth([GPT2]).dtype = "int4"
