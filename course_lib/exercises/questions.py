"""Questions in words about what may be wrong in one place of an answer.

A question names nothing but what the participant knows: arguments of the function, usual operations, `axis`. It shows
no code of the solution. Where no short question describes the change, the question is empty.
"""

import ast

_TURNED = "Is a comparison the wrong way round?"
_EQUAL = "Does a comparison treat equal values wrongly?"
OPERATORS = {
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
NAMES = {name: pair.split()[1 - i] for pair in _PAIRS for i, name in enumerate(pair.split())}
_NOUNS = {name: noun for pair, nouns in _PAIRS.items() for name, noun in zip(pair.split(), nouns, strict=True)}
UNARY = {
    "exp": "the exponential", "sqrt": "the square root", "log": "the logarithm", "log2": "the logarithm",
    "square": "the square", "abs": "the absolute value", "ceil": "rounding up", "floor": "rounding down",
    "round": "rounding", "int": "rounding to whole numbers", "sorted": "the ascending order", "tanh": "the tanh",
    "cumsum": "the cumulative sum",
}  # fmt: skip
REARRANGING = {
    "transpose": "Are two axes exchanged?", "swapaxes": "Are two axes exchanged?", "reshape": "", "copy": "",
    "lower": "Are capital letters treated apart?", "sort": "Is the ascending order missing?",
}  # fmt: skip
_MISSING = {
    ast.Add: "a term", ast.Sub: "a subtraction", ast.Mult: "a factor", ast.MatMult: "a matrix product",
    ast.Div: "a division", ast.FloorDiv: "a division", ast.Mod: "a remainder (`%`)", ast.Pow: "a power",
}  # fmt: skip
REVERSED = {
    ast.Sub: "Are the two sides of a subtraction exchanged?",
    ast.MatMult: "Are the two sides of a matrix product exchanged?",
    ast.Div: "Is a quotient upside down?",
    ast.FloorDiv: "Is a quotient upside down?",
}
AXIS = "Do you use the wrong `axis`?"
_LENGTH = "Do you take the length of the wrong axis?"
RANGE = "Does a range begin or end one too early or too late?"
POWER = "Is a power wrong?"
BY_ONE = "Is a number off by one?"
PART = "Is all of an array taken where a part is asked?"


def of_number(node: ast.AST, else_: str) -> str:
    """The question about a changed number, by where it stands: a factor, an exponent, an axis; elsewhere `else_`."""
    within = node.parent
    while isinstance(within, ast.UnaryOp | ast.Tuple):
        within = within.parent
    match within:
        case ast.Subscript(ast.Attribute(_, "shape")):
            return _LENGTH
        case ast.keyword("axis"):
            return AXIS
        case ast.Subscript() | ast.keyword() | ast.Call(ast.Attribute()):  # an index, an axis, a part of a shape
            return ""
        case ast.BinOp(_, ast.Mult() | ast.Div() | ast.FloorDiv()) if isinstance(node, ast.Constant):
            return "Is a constant factor wrong?"
        case ast.BinOp(_, ast.Pow()):
            return POWER
    return else_


def stands_for(node: ast.Name, other: str) -> str:
    """The question whether another argument stands in the place of this one, perhaps for its length alone."""
    match node.parent:
        case ast.Attribute(_, "shape") | ast.Call(ast.Name("len")):
            return f"Is a length of {other} taken where one of {node.id} belongs?"
    return f"Is {other} taken where {node.id} belongs?"


def in_order(node: ast.Tuple | ast.List) -> str:
    """The question whether two neighbours are exchanged in a list of results, or of parts that are joined."""
    match node.parent:
        case ast.Return():
            return "Is the order of two results wrong?"
        case ast.Call(ast.Attribute(_, "vstack" | "hstack" | "concatenate" | "stack")):
            return "Are two parts put together in the wrong order?"
    return ""


def is_missing(op: ast.operator, part: ast.AST, kinds: dict[str, type]) -> str:
    """The question whether an operation with this part is left out. If the part is an argument, it is named."""
    if isinstance(part, ast.Tuple | ast.List):
        return "Is an entry missing?"
    noun = _MISSING.get(type(op))
    if isinstance(op, ast.Pow) and ast.unparse(part) == "2":
        return "Is the square missing?"
    if noun and isinstance(op, ast.Add | ast.Mult) and isinstance(part, ast.Name) and part.id in kinds:
        return f"Is the {noun.split()[-1]} {part.id} missing?"
    return f"Is {noun} missing?" if noun else ""


def instead(name: str) -> str:
    """The question whether the other function of a pair, such as min for max, was called instead of this one."""
    return f"Is the {_NOUNS[NAMES[name]]} taken where the {_NOUNS[name]} is asked?" if _NOUNS[name] else ""
