"""The command line, and the doctor's findings on machines that lack something."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from course_lib import cli, doctor, versions
from course_lib.doctor import GIB, Finding

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


def test_release_compares_numbers_and_not_text():
    assert versions.release("2.13.0+cpu") == versions.release("2.13") == (2, 13)
    assert versions.release("2.9") < versions.release("2.10") and versions.release("3.0rc1") == (3,)


def test_requirements_are_those_of_the_course_and_its_lab():
    wanted = versions.requirements()
    assert {"numpy", "torch", "jupyterlab"} <= set(wanted) and "ruff" not in wanted


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 10, 4))
    finding = doctor.check_python()
    assert (finding.status, finding.found) == ("fail", "3.10.4") and "3.11" in finding.advice


@pytest.mark.parametrize(
    "found, status, words",
    [
        (None, "fail", "missing or too old: numpy"),
        ("1.26.4", "fail", "missing or too old: numpy 1.26.4 (needs 2.0)"),
        ("2.1.0", "note", "numpy 2.1.0 (tested: 2.4.6)"),
        ("2.4.6", "ok", "numpy 2.4.6"),
    ],
)
def test_packages(monkeypatch, found, status, words):
    monkeypatch.setattr(doctor, "requirements", lambda: {"numpy": "2.0"})
    monkeypatch.setattr(doctor, "pins", lambda: {"numpy": "2.4.6"})
    monkeypatch.setattr(doctor, "installed", lambda name: found)
    finding = doctor.check_packages()
    assert (finding.status, finding.found) == (status, words)
    assert bool(finding.advice) == (status != "ok")


def test_more_threads_than_cores(monkeypatch):
    monkeypatch.setattr(doctor, "usable_cores", lambda: 0)
    finding = doctor.check_torch()
    assert finding.status == "note" and "OMP_NUM_THREADS" in finding.advice


def test_a_lab_without_its_widgets(monkeypatch, tmp_path):
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *parts: [str(tmp_path)])
    finding = doctor.check_widgets()
    assert finding.status == "fail" and "jupyterlab-manager and no anywidget" in finding.found


@pytest.mark.parametrize("gib, status", [(0.2, "fail"), (1.0, "note"), (7.0, "ok")])
def test_memory(monkeypatch, tmp_path, gib, status):
    machine = SimpleNamespace(available=gib * GIB, total=16 * GIB)
    monkeypatch.setattr("psutil.virtual_memory", lambda: machine)
    monkeypatch.setattr(doctor, "CGROUP_LIMIT", tmp_path / "no such file")
    assert doctor.check_memory().status == status


def test_memory_of_a_container(monkeypatch, tmp_path):
    (tmp_path / "memory.max").write_text(f"{2 * GIB}\n")
    (tmp_path / "memory.current").write_text(f"{int(1.75 * GIB)}\n")
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=30 * GIB, total=64 * GIB))
    monkeypatch.setattr(doctor, "CGROUP_LIMIT", tmp_path / "memory.max")
    finding = doctor.check_memory()
    assert (finding.status, finding.found) == ("fail", "0.2 GiB free of 2.0 GiB")


def test_a_full_disk(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: SimpleNamespace(free=0.01 * GIB))
    assert doctor.check_disk().status == "fail"


def test_a_folder_that_cannot_be_written(monkeypatch):
    def refuse(**options):
        raise PermissionError("read-only")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    assert doctor.check_writing().status == "fail"


def test_a_check_that_raises_is_a_finding():
    def broken():
        raise ImportError("libgomp.so.1 is missing")

    finding = doctor.attempt("torch", broken)
    assert (finding.status, finding.found) == ("fail", "ImportError: libgomp.so.1 is missing")
    assert finding.advice
