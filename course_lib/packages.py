"""Ask a Python environment which packages it holds, whether they meet what the course asks for, and how to get them.

`ask` runs this file as a script in any Python. The file imports only the standard library and a parser of requirements.
pip brings that parser too, so that an environment that lacks packages can still answer.
"""

import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ISOLATED = ("-I",)  # ignore PYTHON... variables, the user's packages and the current folder
MARK = "What this environment holds: "  # before the answer: startup hooks may print text before and after both


def ask(
    python: str | Path,
    requirements: Iterable[str],
    constraints: Iterable[str] = (),
    flags: Sequence[str] = ISOLATED,
) -> dict:
    """Ask `python` whether it meets these lines of requirements and constraints, written as for pip.

    The answer is a dict with these keys. "prefix": the environment's folder. "python": its version, as [3, 11].
    "damage": a phrase on the first file that is not as pip wrote it, of the packages asked for and of those that they
    need, or None. "lacks": phrases, one for each line that is not met, and for each requirement of the installed
    packages among them that is not met. "versions" and "modules": for each package asked for, its version and the file
    that Python imports. Raises OSError when `python` cannot be started, and ValueError when it does not
    answer.
    """
    question = json.dumps({"requirements": list(requirements), "constraints": list(constraints)})
    command = [python, *flags, __file__, question]
    shown = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    _, mark, answer = shown.stdout.rpartition(MARK)
    if not mark:
        raise ValueError((shown.stderr.strip().splitlines() or [f"exit code {shown.returncode}"])[-1])
    return json.JSONDecoder().raw_decode(answer)[0]


def answer(requirements: list[str], constraints: list[str]) -> dict:
    """What `ask` returns, computed by the Python that runs this function."""
    try:
        from packaging.requirements import Requirement
    except ImportError:  # pip brings an older one, which is slower
        from pip._vendor.packaging.requirements import Requirement
    wanted, pins = list(map(Requirement, requirements)), list(map(Requirement, constraints))
    here, found = {}, []
    for dist in importlib.metadata.distributions():
        entries = dist.metadata  # read once, because it takes a while each time
        name = canonical(entries["Name"]) if entries["Name"] else None
        found.append((dist, name))
        if name is not None:  # of two with one name Python imports the first
            here.setdefault(name, Package(entries["Version"], entries.get_all("Requires-Dist", [])))
    names, seen = [canonical(requirement.name) for requirement in wanted], set()
    missing = sorted(set(lacks(here, wanted, {canonical(pin.name): pin for pin in pins}, seen)))
    needed = {None} | {name for name, _ in seen}  # a package without a name may be one of them
    return {
        "prefix": sys.prefix,
        "python": list(sys.version_info[:2]),
        "damage": next(damage(dist for dist, name in found if name in needed), None),
        "lacks": missing,
        "versions": {name: here[name].version for name in names if name in here},
        "modules": modules(names),
    }


class Package(NamedTuple):
    """An installed package: its version, and its requirements as lines for pip."""

    version: str
    requires: list[str]


def install_command(extra: str = "lab") -> str:
    """The command that brings the packages of the extra, "lab", "test" or "experiments", into this environment.

    It is run in the course's folder. A conda environment gets those of all three.
    """
    if os.path.isdir(os.path.join(sys.prefix, "conda-meta")):
        return "conda env update --file environment.yml"
    if sys.platform == "win32":
        return rf"py -3 tools\install.py {extra}"
    return "make lab" if extra == "lab" else f"make install-{extra}"


def canonical(name: str) -> str:
    """A package's name in the spelling that pip compares: lower case, each run of -, _ and . as one hyphen."""
    return re.sub(r"[-_.]+", "-", name).lower()


def modules(packages: Iterable[str]) -> dict[str, str | None]:
    """The file that Python imports for each package; packages without a module of the same name are left out."""
    specs = {name: importlib.util.find_spec(name.replace("-", "_")) for name in packages}
    return {name: spec.origin for name, spec in specs.items() if spec is not None}


def lacks(here: dict, wanted: Iterable, pins: dict, seen: set) -> Iterator[str]:
    """A phrase for each requirement that is not met: the wanted ones, and those of the packages that meet them.

    here: name -> `Package`. wanted: Requirements. pins: name -> Requirement with the version that the course pins.
    seen: an empty set; it gets (name, extra) of the packages that are there.
    """
    todo = list(wanted)
    while todo:
        requirement = todo.pop()
        name = canonical(requirement.name)
        if name not in here:
            yield f"{name} is missing"
            continue
        for rule in filter(None, (requirement, pins.get(name))):
            if not rule.specifier.contains(here[name].version, prereleases=True):
                yield f"{name} {here[name].version} is not {rule.specifier}"
        for extra in ("", *requirement.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                lines = (
                    line for line in here[name].requires if extra or "extra ==" not in line
                )  # lines for extras are parsed only if an extra is wanted
                own = map(type(requirement), lines)
                todo += [each for each in own if each.marker is None or each.marker.evaluate({"extra": extra})]


def damage(distributions: Iterable) -> Iterator[str]:
    """A phrase for each file of this environment that is missing or has another size than pip recorded."""
    for dist in distributions:
        if not Path(dist.locate_file("")).is_relative_to(sys.prefix):
            continue
        if dist.files is None:
            yield f"the list of files of {dist.name} is missing"
        for file in dist.files or ():
            if file.suffix == ".pyc":
                continue
            try:
                size = os.stat(dist.locate_file(file)).st_size
            except OSError:
                yield f"{file} is missing"
            else:
                if file.size is not None and file.size != size:
                    yield f"{file} is damaged"


if __name__ == "__main__":
    print(MARK + json.dumps(answer(**json.loads(sys.argv[1]))), flush=True)
