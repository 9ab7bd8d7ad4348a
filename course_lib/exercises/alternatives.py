"""What a participant might write in one place of a solution, and a question in words for somebody who did.

A question names nothing but what the participant knows: arguments of the function, usual operations, `axis`. It shows
no code of the solution. Where no short question is honest, it is empty.
"""

import ast
import builtins
from collections.abc import Iterator
from itertools import pairwise

Alternatives = Iterator[tuple[str, ast.AST]]  # the question, what stands there instead

_TURNED = "Is a comparison the wrong way round?"
_EQUAL = "Does a comparison treat equal values wrongly?"
_OPERATORS = {
    ast.Add: {ast.Sub: "Is there a minus sign where a plus sign belongs?"},
    ast.Sub: {ast.Add: "Is there a plus sign where a minus sign belongs?"},
    ast.Mult: {ast.Div: "Is there a division where a product is asked?"},
    ast.Div: {
        ast.Mult: "Is there a product where a division is asked?",
        ast.FloorDiv: "Is a quotient rounded down (`//`) where it should be exact (`/`)?",
    },
    ast.FloorDiv: {
        ast.Div: "Is a quotient exact (`/`) where it should be rounded down (`//`)?",
        ast.Mod: "Is a remainder (`%`) taken where a quotient (`//`) is asked?",
    },
    ast.Mod: {ast.FloorDiv: "Is a quotient (`//`) taken where a remainder (`%`) is asked?"},
    ast.Pow: {ast.Mult: "Is there a product where a power is asked?"},
    ast.Lt: {ast.LtE: _EQUAL, ast.Gt: _TURNED},
    ast.LtE: {ast.Lt: _EQUAL, ast.GtE: _TURNED},
    ast.Gt: {ast.GtE: _EQUAL, ast.Lt: _TURNED},
    ast.GtE: {ast.Gt: _EQUAL, ast.LtE: _TURNED},
    ast.Eq: {ast.NotEq: _TURNED},
    ast.NotEq: {ast.Eq: _TURNED},
    ast.And: {ast.Or: "Is one condition enough where both must hold?"},
    ast.Or: {ast.And: "Must both conditions hold where one is enough?"},
    ast.BitAnd: {ast.BitOr: "Is one condition enough where both must hold?"},
    ast.BitOr: {ast.BitAnd: "Must both conditions hold where one is enough?"},
}
_PAIRS = {
    "sin cos": ("sine", "cosine"), "max min": ("maximum", "minimum"), "sum mean": ("sum", "mean"),
    "argmax argmin": ("place of the maximum", "place of the minimum"), "maximum minimum": ("larger one", "smaller one"),
    "ceil floor": ("number rounded up", "number rounded down"), "triu tril": ("upper triangle", "lower triangle"),
    "repeat tile": ("order 0, 0, 1, 1", "order 0, 1, 0, 1"), "vstack hstack": ("", ""), "zeros ones": ("", ""),
    "zeros_like ones_like": ("", ""), "any all": ("", ""),
}  # fmt: skip
_NAMES = {name: pair.split()[1 - i] for pair in _PAIRS for i, name in enumerate(pair.split())}
_NOUNS = {name: noun for pair, nouns in _PAIRS.items() for name, noun in zip(pair.split(), nouns, strict=True)}
_UNARY = {
    "exp": "the exponential", "sqrt": "the square root", "log": "the logarithm", "log2": "the logarithm",
    "square": "the square", "abs": "the absolute value", "ceil": "rounding up", "floor": "rounding down",
    "round": "rounding", "int": "rounding to whole numbers", "sorted": "the ascending order", "tanh": "the tanh",
    "cumsum": "the cumulative sum",
}  # fmt: skip
_REARRANGING = {
    "transpose": "Are two axes exchanged?", "swapaxes": "Are two axes exchanged?", "reshape": "", "copy": "",
    "lower": "Are capital letters treated apart?", "sort": "Is the ascending order missing?",
}  # fmt: skip
_MISSING = {
    ast.Add: "a term", ast.Sub: "a subtraction", ast.Mult: "a factor", ast.MatMult: "a matrix product",
    ast.Div: "a division", ast.FloorDiv: "a division", ast.Mod: "a remainder (`%`)", ast.Pow: "a power",
}  # fmt: skip
_REVERSED = {
    ast.Sub: "Are the two sides of a subtraction exchanged?",
    ast.MatMult: "Are the two sides of a matrix product exchanged?",
    ast.Div: "Is a quotient upside down?",
    ast.FloorDiv: "Is a quotient upside down?",
}
_AXIS = "Do you use the wrong `axis`?"
_LENGTH = "Do you take the length of the wrong axis?"
_RANGE = "Does a range begin or end one too early or too late?"
_BY_ONE = "Is a number off by one?"
_PART = "Is all of an array taken where a part is asked?"


def alternatives(node: ast.AST, kinds: dict[str, type]) -> Alternatives:
    """What may stand in the place of a node, whose `parent` is set. Arguments of one kind stand for each other."""
    match node:
        case ast.BinOp():
            yield from _operations(node, kinds)
        case ast.Call():
            yield from _calls(node, kinds)
        case ast.Subscript(value, index):
            yield from _indices(value, index, node.ctx)
        case ast.Name(name, ast.Load()) if name in kinds:
            others = [other for other in kinds if other != name and kinds[other] == kinds[name]]
            a, one = ("a length of ", "one of ") if _is_measured(node) else ("", "")
            for other in others:
                yield f"Is {a}{other} taken where {one}{name} belongs?", ast.Name(other, node.ctx)
        case ast.stmt():
            yield from _statements(node)
        case _:
            yield from _expressions(node)


def _expressions(node: ast.AST) -> Alternatives:
    match node:
        case ast.UnaryOp(ast.USub(), operand):
            yield _of_number(node, "Is a minus sign missing?"), operand
        case ast.UnaryOp(_, operand):
            yield "Is a condition inverted?", operand
        case ast.Compare(left, [op], [right]):
            for other, words in _OPERATORS.get(type(op), {}).items():
                yield words, ast.Compare(left, [other()], [right])
        case ast.BoolOp(op, values):
            yield from (("Is a condition missing?", value) for value in values)
            yield from ((words, ast.BoolOp(other(), values)) for other, words in _OPERATORS[type(op)].items())
        case ast.Constant(int(number)) if not isinstance(number, bool):
            words = _of_number(node, _BY_ONE)
            yield from ((words, ast.Constant(other)) for other in (number + 1, number - 1) if other >= 0)
        case ast.keyword("axis", value):
            axes = [n for n in (0, 1) if ast.unparse(value)[-1:] != str(n)]
            yield from ((_AXIS, ast.keyword("axis", ast.Constant(n))) for n in axes)
        case ast.IfExp(test, body, orelse):
            yield from (("Is one of two cases missing?", case) for case in (body, orelse))
            yield "Are two cases exchanged?", ast.IfExp(test, orelse, body)
        case ast.Attribute(value, "T"):
            yield "Are rows and columns exchanged?", value
        case ast.Tuple(elements, ast.Load()) | ast.List(elements, ast.Load()) if len(elements) > 1:
            words = "Is the order of two results wrong?" if _is_result(node) else ""
            yield from ((words, type(node)(other, node.ctx)) for other in _exchanged(elements))
        case ast.Dict(keys, values):
            yield from (("Are two values exchanged?", ast.Dict(keys, other)) for other in _exchanged(values))
        case ast.comprehension(target, values, [_, *_]):
            yield "Is a condition missing?", ast.comprehension(target, values, [], 0)


def _of_number(node: ast.AST, else_: str) -> str:
    """What a changed number means depends on where it stands: a factor, an exponent, an axis."""
    within = node.parent
    while isinstance(within, ast.UnaryOp | ast.Tuple):
        within = within.parent
    match within:
        case ast.Subscript(ast.Attribute(_, "shape")):
            return _LENGTH
        case ast.keyword("axis"):
            return _AXIS
        case ast.Subscript() | ast.keyword() | ast.Call(ast.Attribute()):  # an index, an axis, a part of a shape
            return ""
        case ast.BinOp(_, ast.Mult() | ast.Div() | ast.FloorDiv()):
            return "Is a constant factor wrong?"
        case ast.BinOp(_, ast.Pow()):
            return "Is a power wrong?"
    return else_


def _is_measured(node: ast.Name) -> bool:
    """Whether only a length of an argument is used."""
    match node.parent:
        case ast.Attribute(_, "shape") | ast.Call(ast.Name("len")):
            return True
    return False


def _is_result(node: ast.AST) -> bool:
    return isinstance(node.parent, ast.Return)


def _statements(node: ast.stmt) -> Alternatives:
    match node:
        case ast.If(body=body, orelse=orelse):
            for value in (True, False):
                yield "Is one of two cases missing?", ast.If(ast.Constant(value), body, orelse)
        case ast.AugAssign(target, op, value):
            yield "", ast.Pass()
            for other, words in _OPERATORS.get(type(op), {}).items():
                yield words, ast.AugAssign(target, other(), value)
        case ast.Assign([ast.Name(name)], value) if name in {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}:
            yield "", ast.Pass()
        case ast.Expr(ast.Call()):
            yield "", ast.Pass()
        case ast.Return(ast.Tuple(elements)):
            yield from (("", ast.Return(element)) for element in elements)  # the lengths differ, which is said


def _operations(node: ast.BinOp, kinds: dict[str, type]) -> Alternatives:
    left, op, right = node.left, node.op, node.right
    yield _is_missing(op, right, kinds), left
    if isinstance(op, ast.Add | ast.Mult):
        yield _is_missing(op, left, kinds), right
    whole = not [n for n in ast.walk(node) if isinstance(n, ast.MatMult | ast.Attribute)]  # nothing of NumPy
    for other, words in _OPERATORS.get(type(op), {}).items():
        if whole or other is not ast.FloorDiv:
            yield words, ast.BinOp(left, other(), right)
    if isinstance(op, ast.Sub | ast.MatMult) or (isinstance(op, ast.Div | ast.FloorDiv) and whole):
        yield _REVERSED[type(op)], ast.BinOp(right, op, left)


def _is_missing(op: ast.operator, part: ast.AST, kinds: dict[str, type]) -> str:
    if isinstance(part, ast.Tuple | ast.List):
        return "Is an entry missing?"
    noun = _MISSING.get(type(op))
    if isinstance(op, ast.Pow) and ast.unparse(part) == "2":
        return "Is the square missing?"
    if noun and isinstance(op, ast.Add | ast.Mult) and isinstance(part, ast.Name) and part.id in kinds:
        return f"Is the {noun.split()[-1]} {part.id} missing?"
    return f"Is {noun} missing?" if noun else ""


def _calls(call: ast.Call, kinds: dict[str, type]) -> Alternatives:
    function, given, keywords = call.func, call.args, call.keywords
    for i, other in enumerate(_exchanged(given)):
        names = [n.id for n in given[i : i + 2] if isinstance(n, ast.Name) and n.id in kinds]
        yield f"Are {' and '.join(names)} exchanged?" if len(names) == 2 else "", ast.Call(function, other, keywords)
    for i, keyword in enumerate(keywords):
        words = f"Is `{keyword.arg}` missing?" if keyword.arg in ("axis", "keepdims") else ""
        yield words, ast.Call(function, given, keywords[:i] + keywords[i + 1 :])
    match function:
        case ast.Attribute(value, name) if name in _NAMES:
            yield _instead(name), ast.Call(ast.Attribute(value, _NAMES[name], function.ctx), given, keywords)
        case ast.Name(name) if name in _NAMES and hasattr(builtins, _NAMES[name]):
            yield _instead(name), ast.Call(ast.Name(_NAMES[name], function.ctx), given, keywords)
    match function:
        case ast.Attribute(ast.Name("np" | "math"), name) | ast.Name(name) if name in _UNARY and len(given) == 1:
            yield f"Is {_UNARY[name]} missing?", given[0]
        case ast.Attribute(value, name) if name in _REARRANGING:
            yield _REARRANGING[name], value
        case ast.Name("range") if len(given) == 1:
            one = ast.Constant(1)
            last = ast.BinOp(given[0], ast.Add(), one)
            yield "Do you count from 1 instead of from 0?", ast.Call(function, [one, last], [])
            yield from (
                (_BY_ONE, ast.Call(function, [ast.BinOp(given[0], op(), one)], [])) for op in (ast.Add, ast.Sub)
            )


def _instead(name: str) -> str:
    return f"Is the {_NOUNS[_NAMES[name]]} taken where the {_NOUNS[name]} is asked?" if _NOUNS[name] else ""


def _indices(value: ast.expr, index: ast.expr, context) -> Alternatives:
    entries = index.elts if isinstance(index, ast.Tuple) else [index]
    if any(isinstance(entry, ast.Slice) for entry in entries):
        yield _PART if any(e.lower or e.upper for e in entries if isinstance(e, ast.Slice)) else "", value
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
            yield _PART, ast.Slice(**bounds | {end: None})
            for op in (ast.Add, ast.Sub):
                yield _RANGE, ast.Slice(**bounds | {end: ast.BinOp(bounds[end], op(), one)})
    if not any(bounds.values()):
        yield "Is an order reversed?", ast.Slice(step=ast.UnaryOp(ast.USub(), one))


def _exchanged(nodes: list) -> Iterator[list]:
    """The list with two neighbours exchanged, for all neighbours."""
    for i, (first, second) in enumerate(pairwise(nodes)):
        yield [*nodes[:i], second, first, *nodes[i + 2 :]]
