"""Find the public names of course_lib: what a module defines, what it imports, and what a name stands for.

The sources are read, not imported.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "course_lib"
Definition = ast.FunctionDef | ast.ClassDef


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def known_names(paths: Iterable[Path]) -> dict[str, str]:
    """Each public name of these modules in full, and each name under which a package hands one on -> the full name."""
    defined = {name: name for path in paths for name in names(path)}
    return defined | {name: full for name, full in handed_on() if full in defined}


def names(path: Path) -> list[str]:
    """The public names of a module, in full."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return [f"{module_of(path)}.{definition.name}" for definition in public(body)]


def handed_on() -> Iterator[tuple[str, str]]:
    """What the packages import from modules, as (name in the package, name in the module), both in full."""
    for path in PACKAGE.rglob("__init__.py"):
        for name, full in imported(ast.parse(path.read_text(encoding="utf-8"))).items():
            yield f"{module_of(path)}.{name}", full


def imported(tree: ast.Module) -> dict[str, str]:
    """What a module imports by `from`: its name there -> its full name."""
    nodes = (node for node in tree.body if isinstance(node, ast.ImportFrom))
    return {alias.asname or alias.name: f"{node.module}.{alias.name}" for node in nodes for alias in node.names}


def public(body: list[ast.stmt]) -> list[Definition]:
    """Functions and classes without a leading underscore, each name once: for a property its getter."""
    found: dict[str, Definition] = {}
    for node in body:
        if isinstance(node, Definition) and node.name[0] != "_":
            found.setdefault(node.name, node)
    return list(found.values())


class Qualified(ast.NodeTransformer):
    """Writes the course's names in annotations in full, so that each leads to its own description."""

    def __init__(self, tree: ast.Module, module: str, known: dict[str, str]):
        own = {node.name: f"{module}.{node.name}" for node in public(tree.body)}
        self.full = {name: known[full] for name, full in (imported(tree) | own).items() if full in known}

    def visit_annotation(self, node: ast.expr | None) -> None:
        for part in ast.walk(node) if node else ():
            if isinstance(part, ast.Name):
                part.id = self.full.get(part.id, part.id)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        self.visit_annotation(node.annotation)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.visit_annotation(node.returns)
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        self.visit_annotation(node.annotation)
        return node


def full_name(name: str, module: str, known: dict[str, str]) -> str | None:
    """What a name in backticks stands for: one of the same module, or of a neighbour, as `positions.rotate`."""
    package = module.rpartition(".")[0]
    candidates = (f"{module}.{name}", f"{package}.{name}", f"course_lib.{name}", name)
    return next((known[candidate] for candidate in candidates if candidate in known), None)
