"""The figure that compares two arms: its numbers are NumPy's, and its words say what the interval does."""

import json
import subprocess
import sys

import numpy as np
import pytest

from course_lib.experiments.arms import ARMS
from course_lib.experiments.published import LOSSES, REPORT, Published
from course_lib.experiments.statistics import Interval, estimate, verdict
from course_lib.experiments.tables import described
from course_lib.figures import style
from course_lib.widgets.arm_comparison import ArmComparison
from course_lib.widgets.numbers.arm_costs import method_of
from course_lib.widgets.numbers.arm_pairs import axis_of, in_words

STATISTICS = {"statistics": {"level": 0.95, "margin": 0.02}}
SEEDS = {"MHA": (0, 1, 2), "GQA2": (0, 2), "MLA-16": (1, 2, 5), "mine": (0, 1, 2)}
EFFECTS = {"MHA": 0.0, "GQA2": 0.1, "MLA-16": -0.05, "mine": 0.001}
COSTS = {"MHA": (512, 1024), "GQA2": (128, 1024), "MLA-16": (128, 3840), "mine": (128, 70_000)}
M = 12


def tables():
    rng = np.random.default_rng(4)
    documents = rng.normal(2.5, 0.4, M)
    losses = {arm: documents + EFFECTS[arm] + rng.normal(0, 0.01, (len(seeds), M)) for arm, seeds in SEEDS.items()}
    rows = [
        {"arm": arm, "rate": 0.003, "seeds": list(seeds), "losses": losses[arm].tolist(), "parameters": 1000, "d_ff": 7}
        | dict(zip(("cached", "decode FLOPs"), COSTS[arm], strict=True))
        for arm, seeds in SEEDS.items()
    ]
    pairs = []
    for i, first in enumerate(SEEDS):
        for second in list(SEEDS)[i + 1 :]:
            D = paired(losses, first, second)
            if len(D) < 2:
                continue
            found = estimate(D, resamples=200)
            row = {"first": first, "second": second, "mean, repeated documents too": 0.0, **described(found)}
            verdicts = {"verdict": verdict(found.interval, 0.02), "verdict against 0": verdict(found.interval, 0.0)}
            pairs.append(row | verdicts)
    return {"documents": [f"d{i}" for i in range(M)], "arms": rows, "differences": pairs}, losses


def paired(losses, first, second):
    shared = [seed for seed in SEEDS[first] if seed in SEEDS[second]]
    return np.array([losses[first][SEEDS[first].index(s)] - losses[second][SEEDS[second].index(s)] for s in shared])


@pytest.fixture(scope="module")
def losses():
    return tables()[1]


@pytest.fixture
def results():
    return Published(STATISTICS, tables()[0])


@pytest.mark.parametrize(("first", "second"), [("MHA", "GQA2"), ("GQA2", "MHA"), ("MLA-16", "mine"), ("mine", "MHA")])
def test_numbers_are_those_of_the_shared_seeds(results, losses, first, second):
    figure = ArmComparison(results, first, second)
    D = paired(losses, first, second)
    np.testing.assert_array_equal(figure.differences, D)
    assert figure.shared_seeds == tuple(sorted(set(SEEDS[first]) & set(SEEDS[second])))
    assert figure.ranked == [f"d{i}" for i in np.argsort(D.mean(0))]
    assert figure.pair["mean"] == pytest.approx(D.mean(), abs=1e-6)
    assert figure.pair["interval"] == results.pair(first, second)["interval"]
    for name, values in (("axis", D), ("axis of means", [*D.mean(1), *figure.pair["interval"]])):
        (low, high), ticks = figure.pair[name]["domain"], figure.pair[name]["ticks"]
        assert low < min(np.min(values), -0.02) and max(np.max(values), 0.02) < high
        assert 0.0 in ticks and low <= ticks[0] and ticks[-1] <= high


def test_arms_that_share_one_seed_have_no_interval_and_an_arm_differs_nowhere_from_itself(results, losses):
    figure = ArmComparison(results, "GQA2", "MLA-16")
    assert figure.pair["interval"] is None and figure.differences.shape == (1, M)
    assert figure.pair["words"] == "GQA2 and MLA-16 share one seed only. An interval needs two."
    assert figure.pair["mean"] == pytest.approx(paired(losses, "GQA2", "MLA-16").mean(), abs=1e-6)
    figure.first = "MLA-16"
    assert figure.pair["words"] == "A and B are the same arm, MLA-16. Choose two arms."
    assert not figure.differences.any() and "95 %" not in figure.alt()


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ((-0.05, -0.02), "{A} is better than {B}: the whole interval lies below −0.02."),
        ((0.03, 0.04), "{A} is worse than {B}: the whole interval lies above +0.02."),
        ((-0.01, 0.019), "Equivalent: the whole interval lies between −0.02 and +0.02."),
        (
            (-0.019, -0.001),
            "Equivalent: the whole interval lies between −0.02 and +0.02. It does not contain 0: {A} has the smaller "
            "loss, by less than 0.02.",
        ),
        (
            (-0.03, 0.001),
            "Undecided: the interval contains −0.02. It contains 0, too: either arm may have the smaller loss.",
        ),
        (
            (-0.03, 0.05),
            "Undecided: the interval contains −0.02 and +0.02. It contains 0, too: either arm may have the smaller "
            "loss.",
        ),
        (
            (0.001, 0.05),
            "Undecided: the interval contains +0.02. It does not contain 0: {B} has the smaller loss, perhaps by less "
            "than 0.02.",
        ),
    ],
)
def test_words_say_what_the_interval_does(interval, words):
    verdicts = {"verdict": verdict(Interval(*interval), 0.02), "verdict against 0": verdict(Interval(*interval), 0.0)}
    assert in_words({"interval": list(interval), **verdicts}, 0.02) == words


@pytest.mark.parametrize("values", [[0.0], [-0.7, 0.01], [0.3, 2.5], [-1e-4, 1e-4], [-0.0199, 0.0301], [-0.08]])
def test_an_axis_has_two_to_five_round_ticks_and_one_is_0(values):
    axis = axis_of(values, 0.02)
    steps = np.diff(axis["ticks"])
    assert 2 <= len(axis["ticks"]) <= 5 and 0.0 in axis["ticks"]
    assert axis["domain"][0] < min(values) and max(values) < axis["domain"][1]
    np.testing.assert_allclose(steps, steps[0], rtol=0, atol=1e-12)
    assert float(f"{steps[0]:.0e}") == pytest.approx(steps[0]) and f"{steps[0]:.0e}"[0] in "125"


def test_methods_of_arms():
    methods = {arm: method_of(arm) for arm in ARMS}
    named = {arm: arm[:3] for arm in ARMS if arm[:3] in ("MHA", "GQA", "MQA", "MLA")}
    assert {arm: methods[arm] for arm in named} == named and len(named) >= 8
    assert {methods[arm] for arm in ARMS if arm not in named} == {"MLA"} and method_of("mine") is None


def test_times_are_a_cost_only_where_they_are_given(results):
    assert "decode ms" not in ArmComparison(results).allowed()["cost"]
    figure = ArmComparison(results, ms={"MHA": 2.5, "GQA2": 1.25})
    figure.cost = "decode ms"
    assert figure.data["costs"]["decode ms"]["values"] == [2.5, 1.25, None, None]
    plane = figure.drawing().axes[-1]
    assert [text.get_text() for text in plane.texts] == ["A: MHA", "B: GQA2"]
    assert "<td>1.25</td>" in figure.table()


def test_the_twin_shows_differences_means_and_all_arms(results, losses):
    figure = ArmComparison(results, "MHA", "GQA2")
    documents, means, plane = figure.drawing().axes
    D = paired(losses, "MHA", "GQA2")
    order = np.argsort(D.mean(0))
    np.testing.assert_array_equal([line.get_ydata() for line in documents.lines[:3]], [*D[:, order], D.mean(0)[order]])
    low, high = figure.pair["interval"]
    seeds, mean, interval = (line.get_ydata() for line in means.lines[:3])
    np.testing.assert_allclose(seeds, D.mean(1), rtol=0, atol=1e-12)
    assert list(mean) == [figure.pair["mean"]] and list(interval) == [low, high]
    assert [tick.get_text() for tick in means.get_xticklabels()] == ["0", "2", "all"]
    points = {line.get_label(): (line.get_xdata()[0], line.get_ydata()[0]) for line in plane.lines[:4]}
    names = {"A: MHA": "MHA", "B: GQA2": "GQA2", "MLA-16": "MLA-16", "mine": "mine"}
    assert points == {said: (COSTS[arm][0], losses[arm].mean()) for said, arm in names.items()}


def test_names_of_the_twin_do_not_overlap():
    figure = ArmComparison.example(["a"])
    drawing = figure.drawing()
    with style.context():
        drawing.draw_without_rendering()
    boxes = sorted((text.get_window_extent() for text in drawing.axes[-1].texts), key=lambda box: box.y0)
    air = 3  # pixels around the letters of a name
    assert len(boxes) == len(ARMS)
    assert all(lower.y1 - air <= upper.y0 for lower, upper in zip(boxes, boxes[1:], strict=False))
    slide = figure.slide_drawing()
    assert {text.get_text() for text in slide.axes[-1].texts} == {"A: MLA-16", "B: GQA2"}


def test_what_to_try_is_the_arm_that_differs_most(results):
    assert ArmComparison(results, "MHA", "mine").first_try() == ("GQA2 as A", {"first": "GQA2"})
    two = ArmComparison(results, arms=["MLA-16", "MHA"])
    assert two.first_try() == ("exchange A and B", {"first": "MHA", "second": "MLA-16"})
    assert (two.first, two.second) == ("MLA-16", "MHA") and repr(two) == "ArmComparison(arms=2, documents=12)"


BLOCKED = """
import sys
for name in ("scipy", "pyarrow", "distributed"):
    sys.modules[name] = None  # an import of it fails
from course_lib.experiments.published import load
from course_lib.widgets import ArmComparison
figure = ArmComparison(load(sys.argv[1]), "GQA2", "MHA")
figure.cost = "decode FLOPs"
print(len(figure.twin()), figure.alt())
"""


def test_it_needs_none_of_the_packages_for_experiments(tmp_path):
    (tmp_path / REPORT).write_text(json.dumps(STATISTICS))
    for file in LOSSES.values():
        (tmp_path / file).write_text(json.dumps(tables()[0]))
    done = subprocess.run([sys.executable, "-c", BLOCKED, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Loss of GQA2 minus loss of MHA: +0.1" in done.stdout and "GQA2 is worse than MHA" in done.stdout
