"""Check whether the course can run on this machine: Python, packages, memory, disk and more.

Each check returns a `Finding`. `examine` runs them all and turns exceptions into findings.
"""

import ast
import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import course_lib
from course_lib import container, limits, packages
from course_lib.versions import differs, installed, pins, requirements

GIB = 2**30
MIN_PYTHON = (3, 11)
MEMORY_FAIL, MEMORY_NOTE = 0.5 * GIB, 2 * GIB  # a kernel with torch loaded takes 0.3 GiB before it computes anything
DISK_FAIL, DISK_NOTE = 0.1 * GIB, 1 * GIB  # the corpora are kept in a cache of some 30 MB
REINSTALL = f"Run `{packages.install_command()}` again, in the folder of the course."
FULL = (errno.ENOSPC, errno.EDQUOT)  # the disk, or what an account may have of it
HOME = "Set HOME to a folder that you can write, for instance: mkdir -p /tmp/home && export HOME=/tmp/home"


@dataclass(frozen=True)
class Finding:
    """What one check found, and advice on what to do about it (empty if there is nothing to do)."""

    check: str
    status: Literal["ok", "note", "fail"]  # note: the course runs, but something is worth knowing
    found: str
    advice: str = ""


def check_python() -> Finding:
    """Check the version of Python."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < MIN_PYTHON:  # noqa: UP036 - what this check is for
        return Finding("Python", "fail", version, "Install Python 3.11 or newer, then `make lab PYTHON=python3.11`.")
    return Finding("Python", "ok", f"{version}, {sys.executable}")


def check_packages() -> Finding:
    """Ask this Python, in isolation, which packages it lacks; then compare its packages with those imported here."""
    in_venv = sys.prefix != sys.base_prefix
    # Outside of a virtual environment the packages in the user's folder count too.
    answer = packages.ask(sys.executable, requirements(), flags=packages.ISOLATED if in_venv else ("-E", "-P"))
    faults = answer["lacks"] + ([answer["damage"]] if in_venv and answer["damage"] else [])
    if faults:
        return Finding("Packages", "fail", ", ".join(faults), REINSTALL)
    there, here = answer["modules"], packages.modules(answer["modules"])
    strange = [f"{name} from {here.get(name)}" for name in there if not same(there[name], here.get(name))]
    if strange:
        advice = (
            "Python finds these before the packages of this environment: unset PYTHONPATH, or start in another folder."
        )
        return Finding("Packages", "note", ", ".join(strange), advice)
    pinned, versions = {packages.canonical(name): pin for name, pin in pins().items()}, answer["versions"]
    other = [f"{name} {v} (tested: {pinned[name]})" for name, v in versions.items() if differs(v, pinned.get(name))]
    if other:
        return Finding("Packages", "note", ", ".join(other), "The course runs; some printed numbers may differ.")
    return Finding("Packages", "ok", ", ".join(f"{name} {version}" for name, version in versions.items()))


def same(one: str | None, other: str | None) -> bool:
    """Whether two paths name one file or folder, also through links."""
    return one == other or (one is not None and other is not None and os.path.realpath(one) == os.path.realpath(other))


def check_torch() -> Finding:
    """Check that torch multiplies matrices correctly, with at most as many threads as cores."""
    import torch

    if not torch.equal(torch.eye(3) @ torch.ones(3, 2), torch.ones(3, 2)):
        return Finding("torch", "fail", f"torch {torch.__version__} multiplies matrices wrongly", REINSTALL)
    device = "CPU"
    if torch.cuda.is_available():
        device = f"CPU and {torch.cuda.get_device_name()}"
    elif torch.backends.mps.is_available():
        device = "CPU and Apple GPU"
    threads, cores = torch.get_num_threads(), usable_cores()
    found = f"torch {torch.__version__} on {device}, {threads} threads for {cores} cores"
    if threads > cores:
        return Finding("torch", "note", found, f"Set OMP_NUM_THREADS={cores}: more threads than cores slow it down.")
    return Finding("torch", "ok", found)


def usable_cores() -> int:
    """Cores that this process may use, which in a container can be fewer than the machine has."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, container.cores() or cores)


def check_kernel() -> Finding:
    """Start the kernel that the notebooks name, and ask it where it runs and which course it imports."""
    prefix, python, module = ask_kernel("(sys.prefix, sys.executable, course_lib.__file__)")
    if not same(prefix, sys.prefix):
        return Finding("Kernel", "note", f"python3 runs {python}", f"This is another Python than {sys.executable}.")
    if not same(module, course_lib.__file__):
        return Finding("Kernel", "fail", f"notebooks import {module}, and not {course_lib.__file__}", REINSTALL)
    return Finding("Kernel", "ok", f"python3 runs {python}")


def ask_kernel(expression: str) -> tuple:
    """The value (a literal) of an expression in a new kernel, apart from what startup hooks print there.

    Raises ImportError when the kernel does not find course_lib.
    """
    from jupyter_client.manager import start_new_kernel

    with tempfile.TemporaryDirectory() as folder:  # like notebooks/, it does not hold course_lib
        manager, client = start_new_kernel(
            startup_timeout=limits.START,
            kernel_name="python3",
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            question = {"silent": True, "user_expressions": {"answer": expression}}
            reply = client.execute("import sys, course_lib", **question, reply=True, timeout=limits.START)["content"]
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    if reply["status"] != "ok":
        raise ImportError(f"the kernel python3 does not find course_lib ({reply['evalue']})")
    return ast.literal_eval(reply["user_expressions"]["answer"]["data"]["text/plain"])


def check_widgets() -> Finding:
    """Check that JupyterLab has the extensions that show widgets."""
    from jupyter_core.paths import jupyter_path

    places = [Path(place) for place in jupyter_path("labextensions")]
    wanted = ("@jupyter-widgets/jupyterlab-manager", "anywidget")
    missing = [name for name in wanted if not any((place / name / "package.json").exists() for place in places)]
    if missing:
        return Finding("Widgets", "fail", f"JupyterLab has no {' and no '.join(missing)}", REINSTALL)
    return Finding("Widgets", "ok", f"ipywidgets {installed('ipywidgets')}, anywidget {installed('anywidget')}")


def check_memory() -> Finding:
    """Check how much memory is free, within the limits of a container."""
    free, total = container.available()
    advice = "Close other programs or kernels; a notebook needs about 1 GiB."
    return by_amount("Memory", free, (MEMORY_FAIL, MEMORY_NOTE), f"of {total / GIB:.1f} GiB", advice)


def check_home() -> Finding:
    """Check that the home folder can be written: JupyterLab keeps files of its servers and kernels there."""
    if not has_home():
        found = f"there is no home folder: HOME is {os.environ.get('HOME', 'not set')}, and this user has no other"
        return Finding("Home", "fail", found, HOME)
    from jupyter_core.paths import jupyter_runtime_dir

    return refused("Home", [Path(jupyter_runtime_dir())], HOME) or Finding("Home", "ok", os.path.expanduser("~"))


def has_home() -> bool:
    """Whether `~` stands for a folder. It does not if HOME is not set and the system's list of users has no entry."""
    return os.path.isabs(os.path.expanduser("~"))


def cache_folder() -> Path:
    """The folder of the cache of the course. It need not exist yet."""
    from course_lib.text.cache import folder

    return folder()


def check_disk() -> Finding:
    """Check how much space is free where the cache of the course is."""
    free = shutil.disk_usage(nearest_existing(cache_folder())).free
    return by_amount("Disk", free, (DISK_FAIL, DISK_NOTE), f"where {cache_folder()} is", "Free some space there.")


def by_amount(check: str, free: float, bounds: tuple[float, float], where: str, advice: str) -> Finding:
    """A finding on `free` bytes: "fail" below the first bound, "note" below the second, else "ok" without advice."""
    status = "fail" if free < bounds[0] else "note" if free < bounds[1] else "ok"
    return Finding(check, status, f"{free / GIB:.1f} GiB free {where}", "" if status == "ok" else advice)


def nearest_existing(folder: Path) -> Path:
    """The folder itself, or the nearest folder above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def check_writing() -> Finding:
    """Check that the current folder and the cache of the course can be written."""
    folders = [Path.cwd(), cache_folder()]
    found = Finding("Writing", "ok", " and ".join(map(str, folders)))
    return refused("Writing", folders, "Get write access, or work in a copy.") or found


def refused(check: str, folders: list[Path], advice: str) -> Finding | None:
    """A finding on the folders that cannot be written; None if all can. `advice` is for missing write access."""
    errors = {folder: writing_error(nearest_existing(folder)) for folder in folders}
    full = [str(folder) for folder, error in errors.items() if error and error.errno in FULL]
    closed = [str(folder) for folder, error in errors.items() if error]
    if full:
        return Finding(check, "fail", f"the disk is full where {' and '.join(full)} is", "Free some space there.")
    return Finding(check, "fail", f"no write access to {' and '.join(closed)}", advice) if closed else None


def writing_error(folder: Path) -> OSError | None:
    """The error of writing a small file into a folder; None if it succeeds.

    Permission bits say little on network folders and for root. A full disk still takes an empty file.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
            file.flush()
    except OSError as error:
        return error
    return None


CHECKS: dict[str, Callable[[], Finding]] = {
    "Python": check_python,
    "Packages": check_packages,
    "torch": check_torch,
    "Home": check_home,
    "Kernel": check_kernel,
    "Widgets": check_widgets,
    "Memory": check_memory,
    "Disk": check_disk,
    "Writing": check_writing,
}


def examine() -> list[Finding]:
    """Run every check and return the findings, in the order of CHECKS. No check stops the others."""
    return [attempt(name, check) for name, check in CHECKS.items()]


def attempt(name: str, check: Callable[[], Finding]) -> Finding:
    """Run one check. An exception becomes a finding with status "fail" that names it."""
    try:
        return check()
    except Exception as error:  # so that the other checks still run
        homeless = isinstance(error, RuntimeError) and not has_home()  # Path.home raises it, and so do Jupyter's paths
        return Finding(name, "fail", f"{type(error).__name__}: {error}", HOME if homeless else REINSTALL)
