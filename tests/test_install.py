"""tools/install.py: which versions it asks pip for, and when it makes .venv anew. pip itself is not run."""

import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """The script, on a virtual environment that stands in a temporary folder and in which all is well."""
    spec = importlib.util.spec_from_file_location("install_tool", ROOT / "tools" / "install.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    venv = tmp_path / ".venv"
    venv.mkdir()
    for name, place in {"VENV": venv, "MARKER": venv / "installing", "PLACE": venv / "place"}.items():
        monkeypatch.setattr(module, name, place)
    monkeypatch.setattr(module, "PYTHON", Path(sys.executable))
    module.PLACE.write_text(module.HERE)
    return module


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


def test_an_interrupted_install_is_a_fault(tool):
    tool.MARKER.touch()
    assert "interrupted" in tool.fault()


def test_a_moved_folder_is_a_fault(tool):
    tool.PLACE.write_text("/elsewhere\n" + sys.version)
    assert "moved" in tool.fault()


def test_a_python_that_does_not_run_is_a_fault(tool, monkeypatch, tmp_path):
    dead = tmp_path / "python"
    dead.write_text("")
    monkeypatch.setattr(tool, "PYTHON", dead)
    assert "does not run" in tool.fault()
    monkeypatch.setattr(tool, "PYTHON", tmp_path / "none")
    assert "no Python" in tool.fault()


def test_a_missing_file_is_a_fault(tool, monkeypatch):
    answer = SimpleNamespace(returncode=1, stderr="numpy/__init__.py is missing\n")
    monkeypatch.setattr(tool.subprocess, "run", lambda *a, **k: answer)
    assert tool.fault() == "numpy/__init__.py is missing"


def test_the_probe_sees_a_missing_and_a_damaged_file(tool, tmp_path):
    info = tmp_path / "thing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
    (info / "RECORD").write_text("thing.py,,5\n")
    probe = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + tool.INTACT

    def said() -> str:
        return tool.subprocess.run([sys.executable, "-I", "-c", probe], capture_output=True, text=True).stderr

    assert "thing.py is missing" in said()
    (tmp_path / "thing.py").write_text("123")
    assert "thing.py is damaged" in said()
    (tmp_path / "thing.py").write_text("12345")
    assert said() == ""


def test_the_test_extra_holds_the_lab_but_not_the_other_way_round(tool):
    (tool.VENV / "installed-test").write_text(tool.fingerprint("pinned"))
    assert tool.stands("lab", "pinned") and tool.stands("test", "pinned")
    assert not tool.stands("lab", "oldest")
    (tool.VENV / "installed-test").rename(tool.VENV / "installed-lab")
    assert tool.stands("lab", "pinned") and not tool.stands("test", "pinned")


def test_a_failing_pip_leaves_the_marker_and_no_stamp(tool, monkeypatch):
    monkeypatch.setattr(tool, "pip_install", lambda *arguments, **options: False)
    with pytest.raises(SystemExit, match="Run the same command again"):
        tool.install("lab", "pinned")
    assert tool.MARKER.exists() and not tool.stands("lab", "pinned")


def test_without_the_index_of_cpu_builds_pip_goes_on_by_itself(tool, monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(tool.sys, "platform", "linux")
    monkeypatch.setattr(tool, "pip_install", lambda *arguments: calls.append(arguments) or "--no-deps" not in arguments)
    tool.install("lab", "pinned")
    assert len(calls) == 2 and "--index-url" in calls[0] and ".[lab]" in calls[1]
    assert "taking what pip finds" in capsys.readouterr().out
    assert tool.stands("lab", "pinned") and not tool.MARKER.exists()
