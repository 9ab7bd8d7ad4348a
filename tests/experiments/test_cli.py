"""The commands `python -m course_lib experiment ...`."""

import contextlib
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from course_lib import cli
from course_lib.experiments import data, training
from course_lib.limits import ANSWER
from course_lib.packages import install_command
from course_lib.training import DivergedError

runner = CliRunner()
# What Python prints of a signal that comes while it collects garbage.
IGNORED = r"Exception ignored in: .*\nTraceback .*\n(?: .*\n)*KeyboardInterrupt.*\n"


def said(*arguments: str, code: int = 0) -> str:
    """What a command prints; lines are joined."""
    shown = runner.invoke(cli.app, ["experiment", *map(str, arguments)])
    assert shown.exit_code == code, shown.output
    return " ".join(shown.output.split())


def test_a_smoke_sweep_with_dask_then_without_and_its_report(tmp_path):
    """The learning rates are found by two processes, the rest in this one; nothing is done twice."""
    command = [sys.executable, "-m", "course_lib", "experiment", "learning-rates", "--preset", "smoke"]
    shown = subprocess.run([*command, "--folder", tmp_path / "smoke"], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    lines = [line for line in shown.stdout.splitlines() if line.startswith("done")]
    assert len(lines) >= 4 and len(set(lines)) == len(lines)
    rest = said("equal-cache", "--preset", "smoke", "--folder", tmp_path / "smoke", "--sequential")
    assert rest.count("done") == 4 and "seed 1000" not in rest
    assert "jobs have a result, 0 failed. Tables and pictures: python -m course_lib experiment report" in rest
    assert said("report", tmp_path / "smoke").endswith("report.md")
    found = json.loads((tmp_path / "smoke" / "report" / "report.json").read_text())
    assert [row["arm"] for row in found["tuned"]["arms"]] == ["MHA", "GQA2"]
    again = said("equal-cache", "--preset", "smoke", "--folder", tmp_path / "smoke", "--sequential")
    assert again.startswith(f"{len(lines) + 4} jobs have a result")


def test_tokens_made_beforehand_take_the_place_of_the_corpus(tmp_path, monkeypatch):
    file = tmp_path / "tokens"
    assert data_digest(said("tokens", file, "--preset", "smoke")) == data.read(file).digest
    monkeypatch.setattr("course_lib.experiments.documents.load", None)
    arguments = ["learning-rates", "--preset", "smoke", "--sequential", "--tokens", file, "--steps", "30"]
    assert "seed 1000, rate 0.006, 10 steps" in said(*arguments, "--tuning-steps", "10", "--folder", tmp_path / "sweep")
    settings = json.loads((tmp_path / "sweep" / "sweep.json").read_text())
    assert settings["preset"]["steps"] == 30 and settings["preset"]["tuning_steps"] == 10
    assert settings["tokens"]["digest"] == data.read(file).digest
    other = ["equal-cache", "--sequential", "--tokens", file, "--folder", tmp_path / "other"]
    wanted = "tokens must be of docs with 2,048 kinds of tokens for preset cpu, got docs with 300 kinds of tokens"
    assert wanted in said(*other, "--preset", "cpu", code=1)
    assert "got docs with 300" in said(*other, "--preset", "smoke", "--corpus", "code", code=1)
    assert not (tmp_path / "other").exists()


def hear_ctrl_c():
    """A shell makes what it starts in the background ignore Ctrl-C, and processes hand that down."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="this system has no process groups")
def test_ctrl_c_stops_a_sweep_with_one_line(tmp_path):
    """A terminal sends the signal to all processes. The sweep would take hours, so the signal always comes in time."""
    command = [sys.executable, "-m", "course_lib", "experiment", "equal-cache", "--preset", "smoke", "--workers", "1"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    command += ["--steps", "1000000", "--folder", tmp_path]
    with subprocess.Popen(command, **pipes, preexec_fn=hear_ctrl_c) as sweep:
        first = sweep.stdout.readline()
        said = None
        while said is None:  # where it comes while Python collects garbage, Python drops what a signal raises
            os.killpg(sweep.pid, signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                _, said = sweep.communicate(timeout=ANSWER)
    assert first.startswith("done") and sweep.returncode == 130
    said = re.sub(IGNORED, "", said)
    assert "Stopped. The same command goes on" in said and "Traceback" not in said


def test_arms_that_were_not_trained_are_named(tmp_path, monkeypatch):
    def diverging(*arguments):
        raise DivergedError("at step 3 the loss is nan")

    monkeypatch.setattr(training, "train", diverging)
    shown = said("equal-cache", "--preset", "smoke", "--sequential", "--folder", tmp_path)
    assert "Not trained: MHA, GQA2. Reason: none of the learning rates tried has a finite loss." in shown
    assert "4 jobs have a result, 0 failed" in shown


def test_steps_of_recall_are_not_those_of_text(tmp_path, monkeypatch):
    presets = []
    monkeypatch.setattr(
        "course_lib.experiments.cli.carry_out", lambda name, sweep, executor: presets.append(sweep.preset)
    )
    for name in ("recall", "equal-cache"):
        said(name, "--preset", "smoke", "--sequential", "--steps", "7", "--folder", tmp_path / name)
    assert [(each.recall_steps, each.steps) for each in presets] == [(7, 60), (40, 7)]


def data_digest(line: str) -> str:
    return line.rpartition("digest ")[2]


@pytest.mark.parametrize(
    "arguments, wanted",
    [
        (("equal-cache", "--preset", "huge"), "preset must be one of cpu, gpu, smoke, got 'huge'"),
        (("equal-cache", "--preset", "smoke", "--corpus", "news"), "name must be one of docs, code"),
        (("report", "."), "folder must hold a sweep"),
        (("equal-cache", "--tokens", "missing", "--sequential"), "missing"),
        (("equal-cache", "--scheduler", "tcp://127.0.0.1:1"), "--scheduler must not be given with --sequential"),
        (("recall", "--tuning-steps", "3"), "--tuning-steps must not be given with recall"),
    ],
)
def test_errors_are_one_line(arguments, wanted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = said(*arguments, *(("--sequential",) if arguments[0] != "report" else ()), code=1)
    assert shown.startswith("Error: ") and wanted in shown


@pytest.mark.parametrize("missing, advice", [("distributed", "or add --sequential"), ("pyarrow", "Run: ")])
def test_missing_packages_are_named(missing, advice, monkeypatch, tmp_path):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find(name))
    shown = said("equal-cache", "--folder", tmp_path, code=1)
    assert f"experiments need {missing}." in shown and advice in shown
    assert install_command("experiments") in shown
    assert list(tmp_path.iterdir()) == []


def test_help_names_the_experiments_and_that_rates_are_tuned_first():
    assert "equal-cache" in said("--help") and "learning-rates" in said("--help")
    assert "are tuned first" in said("--help")


def test_the_speed_of_each_arm():
    shown = said("speed", "--preset", "smoke")
    assert "MHA 73,184" in shown and "GQA2 73,184" in shown and "MLA" not in shown
    assert "arm must be one of" in said("speed", "--preset", "smoke", "--arm", "MLA-17", code=1)
