"""The package as a whole: what its import costs, and names that mean one thing."""

import subprocess
import sys
from pathlib import Path

import course_lib.randomised as package

MODULES = {path.stem for path in Path(package.__file__).parent.glob("*.py")} - {"__init__"}


def test_importing_it_does_not_import_torch():
    code = "import sys, course_lib.randomised; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_function_hides_a_module_and_the_map_names_all_modules():
    assert MODULES.isdisjoint(package.__all__)
    missing = {name for name in MODULES if f"`{name}`" not in package.__doc__}
    assert missing == {"checks"}
