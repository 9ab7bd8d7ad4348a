"""Text from the Python files of installed packages. The files are read; the packages are not imported."""

import ast
import importlib.util
import tokenize
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from course_lib.config import require
from course_lib.text.corpus import SEPARATOR

# Tests are not prose (torch keeps some of its own in _internal). The other files depend on the machine that built the
# package or on the version of Python.
LEFT_OUT = {
    "tests",
    "_internal",
    "distutils",
    "__pycache__",
    "__config__.py",
    "version.py",
    "_version.py",
    "_distributor_init.py",
}


def files(package: str) -> list[tuple[str, Path]]:
    """(name, path) of each Python file of `package`, sorted by name, for instance ("numpy/linalg/_linalg.py", ...).

    Raises ValueError when the package is not installed.
    """
    spec = importlib.util.find_spec(package)
    require(spec is not None, f"this corpus is read from {package}, which is not installed: pip install {package}")
    root = Path(spec.submodule_search_locations[0])
    names = (path.relative_to(root) for path in root.rglob("*.py"))
    return sorted((f"{package}/{name.as_posix()}", root / name) for name in names if not LEFT_OUT & set(name.parts))


def code(path: Path) -> str:
    """The source code of a Python file, unchanged."""
    with tokenize.open(path) as file:  # the encoding that the file declares
        return file.read()


def docstrings(path: Path) -> str:
    """All docstrings of a Python file (module, classes, functions), in the order of the file, indentation removed."""
    with warnings.catch_warnings(action="ignore"):  # of invalid escapes in the packages
        tree = ast.parse(path.read_bytes())
    return SEPARATOR.join(filter(None, _docstrings(tree)))


def _docstrings(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield (ast.get_docstring(node) or "").strip()
    for child in ast.iter_child_nodes(node):
        # Expressions hold no definitions; skipping them halves the time to read a package.
        if not isinstance(child, ast.expr):
            yield from _docstrings(child)


def documents(packages: tuple[str, ...], read: Callable[[Path], str]) -> Iterator[tuple[str, str]]:
    """(name, text) of each file of the packages for which `read` returns some text, package by package."""
    for package in packages:
        for name, path in files(package):
            text = read(path)
            if text:
                yield name, text
