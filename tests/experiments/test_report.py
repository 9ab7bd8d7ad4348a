"""The report is made of the folders of the runs alone, twice the same, and its numbers are those of the runs."""

import gzip
import json
import shutil

import numpy as np
import pytest

from course_lib.experiments import markdown, report, results, run, tables
from course_lib.experiments.catalogue import EXPERIMENTS
from course_lib.experiments.hypotheses import (
    BEST,
    BETTER,
    CLOSE,
    HYPOTHESES,
    OF_LENGTH,
    OF_POSITIONS,
    Statement,
    resolved,
)
from course_lib.experiments.results import View, read
from course_lib.experiments.statistics import Components, Estimate, Interval, estimate


@pytest.fixture(scope="module")
def found(finished, tmp_path_factory):
    """The report of the finished sweep, as values."""
    folder = report.build(finished.folder, tmp_path_factory.mktemp("report"))
    return json.loads((folder / "report.json").read_text())


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_it_is_the_same_twice_from_results_logs_and_documents_alone(finished, tmp_path):
    first = files(report.build(finished.folder, tmp_path / "first"))
    size = results.keep(finished.folder, tmp_path / "kept")
    assert not list(tmp_path.rglob("*.safetensors")) and 0 < size < 1e6
    logs = sorted(finished.folder.rglob("log.jsonl"))
    packed = [tmp_path / "kept" / path.relative_to(finished.folder).with_name("log.jsonl.gz") for path in logs]
    assert logs and [gzip.decompress(path.read_bytes()) for path in packed] == [path.read_bytes() for path in logs]
    results.keep(tmp_path / "kept", tmp_path / "again")
    assert all((tmp_path / "again" / path.relative_to(tmp_path / "kept")).exists() for path in packed)
    second = files(report.build(tmp_path / "kept"))
    assert first == second
    assert {
        "report.json",
        "losses.json",
        "report.md",
        "plane.png",
        "curves.png",
        "differences-gqa2.png",
    } <= first.keys()


def test_only_an_empty_folder_is_filled(finished, tmp_path):
    (tmp_path / "something").touch()
    with pytest.raises(ValueError, match="to must be an empty folder or none"):
        results.keep(finished.folder, tmp_path)


def test_the_order_of_folders_does_not_matter(finished, monkeypatch, tmp_path):
    first = files(report.build(finished.folder, tmp_path / "first"))
    glob = type(finished.folder).glob
    monkeypatch.setattr(type(finished.folder), "glob", lambda path, what: reversed(list(glob(path, what))))
    assert files(report.build(finished.folder, tmp_path / "second")) == first


def test_the_rows_of_arms(found, finished):
    rows = {row["arm"]: row for row in found["tuned"]["arms"]}
    assert list(rows) == ["MHA", "MHA again", "GQA2", "MQA-64"]
    assert [rows[arm]["seeds"] for arm in rows] == [2, 2, 3, 2]
    assert rows["MHA"]["cached"] == 512 and rows["GQA2"]["cached"] == 128
    every = EXPERIMENTS["equal-cache"].jobs(finished)[0]
    own = [job for job in every if job.labels.arm == "GQA2" and "test" in job.splits]
    losses = []
    for job in own:
        (each,) = [one for one in read(finished.folder).runs if one.folder == job.folder(finished.folder)]
        losses.append(np.mean([d["nats"] / d["tokens"] for d in each.documents if d["split"] == "test" and d["kept"]]))
    assert rows["GQA2"]["by seed"] == pytest.approx(losses, abs=1e-6)
    assert rows["GQA2"]["loss"] == pytest.approx(np.mean(losses), abs=1e-6)


def test_differences_are_paired_by_seed_and_document(found, finished):
    view = report.views_of(read(finished.folder))["tuned"]
    a, b = view.losses("MQA-64"), view.losses("GQA2")
    wanted = estimate(a - b[:2])  # GQA2 has three seeds, MQA-64 the first two of them
    (row,) = [r for r in found["tuned"]["differences"] if (r["first"], r["second"]) == ("MQA-64", "GQA2")]
    assert row["mean"] == pytest.approx(wanted.mean, abs=1e-6) and (row["seeds"], row["documents"]) == a.shape
    assert row["interval"] == pytest.approx(list(wanted.interval), abs=1e-6)
    assert row["t interval"] == pytest.approx(list(wanted.t), abs=1e-6)


def test_mha_has_equal_widths_and_equal_parameters_in_one_run(found):
    """Of the other arms each has two runs for a seed, of different d_ff."""
    matched, equal = ({row["arm"]: row for row in found[name]["arms"]} for name in ("tuned", "equal widths"))
    assert equal["MHA"] == matched["MHA"] and list(equal) == ["MHA", "MHA again", "GQA2", "MQA-64"]
    assert {row["d_ff"] for row in equal.values()} == {24} and matched["GQA2"]["d_ff"] > 24
    assert matched["GQA2"]["parameters"] == pytest.approx(matched["MHA"]["parameters"], rel=0.01)
    assert equal["GQA2"]["parameters"] < 0.9 * matched["GQA2"]["parameters"]


def test_the_learning_rates_of_the_table_are_those_of_the_runs(found, finished):
    for row in found["learning rates"]:
        assert row["best"] == float(min(row["losses"], key=lambda rate: row["losses"][rate]))
        used = {job.labels.rate for job in EXPERIMENTS["equal-cache"].jobs(finished)[0] if job.labels.arm == row["arm"]}
        assert {float(rate) for rate in row["losses"]} | {row["best"]} == used
    (again,) = [row for row in found["tuned"]["arms"] if row["arm"] == "MHA again"]
    assert again["rate"] == next(row["best"] for row in found["learning rates"] if row["arm"] == "MHA")


def test_hypotheses_with_runs_are_tested_and_the_others_listed(found):
    outcomes = {row["name"]: row["outcome"] for row in found["hypotheses"]}
    assert {name for name, outcome in outcomes.items() if outcome != "not run"} == {"H2", "H7"}
    tested = [row for row in found["hypotheses"] if row["outcome"] != "not run"]
    assert all(row["p"] <= row["Holm's p"] <= 2 * row["p"] + 1e-6 for row in tested)


def test_the_hypotheses_are_held_against_the_common_rate_too(found, finished):
    """Not H7, which has no runs there; the two tables differ in nothing else when the runs are the same."""
    views = report.views_of(read(finished.folder))
    assert [row["name"] for row in found["at the common rate"]] == ["H1", "H2", "H3a", "H3b", "H4", "H5"]
    (row,) = [row for row in found["at the common rate"] if row["name"] == "H2"]
    D = tables.stacked(views["common"].differences("MQA-64", "GQA2"))
    assert row["mean"] == pytest.approx(D.mean(), abs=1e-6)
    again = tables.hypothesis_rows(views["tuned"])
    assert tables.rounded([row | {"Holm's p": None} for row in again]) == [
        row | {"Holm's p": None} for row in found["hypotheses"] if row["name"] != "H7"
    ]
    assert "## The hypotheses at the common learning rate" in markdown.markdown(found, {})


def test_h7_is_the_difference_of_two_differences(found, finished):
    views = report.views_of(read(finished.folder))
    early, late = (views[name].losses("MQA-64") - views[name].losses("MHA") for name in ("fewer steps", "tuned"))
    (row,) = [row for row in found["hypotheses"] if row["name"] == "H7"]
    assert row["mean"] == pytest.approx((early - late).mean(), abs=1e-6)


def test_all_documents_are_reported_too(found, finished):
    """One of the tune documents is boilerplate, none of the test: so only the tune split can tell the two apart."""
    view = report.views_of(read(finished.folder))["tuned"]
    assert view.losses("MHA", "tune", everything=True).shape == (2, 7) and view.losses("MHA", "tune").shape == (2, 6)
    assert found["sweep"]["tokens"]["tune"]["documents left out"] == 1


def test_the_markdown_has_every_table(finished, tmp_path):
    text = (report.build(finished.folder, tmp_path) / "report.md").read_text()
    for title in ("Hypotheses", "Each arm at its own learning rate", "After fewer steps", "Learning rates", "Speed"):
        assert f"## {title}" in text
    assert "## Recall" not in text  # an experiment that was not run
    assert "Without runs of two seeds at least: H1, H3a, H3b, H4, H5." in text
    assert "None." in text.split("## Failed and diverged runs")[1]


def test_failed_and_diverged_runs_are_listed(finished, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(finished.folder, copy)
    every = EXPERIMENTS["equal-cache"].jobs(finished)[0]
    for job in every[-2:]:
        (job.folder(copy) / run.RESULT).unlink()
    failing, diverging = every[-2:]
    for number in range(3):
        run.note_failure(failing, copy, MemoryError(f"no room {number}"))
    costs = {"costs": {"parameters": 1}}
    run.write_json(diverging.folder(copy) / run.RESULT, diverging.describe() | costs | {"diverged": "the loss is nan"})
    text = (report.build(copy) / "report.md").read_text()
    assert "failed 3 times, last MemoryError: no room 2" in text and "the loss is nan" in text


def test_no_learning_rate_is_best_where_all_diverge(finished, tmp_path):
    results.keep(finished.folder, tmp_path / "kept")
    for job in EXPERIMENTS["learning-rates"].jobs(finished)[0]:
        if job.labels.arm == "GQA2":
            run.write_json(job.folder(tmp_path / "kept") / run.RESULT, job.describe() | {"diverged": "the loss is nan"})
    folder = report.build(tmp_path / "kept")
    rows = {row["arm"]: row for row in json.loads((folder / "report.json").read_text())["learning rates"]}
    assert rows["GQA2"]["best"] is None and rows["MHA"]["best"] is not None
    (line,) = [line for line in (folder / "report.md").read_text().splitlines() if line.startswith("| GQA2 | diverged")]
    assert line.endswith("| none |")


def test_a_rate_is_open_while_the_best_lies_at_an_edge(finished, tmp_path):
    """As in the sweep, which would try the next rate beyond it: that run is missing here."""
    results.keep(finished.folder, tmp_path / "kept")
    jobs = [job for job in EXPERIMENTS["learning-rates"].jobs(finished)[0] if job.labels.arm == "GQA2"]
    best = read(tmp_path / "kept").tuned_rate("GQA2")
    for job in jobs:
        if job.labels.rate >= best:
            shutil.rmtree(job.folder(tmp_path / "kept"))
    found = read(tmp_path / "kept")
    assert found.tuned_rate("GQA2") is None and found.tuned_rate("MHA") is not None
    text = (report.build(tmp_path / "kept") / "report.md").read_text()
    assert any(line.startswith("| GQA2 |") and line.endswith("| open |") for line in text.splitlines())


def test_files_that_a_loss_of_power_emptied_are_as_if_they_were_not_there(finished, tiny, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(finished.folder, copy)
    job = EXPERIMENTS["equal-cache"].jobs(finished)[0][-1]
    (job.folder(copy) / run.RESULT).unlink()
    (job.folder(copy) / run.FAILURE).touch()
    assert read(copy).failed == () and results.keep(copy, tmp_path / "kept") > 0
    (copy / "sweep.json").write_bytes(b"")
    tiny.new_sweep(copy)
    assert read(copy).settings == read(finished.folder).settings


def test_results_of_another_version_or_of_another_arm_are_not_mixed_in(finished, tmp_path):
    results.keep(finished.folder, tmp_path / "kept")
    before = files(report.build(tmp_path / "kept", tmp_path / "before"))
    own = EXPERIMENTS["equal-cache"].jobs(finished)[0][-1]
    twin = json.loads((own.folder(tmp_path / "kept") / run.RESULT).read_text())
    other = tmp_path / "kept" / "runs" / "another"
    shutil.copytree(own.folder(tmp_path / "kept"), other)
    twin["identity"]["version"] = 0
    run.write_json(other / run.RESULT, twin)
    assert files(report.build(tmp_path / "kept", tmp_path / "after")) == before
    twin["identity"]["version"] = 1
    run.write_json(other / run.RESULT, twin)
    with pytest.raises(ValueError, match=r"two are Labels\(arm='GQA2', seed=2.*: remove .*another"):
        report.build(tmp_path / "kept")


def test_a_folder_without_a_sweep_is_refused(tmp_path):
    with pytest.raises(ValueError, match="folder must hold a sweep, got .*, where sweep.json is missing"):
        report.build(tmp_path)


@pytest.mark.parametrize(
    "interval, close, better",
    [
        ((-0.01, 0.01), "holds", "undecided"),
        ((-0.05, -0.03), "fails", "holds"),
        ((-0.05, -0.01), "undecided", "holds"),
        ((0.0, 0.01), "holds", "fails"),
        ((0.02, 0.05), "fails", "fails"),
        ((0.01, 0.02), "undecided", "fails"),
    ],
)
def test_outcomes(interval, close, better):
    for region, wanted in ((CLOSE, close), (BETTER, better)):
        assert Statement("H", "", region).outcome(Interval(*interval)) == wanted


def test_the_best_arm_is_chosen_on_the_tune_split_among_absorbable_ones():
    class Losses(View):
        def losses(self, arm, split="test", everything=False):
            assert split == "tune"
            return np.full((2, 3), {"MHA": 1.0, "MLA-16": 2.0, "MLA-4": 3.0}[arm])

    assert resolved(BEST, Losses({"MHA": [], "MLA-4": [], "MLA-16": []})) == "MLA-16"
    assert resolved("MLA-64", Losses({"MHA": []})) is None and resolved(BEST, Losses({"MHA": []})) is None


def test_the_hypotheses_are_the_registered_ones():
    regions = {each.name: tuple(each.region) for each in HYPOTHESES}
    positions = {each.name: (each.first, each.second, tuple(each.region)) for each in OF_POSITIONS}
    inf = float("inf")
    assert regions == {
        "H1": (-0.02, 0.02),
        "H2": (-inf, 0),
        "H3a": (-0.02, 0.02),
        "H3b": (0.1, inf),
        "H4": (-inf, 0),
        "H5": (-0.02, inf),
    }
    assert positions == {
        "P1": ("NoPE latent, sinusoids", "NoPE latent", (-inf, -0.1)),
        "P2": ("ALiBi on latents", "NoPE latent", (-inf, -0.1)),
        "P3": ("NoPE latent, sinusoids", "MLA-16", (-inf, 0.02)),
        "P4": ("ALiBi on latents", "MLA-16", (-inf, 0.02)),
        "P5": ("partly rotary 32", "partly rotary 16", (-inf, 0)),
        "P6": ("MLA-32", "MLA-16", (-inf, 0)),
    }
    assert {each.name: (each.arm, each.times, tuple(each.region)) for each in OF_LENGTH} == {
        "L1": ("ALiBi on latents", 2, (-inf, 0)),
        "L2": ("ALiBi on latents", 4, (-inf, 0.02)),
        "L3": ("NoPE latent, sinusoids", 2, (0.1, inf)),
        "L4": ("rotary latent", 2, (0.02, inf)),
        "L5": ("MLA-16", 2, (0.02, inf)),
        "L6": ("NoPE latent", 2, (-inf, 0.02)),
    }


def test_what_it_would_take():
    """Documents of standard deviation 0.1 alone: 96 of them give a half width of 0.02, four times as many 0.01."""
    interval = Interval(-1, 1)
    found = Estimate(0.0, 0.01, 95, interval, interval, Components(0.0, 0.1**2, 0.0), seeds=3, documents=96)
    said = tables.needed(found)
    assert said["floor of the half width"] == pytest.approx(0.02, abs=1e-4)
    assert said["times as many documents"] == pytest.approx(4, abs=0.01) and said["seeds"] is None
    assert said["in words"] == "at least 4.0 times the documents"
    many = Estimate(0.0, 0.1, 2, interval, interval, Components(0.2**2, 0.0, 0.0), seeds=3, documents=96)
    assert tables.needed(many)["in words"] == "more than 1,000 seeds"


def test_rounded_values_are_ready_for_json():
    said = tables.rounded({"a": [1 / 3, float("-inf")], "b": (-1e-9, 2, "text"), "c": None})
    assert said == {"a": [0.333333, "-inf"], "b": [0.0, 2, "text"], "c": None}
    assert str(said["b"][0]) == "0.0"
    assert tables.rounded({"rate": 1.5e-3 / 8, "rates": [7.5e-4 / 8]}) == {"rate": 1.5e-3 / 8, "rates": [7.5e-4 / 8]}
