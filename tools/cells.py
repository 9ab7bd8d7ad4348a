"""Which cells of a notebook need which others, by the names that they define and take from each other.

A name that is handed to `train` counts as defined there, for training changes it. What a cell changes otherwise without
giving it a name, say a seed of random numbers or an entry of a list, is not seen.
"""

import ast
import symtable
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from nbformat import NotebookNode

from course_lib.widgets import FIGURES

VIEW = "application/vnd.jupyter.widget-view+json"
SHOWN = tuple(f"{figure.__name__}(" for figure in FIGURES)


class Cell(NamedTuple):
    """A cell of code: the names that it takes from other cells, and those that it defines or imports."""

    source: str
    read: frozenset[str]
    defined: frozenset[str]


def cell(source: str) -> Cell:
    """What a cell with this source reads and defines. Raises SyntaxError for what is not Python."""
    read, defined = set(), set()
    for statement in ast.parse(source).body:
        table = symtable.symtable(ast.unparse(statement), "cell", "exec")
        read |= set(globals_of(table)) - defined - bound_by(statement)
        defined |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
        defined |= trained_by(statement)
    return Cell(source, frozenset(read), frozenset(defined))


def globals_of(table: symtable.SymbolTable) -> Iterator[str]:
    """The names of the notebook that a statement uses, in its functions and comprehensions too."""
    whole = table.get_type() == "module"
    yield from (s.get_name() for s in table.get_symbols() if s.is_referenced() and (whole or s.is_global()))
    for inner in table.get_children():
        yield from globals_of(inner)


def bound_by(statement: ast.stmt) -> set[str]:
    """The names that loops and `with` set in a statement before its other lines use them."""
    nodes = list(ast.walk(statement))
    targets = [node.target for node in nodes if isinstance(node, ast.For)]
    targets += [node.optional_vars for node in nodes if isinstance(node, ast.withitem) and node.optional_vars]
    return {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}


def trained_by(statement: ast.stmt) -> set[str]:
    """The names that a statement hands to `train`."""
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
    handed = [call.args for call in calls if isinstance(call.func, ast.Name) and call.func.id == "train"]
    return {name.id for arguments in handed for name in arguments if isinstance(name, ast.Name)}


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [node for node in notebook.cells if node.cell_type == "code"]


def saved_figure(node: NotebookNode) -> NotebookNode | None:
    """What was saved of the live figure that a code cell shows, by MIME type; None if it shows no live figure."""
    saved = [output.data for output in node.outputs if VIEW in output.get("data", {})]
    return next((data for data in saved if str(data["text/plain"]).startswith(SHOWN)), None)


def for_figures(nodes: Sequence[NotebookNode]) -> list[int]:
    """Which code cells show a notebook's live figures, by the outputs that were saved, and which ones those need."""
    shown = [i for i, node in enumerate(nodes) if saved_figure(node)]
    return with_needs([cell(node.source) for node in nodes], shown)


def with_needs(cells: Sequence[Cell], chosen: Iterable[int]) -> list[int]:
    """The chosen cells and, of those before, the last ones that define what is read, in their order."""
    found = set(chosen)
    left = list(found)
    while left:
        i = left.pop()
        for name in cells[i].read:
            last = next((j for j in range(i - 1, -1, -1) if name in cells[j].defined), None)
            if last is not None and last not in found:
                found.add(last)
                left.append(last)
    return sorted(found)
