""".ci/run with a make that only says what it was asked for: which stages run, and what stands at the end."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAKE = """#!/bin/sh
case "$*" in
  "-s stages") echo lint unit browser ;;
  *$FAILING*) echo "1 failed in 2 s"; exit 2 ;;
  *) echo "$*"; echo "3 passed in 1 s" ;;
esac
"""

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is missing")


def run(folder: Path, failing: str) -> subprocess.CompletedProcess:
    commands = {".ci/run": (ROOT / ".ci" / "run").read_text(), "bin/make": MAKE}
    commands |= dict.fromkeys(("bin/chromium", "bin/python3"), "#!/bin/sh\n")
    for name, text in commands.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    surroundings = {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "FAILING": failing}
    return subprocess.run(["bash", folder / ".ci" / "run"], env=surroundings, capture_output=True, text=True)


def test_each_stage_runs_and_the_end_says_how_long_each_took(tmp_path):
    shown = run(tmp_path, failing="nothing")
    *_, took, closing = shown.stdout.splitlines()
    assert shown.returncode == 0, shown.stderr
    asked = ["install-test", "-o install-test lint", "-o install-test unit", "-o install-test browser"]
    assert [line for line in shown.stdout.splitlines() if "install-test" in line] == asked
    assert re.sub(r"\d+", "N", took) == "Took system N s, install N s, lint N s, unit N s, browser N s."
    assert closing == "3 passed in 1 s"


def test_a_stage_that_fails_ends_it_and_the_times_up_to_there_are_said(tmp_path):
    shown = run(tmp_path, failing="unit")
    *_, took, closing = shown.stdout.splitlines()
    assert shown.returncode == 2
    assert re.sub(r"\d+", "N", took) == "Took system N s, install N s, lint N s, unit N s."
    assert closing == "1 failed in 2 s" and "browser" not in shown.stdout
