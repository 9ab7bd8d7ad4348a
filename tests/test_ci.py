""".ci/run with a make that only names stages: what it asks for, and what stands at the end of its output."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAKE = """#!/bin/sh
echo "asked for $*, with REQUIRE_BROWSER=$REQUIRE_BROWSER"
[ "$*" = test ] && stages="install lint unit browser" || stages="install slides site test-delivery"
for stage in $stages; do
  echo "== $stage"
  echo "3 passed in 1 s"
  [ $stage = $FAILING ] && { echo "$stage failed" >&$OUTPUT; echo "make: *** [$stage] Error 2" >&2; exit 2; }
done
printf "no line after this one"
"""

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is missing")


def run(folder: Path, failing: str, output: int = 1) -> subprocess.CompletedProcess:
    commands = {".ci/run": (ROOT / ".ci" / "run").read_text(), "bin/make": MAKE}
    present = ("chromium", "chromium-headless-shell", "node", "npm", "python3")
    commands |= dict.fromkeys((f"bin/{name}" for name in present), "#!/bin/sh\n")
    for name, text in commands.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    surroundings = os.environ | {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    surroundings |= {"FAILING": failing, "OUTPUT": str(output)}
    return subprocess.run(["bash", folder / ".ci" / "run"], env=surroundings, capture_output=True, text=True)


def test_the_end_says_how_long_each_stage_took_and_repeats_the_closing_line(tmp_path):
    shown = run(tmp_path, failing="nothing")
    *lines, took, closing = shown.stdout.splitlines()
    assert shown.returncode == 0, shown.stderr
    asked = [line for line in lines if line.startswith("asked for")]
    assert asked == [f"asked for {name}, with REQUIRE_BROWSER=1" for name in ("test", "test-delivery")]
    stages = "install N s, lint N s, unit N s, browser N s, install N s, slides N s, site N s, test-delivery N s"
    assert re.sub(r"\d+", "N", took) == f"Took {stages}."
    assert closing == "no line after this one"


@pytest.mark.parametrize("output", [1, 2])
def test_a_stage_that_fails_ends_it_and_the_times_up_to_there_are_said(tmp_path, output):
    shown = run(tmp_path, "unit", output)
    *_, took, closing = shown.stdout.splitlines()
    assert shown.returncode == 2
    assert re.sub(r"\d+", "N", took) == "Took install N s, lint N s, unit N s."
    assert closing == "unit failed" and "browser" not in shown.stdout.replace("REQUIRE_BROWSER", "")


STAGES = {
    "test": ["install", "lint", "unit", "bad-input", "browser", "check-notebooks"],
    "test-delivery": ["install", "slides", "site", "test-delivery"],
}


@pytest.mark.parametrize("target", STAGES)
def test_every_stage_says_that_it_begins(target):
    plain = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}  # `make test VERSIONS=oldest`
    command = ["make", "-n", target, "VERSIONS=pinned"]
    shown = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, check=True).stdout
    assert re.findall(r'^echo "== ([\w-]+)"$', shown, re.MULTILINE) == STAGES[target]
