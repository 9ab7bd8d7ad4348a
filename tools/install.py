"""Create .venv and install the course with one of its extras, or do nothing if that is done already.

    python tools/install.py lab                      # what a participant needs
    python tools/install.py test --versions oldest   # what the tests need, at the lowest versions supported

Before and after pip runs, the script asks .venv's own Python whether it holds what pyproject.toml asks for. A stamp is
written last. An install that fails leaves the stamps of earlier ones, so that what still works starts without network,
and the next run continues. .venv is made anew if its Python does not run or belongs elsewhere, if its pip does not run
when it is needed, if another minor version of Python is asked for, if the folder has moved, or if a file is missing or
damaged. This script runs on the system's Python, so it imports only the standard library.
"""

from __future__ import annotations

import argparse
import ast
import errno
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
PLACE = VENV / "place"
LOCK = ROOT / ".venv.lock"
WHEELS = ROOT / "wheels"  # in an offline bundle: all packages, so that pip needs no network
HERE = os.fsencode(f"{ROOT}\n{sys.version}\n")
# PyTorch's own index of CPU builds; without it Linux machines get gigabytes of CUDA packages. Empty: plain pip.
TORCH_INDEX = os.environ.get("TORCH_INDEX", "https://download.pytorch.org/whl/cpu")
# The settings of pip that are kept: where packages come from, which may be taken, how the network is reached. All
# others (prefix, target, user, no-deps, dry-run ...) are left out: with them pip installs elsewhere or not at all.
HONOURED = {
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "keyring-provider", "no-input"),
    *("proxy", "cert", "client-cert", "timeout", "default-timeout", "retries", "resume-retries", "use-feature"),
    *("use-deprecated", "cache-dir", "no-cache-dir", "constraint", "only-binary", "no-binary", "prefer-binary"),
    *("uploaded-prior-to", "no-color", "progress-bar", "log"),
}
INTEL_MAC = (
    "pip finds no torch that is new enough for a Python for Intel processors on macOS: on a Mac with Apple silicon "
    "take a Python for arm64, on an Intel Mac take conda, which has builds of its own (README, Installation)."
)
NEEDED = 1.5e9  # bytes, with what pip unpacks meanwhile


def lowest(requirements: list[str]) -> list[str]:
    """Pin each `name>=version` to that version and its patch releases; other requirements are left out."""
    found = (re.match(r"([\w.-]+)>=([\w.]+)", requirement) for requirement in requirements)
    return [f"{match[1]}=={match[2]}.*" for match in found if match]


def constraints(versions: str) -> list[str]:
    """Lines of a pip constraints file: 'pinned' (constraints.txt), 'oldest' (lower bounds), 'newest' (none)."""
    if versions == "pinned":
        lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line and not line.startswith("#")]
    return lowest(course("versions").requirements("test")) if versions == "oldest" else []


def course(module: str):
    """Import a module of the course that needs only the standard library; not at the top, for it needs Python 3.11."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return importlib.import_module(f"course_lib.{module}")


def fingerprint(versions: str) -> bytes:
    """A hash of all that an installation depends on; when it changes, pip runs again."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    parts = [text, *course("versions").requirements("test"), *constraints(versions), versions]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest().encode()


def content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def alone() -> bool:
    """Whether no other install runs in this folder. From then on until this process ends, none can start."""
    try:
        file = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:  # nothing can be installed in this folder, but what it holds may be used
        return True
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # the second one on Windows
        return False
    except OSError:  # a file system without locks
        return True
    return True


def obstacle() -> str | None:
    """Why there can be no virtual environment here, or None."""
    if os.pathsep in str(ROOT):
        return f"No virtual environment can lie in {ROOT}, because of the {os.pathsep!r}: move the course elsewhere."
    if VENV.is_symlink() and not VENV.exists():
        return f"{VENV} is a link to {os.readlink(VENV)}, which is not there: remove the link."
    if VENV.exists() and not VENV.is_dir():
        return f"{VENV} is a file, where the course needs a folder: move the file away."
    return None


def folder_and_python(written: bytes) -> tuple[str, str]:
    """The folder and the minor version of Python in what PLACE holds. With another build of it .venv still runs."""
    folder, _, version = written.decode(errors="replace").partition("\n")
    return folder, ".".join(version.split(".")[:2])


def fault() -> str | None:
    """Why .venv has to be made anew, as far as one sees without running its Python, or None."""
    if not PYTHON.exists():
        return "it has no Python" if VENV.exists() else "there is none yet"
    old, new = folder_and_python(content(PLACE)), folder_and_python(HERE)
    if PLACE.exists() and old != new:
        return f"it was made in {old[0]} with Python {old[1]}, and this is {new[0]} with Python {new[1]}"
    return None


def examine(extra: str, versions: str) -> tuple[str | None, list[str]]:
    """Ask .venv's Python. Returns why .venv has to be made anew, or None; and which packages of the extra it lacks."""
    try:
        answer = course("packages").ask(PYTHON, course("versions").requirements(extra), constraints(versions))
    except (OSError, ValueError) as error:
        return f"its Python does not run ({error})", []
    if not os.path.samefile(answer["prefix"], VENV):
        return f"its Python belongs to {answer['prefix']}", []
    if answer["python"] != list(sys.version_info[:2]):
        return "it has Python {}.{}, and this is Python {}.{}".format(*answer["python"], *sys.version_info), []
    origin = answer["modules"].get("course-lib")
    here = origin is not None and Path(origin).resolve() == ROOT / "course_lib" / "__init__.py"
    return answer["damage"], answer["lacks"] + ([] if here else [f"course_lib is imported from {origin}"])


def pip_runs() -> bool:
    """Whether .venv has pip with all modules: an interrupt while pip was put there leaves some out."""
    command = [PYTHON, "-I", "-c", "import pip._internal.commands.install"]
    return subprocess.run(command, capture_output=True).returncode == 0


def shield(variables: Mapping[str, str]) -> dict[str, str]:
    """Environment variables without those that lead Python or pip elsewhere than to .venv."""

    def holds(name: str) -> bool:
        if name.startswith("PIP_"):
            return name[4:].lower().replace("_", "-") in HONOURED | {"config-file"}
        return not name.startswith("PYTHON") and name not in ("__PYVENV_LAUNCHER__", "VIRTUAL_ENV")

    return {name: value for name, value in variables.items() if holds(name)}


def pip_variables() -> dict[str, str]:
    """Environment variables that hold the user's settings of pip in HONOURED; with them pip reads no file of settings.

    A later source wins, as in pip: section global, section install, environment variables.
    """
    variables = dict(os.environ)
    command = [PYTHON, "-I", "-m", "pip", "--python", str(PYTHON), "config", "list"]
    # These variables would act on `pip config` too, which would then not list all settings.
    whole = dict.fromkeys(("PIP_QUIET", "PIP_VERBOSE", "PIP_USER", "PIP_GLOBAL", "PIP_SITE"), "0")
    shown = subprocess.run(command, env=variables | whole, capture_output=True, encoding="utf-8", errors="replace")
    if shown.returncode:
        sys.exit(f"pip cannot read its settings: {(shown.stderr.strip().splitlines() or ['it does not say why'])[-1]}")
    for section in ("global", "install", ":env:"):
        for name, value in re.findall(rf"^{section}\.([\w-]+)=(['\"].*)$", shown.stdout, flags=re.MULTILINE):
            if name in HONOURED:
                variables["PIP_" + name.upper().replace("-", "_")] = ast.literal_eval(value)
    if not os.path.isabs(os.path.expanduser("~")):  # pip would make a folder with the name ~
        variables.setdefault("PIP_NO_CACHE_DIR", "1")
    return variables | {"PIP_CONFIG_FILE": os.devnull} | offline()


def offline() -> dict[str, str]:
    """Environment variables by which pip installs from a bundle's wheels alone; none outside of a bundle."""
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": WHEELS.as_uri()} if WHEELS.is_dir() else {}


def pip_install(*arguments: str, quiet: bool = True) -> bool:
    command = [PYTHON, "-I", "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    return subprocess.run([*command, *(["-qq"] if quiet else [])], cwd=ROOT, env=pip_variables()).returncode == 0


def cpu_build(pins: list[str]) -> list[str]:
    """Arguments of pip that get torch's CPU build on Linux; none elsewhere, where pip chooses a build by itself."""
    if sys.platform != "linux" or not TORCH_INDEX:
        return []
    requirement = next((pin for pin in pins if pin.startswith("torch==")), "torch")
    return ["--no-deps", "--index-url", TORCH_INDEX, requirement]


def fetch_torch(pins: list[str], by: Callable[..., bool]) -> None:
    """Have pip fetch the CPU build. If its index cannot be reached, pip chooses a build later."""
    request = cpu_build(pins)
    if request and not by(*request):
        print(
            f"No CPU build of {request[-1]} from {TORCH_INDEX}: taking what pip finds by itself, which can be several "
            "GB. To try again in place of that, press Ctrl-C and run the same command again.",
            flush=True,
        )


def keep_lab_offline() -> None:
    """Turn off JupyterLab's news and its search for updates, so that a first start asks nothing and works offline."""
    folder = VENV / "etc" / "jupyter" / "labconfig"
    folder.mkdir(parents=True, exist_ok=True)
    disabled = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (folder / "page_config.json").write_text(json.dumps(disabled))


def advice(number: int | None) -> str:
    """What to do about an error with this number; empty if we do not know."""
    if number == errno.ENOSPC:
        return "Free two gigabytes there."
    if number not in (errno.EROFS, errno.EACCES, errno.EPERM):
        return ""
    # Windows removes no file that a program has open.
    close = "Close JupyterLab and whatever else uses .venv, and run the same command again. If that does not help: "
    return (close if os.name == "nt" else "") + "Clone the course into a folder that you can write."


def reasons() -> str:
    """What pip does not say about a failure: how little of the disk is left, and what helps without network."""
    free = shutil.disk_usage(VENV).free
    disk = f"{free / 1e9:.1f} GB are free in {VENV}: free two gigabytes. " if free < NEEDED else ""
    return disk + ("" if WHEELS.is_dir() else "Without network, take a bundle, made elsewhere by `make bundle`. ")


def install(extra: str, versions: str) -> None:
    pins = constraints(versions)
    PLACE.write_bytes(HERE)
    pin_file = VENV / "constraints.txt"
    pin_file.write_text("\n".join(pins) + "\n")
    if not WHEELS.is_dir():
        fetch_torch(pins, pip_install)
    request = ["--constraint", str(pin_file), "--editable", f".[{extra}]"]
    # The network may have failed for a moment. At the second try pip prints everything.
    if not pip_install(*request) and not pip_install(*request, quiet=False):
        sys.exit(f"The install failed: pip says why above. {reasons()}Run the same command again when that is mended.")
    for old in VENV.glob("installed-*"):
        old.unlink()
    reason, lacks = examine(extra, versions)
    if reason or lacks:
        sys.exit(f"pip ended without an error, but .venv is not complete: {'; '.join(lacks) or reason}.")
    keep_lab_offline()
    (VENV / f"installed-{extra}").write_bytes(fingerprint(versions))


def stands(extra: str, versions: str) -> bool:
    extras = course("versions").EXTRAS
    stamps = (VENV / f"installed-{name}" for name in extras[extras.index(extra) :])
    return any(content(stamp) == fingerprint(versions) for stamp in stamps)


def make_anew(reason: str) -> None:
    print(f"Making .venv anew: {reason}.", flush=True)
    if not importlib.util.find_spec("ensurepip"):
        package = "python{}.{}-venv".format(*sys.version_info)
        sys.exit(f"Python could not make a virtual environment; on Debian and Ubuntu: apt-get install {package}.")
    venv.EnvBuilder(with_pip=True, clear=True, symlinks=os.name != "nt").create(VENV)


def bring_about(extra: str, versions: str) -> None:
    for name in set(os.environ) - set(shield(os.environ)):
        del os.environ[name]
    if reason := obstacle():
        sys.exit(reason)
    first, standing = alone(), stands(extra, versions)
    reason, lacks = fault(), []
    if reason is None:
        reason, lacks = examine(extra, versions)
    if reason is None and not lacks and standing:
        return
    if not first:
        sys.exit(f"Another install is running in {ROOT}: wait until it has ended, then run the same command again.")
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        sys.exit(INTEL_MAC)
    if reason is None and not pip_runs():
        reason = "its pip does not run"
    size = ", and up to 500 MB to download" if TORCH_INDEX and not WHEELS.is_dir() else ""
    print(f"Installing the course ({extra}, {versions} versions) into .venv: a few minutes{size}.", flush=True)
    if reason is not None:
        make_anew(reason)
    elif lacks:
        print(f"Mending .venv: {'; '.join(lacks)}.", flush=True)
    install(extra, versions)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("extra", choices=course("versions").EXTRAS)
    parser.add_argument("--versions", choices=("pinned", "oldest", "newest"), default="pinned")
    options = parser.parse_args(arguments)
    try:
        bring_about(options.extra, options.versions)
    except subprocess.CalledProcessError as error:
        lines = (error.output or b"").decode(errors="replace").strip().splitlines() or [str(error)]
        reason = next((line for line in lines if line.startswith("ERROR")), lines[-1])  # what pip says stands above
        sys.exit(f"Python could not make a virtual environment: {reason}")
    except OSError as error:
        sys.exit(f"The course cannot be installed in {ROOT}: {error}. {advice(error.errno)}".strip())
    except ValueError as error:
        sys.exit(f"The course cannot be installed, because one of its files cannot be read: {error}.")
    except KeyboardInterrupt:
        sys.exit("Interrupted; run the same command again to continue.")


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - the reader's Python may be older than what the project asks for
        again = r"py -3.12 tools\install.py lab" if os.name == "nt" else "make lab PYTHON=python3.12"
        sys.exit(f"The course needs Python 3.11 or newer; name one, as in `{again}`.")
    main(sys.argv[1:])
