"""Find Chromium or Chrome on this machine, and start it without a window."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from course_lib import limits
from course_lib.packages import install_command

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Google/Chrome/Application/chrome.exe",
)
MISSING = f"no Chromium found (looked for $CHROMIUM, {', '.join(COMMANDS)}, and Chrome where macOS and Windows keep it)"
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def find_chromium() -> str | None:
    """Path of an installed Chromium or Chrome, or None. If the environment variable CHROMIUM is set, only it counts."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    return next(filter(None, map(shutil.which, COMMANDS)), next((p for p in PLACES if Path(p).exists()), None))


@contextmanager
def running_chromium() -> Iterator:
    """A browser of Playwright for the `with` block. Raises LookupError without Playwright or without a browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise LookupError(f"Playwright is not installed; `{install_command('test')}` brings it") from error
    path = find_chromium()
    if path is None:
        raise LookupError(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS, timeout=1000 * limits.START)
        yield browser
        browser.close()


@contextmanager
def new_page(browser, **options) -> Iterator:
    """A new page for the `with` block, apart from all others; `options` are those of Playwright's `new_context`."""
    context = browser.new_context(**options)
    context.set_default_timeout(1000 * limits.ANSWER)
    try:
        yield context.new_page()
    finally:
        context.close()
