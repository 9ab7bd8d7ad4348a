"""The command line."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from course_lib import cli, doctor
from course_lib.doctor import Finding

runner = CliRunner()


def python(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True)


def test_alone_it_shows_what_there_is():
    shown = python("-m", "course_lib")
    assert shown.returncode == 0
    assert "doctor" in shown.stdout and "make lab" in shown.stdout


def test_help_loads_neither_torch_nor_widgets():
    code = "import sys, course_lib.cli; print([m for m in ('torch', 'ipywidgets', 'numpy') if m in sys.modules])"
    assert python("-c", code).stdout.strip() == "[]"


def test_an_unknown_command_is_refused():
    assert runner.invoke(cli.app, ["docter"]).exit_code == 2


def test_doctor_on_this_machine():
    answer = python("-m", "course_lib", "doctor", "--json")
    report = json.loads(answer.stdout)
    assert [row["check"] for row in report["findings"]] == list(doctor.CHECKS)
    assert answer.returncode == (0 if report["healthy"] else 1)
    assert report["healthy"], report
    assert all(row["advice"] for row in report["findings"] if row["status"] != "ok")


@pytest.mark.parametrize("status, code", [("ok", 0), ("note", 0), ("fail", 1)])
def test_exit_code_says_whether_the_course_can_run(monkeypatch, status, code):
    monkeypatch.setattr(doctor, "examine", lambda: [Finding("Disk", status, "found [this]", "do that")])
    shown = runner.invoke(cli.app, ["doctor"])
    assert shown.exit_code == code
    assert "found [this]" in shown.stdout and "do that" in shown.stdout
    report = json.loads(runner.invoke(cli.app, ["doctor", "--json"]).stdout)
    assert report == {
        "healthy": code == 0,
        "findings": [{"check": "Disk", "status": status, "found": "found [this]", "advice": "do that"}],
    }
