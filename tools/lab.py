"""Open the course in JupyterLab; options are handed to JupyterLab: python tools/lab.py [OPTION ...]."""

import os
import sys
from pathlib import Path

from course_lib.doctor import check_home

ROOT = Path(__file__).resolve().parent.parent
START = "notebooks/00_start_here.ipynb"
FOLDER = ("--ServerApp.root_dir", "--notebook-dir")  # names of one option
# Names of an option, and its value here unless one of them is given: JupyterLab refuses a second value. In another
# folder there is no such notebook.
DEFAULTS = {
    ("--ServerApp.ip", "--ip"): "127.0.0.1",
    FOLDER: ROOT,
    ("--LabApp.default_url", *FOLDER): f"/lab/tree/{START}",
}
# For kernels. A thread that waits for another one sleeps: by default it asks again and again, and where the machine has
# other work to do, even a second notebook, a product of small matrices then takes up to a hundred times as long.
# A process on Linux keeps the memory of arrays up to 256 MB, in place of asking for it page by page each time.
KERNELS = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "OPENBLAS_THREAD_TIMEOUT": "4",
    "MALLOC_MMAP_THRESHOLD_": "268435456",
    "MALLOC_TRIM_THRESHOLD_": "268435456",
}


def leads_elsewhere(option: str) -> bool:
    """Whether an argument is a folder, or a file outside of the course: JupyterLab takes its folder from it."""
    outside = not Path(option).resolve().is_relative_to(ROOT)
    return os.path.isdir(option) or (os.path.isfile(option) and outside)


def arguments(options: list[str]) -> list[str]:
    as_root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    given = {option.partition("=")[0] for option in options}
    if any(map(leads_elsewhere, options)):
        given.add(FOLDER[0])
    defaults = [f"{names[0]}={value}" for names, value in DEFAULTS.items() if given.isdisjoint(names)]
    return [*as_root, *defaults, *options]


def main(options: list[str]) -> None:
    home = check_home()
    if home.status == "fail":
        sys.exit(f"JupyterLab cannot start: {home.found}. {home.advice}")
    os.environ |= KERNELS | os.environ  # what a user has set stays
    from jupyterlab.labapp import main as lab

    lab(arguments(options))


if __name__ == "__main__":
    main(sys.argv[1:])
