"""Changes that a participant might make in one place of a solution, each with a question in words about it."""

import ast
import builtins
from collections.abc import Iterator
from itertools import pairwise

from course_lib.exercises import questions
from course_lib.exercises.questions import BY_ONE, NAMES, OPERATORS, REARRANGING, UNARY

Alternatives = Iterator[tuple[str, ast.AST]]  # pairs: the question, and the node that stands there instead


def alternatives(node: ast.AST, kinds: dict[str, type]) -> Alternatives:
    """What may stand in the place of a node of the solution's syntax tree, each with its question, or "".

    node: its attribute `parent` must be set. kinds: name -> type for each argument of the solution; arguments of one
    type may stand for each other.
    """
    match node:
        case ast.BinOp():
            yield from _operations(node, kinds)
        case ast.Call():
            yield from _calls(node, kinds)
        case ast.Subscript(value, index):
            yield from _indices(value, index, node.ctx)
        case ast.Name(name, ast.Load()) if name in kinds:
            others = [other for other in kinds if other != name and kinds[other] == kinds[name]]
            yield from ((questions.stands_for(node, other), ast.Name(other, node.ctx)) for other in others)
        case ast.stmt():
            yield from _statements(node)
        case _:
            yield from _expressions(node)


def _expressions(node: ast.AST) -> Alternatives:
    match node:
        case ast.UnaryOp(ast.USub(), ast.Constant() as operand):
            yield questions.of_number(node, "Is a minus sign missing?"), operand
        case ast.UnaryOp(ast.USub(), operand):
            yield "Is a minus sign missing?", operand
        case ast.UnaryOp(_, operand):
            yield "Is a condition inverted?", operand
        case ast.Compare(left, [op], [right]):
            for other, words in OPERATORS.get(type(op), {}).items():
                yield words, ast.Compare(left, [other()], [right])
        case ast.BoolOp(op, values):
            yield from (("Is a condition missing?", value) for value in values)
            yield from ((words, ast.BoolOp(other(), values)) for other, words in OPERATORS[type(op)].items())
        case ast.Constant(int(number)) if not isinstance(number, bool):
            for other in [n for n in (number + 1, number - 1) if n >= 0]:
                words = questions.of_number(node, BY_ONE)
                yield "" if words == questions.POWER and other == 1 else words, ast.Constant(other)
        case ast.keyword("axis", value):
            axes = [n for n in (0, 1) if ast.unparse(value)[-1:] != str(n)]
            yield from ((questions.AXIS, ast.keyword("axis", ast.Constant(n))) for n in axes)
        case ast.IfExp(test, body, orelse):
            yield from (("Is one of two cases missing?", case) for case in (body, orelse))
            yield "Are two cases exchanged?", ast.IfExp(test, orelse, body)
        case ast.Attribute(value, "T"):
            yield "Are rows and columns exchanged?", value
        case ast.Tuple(elements, ast.Load()) | ast.List(elements, ast.Load()) if len(elements) > 1:
            words = questions.in_order(node)
            yield from ((words, type(node)(other, node.ctx)) for other in _exchanged(elements))
        case ast.Dict(keys, values):
            yield from (("Are two values exchanged?", ast.Dict(keys, other)) for other in _exchanged(values))
        case ast.comprehension(target, values, [_, *_]):
            yield "Is a condition missing?", ast.comprehension(target, values, [], 0)


def _statements(node: ast.stmt) -> Alternatives:
    match node:
        case ast.If(body=body, orelse=orelse):
            for value in (True, False):
                yield "Is one of two cases missing?", ast.If(ast.Constant(value), body, orelse)
        case ast.AugAssign(target, op, value):
            yield "", ast.Pass()
            for other, words in OPERATORS.get(type(op), {}).items():
                yield words, ast.AugAssign(target, other(), value)
        case ast.Assign([ast.Name(name)], value) if name in {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}:
            yield "", ast.Pass()
        case ast.Expr(ast.Call()):
            yield "", ast.Pass()
        case ast.Return(ast.Tuple(elements)):
            yield from (("", ast.Return(element)) for element in elements)  # no question: the message names the lengths


def _operations(node: ast.BinOp, kinds: dict[str, type]) -> Alternatives:
    left, op, right = node.left, node.op, node.right
    yield questions.is_missing(op, right, kinds), left
    if isinstance(op, ast.Add | ast.Mult):
        yield questions.is_missing(op, left, kinds), right
    whole = not [n for n in ast.walk(node) if isinstance(n, ast.MatMult | ast.Attribute)]  # no operation of NumPy in it
    for other, words in OPERATORS.get(type(op), {}).items():
        if whole or other is not ast.FloorDiv:
            yield words, ast.BinOp(left, other(), right)
    if isinstance(op, ast.Sub | ast.MatMult) or (isinstance(op, ast.Div | ast.FloorDiv) and whole):
        yield questions.REVERSED[type(op)], ast.BinOp(right, op, left)


def _calls(call: ast.Call, kinds: dict[str, type]) -> Alternatives:
    function, given, keywords = call.func, call.args, call.keywords
    for i, other in enumerate(_exchanged(given)):
        names = [n.id for n in given[i : i + 2] if isinstance(n, ast.Name) and n.id in kinds]
        yield f"Are {' and '.join(names)} exchanged?" if len(names) == 2 else "", ast.Call(function, other, keywords)
    for i, keyword in enumerate(keywords):
        words = f"Is `{keyword.arg}` missing?" if keyword.arg in ("axis", "keepdims") else ""
        yield words, ast.Call(function, given, keywords[:i] + keywords[i + 1 :])
    match function:
        case ast.Attribute(value, name) if name in NAMES:
            yield (
                questions.instead(name),
                ast.Call(ast.Attribute(value, NAMES[name], function.ctx), given, keywords),
            )
        case ast.Name(name) if name in NAMES and hasattr(builtins, NAMES[name]):
            yield questions.instead(name), ast.Call(ast.Name(NAMES[name], function.ctx), given, keywords)
    match function:
        case ast.Attribute(ast.Name("np" | "math"), name) | ast.Name(name) if name in UNARY and len(given) == 1:
            yield f"Is {UNARY[name]} missing?", given[0]
        case ast.Attribute(value, name) if name in REARRANGING:
            yield REARRANGING[name], value
        case ast.Name("range") if len(given) == 1:
            one = ast.Constant(1)
            last = ast.BinOp(given[0], ast.Add(), one)
            yield "Do you count from 1 instead of from 0?", ast.Call(function, [one, last], [])
            yield from ((BY_ONE, ast.Call(function, [ast.BinOp(given[0], op(), one)], [])) for op in (ast.Add, ast.Sub))


def _indices(value: ast.expr, index: ast.expr, context) -> Alternatives:
    entries = index.elts if isinstance(index, ast.Tuple) else [index]
    if any(isinstance(entry, ast.Slice) for entry in entries):
        yield questions.PART if any(e.lower or e.upper for e in entries if isinstance(e, ast.Slice)) else "", value
    if isinstance(index, ast.Tuple):
        yield from (("", ast.Subscript(value, ast.Tuple(other, ast.Load()), context)) for other in _exchanged(entries))
    for i, entry in enumerate(entries):
        for words, other in _slices(entry) if isinstance(entry, ast.Slice) else []:
            changed = [*entries[:i], other, *entries[i + 1 :]]
            yield words, ast.Subscript(value, ast.Tuple(changed, ast.Load()) if len(changed) > 1 else other, context)


def _slices(entry: ast.Slice) -> Alternatives:
    one, bounds = ast.Constant(1), {"lower": entry.lower, "upper": entry.upper, "step": entry.step}
    for end in ("lower", "upper"):
        if bounds[end] is not None:
            yield questions.PART, ast.Slice(**bounds | {end: None})
            for op in (ast.Add, ast.Sub):
                yield questions.RANGE, ast.Slice(**bounds | {end: ast.BinOp(bounds[end], op(), one)})
    if not any(bounds.values()):
        yield "Is an order reversed?", ast.Slice(step=ast.UnaryOp(ast.USub(), one))


def _exchanged(nodes: list) -> Iterator[list]:
    """For each two neighbours, the list with these two exchanged."""
    for i, (first, second) in enumerate(pairwise(nodes)):
        yield [*nodes[:i], second, first, *nodes[i + 2 :]]
