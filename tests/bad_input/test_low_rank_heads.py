"""Bad input of the figure of approximations of low rank."""

import numpy as np
import pytest

from course_lib.widgets.choices import ChoiceError
from course_lib.widgets.low_rank_heads import LowRankHeads

B = np.random.default_rng(0).normal(size=(2, 3, 9, 7))


def changed(value):
    return np.where(np.arange(7) == 6, value, B)


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: LowRankHeads({}), "matrices", "{}", "mapping"),
        (lambda: LowRankHeads(B), "matrices", "array", ("mapping", "names")),
        (lambda: LowRankHeads({"B": B[0]}), "B", "(3, 9, 7)", "(layers, heads, n, m)"),
        (lambda: LowRankHeads({"B": B[:, :0]}), "B", "(2, 0, 9, 7)", "(layers, heads, n, m)"),
        (lambda: LowRankHeads({"B": changed(np.nan)}, most=5), "B", "NaN", "finite"),
        (lambda: LowRankHeads({"B": changed(np.inf)}, most=5), "B", "infinity", "finite"),
        (lambda: LowRankHeads({"B": B * (np.arange(3)[:, None, None] > 0)}, most=5), "B", "zeros", "zero"),
        (lambda: LowRankHeads({"B": B, "C": B[:1]}, most=5), "matrices", "(1, 3)", ("same", "heads")),
        (lambda: LowRankHeads({"B": B}, most=8), "most", "8", ("1", "7")),
        (lambda: LowRankHeads({"B": B}, most=0), "most", "0", ("1", "7")),
        (lambda: LowRankHeads({"B": np.ones((8, 128, 64, 64))}, most=1), "pictures", "4,587,520", "4,194,304"),
    ],
)
def test_values(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule)


@pytest.mark.parametrize(
    "name, value, rule",
    [("matrix", "C", "'B'"), ("method", "QR", ("'SVD'", "'range finder'")), ("rank", 6, ("1", "5"))],
)
def test_choices(refuses, name, value, rule):
    figure = LowRankHeads({"B": B}, most=5)
    refuses(lambda: setattr(figure, name, value), name, repr(value), rule, ChoiceError)
