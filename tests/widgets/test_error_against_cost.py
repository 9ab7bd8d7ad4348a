"""The figure of errors against costs: its numbers are those of the blocks, and its points what is chosen."""

import numpy as np
import pytest

from course_lib.randomised.error_curves import SETTINGS, error_curves
from course_lib.widgets.error_against_cost import LOOKS, ErrorAgainstCost, short

RANDOM = np.random.default_rng(0)
BLOCKS = [[tuple(RANDOM.normal(size=(3, 20, 6))) for _ in range(3)] for _ in range(2)]
FEW = {name: (2, 3, 5) for name in SETTINGS}


@pytest.fixture(scope="module")
def curves():
    return error_curves(BLOCKS, np.random.default_rng(4), FEW)


@pytest.fixture
def figure():
    return ErrorAgainstCost(BLOCKS, random=np.random.default_rng(4), settings=FEW)


def test_a_point_is_that_of_the_head_and_of_all_heads_the_median(figure, curves):
    figure.layer, figure.method, figure.setting = 1, "range finder", 2
    at = (1, slice(None), list(FEW).index("range finder"), 2)
    assert figure.point.error == pytest.approx(np.median(curves.errors[at]), rel=1e-6)
    assert figure.point[:2] == ("range finder", 5)
    figure.head, figure.cost = "head 2", "bytes"
    assert figure.point.cost == pytest.approx(curves.bytes[at][2], rel=1e-6)
    assert figure.guarantee[1] == pytest.approx(curves.guarantees[at][2], rel=1e-6)


def test_the_best_point_below_a_cost(figure, curves):
    figure.head = "head 0"
    cheap = curves.flops[0, 0] < 1.5
    best = figure.best_below(1.5)
    assert best.error == pytest.approx(curves.errors[0, 0][cheap].min(), rel=1e-6) and best.cost < 1.5


def test_what_is_shown_holds_the_chosen_method_always(figure):
    names = [each["name"] for each in figure.data["methods"]]
    figure.method, figure.shown = "best rank", "no scores formed"
    shown = {names[i] for i in figure._drawn()}
    assert "best rank" in shown and "keys, uniform" in shown and "range finder" not in shown
    figure.shown = "one method"
    assert [names[i] for i in figure._drawn()] == ["best rank"]
    assert len(figure.drawing().axes[0].lines) == 3  # the line, the chosen point, the rule


def test_each_method_has_a_look_of_its_own():
    assert set(LOOKS) == set(SETTINGS) and len(set(LOOKS.values())) == len(LOOKS)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.344, "0.34"), (51.2, "51"), (1, "1"), (0, "0"), (4.5e10, "4.5e+10"), (2e-15, "2.0e-15"), (120, "1.2e+2")],
)
def test_numbers_have_two_digits(value, text):
    assert short(value) == text


def test_alternative_text_says_what_is_chosen(figure):
    figure.layer, figure.method, figure.setting = 1, "keys, uniform", 1
    said = figure.alt()
    assert "Layer 1, all heads: error over FLOPs. keys, uniform with m = 3: error" in said
    assert f"the expected error is {short(np.sqrt(20 / 3 - 1))}." in said
    assert repr(figure) == "ErrorAgainstCost(layers=2, heads=3, methods=10, settings=3)"
