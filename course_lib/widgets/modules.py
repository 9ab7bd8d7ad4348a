"""Joins JavaScript files with import lines into the one ES module that a figure ships.

A file of the static folder imports names from its neighbours, in lines of the form

    import { make, tokenText } from "./basics.js";

and exports declarations (`export function ...`, `export const ...`). All files end up in one scope, so no two of them
may declare the same name at their top level.
"""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from course_lib.config import require

STATIC = Path(__file__).with_name("static")
IMPORT = re.compile(r'^import \{ ([\w, ]+) \} from "\./(\w+)\.js";\n', re.MULTILINE)
DECLARED = re.compile(r"^(export )?(?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)
HOSTS = "hosts"  # the file that connects a figure to a notebook or a page
HOSTED = "\nexport { mount };\nexport default anywidgetHost(mount);\nmountInPage(mount);\n"


class File(NamedTuple):
    """A JavaScript file: its text without `import` and `export`, and the names that it imports, declares and exports.

    imports: file -> names.
    """

    text: str
    imports: dict[str, list[str]]
    declared: list[str]
    exported: list[str]


def module(entry: str, folder: Path = STATIC) -> str:
    """Join the file `entry`, which exports `mount`, all that it imports, and the hosts, into one ES module.

    Raises ValueError for an import of another form, of a missing file or of a name that is not exported, for a circle
    of imports, and for a name that two files declare.
    """
    files = {name: read(folder, name) for name in in_order(folder, HOSTS, entry)}
    check_names(files)
    return "\n".join(file.text for file in files.values()) + HOSTED


def style_sheet(entry: str, folder: Path = STATIC) -> str:
    """Join the style sheets that stand beside the files of `module(entry)`, in the same order."""
    paths = [folder / f"{name}.css" for name in in_order(folder, HOSTS, entry)]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths if path.exists())


@cache
def read(folder: Path, name: str) -> File:
    """Read the file `name`.js of the folder; raises ValueError if it is missing or has an import of another form."""
    path = folder / f"{name}.js"
    require(path.exists(), f"{path.name} must be in {folder.name}: a file there imports it")
    text = path.read_text(encoding="utf-8")
    imports = {file: names.split(", ") for names, file in IMPORT.findall(text)}
    declared = DECLARED.findall(text)
    text = re.sub(r"^export (?=(async )?(function|class|const|let) )", "", IMPORT.sub("", text), flags=re.MULTILINE)
    left = re.search(r"^(import|export)\b.*", text, re.MULTILINE)
    rule = 'imports must read `import { name } from "./file.js";` and exports stand before a declaration'
    require(left is None, f"{path.name}: {rule}, got {left and left.group()!r}")
    return File(text, imports, [name for _, name in declared], [name for export, name in declared if export])


def in_order(folder: Path, *entries: str) -> list[str]:
    """The files that the entries need, each once, after those that it imports. Raises ValueError for a circle."""
    done: list[str] = []

    def visit(name: str, above: tuple[str, ...]) -> None:
        require(name not in above, f"imports must not run in a circle, got {' -> '.join((*above, name))}")
        if name not in done:
            for imported in read(folder, name).imports:
                visit(imported, (*above, name))
            done.append(name)

    for entry in entries:
        visit(entry, ())
    return done


def check_names(files: dict[str, File]) -> None:
    """Raise ValueError if a file imports a name that is not exported, or if two files declare the same name."""
    owners: dict[str, str] = {}
    for name, file in files.items():
        for source, names in file.imports.items():
            missing = sorted(set(names) - set(files[source].exported))
            require(not missing, f"{name}.js imports {', '.join(missing)}, which {source}.js does not export")
        for declared in file.declared:
            other = owners.setdefault(declared, name)
            require(other == name, f"{declared} must be declared in one file, got {other}.js and {name}.js")
