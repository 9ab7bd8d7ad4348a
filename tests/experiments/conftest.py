"""The tiny sweep of `tiny.py`, and one that is finished, which tests read and copy but never change."""

import importlib.util
import sys
from pathlib import Path

import pytest

from course_lib.experiments.catalogue import EXPERIMENTS
from course_lib.experiments.display import Display
from course_lib.experiments.scheduler import Sequential, settle


@pytest.fixture(scope="session")
def tiny():
    """The module tiny.py, which the script that is killed imports too."""
    spec = importlib.util.spec_from_file_location("tiny", Path(__file__).with_name("tiny.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["tiny"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def finished(tiny, tmp_path_factory):
    """A tiny sweep with all jobs of these experiments."""
    sweep = tiny.new_sweep(tmp_path_factory.mktemp("finished"))
    for name in ("equal-cache", "equal-widths", "fewer-steps", "copying", "extrapolation"):
        with Sequential() as executor, Display(sweep.folder) as display:
            settle(EXPERIMENTS[name], sweep, executor, display)
    return sweep
