"""Settings of all tests, and Chromium for those that drive a browser."""

import os

import hypothesis
import pytest

from course_lib.bench.browser import MISSING, find_chromium

os.environ.setdefault("MPLBACKEND", "agg")

# The same examples at each run, and no limit on the time of one: a loaded machine fails nothing.
hypothesis.settings.register_profile("course", deadline=None, derandomize=True)
hypothesis.settings.load_profile("course")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path for Playwright's `executable_path`."""
    path = find_chromium()
    if path is None:
        pytest.skip(MISSING)
    return path


def pytest_collection_modifyitems(config, items):
    chosen = [item for item in items if "tests/browser/" in item.path.as_posix() or item.get_closest_marker("browser")]
    if not chosen or find_chromium():
        return
    if os.environ.get("REQUIRE_BROWSER") == "1":
        raise pytest.UsageError(f"REQUIRE_BROWSER=1, but {MISSING}")
    for item in chosen:
        item.add_marker(pytest.mark.skip(reason=MISSING))
    config.left_out = f"{len(chosen)} browser tests LEFT OUT: {MISSING}"


def pytest_terminal_summary(terminalreporter, config):
    left_out = getattr(config, "left_out", None)
    if left_out:
        terminalreporter.write_line(left_out, yellow=True)
