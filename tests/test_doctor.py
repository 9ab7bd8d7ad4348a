"""The doctor's findings, on machines that lack something and on this one."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import lab
import pytest

import course_lib
from course_lib import container, doctor, versions
from course_lib.doctor import GIB
from course_lib.text import cache


@pytest.fixture
def said(monkeypatch):
    """What the environment answers to the doctor; all is well unless a test changes it."""
    answer = {"prefix": sys.prefix, "damage": None, "lacks": [], "versions": {"numpy": "2.4.6"}}
    answer["modules"] = doctor.packages.modules(["numpy"])
    monkeypatch.setattr(doctor.packages, "ask", lambda *question, **options: answer)
    monkeypatch.setattr(doctor, "pins", lambda: {"NumPy": "2.4.6"})
    return answer


def test_release_compares_numbers_and_not_text():
    assert versions.release("2.13.0+cpu") == versions.release("2.13") == (2, 13)
    assert versions.release("2.9") < versions.release("2.10") and versions.release("3.0rc1") == (3,)


def test_requirements_are_those_of_the_course_and_its_lab():
    wanted = versions.requirements()
    assert wanted[0] == "course-lib[lab]"
    assert {"numpy>=2.0", "torch>=2.5", "jupyterlab>=4.3"} <= set(wanted) <= set(versions.requirements("test"))
    assert not any(line.startswith("ruff") for line in wanted)


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 10, 4))
    finding = doctor.check_python()
    assert (finding.status, finding.found) == ("fail", "3.10.4") and "3.11" in finding.advice


def test_packages(said):
    assert doctor.check_packages() == doctor.Finding("Packages", "ok", "numpy 2.4.6")
    said["versions"]["numpy"] = "2.1.0"
    finding = doctor.check_packages()
    assert (finding.status, finding.found) == ("note", "numpy 2.1.0 (tested: 2.4.6)") and finding.advice
    said["lacks"] = ["tqdm is missing", "numpy 1.26.4 is not >=2.0"]
    finding = doctor.check_packages()
    assert (finding.status, finding.found) == ("fail", "tqdm is missing, numpy 1.26.4 is not >=2.0") and finding.advice


def test_a_package_that_stands_before_that_of_the_environment(said):
    said["modules"]["numpy"] = "/elsewhere/numpy/__init__.py"
    finding = doctor.check_packages()
    assert finding.status == "note" and "numpy from " in finding.found and "PYTHONPATH" in finding.advice


def test_a_package_of_pythonpath_does_not_count(monkeypatch, tmp_path):
    """It is not there in JupyterLab's next start without that variable."""
    info = tmp_path / "a_package_nobody_has-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: a-package-nobody-has\nVersion: 1.0\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    assert versions.installed("a-package-nobody-has") == "1.0"
    monkeypatch.setattr(doctor, "requirements", lambda: ["a-package-nobody-has"])
    finding = doctor.check_packages()
    assert (finding.status, finding.found) == ("fail", "a-package-nobody-has is missing")


def test_more_threads_than_cores(monkeypatch):
    monkeypatch.setattr(doctor, "usable_cores", lambda: 0)
    finding = doctor.check_torch()
    assert finding.status == "note" and "OMP_NUM_THREADS" in finding.advice


def test_a_lab_without_its_widgets(monkeypatch, tmp_path):
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *parts: [str(tmp_path)])
    finding = doctor.check_widgets()
    assert finding.status == "fail" and "jupyterlab-manager and no anywidget" in finding.found


@pytest.mark.parametrize("gib, status", [(0.2, "fail"), (1.0, "note"), (7.0, "ok")])
def test_memory(monkeypatch, gib, status):
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=gib * GIB, total=16 * GIB))
    monkeypatch.setattr(container, "memory", lambda: None)
    assert doctor.check_memory().status == status


def test_memory_of_a_container(monkeypatch):
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=30 * GIB, total=64 * GIB))
    monkeypatch.setattr(container, "memory", lambda: container.Memory(GIB // 4, 2 * GIB))
    finding = doctor.check_memory()
    assert (finding.status, finding.found) == ("fail", "0.2 GiB free of 2.0 GiB")


def test_cores_of_a_container(monkeypatch):
    everything = doctor.usable_cores()
    monkeypatch.setattr(container, "cores", lambda: 1)
    assert doctor.usable_cores() == 1
    monkeypatch.setattr(container, "cores", lambda: 10_000)
    assert doctor.usable_cores() == everything


def test_a_startup_hook_that_prints_makes_no_other_python(monkeypatch, tmp_path):
    """IPython runs what PYTHONSTARTUP names and the files of its profile, in kernels too."""
    profile = tmp_path / "ipython" / "profile_default" / "startup"
    profile.mkdir(parents=True)
    loud = "print('good morning')\nget_ipython().events.register('pre_execute', lambda: print('again'))\n"
    (profile / "00.py").write_text(loud)
    (tmp_path / "startup.py").write_text("print('hello')")
    (tmp_path / "sitecustomize.py").write_text("print('welcome')")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "startup.py"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path(course_lib.__file__).parents[1])]))
    finding = doctor.check_kernel()
    assert finding.status == "ok" and finding.found.startswith("python3 runs ")


@pytest.mark.skipif(os.name == "nt", reason="Windows lets few users make links")
def test_a_link_to_the_environment_is_the_same_and_another_environment_is_not(monkeypatch, tmp_path):
    (tmp_path / "link").symlink_to(sys.prefix)
    there = (str(tmp_path / "link"), str(tmp_path / "link" / "bin" / "python3"), course_lib.__file__)
    monkeypatch.setattr(doctor, "ask_kernel", lambda expression: there)
    assert doctor.check_kernel().status == "ok"
    # The Python of two environments can be a link to one file.
    monkeypatch.setattr(doctor, "ask_kernel", lambda expression: (str(tmp_path), sys.executable, course_lib.__file__))
    assert doctor.check_kernel().status == "note"


def test_a_kernel_that_imports_another_course(monkeypatch):
    there = (sys.prefix, sys.executable, "/elsewhere/course_lib/__init__.py")
    monkeypatch.setattr(doctor, "ask_kernel", lambda expression: there)
    finding = doctor.check_kernel()
    assert finding.status == "fail" and "/elsewhere/course_lib" in finding.found


@pytest.fixture
def homeless(monkeypatch):
    """As in a container whose user is a number that nobody entered anywhere."""

    monkeypatch.setattr(pytest.importorskip("pwd"), "getpwuid", {}.__getitem__)
    for name in ("HOME", "XDG_CACHE_HOME", "COURSE_CACHE"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_home_the_doctor_says_what_to_set(homeless):
    finding = doctor.check_home()
    assert finding.status == "fail" and "no home folder" in finding.found and "export HOME=" in finding.advice
    assert all("HOME" in doctor.attempt(name, doctor.CHECKS[name]).advice for name in ("Kernel", "Widgets"))
    assert doctor.check_writing().status == doctor.check_disk().status == "ok"


def test_without_a_home_caches_are_temporary_and_not_in_a_folder_called_tilde(homeless, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cache.folder().is_relative_to(tmp_path)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *names, **options: Path("~/.cache/course-lib"))
    assert cache.folder().is_relative_to(tmp_path)


def no_access(**options):
    raise PermissionError(errno.EACCES, "read-only")


def test_a_home_that_cannot_be_written(monkeypatch):
    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", no_access)
    finding = doctor.check_home()
    assert finding.status == "fail" and "export HOME=" in finding.advice


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is always full")
@pytest.mark.parametrize("check", ["Home", "Writing"])
def test_a_full_disk_takes_an_empty_file_but_cannot_be_written(check, monkeypatch):
    assert doctor.CHECKS[check]().status == "ok"
    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", lambda dir: open("/dev/full", "wb"))
    finding = doctor.CHECKS[check]()
    assert finding.status == "fail" and "disk is full" in finding.found and "Free some space" in finding.advice


def test_a_full_quota_is_a_full_disk(monkeypatch):
    def refuse(dir):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    assert "disk is full" in doctor.check_home().found


@pytest.mark.skipif(os.name == "nt", reason="Windows knows the home of each user")
def test_without_a_home_the_lab_says_what_to_set():
    code = (
        "import pwd, runpy, sys; pwd.getpwuid = {}.__getitem__; sys.argv = ['lab.py'];"
        f"runpy.run_path({str(versions.ROOT / 'tools' / 'lab.py')!r}, run_name='__main__')"
    )
    without = {name: value for name, value in os.environ.items() if name != "HOME"}
    shown = subprocess.run([sys.executable, "-c", code], env=without, capture_output=True, text=True)
    assert shown.returncode == 1 and "export HOME=" in shown.stderr and "Traceback" not in shown.stderr


@pytest.mark.parametrize(
    "option, kept",
    [
        ("--no-browser", {"--ServerApp.ip", "--ServerApp.root_dir", "--LabApp.default_url"}),
        ("--ip=0.0.0.0", {"--ServerApp.root_dir", "--LabApp.default_url"}),
        ("--ServerApp.ip", {"--ServerApp.root_dir", "--LabApp.default_url"}),  # its value is the next word
        ("--LabApp.default_url=/lab", {"--ServerApp.ip", "--ServerApp.root_dir"}),
        ("--notebook-dir=/srv", {"--ServerApp.ip"}),
        ("--ServerApp.root_dir=/srv", {"--ServerApp.ip"}),
        (str(versions.ROOT / "notebooks"), {"--ServerApp.ip"}),
        (sys.executable, {"--ServerApp.ip"}),  # stands for a notebook that lies elsewhere
        ("notebooks/02_attention.ipynb", {"--ServerApp.ip", "--ServerApp.root_dir", "--LabApp.default_url"}),
    ],
)
def test_the_lab_has_one_value_of_each_option(option, kept):
    *own, last = lab.arguments([option])
    assert last == option and {each.partition("=")[0] for each in own} - {"--allow-root"} == kept


KERNELS = ("OMP_WAIT_POLICY", "OPENBLAS_THREAD_TIMEOUT", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")


def test_the_lab_sets_threads_and_memory_of_kernels_and_keeps_what_is_set():
    code = (
        "import os, runpy, sys, types; lab = sys.modules['jupyterlab.labapp'] = types.ModuleType('labapp');"
        f"lab.main = lambda options: print(*(os.environ[name] for name in {KERNELS}));"
        f"runpy.run_path({str(versions.ROOT / 'tools' / 'lab.py')!r}, run_name='__main__')"
    )
    unset = {name: value for name, value in os.environ.items() if name not in KERNELS}
    for own, policy in (({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")):
        done = subprocess.run([sys.executable, "-c", code], env=unset | own, capture_output=True, text=True, check=True)
        assert done.stdout.split() == [policy, "4", "268435456", "268435456"]


def test_a_full_disk(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: SimpleNamespace(free=0.01 * GIB))
    assert doctor.check_disk().status == "fail"


def test_a_folder_that_cannot_be_written(monkeypatch):
    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", no_access)
    finding = doctor.check_writing()
    assert finding.status == "fail" and finding.found.startswith(f"no write access to {Path.cwd()} and ")


@pytest.mark.skipif(os.name == "nt" or not shutil.which("make"), reason="Python is played by a script of the shell")
@pytest.mark.parametrize("there", [True, False])
def test_make_doctor_examines_what_a_failed_install_has_left(tmp_path, there):
    shutil.copy(versions.ROOT / "Makefile", tmp_path)
    if there:
        python = tmp_path / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text('#!/bin/sh\necho "asked for $*"\n')
        python.chmod(0o755)
    shown = subprocess.run(["make", "doctor", "PYTHON=false"], cwd=tmp_path, capture_output=True, text=True)
    assert (shown.returncode == 0, "asked for -m course_lib doctor" in shown.stdout) == (there, there)


def test_a_check_that_raises_is_a_finding():
    def broken():
        raise ImportError("libgomp.so.1 is missing")

    finding = doctor.attempt("torch", broken)
    assert (finding.status, finding.found) == ("fail", "ImportError: libgomp.so.1 is missing")
    assert finding.advice
