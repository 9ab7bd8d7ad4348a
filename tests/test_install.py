"""tools/install.py: what it asks of pip and in which surroundings, and when it makes .venv anew.

pip is run on packages that a test made, from a folder.
"""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import install
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """The script, on a virtual environment that stands in a temporary folder and in which all is well."""
    venv = tmp_path / ".venv"
    venv.mkdir()
    for name, place in {"VENV": venv, "PLACE": venv / "place", "LOCK": tmp_path / ".venv.lock"}.items():
        monkeypatch.setattr(install, name, place)
    monkeypatch.setattr(install, "PYTHON", Path(sys.executable))
    install.PLACE.write_bytes(install.HERE)
    with mock.patch.dict(os.environ):  # the script deletes variables from its own environment
        yield install


def test_lowest_holds_each_lower_bound(tool):
    assert tool.lowest(["numpy>=2.0", "jupyter-core>=3.6", "course-lib[lab]"]) == [
        "numpy==2.0.*",
        "jupyter-core==3.6.*",
    ]


def test_versions_of_constraints(tool):
    assert tool.constraints("newest") == []
    assert any(pin.startswith("torch==") for pin in tool.constraints("pinned"))
    oldest, pinned = ({pin.split("==")[0].lower() for pin in tool.constraints(name)} for name in ("oldest", "pinned"))
    assert {"numpy", "torch", "jupyterlab", "pytest"} <= oldest <= pinned


def test_lab_is_kept_offline(tool):
    tool.keep_lab_offline()
    config = json.loads((tool.VENV / "etc" / "jupyter" / "labconfig" / "page_config.json").read_text())
    assert config == {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}


def test_a_sound_environment_has_no_fault(tool):
    assert tool.fault() is None


def test_a_moved_folder_and_another_version_of_python_are_faults(tool):
    here = "{}.{}".format(*sys.version_info)
    tool.PLACE.write_bytes(os.fsencode(f"/elsewhere\n{here}.1 (main, Jan  1 2020)"))
    assert tool.fault() == f"it was made in /elsewhere with Python {here}, and this is {ROOT} with Python {here}"
    tool.PLACE.write_bytes(os.fsencode(f"{ROOT}\n3.1.{here} (main, Jan  1 2020)\n[GCC]\n"))
    assert tool.fault() == f"it was made in {ROOT} with Python 3.1, and this is {ROOT} with Python {here}"


@pytest.mark.parametrize("build", [".0 (main, Jan  1 2020) [GCC 12]", ".99 | packaged by conda-forge |\n[Clang]"])
def test_another_build_of_the_same_version_of_python_is_no_fault(tool, build):
    tool.PLACE.write_bytes(os.fsencode("{}\n{}.{}".format(ROOT, *sys.version_info) + build))
    assert tool.fault() is None


def test_a_venv_without_a_note_of_its_place_is_kept(tool):
    tool.PLACE.unlink()
    assert tool.fault() is None


def test_a_python_that_does_not_run_is_a_fault(tool, monkeypatch, tmp_path):
    dead = tmp_path / "python"
    dead.write_text("")
    monkeypatch.setattr(tool, "PYTHON", dead)
    assert "does not run" in tool.examine("lab", "newest")[0]
    monkeypatch.setattr(tool, "PYTHON", tmp_path / "none")
    assert "no Python" in tool.fault()


def test_a_python_of_another_place_is_a_fault(tool):
    """pip would install there."""
    assert tool.examine("lab", "newest")[0] == f"its Python belongs to {sys.prefix}"


def test_another_minor_version_is_a_fault_though_nothing_says_who_made_it(tool, monkeypatch):
    answer = {"prefix": str(tool.VENV), "python": [3, 9], "modules": {}, "damage": None, "lacks": []}
    monkeypatch.setattr(tool, "course", mock.Mock())
    tool.course("packages").ask.return_value = answer
    monkeypatch.setattr(tool, "constraints", lambda versions: [])
    assert "it has Python 3.9, and this is Python 3." in tool.examine("lab", "newest")[0]


def test_bytes_that_are_no_text_are_a_fault_and_no_error(tool):
    tool.PLACE.write_bytes(b"\xff\xfe\x80")
    assert "made in" in tool.fault()
    (tool.VENV / "installed-lab").write_bytes(b"\xff\xfe\x80")
    assert not tool.stands("lab", "pinned")


def test_the_test_extra_holds_the_lab_but_not_the_other_way_round(tool):
    (tool.VENV / "installed-test").write_bytes(tool.fingerprint("pinned"))
    assert tool.stands("lab", "pinned") and tool.stands("test", "pinned")
    assert not tool.stands("lab", "oldest")
    (tool.VENV / "installed-test").rename(tool.VENV / "installed-lab")
    assert tool.stands("lab", "pinned") and not tool.stands("test", "pinned")


@pytest.mark.parametrize("end", ["pip fails", "Ctrl-C"])
def test_an_install_that_fails_leaves_the_lab_that_works(tool, monkeypatch, end):
    def fail(*arguments, **options):
        if end == "Ctrl-C":
            raise KeyboardInterrupt
        return False

    (tool.VENV / "installed-lab").write_bytes(tool.fingerprint("pinned"))
    monkeypatch.setattr(tool, "examine", lambda extra, versions: (None, ["ruff is missing"] if extra == "test" else []))
    monkeypatch.setattr(tool, "pip_install", fail)
    monkeypatch.setattr(tool, "alone", lambda: True)  # each of these installs would be a process
    monkeypatch.setattr(tool, "make_anew", lambda reason: pytest.fail(reason))
    for _ in range(2):
        with pytest.raises(SystemExit, match="[Rr]un the same command again"):
            tool.main(["test"])
    tool.main(["lab"])
    assert not tool.stands("test", "pinned")


@pytest.mark.parametrize("whole", [True, False])
def test_a_venv_whose_pip_does_not_run_is_made_anew(tool, venv, monkeypatch, whole):
    """As after Ctrl-C while pip was put there."""
    if whole:
        venv.borrow("pip")
    else:
        venv.add("pip", "26.0")
    made = []
    monkeypatch.setattr(tool, "PYTHON", venv.python)
    monkeypatch.setattr(tool, "examine", lambda extra, versions: (None, ["torch is missing"]))
    monkeypatch.setattr(tool, "make_anew", made.append)
    monkeypatch.setattr(tool, "install", lambda *request: None)
    tool.main(["lab"])
    assert made == ([] if whole else ["its pip does not run"])


@pytest.mark.parametrize("gigabytes", [0.3, 3])
@pytest.mark.parametrize("bundled", [False, True])
def test_a_failure_names_a_full_disk_and_what_helps_without_network(tool, monkeypatch, tmp_path, gigabytes, bundled):
    monkeypatch.setattr(tool, "pip_install", lambda *arguments, **options: False)
    monkeypatch.setattr(tool, "WHEELS", tmp_path if bundled else tmp_path / "wheels")
    monkeypatch.setattr(tool.shutil, "disk_usage", lambda place: mock.Mock(free=1e9 * gigabytes))
    with pytest.raises(SystemExit) as failure:
        tool.install("lab", "pinned")
    assert ("0.3 GB are free" in str(failure.value)) is (gigabytes < 1)
    assert ("`make bundle`" in str(failure.value)) is not bundled


def test_without_the_index_of_cpu_builds_pip_goes_on_by_itself(tool, monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(tool.sys, "platform", "linux")
    monkeypatch.setattr(tool, "TORCH_INDEX", "https://index.example")
    monkeypatch.setattr(tool, "pip_install", lambda *arguments: calls.append(arguments) or "--no-deps" not in arguments)
    monkeypatch.setattr(tool, "examine", lambda extra, versions: (None, []))
    tool.install("lab", "pinned")
    assert len(calls) == 2 and "--index-url" in calls[0] and ".[lab]" in calls[1]
    assert not {"--retries", "--timeout"} & set(calls[0])  # the user's settings hold
    said = capsys.readouterr().out
    assert "taking what pip finds by itself, which can be several GB" in said and "press Ctrl-C" in said
    assert tool.stands("lab", "pinned")


@pytest.mark.parametrize("bundled", [False, True])
def test_how_much_there_is_to_download_is_said_first(tool, monkeypatch, tmp_path, capsys, bundled):
    monkeypatch.setattr(tool, "WHEELS", tmp_path if bundled else tmp_path / "wheels")
    monkeypatch.setattr(tool, "TORCH_INDEX", "https://index.example")
    monkeypatch.setattr(tool, "examine", lambda extra, versions: (None, ["torch is missing"]))
    monkeypatch.setattr(tool, "install", lambda *request: None)
    tool.main(["lab"])
    assert ("up to 500 MB to download" in capsys.readouterr().out.splitlines()[0]) is not bundled


def test_what_pip_leaves_out_is_named_and_there_is_no_stamp(tool, monkeypatch):
    monkeypatch.setattr(tool, "pip_install", lambda *arguments, **options: True)
    monkeypatch.setattr(tool, "examine", lambda extra, versions: (None, ["tqdm is missing", "numpy 1.26 is not >=2.0"]))
    (tool.VENV / "installed-test").write_bytes(tool.fingerprint("pinned"))
    with pytest.raises(SystemExit, match="not complete: tqdm is missing; numpy 1.26 is not >=2.0"):
        tool.install("lab", "pinned")
    assert not tool.stands("lab", "pinned")


def test_a_stamp_alone_is_not_believed(tool, monkeypatch):
    (tool.VENV / "installed-lab").write_bytes(tool.fingerprint("pinned"))
    installed = []
    monkeypatch.setattr(tool, "alone", lambda: True)  # both installs would be processes
    monkeypatch.setattr(tool, "install", lambda *request: installed.append(request))
    monkeypatch.setattr(tool, "examine", lambda extra, versions: (None, []))
    tool.main(["lab"])
    assert installed == []
    monkeypatch.setattr(tool, "examine", lambda extra, versions: (None, ["tqdm is missing"]))
    tool.main(["lab"])
    assert installed == [("lab", "pinned")]


def test_a_second_install_at_the_same_time_stops_and_what_is_installed_starts(tool, monkeypatch):
    monkeypatch.setattr(tool, "examine", lambda extra, versions: (None, []))
    monkeypatch.setattr(tool, "install", lambda *request: pytest.fail("two at once"))
    code = "import install, pathlib, sys; install.LOCK = pathlib.Path(sys.argv[1]); print(install.alone()); input()"
    command = [sys.executable, "-c", code, tool.LOCK]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT / "tools", **pipes) as first:
        assert first.stdout.readline() == "True\n"
        with pytest.raises(SystemExit, match="Another install is running in .*: wait until it has ended"):
            tool.main(["lab"])
        (tool.VENV / "installed-lab").write_bytes(tool.fingerprint("pinned"))
        tool.main(["lab"])
        first.communicate("\n")
    assert tool.alone()


def test_a_folder_that_is_only_read_needs_no_lock(tool, monkeypatch, tmp_path):
    monkeypatch.setattr(tool, "LOCK", tmp_path / "none" / ".venv.lock")
    assert tool.alone()


def test_git_ignores_the_lock():
    assert install.LOCK.name in (ROOT / ".gitignore").read_text().splitlines()


def test_a_venv_is_asked_for_the_packages_of_its_extra_and_for_the_course_of_this_folder(tool, venv, monkeypatch):
    monkeypatch.setattr(tool, "VENV", venv.folder)
    monkeypatch.setattr(tool, "PYTHON", venv.python)
    venv.add("numpy", "1.26.4")
    venv.add("tqdm", "4.70.1")
    reason, lacks = tool.examine("lab", "pinned")
    assert reason is None and {"torch is missing", "numpy 1.26.4 is not >=2.0"} <= set(lacks)
    assert "tqdm is missing" not in lacks and "ruff is missing" not in lacks
    assert "course_lib is imported from None" in lacks
    assert "ruff is missing" in tool.examine("test", "pinned")[1]
    (venv.packages / "course.pth").write_text(str(ROOT))
    assert "course_lib is imported from None" not in tool.examine("lab", "pinned")[1]


HOSTILE = {
    **{"PIP_PREFIX": "{folder}", "PIP_TARGET": "{folder}", "PIP_ROOT": "{folder}", "PIP_NO_DEPS": "1"},
    **{"PIP_USER": "1", "PIP_DRY_RUN": "1", "PIP_REQUIRE_VIRTUALENV": "1", "PIP_PYTHON": "/nowhere", "PIP_QUIET": "3"},
    **{"PIP_REPORT": "{folder}/report", "PIP_PLATFORM": "win32", "PIP_Prefix": "{folder}", "PIP_IGNORE_INSTALLED": "1"},
    **{"PYTHONPATH": "{decoy}", "PYTHONHOME": "/nowhere", "PYTHONWARNINGS": "error", "PYTHONNOUSERSITE": "no"},
}
SETTINGS = """[global]
no-index = true
find-links = {wheels}
prefix = {folder}
target = {folder}
user = true
quiet = 3
python = /nowhere
[install]
no-deps = true
dry-run = true
root = {folder}
"""


@pytest.mark.parametrize("way", ["variables", "settings"])
def test_pip_installs_into_the_venv_whatever_its_settings_say(tool, venv, monkeypatch, tmp_path, way):
    """The settings also say where packages come from: this is followed."""
    wheels, decoy = tmp_path / "wheels", tmp_path / "decoy"
    venv.wheel(wheels, "no-such-thing", requires=["no-such-part"])
    venv.wheel(wheels, "no-such-part")
    venv.add("no-such-thing", "1.0", place=decoy)
    venv.add("no-such-part", "1.0", place=decoy)
    venv.borrow("pip")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    places = {"folder": tmp_path / "elsewhere", "decoy": decoy, "wheels": wheels}
    if way == "variables":
        for name, value in {**HOSTILE, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "{wheels}"}.items():
            monkeypatch.setenv(name, value.format(**places))
        places["wheels"] = "/nowhere"
    (tmp_path / "pip.conf").write_text(SETTINGS.format(**places))
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setattr(tool, "PYTHON", venv.python)
    for name in set(os.environ) - set(tool.shield(os.environ)):
        monkeypatch.delenv(name)
    assert tool.pip_install("no-such-thing")
    assert {"no_such_thing", "no_such_part"} <= {path.stem for path in venv.packages.glob("*.py")}
    assert not (tmp_path / "elsewhere").exists()


def test_settings_of_pip_that_cannot_be_read_are_named(tool, venv, monkeypatch, tmp_path):
    venv.borrow("pip")
    (tmp_path / "pip.conf").write_bytes(b"[global]\nindex-url = \xff\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setattr(tool, "PYTHON", venv.python)
    with pytest.raises(SystemExit, match="pip cannot read its settings: .*pip.conf"):
        tool.pip_variables()


def test_what_python_reads_is_kept_from_pip_but_proxies_certificates_and_indexes_are_not(tool):
    kept = {"HTTPS_PROXY": "a", "PIP_INDEX_URL": "b", "PIP_CERT": "c", "PIP_CACHE_DIR": "d", "SSL_CERT_FILE": "e"}
    assert tool.shield({**HOSTILE, **kept, "__PYVENV_LAUNCHER__": "f"}) == kept


@pytest.fixture
def clone(tmp_path):
    """What the install reads, in a folder of the given name; returns what a run of it there says in one line."""

    def run(name: str, prepare=lambda folder: None) -> str:
        folder = tmp_path / name
        modules = [f"course_lib/{name}.py" for name in ("__init__", "versions", "packages")]
        for file in ("pyproject.toml", "constraints.txt", "tools/install.py", *modules):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes((ROOT / file).read_bytes())
        prepare(folder)
        command = [sys.executable, "-I", folder / "tools" / "install.py", "lab"]
        shown = subprocess.run(command, capture_output=True, text=True)
        assert shown.returncode == 1 and "Traceback" not in shown.stderr
        (line,) = shown.stderr.splitlines()
        return line

    return run


@pytest.mark.skipif(os.name == "nt", reason="Windows allows neither in the name of a folder")
def test_a_path_in_which_no_venv_can_lie(clone):
    assert "because of the ':'" in clone("to:day")


def test_a_file_or_a_link_to_nowhere_in_the_place_of_the_venv(clone):
    assert "is a file" in clone("file", lambda folder: (folder / ".venv").write_text("mine"))
    if os.name != "nt":
        said = clone("link", lambda folder: (folder / ".venv").symlink_to("nowhere"))
        assert "is a link to nowhere, which is not there" in said


def test_files_of_the_course_that_cannot_be_read(clone):
    assert "constraints.txt" in clone("missing", lambda folder: (folder / "constraints.txt").unlink())
    assert "cannot be read" in clone("bytes", lambda folder: (folder / "pyproject.toml").write_bytes(b"\xff"))
    assert "cannot be read" in clone("damaged", lambda folder: (folder / "pyproject.toml").write_text("[project"))


@pytest.mark.parametrize("number, advice", [(errno.EROFS, "that you can write"), (errno.ENOSPC, "Free two gigabytes")])
def test_a_folder_that_takes_no_files(tool, monkeypatch, number, advice):
    def refuse(*arguments):
        raise OSError(number, os.strerror(number), "a file")

    tool.PLACE.write_text("/elsewhere")
    monkeypatch.setattr(tool.venv.EnvBuilder, "create", refuse)
    with pytest.raises(SystemExit, match=f"{os.strerror(number)}.*{advice}"):
        tool.main(["lab"])


@pytest.mark.parametrize("name, first", [("nt", "Close JupyterLab"), ("posix", "Clone the course")])
def test_what_has_files_of_the_venv_open_is_named_on_windows(tool, monkeypatch, name, first):
    with monkeypatch.context() as system:
        system.setattr(os, "name", name)
        said = tool.advice(errno.EACCES)
    assert said.startswith(first) and "that you can write" in said


def test_what_stopped_pip_in_a_new_venv_is_said(tool, monkeypatch):
    said = (
        b"Looking in links\nERROR: Could not install: No space left on device\nTraceback\nCalledProcessError: -c ...\n"
    )

    def fail(*arguments):
        raise subprocess.CalledProcessError(1, "ensurepip", said)

    tool.PLACE.write_text("/elsewhere")
    monkeypatch.setattr(tool.venv.EnvBuilder, "create", fail)
    with pytest.raises(SystemExit, match="environment: ERROR: Could not install: No space left on device$"):
        tool.main(["lab"])


def test_a_python_that_makes_no_venv(tool, monkeypatch):
    tool.PLACE.write_text("/elsewhere")
    monkeypatch.setattr(tool.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"apt-get install python{}\.{}-venv\.$".format(*sys.version_info)):
        tool.main(["lab"])


def test_a_python_for_intel_processors_on_macos_is_refused_before_pip_runs(tool, monkeypatch):
    monkeypatch.setattr(tool.sys, "platform", "darwin")
    monkeypatch.setattr(tool.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(tool, "install", lambda *request: pytest.fail("pip finds no torch"))
    monkeypatch.setattr(tool, "examine", lambda extra, versions: (None, []))
    with pytest.raises(SystemExit, match="take a Python for arm64, on an Intel Mac take conda"):
        tool.main(["lab"])
    (tool.VENV / "installed-lab").write_bytes(tool.fingerprint("pinned"))
    tool.main(["lab"])  # what is installed starts


def test_a_bundle_installs_from_its_wheels_alone(tool, monkeypatch, tmp_path):
    assert "PIP_NO_INDEX" not in tool.pip_variables()
    wheels = tmp_path / "with a space" / "wheels"
    wheels.mkdir(parents=True)
    monkeypatch.setattr(tool, "WHEELS", wheels)
    monkeypatch.setenv("PIP_FIND_LINKS", "/elsewhere")
    found = tool.pip_variables()
    assert found["PIP_NO_INDEX"] == "1" and found["PIP_FIND_LINKS"] == wheels.as_uri()
