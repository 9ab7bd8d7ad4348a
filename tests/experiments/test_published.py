"""Published results are those of the runs, and are read without the packages that experiments need."""

import re
import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from course_lib.experiments import probes, published, report, results
from course_lib.experiments.arms import CORE, POSITIONS, in_group
from course_lib.experiments.presets import PRESETS, TUNING_SEED
from course_lib.experiments.recall import RECALL_ARMS, TESTS, recall_job
from course_lib.experiments.recall_tables import geometric
from course_lib.experiments.statistics import estimate, verdict
from course_lib.experiments.sweep import SETTINGS, Sweep
from course_lib.files import read_json
from course_lib.widgets import ArmComparison

NOTE, MORE = (
    (Path(__file__).resolve().parents[2] / "docs" / "experiments.md")
    .read_text(encoding="utf-8")
    .split("## A second sweep, on a GPU")
)
HOLM = "Holm's p"
BLOCKED = """
import sys
for name in ("scipy", "pyarrow", "distributed"):
    sys.modules[name] = None  # an import of it fails
from course_lib.experiments.published import load
results = load(sys.argv[1])
print(results.arms, results.pair("GQA2", "MHA")["verdict"])
"""


@pytest.fixture(scope="module")
def folder(finished, tmp_path_factory):
    """The folder of a report."""
    return report.build(finished.folder, tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def found(folder):
    return published.load(folder)


@pytest.fixture(scope="module")
def view(finished):
    return report.views_of(results.read(finished.folder))["tuned"]


def test_losses_costs_and_rates_are_those_of_the_runs(found, view):
    assert found.arms == tuple(view.arms) == ("MHA", "MHA again", "GQA2", "MQA-64")
    for arm, runs in view.arms.items():
        np.testing.assert_allclose(found.losses(arm), view.losses(arm), rtol=0, atol=5.1e-7)  # six digits
        assert found.seeds(arm) == tuple(run.labels.seed for run in runs)
        assert found.rate(arm) == runs[0].labels.rate and found.costs(arm) == runs[0].result["costs"]
    names = [row["document"] for row in view.arms["MHA"][0].documents if row["split"] == "test" and row["kept"]]
    assert found.documents == tuple(sorted(names)) and found.losses("GQA2").shape == (3, len(names))
    with pytest.raises(ValueError, match="read-only"):
        found.losses("MHA")[0, 0] = 1.0


@pytest.mark.parametrize(
    ("first", "second"), [("GQA2", "MHA"), ("MHA", "GQA2"), ("MQA-64", "MHA again"), ("MHA again", "MQA-64")]
)
def test_a_pair_in_either_order_is_estimated_from_the_shared_seeds(found, view, first, second):
    one, other = view.losses(first)[:2], view.losses(second)[:2]  # GQA2 has a third seed
    assert found.shared_seeds(first, second) == (0, 1)
    np.testing.assert_allclose(found.differences(first, second), one - other, rtol=0, atol=1.1e-6)
    wanted, row = estimate(one - other), found.pair(first, second)
    assert (row["first"], row["second"], row["seeds"], row["documents"]) == (first, second, *one.shape)
    assert row["mean"] == pytest.approx(wanted.mean, abs=1e-6)
    for key, interval in (("interval", wanted.interval), ("t interval", wanted.t)):
        assert row[key] == pytest.approx(list(interval), abs=1e-6)
    assert row["bootstrap interval"] == pytest.approx(list(wanted.bootstrap), abs=1e-6)
    assert row["verdict"] == verdict(wanted.interval, 0.02) and found.margin == 0.02
    assert row["verdict against 0"] == verdict(wanted.interval, 0.0)


def test_the_other_order_exchanges_better_and_worse():
    row = {"first": "A", "second": "B", "mean": -0.1, "mean, repeated documents too": 0.0, "verdict": "better"}
    row |= {"interval": [-0.2, -0.03], "t interval": [-0.2, -0.03], "bootstrap interval": [-0.15, -0.04]}
    row |= {"verdict against 0": "better", "seeds": 3}
    other = published.reversed_pair(row)
    assert (other["first"], other["second"], other["mean"], other["seeds"]) == ("B", "A", 0.1, 3)
    assert other["interval"] == [0.03, 0.2] and other["bootstrap interval"] == [0.04, 0.15]
    assert other["verdict"] == other["verdict against 0"] == "worse" and published.reversed_pair(other) == row
    undecided = published.reversed_pair(row | {"verdict": "undecided", "verdict against 0": "equivalent"})
    assert (undecided["verdict"], undecided["verdict against 0"]) == ("undecided", "equivalent")


def test_a_row_agrees_with_the_report(found):
    for row in found.report["tuned"]["differences"]:
        assert found.pair(row["first"], row["second"]) == row


def test_reading_needs_none_of_the_packages_for_experiments(folder):
    done = subprocess.run([sys.executable, "-c", BLOCKED, folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "'MQA-64'" in done.stdout


def test_a_sweep_is_read_where_its_report_stands_in_it(finished, found, tmp_path):
    results.keep(finished.folder, tmp_path)
    report.build(tmp_path)
    assert published.load(str(tmp_path)).arms == found.arms


@pytest.mark.parametrize("name", published.names())
def test_results_that_come_with_the_course_agree_with_their_report(name):
    for rates in published.LOSSES:
        found = published.load(name, rates)
        assert found.arms == tuple(row["arm"] for row in found.report[rates]["arms"])
        for row in found.report[rates]["arms"]:
            assert row["loss"] == pytest.approx(found.losses(row["arm"]).mean(), abs=1e-6)
            assert len(found.documents) == row["documents"] and len(found.seeds(row["arm"])) == row["seeds"]
            assert row["rate"] == found.rate(row["arm"])


@pytest.mark.parametrize("name", published.names())
def test_the_report_that_comes_with_the_course_is_that_of_its_runs(name, tmp_path):
    """To the digit: tables and losses rebuilt from the folders of the runs, whose files come with the course, too."""
    report.build(published.FOLDER / name, tmp_path)
    for file in (published.REPORT, *published.LOSSES.values(), "report.md"):
        assert (tmp_path / file).read_bytes() == (published.FOLDER / name / "report" / file).read_bytes(), file


def test_the_note_has_the_numbers_of_the_report():
    """Each line of its table of results: losses and differences from GQA2, at tuned rates and at the common one."""
    tuned, common = (published.load("cpu-docs", rates) for rates in published.LOSSES)
    lines = re.findall(r"^\| ([^|]+) \| (0\.\d+) \| (\d) \| (.*) \|$", NOTE, flags=re.MULTILINE)
    assert {arm for arm, *_ in lines} == set(in_group(CORE))
    for arm, rate, seeds, cells in lines:
        assert (float(rate), int(seeds)) == (tuned.rate(arm), len(tuned.seeds(arm)))
        wanted = []
        for view in (tuned, common):
            wanted += [f"{view.losses(arm).mean():.3f}", "" if arm == "GQA2" else told(view.pair(arm, "GQA2"))]
        assert [cell.strip() for cell in cells.split("|")] == wanted


def test_the_note_has_the_outcomes_of_the_report():
    found = published.load("cpu-docs").report
    again = {row["name"]: row for row in found["at the common rate"]}
    tested = [row for row in found["hypotheses"] if row["outcome"] != "not run"]
    assert len(tested) == 7
    for row in tested:
        common = f"{told(again[row['name']])}: {again[row['name']]['outcome']}" if row["name"] in again else ""
        line = f"| {row['name']}: {row['text']} | {told(row)}: {row['outcome']} | {row[HOLM]:.3f} | {common} |"
        assert line in NOTE


def test_the_note_says_how_wide_intervals_are_and_what_widens_them():
    views, note = [published.load("cpu-docs", rates) for rates in published.LOSSES], " ".join(NOTE.split())
    control = views[0].pair("MHA again", "MHA")
    assert "{:+.3f}, between {:+.3f} and {:+.3f}".format(control["mean"], *control["interval"]) in note
    pairs = [(view, pair) for view in views for pair in combinations(view.arms, 2)]
    halves = [half(view.pair(*pair)["interval"]) for view, pair in pairs if len(view.shared_seeds(*pair)) == 3]
    assert f"between {min(halves):.2f} and {max(halves):.2f} nats" in note
    (smallest,) = [place for place, name in enumerate(views[0].documents) if name == "sympy/conftest.py"]
    for pair, what in ((("MQA-64", "GQA2"), "for H2"), (("MHA again", "MHA"), "for the control")):
        D = views[0].differences(*pair)
        without = estimate(np.delete(D, smallest, axis=1)).interval
        assert f"{half(views[0].pair(*pair)['interval']):.3f} to {half(without):.3f} {what}" in note
    changes = [row["mean"] - row["mean, repeated documents too"] for view, pair in pairs for row in [view.pair(*pair)]]
    assert max(map(abs, changes)) < 0.007 and "changes by more than 0.007 nats" in note


def test_the_note_has_the_numbers_of_the_second_sweep():
    """Losses, rates, outcomes, the control, and how many runs there are."""
    found, note = published.load("gpu-code"), " ".join(MORE.split())
    for arm in set(found.arms) - {"MHA again"}:
        difference = "" if arm == "GQA2" else told(found.pair(arm, "GQA2"))
        cells = (arm, found.rate(arm), len(found.seeds(arm)), f"{found.losses(arm).mean():.3f}", difference)
        assert f"\n| {' | '.join(map(str, cells))} |\n" in MORE
    tested = [row for row in found.report["hypotheses"] if row["outcome"] != "not run"]
    for row in tested:
        assert f"| {row['name']}: {row['text']} | {told(row)}: {row['outcome']} | {row[HOLM]:.3f} |" in MORE
    assert [row["name"] for row in tested] == ["H1", "H2", "H3a", "H3b", "H5"]
    assert tested[0]["needed"]["seeds"] == 119 and tested[1]["needed"]["seeds"] == 151
    control = found.pair("MHA again", "MHA")
    assert "{:+.3f}, between {:+.3f} and {:+.3f}".format(control["mean"], *control["interval"]) in note
    runs = results.read(published.FOLDER / "gpu-code").runs
    for row in found.report["learning rates"]:
        if row["arm"] in found.arms:  # "at half and at twice this rate each has a larger loss"
            assert found.rate(row["arm"]) == 0.003
            losses = {float(rate): loss for rate, loss in row["losses"].items()}
            assert losses[0.003] < min(losses[0.0015], losses[0.006])
    tuning = sum(run.labels.seed == TUNING_SEED for run in runs)
    assert f"{len(runs)} runs were finished: {tuning} that tune, and {len(runs) - tuning} of equal cache" in note


def test_the_note_says_what_is_known_of_recall():
    found = published.load("cpu-docs").report["recall"]
    assert [row["arm"] for row in found["arms"]] == list(RECALL_ARMS)
    for row in found["arms"]:
        shares = " | ".join(f"{100 * row['right'][f'{pairs} pairs']:.1f} %" for pairs in TESTS)
        assert f"\n| {row['arm']} | {row['rate']:g} | {row['parameters']:,} | {shares} |\n" in NOTE
        assert all(share < 0.21 or share >= 0.999 for share in row["by seed"]["8 pairs"])
    (row,) = [row for row in found["H6"] if row["split"] == "16 pairs"]  # without the seed in which MQA 16 failed
    sides = zip(map(float, row["MLA"][:2]), map(float, row["MQA"][:2]), strict=True)
    ratio, ends = geometric([mla / mqa for mla, mqa in sides])
    assert "have the ratio {:.1f} ({:.1f} to {:.1f})".format(ratio, *ends) in " ".join(NOTE.split())
    for row in found["H6"]:
        ends = row["interval"] and "{:.3f} ({:.3f} to {:.3f})".format(row["ratio"], *row["interval"])
        cells = (row["split"], ", ".join(row["MLA"]), ", ".join(row["MQA"]), ends or "", row["outcome"])
        assert f"\n| {' | '.join(cells)} |\n" in NOTE


def planned(sweep, labels):
    """The job that a sweep makes of these labels."""
    if labels.task == "recall":
        return recall_job(sweep.preset, labels.arm, labels.seed, labels.rate)
    if labels.seed == TUNING_SEED:
        return sweep.tuning(labels.arm, labels.rate)
    trained = sweep.compared(labels.arm, labels.seed, labels.rate, labels.steps, labels.widths)
    return trained if labels.task == "text" else getattr(probes, labels.task)(trained)


@pytest.mark.parametrize("name", published.names())
def test_a_sweep_that_goes_on_repeats_none_of_these_runs(name):
    """The folder of each has the name that its job gets today."""
    folder = published.FOLDER / name
    settings = read_json(folder / SETTINGS)
    sizes, tokens = settings["preset"], settings["tokens"]
    preset = replace(PRESETS[sizes["name"]], steps=sizes["steps"], tuning_steps=sizes["tuning_steps"])
    sweep = Sweep(folder, preset, tokens["digest"], tokens["vocab_size"])
    runs = results.read(folder).runs
    assert len(runs) > 60 and [run.labels for run in runs if planned(sweep, run.labels).key != run.folder.name] == []


def test_the_note_says_what_is_known_of_positions():
    found, common = published.load("cpu-docs").report, published.load("cpu-docs", rates="common")
    best = {row["arm"]: row["best"] for row in found["learning rates"]}
    arms = set(in_group(POSITIONS)) - set(in_group(CORE))
    assert len(arms) == 5 and all(len(common.seeds(arm)) == 3 for arm in arms)
    for arm in arms:
        pairs = (told(common.pair(arm, other)) for other in ("MLA-16", "NoPE latent"))
        assert f"\n| {arm} | {best[arm]:g} | {common.losses(arm).mean():.3f} | {' | '.join(pairs)} |\n" in NOTE
    assert f"it is undecided: {told(common.pair('ALiBi on latents', 'GQA2'))}." in " ".join(NOTE.split())
    assert len(found["of positions"]) == 6
    for row in found["of positions"]:
        assert f"\n| {row['name']}: {row['text']} | {told(row)}: {row['outcome']} | {row[HOLM]:.3f} |\n" in NOTE


def test_the_note_says_what_longer_windows_change():
    found = published.load("cpu-docs").report["extrapolation"]
    gains = {row["first"]: row for row in found["gains"]}
    assert len(found["arms"]) == 7 and sum(row["seeds"] for row in found["arms"]) == 22 and len(gains) == 14
    assert {row["documents"] for row in gains.values()} == {69}
    assert {row["name"] for row in found["stated"] if row["outcome"] == "holds"} == {"L1", "L2", "L3", "L5"}
    assert {row["name"] for row in found["stated"] if row["outcome"] == "fails"} == {"L4", "L6"}
    for row in found["arms"]:
        near, twice, four = (
            row["losses"]["512, read at 256"],
            *(gains[f"{row['arm']}, {width}"] for width in (512, 1024)),
        )
        assert f"\n| {row['arm']} | {row['seeds']} | {near:.3f} | {told(twice)} | {told(four)} |\n" in NOTE
    for row in found["stated"]:
        assert f"\n| {row['name']}: {row['text']} | {told(row)}: {row['outcome']} | {row[HOLM]:.3f} |\n" in NOTE


def test_the_note_says_what_three_seeds_alone_gave():
    D = published.load("cpu-docs", rates="common").differences("partly rotary 16", "MLA-16")
    low, high = estimate(D[:3]).interval
    assert f"With three seeds the interval was {low:.3f} to {high:.3f}." in " ".join(NOTE.split()) and len(D) == 6


def half(interval):
    low, high = interval
    return (high - low) / 2


def told(pair):
    low, high = pair["interval"]
    return f"{pair['mean']:+.3f} ({low:+.3f} to {high:+.3f})"


def test_the_figure_of_two_arms_takes_them(found):
    figure = ArmComparison(found, "MQA-64", "MHA")
    np.testing.assert_array_equal(figure.differences, found.differences("MQA-64", "MHA"))
    assert figure.pair["interval"] == found.pair("MQA-64", "MHA")["interval"] and len(figure.twin()) > 10_000
