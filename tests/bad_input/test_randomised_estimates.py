"""Bad input of estimates of blocks, of attention made of them, of their times, and of the figure of their errors."""

from functools import partial

import numpy as np
import pytest
import torch

from course_lib.models import shipped
from course_lib.randomised import crossover
from course_lib.randomised.block_attention import block_attention, of_blocks
from course_lib.randomised.crossover import FarBlock
from course_lib.randomised.error_curves import SETTINGS, error_curves
from course_lib.randomised.estimate_bounds import guarantee
from course_lib.randomised.estimate_costs import estimate_work
from course_lib.randomised.estimates import estimate
from course_lib.widgets import ErrorAgainstCost
from course_lib.widgets.choices import ChoiceError

RANDOM = np.random.default_rng(0)
BLOCK = tuple(RANDOM.normal(size=(3, 9, 4)))
FEW = {name: (1, 2) for name in SETTINGS}


def test_estimates(refuses):
    refuses(lambda: estimate("Nystrom", *BLOCK, 2, RANDOM), "name", "'Nystrom'", "landmarks, uniform")
    refuses(lambda: estimate("hashing", *BLOCK, 0, RANDOM), "m", "0", "1")
    refuses(lambda: estimate("hashing", *BLOCK, 2, 5), "random", "int", "Generator")
    refuses(lambda: estimate("hashing", *BLOCK, 2, RANDOM, scale=-1.0), "scale", "-1.0", "positive")
    refuses(lambda: guarantee("Nystrom", *BLOCK, 2), "name", "'Nystrom'", "hashing")
    refuses(lambda: guarantee("hashing", *BLOCK, 0), "m", "0", "1")
    refuses(lambda: estimate_work("Nystrom", 9, 4, 4, 2), "name", "'Nystrom'", "hashing")
    refuses(lambda: estimate_work("hashing", 9, 0, 4, 2), "d", "0", "1")


def test_curves(refuses):
    curves = partial(error_curves, random=RANDOM, settings=FEW)
    refuses(lambda: curves([[BLOCK], [BLOCK, BLOCK]]), "blocks", ("1", "2"), "heads")
    refuses(lambda: curves([[]]), "blocks", "0", "heads")
    refuses(lambda: curves([[(BLOCK[0][:5], *BLOCK[1:])]]), "blocks", ("5", "9"), "queries")
    refuses(lambda: curves([[BLOCK]], settings=FEW | {"hashing": (1,)}), "settings", ("1", "2"), "method")
    refuses(lambda: error_curves([[BLOCK]], 0), "random", "int", "Generator")


def test_blocks(refuses):
    refuses(lambda: block_attention(of_blocks("hashing", 2), 0), "leaf", "0", "1")
    refuses(lambda: block_attention("hashing", 4), "block", "str", "function")


def test_crossover(refuses):
    model, ids = shipped.load("docs-mha").model, torch.arange(600) % 500
    refuses(lambda: crossover.far_blocks(model, ids, 300), "N", "300", "256")
    refuses(lambda: crossover.far_blocks(model, ids, 1024), "N", "1024", "600")
    refuses(lambda: crossover.measure(model, ids, [512, 256], {"keys": 4}, RANDOM), "lengths", "[512, 256]", "rise")
    block = FarBlock(*torch.ones(3, 1, 8, 4))
    refuses(lambda: crossover.least_setting("keys", block, 0.0, RANDOM), "error", "0.0", "positive")
    refuses(lambda: crossover.sums_error("pivots", block, 2, RANDOM), "name", "'pivots'", "landmarks")


def test_figure(refuses):
    made = partial(ErrorAgainstCost, [[BLOCK]], settings=FEW)
    refuses(lambda: made(settings={"hashing": (1, 2)}), "settings", (), "methods")
    refuses(lambda: made(random=0), "random", "int", "Generator")
    refuses(lambda: made().best_below(1e-9), "cost", "1e-09", "above")
    refuses(lambda: made(title=5), "title", "5", "text", TypeError)


@pytest.mark.parametrize(
    ("trait", "value"),
    [("head", "head 1"), ("cost", "ms"), ("shown", ""), ("method", "SVD"), ("layer", 1), ("setting", 2)],
)
def test_choices(refuses, trait, value):
    figure = ErrorAgainstCost([[BLOCK]], settings=FEW)
    before = getattr(figure, trait)
    refuses(lambda: setattr(figure, trait, value), trait, repr(value), (), ChoiceError)
    assert getattr(figure, trait) == before
