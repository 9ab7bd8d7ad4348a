"""Time limits come from course_lib.limits: tests and tools have no numbers of their own."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from course_lib.limits import NOTEBOOK

ROOT = Path(__file__).resolve().parents[1]
# A number of seconds or milliseconds that is handed to something which waits.
NUMBER = re.compile(r"(?:timeout\w*=|default_timeout\(|for_timeout\(|\.wait\(|eventually\(.*, )\s*[\d_.]+\s*[),]")


def sources() -> list[Path]:
    folders = ("tests", "tools", "course_lib/bench")
    return [ROOT / "course_lib" / "doctor.py", *(path for name in folders for path in (ROOT / name).rglob("*.py"))]


def test_no_limit_is_a_number_of_its_own():
    lines = ((path, line) for path in sources() for line in path.read_text(encoding="utf-8").splitlines())
    assert [f"{path.name}: {line.strip()}" for path, line in lines if NUMBER.search(line)] == []


def test_makefile_leaves_the_limits_to_the_tests():
    assert "timeout" not in (ROOT / "Makefile").read_text(encoding="utf-8")


HANGING = """
import time

def test_before(): pass
def test_that_hangs(): time.sleep(1_000_000)
def test_behind(): pass
"""


def test_a_test_that_hangs_is_named_and_the_others_run(tmp_path):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert settings.pop("faulthandler_timeout") > NOTEBOOK and settings["faulthandler_exit_on_timeout"]
    (tmp_path / "test_hanging.py").write_text(HANGING)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfaulthandler_exit_on_timeout = true\nfaulthandler_timeout = 6\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:nbval", "-p", "no:cacheprovider", "-n", "1", str(tmp_path)]
    shown = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    assert "crashed while running 'test_hanging.py::test_that_hangs'" in shown, shown
    assert "in test_that_hangs" in shown and "1 failed, 2 passed" in shown
