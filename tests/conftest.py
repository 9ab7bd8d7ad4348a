"""Settings of all tests, and Chromium for those that drive a browser."""

import os
import shutil
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("MPLBACKEND", "agg")

# The same examples at each run, and no limit on the time of one: a loaded machine fails nothing.
hypothesis.settings.register_profile("course", deadline=None, derandomize=True)
hypothesis.settings.load_profile("course")

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Google/Chrome/Application/chrome.exe",
)
MISSING = "no Chromium found (looked for $CHROMIUM, {}, and Chrome where macOS and Windows keep it)"


def find_chromium() -> str | None:
    """Path of an installed Chromium or Chrome; the environment variable CHROMIUM goes first."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    return next(filter(None, map(shutil.which, COMMANDS)), next((p for p in PLACES if Path(p).exists()), None))


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path for Playwright's `executable_path`."""
    path = find_chromium()
    if path is None:
        pytest.skip(MISSING.format(", ".join(COMMANDS)))
    return path


def pytest_collection_modifyitems(config, items):
    chosen = [item for item in items if "tests/browser/" in item.path.as_posix() or item.get_closest_marker("browser")]
    if not chosen or find_chromium():
        return
    reason = MISSING.format(", ".join(COMMANDS))
    if os.environ.get("REQUIRE_BROWSER") == "1":
        raise pytest.UsageError(f"REQUIRE_BROWSER=1, but {reason}")
    for item in chosen:
        item.add_marker(pytest.mark.skip(reason=reason))
    config.left_out = f"{len(chosen)} browser tests LEFT OUT: {reason}"


def pytest_terminal_summary(terminalreporter, config):
    left_out = getattr(config, "left_out", None)
    if left_out:
        terminalreporter.write_line(left_out, yellow=True)
