"""Slips: a solution with one place of its syntax tree changed, as a participant might change it.

A term is left out, two arguments are exchanged, a count is one too large, `keepdims` is missing, `//` stands for `/`.
The grader looks among them for what no known mistake explains; the tests run all of them through each exercise.
"""

import ast
import builtins
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

from course_lib.exercises.core import compiled, source

_OPERATORS = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div],
    ast.Div: [ast.Mult, ast.FloorDiv],
    ast.FloorDiv: [ast.Div, ast.Mod],
    ast.Mod: [ast.FloorDiv],
    ast.Pow: [ast.Mult],
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt, ast.GtE],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.LtE],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.And: [ast.Or],
    ast.Or: [ast.And],
    ast.BitAnd: [ast.BitOr],
    ast.BitOr: [ast.BitAnd],
}
_PAIRS = (
    "sin cos", "max min", "argmax argmin", "sum mean", "ceil floor", "maximum minimum", "vstack hstack", "any all",
    "repeat tile", "zeros ones", "zeros_like ones_like", "triu tril",
)  # fmt: skip
_NAMES = {a: b for pair in _PAIRS for a, b in (pair.split(), reversed(pair.split()))}
_UNARY = {"exp", "sqrt", "log", "log2", "square", "abs", "ceil", "floor", "round", "int", "sorted", "tanh", "cumsum"}
_REARRANGING = {"transpose", "swapaxes", "reshape", "copy", "lower", "sort"}


@dataclass(frozen=True)
class Slip:
    before: str  # "return A / Z @ V", the line or expression around the change
    after: str  # "return A @ V", what stands there instead; "pass" where a line is left out
    answer: Callable


def slips(solution: Callable, inputs: tuple) -> Iterator[Slip]:
    """All slips of a function that differ as text; arguments stand for each other if these inputs are of one kind."""
    function = ast.parse(source(solution)).body[0]
    kinds = {argument.arg: _kind(value) for argument, value in zip(function.args.args, inputs, strict=False)}
    seen = {ast.unparse(function)}
    for before, after, text in [*_places(function, kinds), *_exchanged_arguments(function, kinds)]:
        if text not in seen:
            seen.add(text)
            yield Slip(before, after, compiled(_ending(text), solution))


def _kind(value) -> type:
    return float if type(value) is int else type(value)


def _ending(text: str) -> str:
    """The same function, except that loops that do not end raise StopIteration after 10,000 steps."""
    if "while " not in text:
        return text
    function = ast.parse(text).body[0]
    for loop in [node for node in ast.walk(function) if isinstance(node, ast.While)]:
        loop.body[:0] = ast.parse("next(steps_left)").body
    function.body[:0] = ast.parse("steps_left = iter(range(10_000))").body
    return ast.unparse(function)


def _places(function: ast.FunctionDef, kinds: dict[str, type]) -> list[tuple[str, str, str]]:
    """Expression, changed expression, changed function. The tree is as before at the end."""
    found = []
    for parent in list(ast.walk(function)):
        for child in ast.iter_child_nodes(parent):
            child.parent = parent
    for parent in list(ast.walk(function)):
        for field, value in ast.iter_fields(parent):
            for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(child, ast.AST) and not isinstance(parent, ast.keyword):
                    for new in [*_alternatives(child), *_other_arguments(child, kinds)]:
                        found.append(_changed(function, parent, field, index, new))
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
    """The statement around a node if it is a short line, else the smallest expression of some length."""
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


def _exchanged_arguments(function: ast.FunctionDef, kinds: dict[str, type]) -> list[tuple[str, str, str]]:
    """The function with two of its arguments in the other order."""
    found, names = [], list(kinds)
    for i, j in combinations(range(len(names)), 2):
        if kinds[names[i]] != kinds[names[j]]:
            continue
        changed = copy.deepcopy(function)
        given = changed.args.args
        given[i], given[j] = given[j], given[i]
        found.append((ast.unparse(function.args), ast.unparse(changed.args), ast.unparse(changed)))
    return found


def _other_arguments(node: ast.AST, kinds: dict[str, type]) -> list[ast.AST]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in kinds:
        return [ast.Name(name, node.ctx) for name in kinds if name != node.id and kinds[name] == kinds[node.id]]
    return []


def _alternatives(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.BinOp():
            yield from _operations(node)
        case ast.UnaryOp(_, operand):
            yield operand
        case ast.Compare(left, [op], [right]):
            yield from (ast.Compare(left, [other()], [right]) for other in _OPERATORS.get(type(op), []))
        case ast.BoolOp(op, values):
            yield from (*values, *(ast.BoolOp(other(), values) for other in _OPERATORS[type(op)]))
        case ast.Constant(int(number)) if not isinstance(number, bool):
            yield from (ast.Constant(other) for other in (number + 1, number - 1) if other >= 0)
        case ast.keyword("axis", value):
            yield from (ast.keyword("axis", ast.Constant(n)) for n in (0, 1) if ast.unparse(value)[-1:] != str(n))
        case ast.IfExp(test, body, orelse):
            yield from (body, orelse, ast.IfExp(test, orelse, body))
        case ast.Call():
            yield from _calls(node)
        case ast.Attribute(value, "T"):
            yield value
        case ast.Subscript(value, index):
            yield from _indices(value, index, node.ctx)
        case ast.Tuple(elements) | ast.List(elements) if isinstance(node.ctx, ast.Load) and len(elements) > 1:
            yield from (type(node)(other, node.ctx) for other in _exchanged(elements))
        case ast.Dict(keys, values):
            yield from (ast.Dict(keys, other) for other in _exchanged(values))
        case ast.comprehension(target, values, [_, *_]):
            yield ast.comprehension(target, values, [], 0)
        case _:
            yield from _statements(node)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.If(body=body, orelse=orelse):
            yield from (ast.If(ast.Constant(value), body, orelse) for value in (True, False))
        case ast.AugAssign(target, op, value):
            yield from (ast.Pass(), *(ast.AugAssign(target, other(), value) for other in _OPERATORS.get(type(op), [])))
        case ast.Assign([ast.Name(name)], value) if name in {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}:
            yield ast.Pass()
        case ast.Expr(ast.Call()):
            yield ast.Pass()
        case ast.Return(ast.Tuple(elements)):
            yield from (ast.Return(element) for element in elements)


def _operations(node: ast.BinOp) -> Iterator[ast.AST]:
    left, op, right = node.left, node.op, node.right
    yield left
    if isinstance(op, ast.Add | ast.Mult):
        yield right
    whole = not [n for n in ast.walk(node) if isinstance(n, ast.MatMult | ast.Attribute)]  # nothing of NumPy
    for other in _OPERATORS.get(type(op), []):
        if whole or other is not ast.FloorDiv:
            yield ast.BinOp(left, other(), right)
    if isinstance(op, ast.Sub | ast.MatMult) or (isinstance(op, ast.Div | ast.FloorDiv) and whole):
        yield ast.BinOp(right, op, left)


def _calls(call: ast.Call) -> Iterator[ast.AST]:
    function, given, keywords = call.func, call.args, call.keywords
    yield from (ast.Call(function, other, keywords) for other in _exchanged(given))
    yield from (ast.Call(function, given, keywords[:i] + keywords[i + 1 :]) for i in range(len(keywords)))
    match function:
        case ast.Attribute(value, name) if name in _NAMES:
            yield ast.Call(ast.Attribute(value, _NAMES[name], function.ctx), given, keywords)
        case ast.Name(name) if name in _NAMES and hasattr(builtins, _NAMES[name]):
            yield ast.Call(ast.Name(_NAMES[name], function.ctx), given, keywords)
    match function:
        case ast.Attribute(ast.Name("np" | "math"), name) | ast.Name(name) if name in _UNARY and len(given) == 1:
            yield given[0]
        case ast.Attribute(value, name) if name in _REARRANGING:
            yield value
        case ast.Name("range") if len(given) == 1:
            yield ast.Call(function, [ast.Constant(1), ast.BinOp(given[0], ast.Add(), ast.Constant(1))], [])
            yield from (
                ast.Call(function, [ast.BinOp(given[0], op(), ast.Constant(1))], []) for op in (ast.Add, ast.Sub)
            )


def _indices(value: ast.expr, index: ast.expr, context) -> Iterator[ast.AST]:
    entries = index.elts if isinstance(index, ast.Tuple) else [index]
    if any(isinstance(entry, ast.Slice) for entry in entries):
        yield value
    if isinstance(index, ast.Tuple):
        yield from (ast.Subscript(value, ast.Tuple(other, ast.Load()), context) for other in _exchanged(entries))
    for i, entry in enumerate(entries):
        for other in _slices(entry) if isinstance(entry, ast.Slice) else []:
            changed = [*entries[:i], other, *entries[i + 1 :]]
            yield ast.Subscript(value, ast.Tuple(changed, ast.Load()) if len(changed) > 1 else other, context)


def _slices(entry: ast.Slice) -> Iterator[ast.AST]:
    one, bounds = ast.Constant(1), {"lower": entry.lower, "upper": entry.upper, "step": entry.step}
    for end in ("lower", "upper"):
        if bounds[end] is not None:
            for other in (None, ast.BinOp(bounds[end], ast.Add(), one), ast.BinOp(bounds[end], ast.Sub(), one)):
                yield ast.Slice(**bounds | {end: other})
    if not any(bounds.values()):
        yield ast.Slice(step=ast.UnaryOp(ast.USub(), one))


def _exchanged(nodes: list) -> Iterator[list]:
    """The list with two neighbours exchanged, for all neighbours."""
    for i, (first, second) in enumerate(pairwise(nodes)):
        yield [*nodes[:i], second, first, *nodes[i + 2 :]]
