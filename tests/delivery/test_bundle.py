"""The offline bundle installs and runs where there is no network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A network of its own, in which only this machine answers; notebooks need that for their kernels.
ALONE = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "alone"]


# Whoever runs the tests may have a PYTHONPATH, which leads to another course.
SURROUNDINGS = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"COURSE_PROGRESS": "off"}


def run(*command, **options) -> subprocess.CompletedProcess:
    return subprocess.run(command, env=SURROUNDINGS, capture_output=True, text=True, **options)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The bundle, moved into a folder whose name holds a space and an umlaut."""
    folder = tmp_path_factory.mktemp("bundle")
    made = run(sys.executable, ROOT / "tools" / "bundle.py", folder / "made")
    assert made.returncode == 0, made.stdout + made.stderr
    return (folder / "made").rename(folder / "a bündle")


@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's")
def test_it_installs_and_runs_without_network(bundle):
    assert not [path for path in (".git", ".venv", "build") if (bundle / path).exists()]
    assert run(*ALONE, "true").returncode == 0, "unshare and iproute2 are needed"
    installed = run(*ALONE, sys.executable, "-I", "tools/install.py", "lab", cwd=bundle)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    python = bundle / ".venv" / "bin" / "python"
    doctor = run(*ALONE, python, "-m", "course_lib", "doctor", cwd=bundle)
    assert "The course can run here." in doctor.stdout, doctor.stdout
    notebook = ["jupyter", "nbconvert", "--to", "notebook", "--execute", "--stdout", "notebooks/00_start_here.ipynb"]
    executed = run(*ALONE, python, "-m", *notebook, cwd=bundle)
    assert executed.returncode == 0, executed.stderr


def test_a_folder_that_is_no_bundle_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    refused = run(sys.executable, ROOT / "tools" / "bundle.py", tmp_path)
    assert refused.returncode == 1 and "is no bundle: name another folder" in refused.stderr
    assert (tmp_path / "thesis.tex").read_text() == "mine"


@pytest.fixture
def copy(tmp_path):
    """The tools alone, as in a folder that holds no clone."""
    shutil.copytree(ROOT / "tools", tmp_path / "copy" / "tools")
    return tmp_path / "copy"


def refusal(copy: Path, **variables) -> str:
    """What the tool of a copy says before it has fetched or made anything."""
    command = [sys.executable, copy / "tools" / "bundle.py"]
    refused = subprocess.run(command, env=SURROUNDINGS | variables, capture_output=True, text=True)
    assert refused.returncode == 1 and "Traceback" not in refused.stderr and not (copy / "build").exists()
    return refused.stderr


def test_outside_of_a_clone_it_says_what_is_needed(copy):
    assert "in a clone of the course" in refusal(copy)
    run("git", "init", copy.parent)
    assert "in a clone of the course" in refusal(copy)


def test_without_git_it_says_so(copy):
    assert "needs git" in refusal(copy, PATH="")


def test_a_file_of_the_course_that_was_deleted_is_named(copy):
    run("git", "init", copy)
    (copy / "README.md").touch()
    run("git", "-C", copy, "add", "README.md")
    (copy / "README.md").unlink()
    assert "README.md is not there" in refusal(copy)
