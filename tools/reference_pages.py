"""Make the reference of course_lib, as Markdown pages for Sphinx, from signatures and docstrings.

The sources are read, not imported, so signatures stand as they were written, with their shapes. Torch is not needed. A
page is a package, a section a module. Below each function and class its source is folded away.
"""

import ast
from collections.abc import Iterable
from functools import partial
from itertools import chain
from pathlib import Path
from textwrap import dedent

from docstrings import markdown
from public_names import PACKAGE, Definition, Qualified, full_name, known_names, module_of, public

# In the order of the course; what is not named here follows. The modules of single exercises hold their solutions.
ORDER = "reference layers kernels models accounting surgery randomised text training figures widgets exercises".split()


def pages() -> dict[str, str]:
    """Name of a page -> its Markdown, in order."""
    by_package: dict[str, list[Path]] = {name: [] for name in ORDER}
    for path in sorted(PACKAGE.rglob("*.py"), key=lambda path: (path.parent, path.name != "__init__.py", path.name)):
        place = path.relative_to(PACKAGE)
        if path.name.startswith("nb") or place.name == "__main__.py":
            continue
        by_package.setdefault(place.parts[0] if len(place.parts) > 1 else "course_lib", []).append(path)
    known = known_names(chain.from_iterable(by_package.values()))
    return {name: page(name, paths, known) for name, paths in by_package.items()}


def overview(names: Iterable[str]) -> str:
    """A list of the packages, each with the first line of its docstring."""
    return "\n".join(f"- [](reference/{name}.md): {first_line(name)}" for name in names)


def first_line(name: str) -> str:
    folder = PACKAGE if name == "course_lib" else PACKAGE / name
    tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    return markdown(docstring(tree).splitlines()[0])


def page(name: str, paths: list[Path], known: dict[str, str]) -> str:
    package = "course_lib" if name == "course_lib" else f"course_lib.{name}"
    sections = [section(path, known) for path in paths]
    return "\n\n".join([f"# {package}", *filter(None, sections)]) + "\n"


def section(path: Path, known: dict[str, str]) -> str:
    text = path.read_text(encoding="utf-8")
    tree, module = ast.parse(text), module_of(path)
    link = partial(full_name, module=module, known=known)
    Qualified(tree, module, known).visit(tree)
    entries = [entry(node, module, text, link) for node in public(tree.body) if says_something(node)]
    if not entries:
        return markdown(docstring(tree), link) if path.name == "__init__.py" else ""
    title = [] if path.name == "__init__.py" else [f"## {module.removeprefix('course_lib.')}"]
    return "\n\n".join([*title, markdown(docstring(tree), link), *entries])


def says_something(node: Definition) -> bool:
    """Whether the reference lists a definition: a function with a docstring, or a class, whose methods may have one."""
    return isinstance(node, ast.ClassDef) or bool(docstring(node))


def docstring(node: Definition | ast.Module) -> str:
    """The docstring without the indentation of its code. Lines that are indented further stay so."""
    if not ast.get_docstring(node):
        return ""
    constant = node.body[0].value
    first, *rest = constant.value.splitlines()
    return "\n".join([first.strip(), *(line.removeprefix(" " * constant.col_offset) for line in rest)]).strip()


def entry(node: Definition, module: str, text: str, link) -> str:
    source = dedent(ast.get_source_segment(text, node, padded=True))
    parts = [described(node, link), *members(node, link), folded(source)]
    kind = "py:class" if isinstance(node, ast.ClassDef) else "py:function"
    return directive(kind, signature(node), parts, module)


def members(node: Definition, link) -> list[str]:
    """The public methods of a class that say what they do."""
    if not isinstance(node, ast.ClassDef):
        return []
    methods = [method for method in public(node.body) if isinstance(method, ast.FunctionDef) and docstring(method)]
    return [member(method, link) for method in methods]


def member(node: ast.FunctionDef, link) -> str:
    kind = "py:property" if is_property(node) else "py:method"
    return directive(kind, signature(node), [described(node, link)])


def described(node: Definition, link) -> str:
    return markdown(docstring(node), link, parameters(node))


def parameters(node: Definition) -> list[str]:
    """The names of the arguments of a function, or of what a class is made from."""
    made = maker(node)
    if made:
        return [part.arg for part in ast.walk(made.args) if isinstance(part, ast.arg)]
    return [part.target.id for part in node.body if isinstance(part, ast.AnnAssign)]


def maker(node: Definition) -> ast.FunctionDef | None:
    """The function that is called: itself, or the `__init__` of a class that has one."""
    if isinstance(node, ast.FunctionDef):
        return node
    return next((part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"), None)


def is_property(node: ast.FunctionDef) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in node.decorator_list)


def directive(kind: str, heading: str, parts: list[str], module: str = "") -> str:
    fence, option = ("::::", f"\n:module: {module}") if module else (":::", "")
    return f"{fence}{{{kind}}} {heading}{option}\n\n" + "\n\n".join(filter(None, parts)) + f"\n{fence}"


def folded(source: str) -> str:
    """The source, folded away. The fence has more backticks than stand in a row in any source."""
    return f'<details class="source"><summary>Source</summary>\n\n`````python\n{source}\n`````\n\n</details>'


def signature(node: Definition) -> str:
    """The signature as written, for Sphinx, without `self`; that of a class comes from its `__init__` or its fields."""
    if isinstance(node, ast.FunctionDef):
        if is_property(node):
            return node.name
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        return f"{node.name}({arguments(node)}){returns}"
    made = maker(node)
    return f"{node.name}({arguments(made) if made else fields(node)})"


def arguments(node: ast.FunctionDef) -> str:
    given = node.args
    first = (given.posonlyargs + given.args)[:1]
    if first and first[0].arg in ("self", "cls"):
        (given.posonlyargs or given.args).pop(0)
    return ast.unparse(given)


def fields(node: ast.ClassDef) -> str:
    """The fields of a dataclass or a named tuple, as arguments."""
    marked = [ast.unparse(part) for part in [*node.decorator_list, *node.bases]]
    if not any("dataclass" in mark or "NamedTuple" in mark for mark in marked):
        return ""
    found = [part for part in node.body if isinstance(part, ast.AnnAssign) and "ClassVar" not in ast.unparse(part)]
    return ", ".join(ast.unparse(part) for part in found)
