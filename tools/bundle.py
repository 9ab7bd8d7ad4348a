"""Make a copy of the course that installs without network: python tools/bundle.py [FOLDER].

FOLDER (build/bundle/attention) gets the course's files, `wheels/` with all packages of `make lab` for this system and
this Python, and, where they have been built, the site and the decks. There `make lab` needs no network.
"""

import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from install import PYTHON, ROOT, constraints, course, fetch_torch, pip_variables

from course_lib.files import replace_folder

BUILT = {"site": ROOT / "build" / "site", "decks": ROOT / "build" / "slides"}
START = """This folder holds the whole course. It needs Python {python} on {system}, and no network.

    make lab              (Windows: py -3 tools\\install.py lab, then .venv\\Scripts\\python tools\\lab.py)

site/index.html is the course to read in a browser, without Python; decks/ holds the slides.
"""


def tracked() -> list[Path]:
    """The course's own files, relative to its folder: those that git knows. Exits unless all are there."""
    if shutil.which("git") is None:
        sys.exit("A bundle needs git, which says which files belong to the course: install it.")
    shown = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True)
    paths = [Path(name.decode()) for name in shown.stdout.split(b"\0") if name]
    if not paths:  # no clone; or a copy inside of another one, which knows none of the files
        sys.exit("A bundle can be made only in a clone of the course, because git says which files belong to it.")
    if missing := [path for path in paths if not (ROOT / path).exists()]:
        sys.exit(f"{missing[0]} is not there: `git restore {missing[0]}` brings it back, `git rm` removes it for good.")
    return paths


def download(wheels: Path) -> None:
    """Fetch all packages of `make lab`, and what builds the course itself, at the pinned versions."""
    fetch_torch(constraints("pinned"), partial(pip_wheel, wheels))
    packages = [line for line in course("versions").requirements("lab") if not line.startswith("course-lib")]
    pins = ["--constraint", str(ROOT / "constraints.txt")]
    if not pip_wheel(wheels, "--find-links", wheels.as_uri(), *pins, "setuptools", *packages):
        sys.exit("The bundle was not made: pip says why above.")


def pip_wheel(wheels: Path, *arguments: str) -> bool:
    command = [PYTHON, "-I", "-m", "pip", "wheel", "-qq", "--disable-pip-version-check", "--wheel-dir", wheels]
    return subprocess.run([*command, *arguments], env=pip_variables()).returncode == 0


def fill(folder: Path, paths: list[Path]) -> None:
    (folder / "wheels").mkdir(parents=True)
    download(folder / "wheels")
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, folder / path)
    for name, built in BUILT.items():
        if built.is_dir():
            shutil.copytree(built, folder / name)
        else:
            print(f"Without {name}: {built.relative_to(ROOT)} has not been built.")
    python = ".".join(map(str, sys.version_info[:2]))
    (folder / "START.txt").write_text(START.format(python=python, system=sys.platform), encoding="utf-8")


def main(place: str = str(ROOT / "build" / "bundle" / "attention")) -> None:
    folder = Path(place).resolve()
    if folder.exists() and not (folder / "START.txt").exists():
        sys.exit(f"{folder} exists and is no bundle: name another folder.")
    paths = tracked()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".bundle-") as beside:
        fill(Path(beside) / "new", paths)
        replace_folder(folder, Path(beside) / "new")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main(*sys.argv[1:])
