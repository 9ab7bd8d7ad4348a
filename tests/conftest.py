"""Settings of all tests, and Chromium for those that drive a browser."""

import os
import sysconfig
import venv as venvs
import zipfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest

from course_lib import limits
from course_lib.bench.browser import MISSING, find_chromium, new_page, running_chromium

os.environ.setdefault("MPLBACKEND", "agg")
os.environ["COURSE_PROGRESS"] = "off"  # tests pass exercises, which would count as the maintainer's progress

# The same examples at each run, and no time limit for one, so that no test fails on a busy machine.
hypothesis.settings.register_profile("course", deadline=None, derandomize=True)
hypothesis.settings.load_profile("course")


class Venv:
    """A virtual environment without pip that holds what a test puts into it."""

    def __init__(self, folder: Path):
        self.folder = folder
        venvs.create(folder, symlinks=os.name != "nt")
        self.python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        names = {"base": str(folder), "platbase": str(folder)}
        self.packages = Path(sysconfig.get_path("purelib", "venv", names))

    def borrow(self, package: str) -> None:
        """Let this environment import a package of the one in which the tests run."""
        (self.packages / package).symlink_to(Path(sysconfig.get_path("purelib")) / package)

    def add(self, name: str, version: str, requires: Iterable[str] = (), place: Path | None = None) -> Path:
        """Add a package of one module, with metadata as pip writes them; returns the folder of the metadata."""
        place = place or self.packages
        for file, content in distribution(name, version, requires).items():
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            (place / file).write_text(content)
        return place / f"{name.replace('-', '_')}-{version}.dist-info"

    def wheel(self, folder: Path, name: str, requires: Iterable[str] = ()) -> None:
        folder.mkdir(exist_ok=True)
        with zipfile.ZipFile(folder / f"{name.replace('-', '_')}-1.0-py3-none-any.whl", "w") as archive:
            for file, content in distribution(name, "1.0", requires).items():
                archive.writestr(file, content)


def distribution(name: str, version: str, requires: Iterable[str]) -> dict[str, str]:
    """File -> content for a package that is one module with nothing but a comment."""
    module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", "Provides-Extra: more"]
    files = {
        f"{module}.py": "# empty",
        f"{info}/METADATA": "\n".join([*lines, *(f"Requires-Dist: {line}" for line in requires)]) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{file},,{len(content)}\n" for file, content in files.items()]
    return files | {f"{info}/RECORD": "".join(record) + f"{info}/RECORD,,\n"}


@pytest.fixture
def venv(tmp_path) -> Venv:
    """A virtual environment with a parser of requirements, as every environment with pip has one."""
    made = Venv(tmp_path / "venv")
    made.borrow("packaging")
    return made


@pytest.fixture(scope="session")
def library():
    """A function that trains byte-level BPE of the `tokenizers` library on one text, cut into words as GPT-2 does."""
    import tokenizers

    def train(text: str, vocab_size: int) -> tokenizers.Tokenizer:
        tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
        tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=vocab_size, min_frequency=2, initial_alphabet=alphabet, show_progress=False
        )
        tokenizer.train_from_iterator([text], trainer)
        return tokenizer

    return train


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    if hasattr(config.option, "nbval_cell_timeout"):
        config.option.nbval_cell_timeout = limits.NOTEBOOK
        config.option.nbval_kernel_startup_timeout = limits.START


def pytest_collection_modifyitems(items):
    for cell in (item for item in items if hasattr(item, "output_timeout")):  # of nbval, which has no option for it
        cell.output_timeout = limits.ANSWER


@pytest.fixture(scope="session")
def browser():
    """One browser for all tests of a process, because a process can run only one Playwright at a time."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def open_page(browser):
    """A function that opens a page in a fresh context, offline by default. An error in its console fails the test."""
    opened, errors = ExitStack(), []

    def opener(url="about:blank", **options):
        usual = {"offline": True, "viewport": {"width": 1280, "height": 900}}
        page = opened.enter_context(new_page(browser, **usual | options))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        return page

    with opened:
        yield opener
    assert errors == []


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    in_browser = "tests/browser/" in item.path.as_posix() or item.get_closest_marker("browser")
    if not in_browser or find_chromium():
        return
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(f"REQUIRE_BROWSER=1, but {MISSING}", pytrace=False)
    pytest.skip(MISSING)


def pytest_terminal_summary(terminalreporter):
    skipped = [report for report in terminalreporter.stats.get("skipped", ()) if MISSING in str(report.longrepr)]
    if skipped:
        terminalreporter.write_line(f"{len(skipped)} browser tests LEFT OUT: {MISSING}", yellow=True)
