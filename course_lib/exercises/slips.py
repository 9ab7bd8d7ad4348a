"""Slips: a solution with one place of its syntax tree changed, as a participant might change it.

`alternatives` lists the changes and has a question in words for most of them. When no known mistake explains
a wrong value, the grader looks for a slip that gives it. The tests run all slips of each exercise.
"""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

from course_lib.exercises.alternatives import alternatives
from course_lib.exercises.core import compiled, source


@dataclass(frozen=True)
class Slip:
    """A changed solution, with the texts before and after the change, and a question about it."""

    before: str  # "return A / Z @ V", the line or expression around the change
    after: str  # "return A @ V", what stands there instead; "pass" where a line is left out
    answer: Callable
    words: str  # "Is a factor missing?"; empty where no short question says it


def slips(solution: Callable, inputs: tuple) -> Iterator[Slip]:
    """All slips of a function with distinct texts. Two arguments stand for each other if their inputs have one type."""
    function = ast.parse(source(solution)).body[0]
    kinds = {argument.arg: _kind(value) for argument, value in zip(function.args.args, inputs, strict=False)}
    seen = {ast.unparse(function)}
    for words, before, after, text in [*_places(function, kinds), *_exchanged_arguments(function, kinds)]:
        if text not in seen:
            seen.add(text)
            yield Slip(before, after, compiled(_ending(text), solution), words)


def _kind(value) -> type:
    return float if type(value) is int else type(value)


def _ending(text: str) -> str:
    """The text of the same function in which `while` loops raise StopIteration after 10,000 steps."""
    if "while " not in text:
        return text
    function = ast.parse(text).body[0]
    for loop in [node for node in ast.walk(function) if isinstance(node, ast.While)]:
        loop.body[:0] = ast.parse("next(steps_left)").body
    function.body[:0] = ast.parse("steps_left = iter(range(10_000))").body
    return ast.unparse(function)


def _places(function: ast.FunctionDef, kinds: dict[str, type]) -> list[tuple[str, ...]]:
    """(question, text before, text after, text of the changed function) for each change in one place.

    At the end the tree is as before.
    """
    found = []
    for parent in list(ast.walk(function)):
        for child in ast.iter_child_nodes(parent):
            child.parent = parent
    for parent in list(ast.walk(function)):
        for field, value in ast.iter_fields(parent):
            for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(child, ast.AST) and not isinstance(parent, ast.keyword):
                    for words, new in alternatives(child, kinds):
                        found.append((words, *_changed(function, parent, field, index, new)))
    return found


def _changed(function, parent, field: str, index: int | None, new: ast.AST) -> tuple[str, str, str]:
    siblings = None if index is None else getattr(parent, field)
    old = getattr(parent, field) if siblings is None else siblings[index]

    def put(node):
        if siblings is None:
            setattr(parent, field, node)
        else:
            siblings[index] = node

    around = _around(old)
    before = ast.unparse(around)
    put(new)
    after, text = ast.unparse(new if around is old else around), ast.unparse(function)
    put(old)
    return before, after, text


def _around(node: ast.AST) -> ast.AST:
    """The statement around a node if it is a short line, else the smallest expression of more than 25 characters."""
    if isinstance(node, ast.stmt):
        return node
    text = ast.unparse(node)
    if isinstance(node, ast.expr) and not isinstance(node, ast.Slice) and len(text) > 25:
        return _short_line(node) or node
    return node if isinstance(node.parent, ast.FunctionDef) else _around(node.parent)


def _short_line(node: ast.AST) -> ast.stmt | None:
    while not isinstance(node, ast.stmt):
        node = node.parent
    text = ast.unparse(node)
    return node if len(text) <= 72 and "\n" not in text else None


def _exchanged_arguments(function: ast.FunctionDef, kinds: dict[str, type]) -> list[tuple[str, ...]]:
    """The same for functions with two of their arguments in the other order."""
    found, names = [], list(kinds)
    for i, j in combinations(range(len(names)), 2):
        if kinds[names[i]] != kinds[names[j]]:
            continue
        changed = copy.deepcopy(function)
        given = changed.args.args
        given[i], given[j] = given[j], given[i]
        words = f"Are {names[i]} and {names[j]} exchanged?"
        found.append((words, ast.unparse(function.args), ast.unparse(changed.args), ast.unparse(changed)))
    return found
