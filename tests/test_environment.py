"""The files that name packages agree: pyproject.toml, environment.yml, constraints.txt."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from course_lib.versions import pins, release, requirements

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = (ROOT / "pyproject.toml").read_text()
ENVIRONMENT = (ROOT / "environment.yml").read_text()
CONDA_NAMES = {"torch": "pytorch"}  # where conda-forge's name is another


def bounds(requirements: list[str]) -> dict[str, str]:
    """'numpy>=2.0' as {'numpy': '>=2.0'}; the course's own extras are left out."""
    pairs = (re.match(r"([\w.-]+)(.*)", requirement).groups() for requirement in requirements)
    return {name: bound for name, bound in pairs if name != "course-lib"}


def asked_by_pyproject(text: str) -> dict[str, str]:
    """What participants and tests need; environment.yml leaves out what only builds site and decks."""
    project = tomllib.loads(text)["project"]
    extras = project["optional-dependencies"]
    return bounds(project["dependencies"] + sum((extras[name] for name in ("lab", "experiments", "test")), []))


def python_and_packages_of_pyproject(text: str) -> dict[str, str]:
    packages = {CONDA_NAMES.get(name, name): bound for name, bound in asked_by_pyproject(text).items()}
    return packages | {"python": tomllib.loads(text)["project"]["requires-python"]}


def python_and_packages_of_environment(text: str) -> dict[str, str]:
    entries = yaml.safe_load(text)["dependencies"]
    from_pip = next(entry["pip"] for entry in entries if isinstance(entry, dict))
    names = [entry for entry in entries if isinstance(entry, str) and entry != "pip"]
    return bounds(names + [entry for entry in from_pip if not entry.startswith("-e")])


def agree(pyproject: str, environment: str) -> bool:
    return python_and_packages_of_pyproject(pyproject) == python_and_packages_of_environment(environment)


def test_conda_gets_the_packages_that_pip_gets():
    assert python_and_packages_of_environment(ENVIRONMENT) == python_and_packages_of_pyproject(PYPROJECT)


@pytest.mark.parametrize("old, new", [("numpy>=2.0", "numpy>=2.1"), ("matplotlib>=3.9", "seaborn>=0.13")])
def test_a_change_of_one_file_alone_is_noticed(old, new):
    assert old in PYPROJECT and old in ENVIRONMENT
    assert not agree(PYPROJECT.replace(old, new), ENVIRONMENT)
    assert not agree(PYPROJECT, ENVIRONMENT.replace(old, new))
    assert agree(PYPROJECT.replace(old, new), ENVIRONMENT.replace(old, new))


def test_a_dropped_package_is_noticed():
    assert not agree(PYPROJECT, ENVIRONMENT.replace("  - sympy>=1.13\n", ""))
    assert not agree(re.sub(r'  "sympy>=1.13",.*\n', "", PYPROJECT), ENVIRONMENT)


def test_conda_installs_the_course_itself_from_conda_forge_alone():
    environment = yaml.safe_load(ENVIRONMENT)
    assert environment["channels"] == ["conda-forge"]
    assert "-e ." in environment["dependencies"][-1]["pip"]


def test_every_package_is_pinned_at_a_supported_version():
    pinned = {name.lower(): version for name, version in pins(ROOT / "constraints.txt").items()}
    for name, bound in bounds(requirements("delivery")).items():
        assert release(pinned[name]) >= release(bound.removeprefix(">=")), name


def test_the_container_installs_the_course_as_make_lab_does():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert container["postCreateCommand"] == "python tools/install.py lab"
    assert (ROOT / container["customizations"]["codespaces"]["openFiles"][0]).exists()
    image = re.fullmatch(r"mcr\.microsoft\.com/devcontainers/python:(\d+\.\d+)", container["image"])
    assert f">={image[1]}" == tomllib.loads(PYPROJECT)["project"]["requires-python"]
