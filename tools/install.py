"""Create .venv and install the course with one of its extras, or do nothing when that stands already.

    python tools/install.py lab                      # what a participant needs
    python tools/install.py test --versions oldest   # what the tests need, at the lowest versions supported

The stamp is written last and a marker stands while pip works, so that an interrupted install is made anew by the next
run. So is one whose Python no longer runs or is another, whose folder has moved, or of which a file is missing.
Runs on the system's Python: standard library only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
MARKER = VENV / "installing"
PLACE = VENV / "place"
HERE = f"{ROOT}\n{sys.version}\n"
EXTRAS = ("lab", "test")  # each holds all of those before it
# PyTorch's own index of CPU builds; without it Linux machines get gigabytes of CUDA packages. Empty: plain pip.
TORCH_INDEX = os.environ.get("TORCH_INDEX", "https://download.pytorch.org/whl/cpu")

# Runs in the venv: prints the first installed file that is missing or has another size than pip recorded.
INTACT = """
import importlib.metadata, os, pip
for dist in importlib.metadata.distributions():
    for file in dist.files or ():
        if file.suffix == ".pyc":
            continue
        try:
            size = os.stat(dist.locate_file(file)).st_size
        except OSError:
            raise SystemExit(f"{file} is missing")
        if file.size is not None and file.size != size:
            raise SystemExit(f"{file} is damaged")
"""


def lowest(requirements: list[str]) -> list[str]:
    """Hold each `name>=version` at that version and its patch releases; what has no lower bound is left out."""
    found = (re.match(r"([\w.-]+)>=([\w.]+)", requirement) for requirement in requirements)
    return [f"{match[1]}=={match[2]}.*" for match in found if match]


def constraints(versions: str) -> list[str]:
    """Lines of a pip constraints file: 'pinned' (constraints.txt), 'oldest' (lower bounds), 'newest' (none)."""
    if versions == "pinned":
        lines = (ROOT / "constraints.txt").read_text().splitlines()
        return [line for line in lines if line and not line.startswith("#")]
    if versions == "newest":
        return []
    import tomllib  # new in Python 3.11: not at the top, so that an older Python hears what it lacks

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return lowest([*project["dependencies"], *sum(project["optional-dependencies"].values(), [])])


def fingerprint(versions: str) -> str:
    """What an installation depends on; it is made anew or brought up to date when this changes."""
    parts = [(ROOT / "pyproject.toml").read_text(), *constraints(versions), versions]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def fault() -> str | None:
    """Why .venv has to be made anew, or None."""
    if not PYTHON.exists():
        return "there is none yet" if not VENV.exists() else "it has no Python"
    if MARKER.exists():
        return "an earlier install was interrupted or failed"
    if PLACE.exists() and PLACE.read_text() != HERE:
        return "the folder has moved, or another Python is asked for"
    try:
        probe = subprocess.run([PYTHON, "-I", "-c", INTACT], capture_output=True, text=True)
    except OSError as error:
        return f"its Python does not run ({error})"
    if probe.returncode:
        return (probe.stderr.strip().splitlines() or ["its Python does not run"])[-1]
    return None


def pip_install(*arguments: str, quiet: bool = True) -> bool:
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", *arguments, *(["-qq"] if quiet else [])]
    return subprocess.run(command, cwd=ROOT).returncode == 0


def install_torch(pins: list[str]) -> None:
    """Install the CPU build on Linux; elsewhere, and when the index cannot be reached, pip's own choice comes later."""
    if sys.platform != "linux" or not TORCH_INDEX:
        return
    requirement = next((pin for pin in pins if pin.startswith("torch==")), "torch")
    options = ["--no-deps", "--index-url", TORCH_INDEX, "--retries", "1", "--timeout", "15"]
    if not pip_install(*options, requirement):
        print(f"No CPU build of {requirement} from {TORCH_INDEX}: taking what pip finds by itself.", flush=True)


def keep_lab_offline() -> None:
    """Turn off JupyterLab's news and its look for updates: a first start asks nothing, and nothing of the network."""
    folder = VENV / "etc" / "jupyter" / "labconfig"
    folder.mkdir(parents=True, exist_ok=True)
    disabled = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (folder / "page_config.json").write_text(json.dumps(disabled))


def install(extra: str, versions: str) -> None:
    pins = constraints(versions)
    MARKER.touch()
    pin_file = VENV / "constraints.txt"
    pin_file.write_text("\n".join(pins) + "\n")
    install_torch(pins)
    request = ["--constraint", str(pin_file), "--editable", f".[{extra}]"]
    # A network may have failed for a moment; the second time pip also says all it knows.
    if not pip_install(*request) and not pip_install(*request, quiet=False):
        sys.exit("The install failed: pip says why above. Run the same command again when that is mended.")
    keep_lab_offline()
    PLACE.write_text(HERE)
    for old in VENV.glob("installed-*"):
        old.unlink()
    MARKER.unlink()
    (VENV / f"installed-{extra}").write_text(fingerprint(versions))


def stands(extra: str, versions: str) -> bool:
    stamps = (VENV / f"installed-{name}" for name in EXTRAS[EXTRAS.index(extra) :])
    return any(stamp.exists() and stamp.read_text() == fingerprint(versions) for stamp in stamps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("extra", choices=EXTRAS)
    parser.add_argument("--versions", choices=("pinned", "oldest", "newest"), default="pinned")
    options = parser.parse_args()
    reason = fault()
    if reason is None and stands(options.extra, options.versions):
        return
    print(
        f"Installing the course ({options.extra}, {options.versions} versions) into .venv: a few minutes.", flush=True
    )
    if reason is not None:
        print(f"Making .venv anew: {reason}.", flush=True)
        venv.EnvBuilder(with_pip=True, clear=True, symlinks=os.name != "nt").create(VENV)
    install(options.extra, options.versions)


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - the reader's Python may be older than what the project asks for
        sys.exit("The course needs Python 3.11 or newer; name one with `make lab PYTHON=python3.12`.")
    try:
        main()
    except subprocess.CalledProcessError:
        sys.exit("Python could not make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv.")
    except KeyboardInterrupt:
        sys.exit("Interrupted; the same command takes it up again.")
