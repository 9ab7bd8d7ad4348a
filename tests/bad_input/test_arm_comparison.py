"""Bad input of the figure that compares arms."""

from functools import partial

import numpy as np
import pytest

from course_lib.experiments.published import Published
from course_lib.widgets.arm_comparison import ArmComparison
from course_lib.widgets.choices import ChoiceError


def results(arms=("MHA", "GQA2", "MLA-16"), documents=3, seeds=lambda i: [0]):
    rows = [
        {"arm": arm, "rate": 0.1, "seeds": seeds(i), "losses": np.ones((len(seeds(i)), documents)).tolist()}
        | {"cached": 128.0, "decode FLOPs": 1024, "parameters": 9, "d_ff": 3}
        for i, arm in enumerate(arms)
    ]
    tables = {"documents": [f"d{i}" for i in range(documents)], "arms": rows, "differences": []}
    return Published({"statistics": {"level": 0.95, "margin": 0.02}}, tables)


made = partial(ArmComparison, results())


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: made(arms=["MHA"]), "arms", "1", ("2", "24")),
        (lambda: ArmComparison(results([f"arm {i}" for i in range(25)])), "arms", "25", ("2", "24")),
        (lambda: made(arms=["MHA", "GQA2", "MHA"]), "arms", "['MHA', 'GQA2', 'MHA']", "distinct"),
        (lambda: made(arms=["MHA", "MLA"]), "second", "'MLA'", ("MHA", "GQA2", "MLA-16")),
        (lambda: ArmComparison(results(documents=201)), "documents", "201", "200"),
        (lambda: ArmComparison(results(seeds=lambda i: [i // 2])), "arms", ("'MHA'", "'MLA-16'"), "seed"),
        (lambda: made(ms={"MLA": 1.0}), "ms", "'MLA'", ("MHA", "GQA2", "MLA-16")),
        (lambda: made(ms={"MHA": 0.0}), "ms", ("0.0", "MHA"), "positive"),
        (lambda: made(ms={"MHA": float("inf")}), "ms", ("inf", "MHA"), "finite"),
    ],
)
def test_arguments(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule)


def test_types(refuses):
    refuses(lambda: ArmComparison("cpu-docs"), "results", "str", ("Published", "load"))
    refuses(lambda: made(title=5), "title", "5", "text", TypeError)


@pytest.mark.parametrize(("trait", "value"), [("first", "MLA"), ("second", ""), ("cost", "decode ms")])
def test_choices(refuses, trait, value):
    figure = made()
    before = getattr(figure, trait)
    refuses(lambda: setattr(figure, trait, value), trait, repr(value), (), ChoiceError)
    assert getattr(figure, trait) == before
    refuses(
        lambda: made(**{trait: value}) if trait != "cost" else setattr(figure, trait, value),
        trait,
        repr(value),
        (),
        ChoiceError,
    )
