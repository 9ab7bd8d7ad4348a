"""Time limits come from course_lib.limits: tests and tools have no numbers of their own."""

import re
from pathlib import Path

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
