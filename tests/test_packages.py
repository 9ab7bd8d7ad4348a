"""course_lib.packages: what a virtual environment answers when it is asked for packages."""

import os
import sys

import pytest

from course_lib import packages, versions


def lacks(venv, *requirements: str, constraints=()) -> list[str]:
    return packages.ask(venv.python, requirements, constraints)["lacks"]


def test_a_package_is_missing_old_or_not_the_tested_one(venv):
    venv.add("thing", "1.9")
    assert lacks(venv, "thing", "thing>=1.9", constraints=["thing==1.9.0", "Another==2"]) == []
    assert lacks(venv, "thing>=1.10", "other>=2") == ["other is missing", "thing 1.9 is not >=1.10"]
    assert lacks(venv, "thing", constraints=["Thing==2.0.*"]) == ["thing 1.9 is not ==2.0.*"]


def test_names_and_versions_are_compared_as_pip_does(venv):
    venv.add("A.Thing_x", "2.13.0+cpu")
    assert lacks(venv, "a-thing-x>=2.13", constraints=["a_thing.x==2.13.0"]) == []
    venv.add("early", "3.0rc1")
    assert lacks(venv, "early>=2") == []
    assert lacks(venv, "early>=3.0") == ["early 3.0rc1 is not >=3.0"]


def test_requirements_of_requirements_count_where_their_conditions_hold(venv):
    venv.add("top", "1.0", ["middle", 'never; python_version < "3"', 'part[more]; extra == "more"'])
    venv.add("middle", "1.0", ["top", "bottom>=2"])
    venv.add("part", "1.0", ['end; extra == "more"', 'not-asked; extra == "less"'])
    venv.add("bottom", "1.0")
    assert lacks(venv, "top") == ["bottom 1.0 is not >=2"]
    assert lacks(venv, "top[more]") == ["bottom 1.0 is not >=2", "end is missing"]
    assert lacks(venv, "top", "middle", constraints=["bottom==3"]) == ["bottom 1.0 is not ==3", "bottom 1.0 is not >=2"]


def test_packages_of_other_places_do_not_count(venv, monkeypatch, tmp_path):
    venv.add("thing", "1.0", place=tmp_path / "elsewhere")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    monkeypatch.chdir(tmp_path / "elsewhere")
    answer = packages.ask(venv.python, ["thing"])
    assert answer["lacks"] == ["thing is missing"] and answer["modules"] == {}


def test_an_environment_with_nothing_but_pip_answers(venv):
    (venv.packages / "packaging").unlink()
    with pytest.raises(ValueError, match="No module named"):
        lacks(venv, "thing>=1")
    venv.borrow("pip")
    assert lacks(venv, "thing>=1") == ["thing is missing"]


def test_what_startup_hooks_print_is_not_taken_for_the_answer(venv):
    hook = "import atexit; print('[', end=''); atexit.register(print, ' {} ', end='')"
    (venv.packages / "sitecustomize.py").write_text(hook)
    venv.add("thing", "1.0")
    assert packages.ask(venv.python, ["thing"])["versions"] == {"thing": "1.0"}


def test_a_python_that_does_not_answer_is_heard(venv):
    (venv.packages / "sitecustomize.py").write_text("import os; os.write(2, b'no \\xff\\n'); os._exit(3)")
    with pytest.raises(ValueError, match="no \ufffd"):
        packages.ask(venv.python, [])


def test_damage(venv):
    venv.add("top", "1.0", ["thing"])
    info = venv.add("thing", "1.0")
    venv.add("other", "1.0")
    (venv.packages / "other.py").unlink()  # nobody asks for it

    def said() -> str | None:
        return packages.ask(venv.python, ["top"])["damage"]

    assert said() is None
    (venv.packages / "thing.py").write_text("")
    assert said() == "thing.py is damaged"
    (venv.packages / "thing.py").unlink()
    assert said() == "thing.py is missing"
    (info / "RECORD").unlink()
    assert said() == "the list of files of thing is missing"


def test_it_says_where_it_is_and_which_file_is_imported(venv):
    venv.add("a-thing", "1.0")
    answer = packages.ask(venv.python, ["a-thing", "missing"])
    assert os.path.samefile(answer["prefix"], venv.folder) and answer["python"] == list(sys.version_info[:2])
    assert answer["modules"] == {"a-thing": str(venv.packages / "a_thing.py")}


@pytest.mark.parametrize(
    "system, conda, lab, test",
    [
        ("linux", False, "make lab", "make install-test"),
        ("win32", False, r"py -3 tools\install.py lab", r"py -3 tools\install.py test"),
        ("win32", True, *["conda env update --file environment.yml"] * 2),
    ],
)
def test_the_command_that_installs_is_the_one_of_this_environment(monkeypatch, tmp_path, system, conda, lab, test):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    if conda:
        (tmp_path / "conda-meta").mkdir()
    assert (packages.install_command(), packages.install_command("test")) == (lab, test)


def test_this_environment_holds_what_the_tests_need():
    assert packages.ask(sys.executable, versions.requirements("test"))["lacks"] == []
