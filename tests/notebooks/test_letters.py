"""A letter of a formula stands in notebook 00's table of notation, or its notebook defines it where it first stands.

A notebook defines a letter, not later than in the cell that first uses it,

- where a formula begins with it and goes on with =, a relation or a set: `$J = ...$`, `$b > 1$`, `$u \\in ...$`,
  `$f: ...$`,
- where it is the whole formula and follows a noun or its definition follows it: `a base $b$`, `let $G$ be`, `$r$ is`,
- where it stands in bold type, or in the first column of a table,
- where it is bound: below a sum, a product, a maximum, a minimum or a limit, or by an integral.

Subscripts are not looked at, nor are superscripts that only tell things apart, as in W^Q.
"""

import re
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
TABLE = FOLDER / "00_start_here.ipynb"

GREEK = (
    "alpha|beta|gamma|delta|epsilon|varepsilon|eta|theta|kappa|lambda|mu|nu|xi|rho|sigma|tau|phi|varphi|chi|psi|omega"
)
GREEK += "|Gamma|Delta|Theta|Lambda|Sigma|Phi|Psi|Omega|Pi|ell"
LETTER = rf"(?:\\(?:{GREEK})(?![a-z])|(?<![A-Za-z\\])[A-Za-z](?![A-Za-z]))"
CONSTANTS = {"e", "O"}  # Euler's number, and Landau's symbol
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$]+?)\$", re.DOTALL)
RELATION = r"\s*(?:=|:|\\in\b|\\ge\b|\\le\b|\\ne\b|\\sim\b|\\subset|<|>|\\to\b|\\mapsto|\\approx|,\s*\\dots)"
NOT_NOUNS = (
    "of|and|or|is|are|in|on|to|by|for|from|with|at|as|than|that|when|while|where|if|so|then|but|not|only|over|into|has"
)
INTRODUCES = rf"(?:\b(?:[Ll]et|[Cc]all it|[Ww]rite|[Tt]ake)|\b(?!(?i:{NOT_NOUNS})\b)[A-Za-z*]+(?<!s)s?) ?$"
FOLLOWS = r"^,? ?(?:is|are|be|does|do|the|an?|counts?|holds?|says|stands|numbers?|denotes?)\b"


def prose(path: Path) -> list[str]:
    """The markdown cells without code."""
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
    return [re.sub(r"```.*?```|`[^`]*`", "", cell, flags=re.DOTALL) for cell in cells]


def plain(formula: str) -> str:
    """A formula without colours, words, subscripts, accents and labels: what is left are letters and signs."""
    formula = re.sub(r"\\textcolor\{[^{}]*\}\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}", r"\1", formula)
    formula = re.sub(
        r"\\(?:text|textrm|mathrm|operatorname|begin|end|mathbb|mathcal)\*?\s*(?:\{[^{}]*\}|[A-Z])", " ", formula
    )
    formula = re.sub(
        r"\\(?:mathbf|bar|hat|tilde|vec|overline|boldsymbol|widehat)\s*\{?(\\?[A-Za-z]+)\}?", r" \1 ", formula
    )
    for _ in range(3):  # subscripts and superscripts that hold braces themselves
        formula = re.sub(r"_\s*(?:\{[^{}]*\}|\\[a-zA-Z]+|\w)", "", formula)
        formula = re.sub(r"\^\s*(?:\{(?:[A-Z]+|\\top|\s|,|')*\}|[A-Z](?![a-z])|\\top|')", "", formula)
    return re.sub(
        rf"\\(?!(?:{GREEK})(?![a-z])|in\b|ge\b|le\b|ne\b|to\b|sim\b|dots\b|approx\b|mapsto|subset)[a-zA-Z]+",
        " ",
        formula,
    )


def letters(formula: str) -> set[str]:
    names = re.sub(r"\\(?:in|ge|le|ne|to|sim|dots|approx|mapsto|subset(?:eq)?)\b", " ", plain(formula))
    return set(re.findall(LETTER, names)) - CONSTANTS


def formulas(text: str) -> list[re.Match]:
    return list(FORMULA.finditer(text))


def bound(formula: str) -> set[str]:
    """Letters below sums, products, maxima, minima and limits, and those that an integral runs over."""
    found = re.findall(r"\\(?:sum|prod|max|min|int|lim|bigcup)_\s*(?:\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}|(\w))", formula)
    below = {letter for braces, single in found for letter in re.findall(LETTER, braces or single)}
    return below | set(re.findall(r"(?<![A-Za-z\\])d([a-z])(?![A-Za-z])", formula) if r"\int" in formula else ())


def defined(text: str) -> set[str]:
    """The letters that a cell defines."""
    found = set()
    for match in formulas(text):
        formula = match[1] or match[2]
        before, after, bare = text[: match.start()].rstrip("*( \n"), text[match.end() :], plain(formula).strip()
        begins = re.findall(
            rf"(?:^|,|;|\\qquad|\\quad|&|\\\\)\s*({LETTER})(?=(?:\^2)?(?:\s*,\s*{LETTER})*{RELATION}|\()", bare
        )
        found.update(begins, bound(formula))
        alone = re.fullmatch(rf"{LETTER}(?:\s*,\s*{LETTER})*", bare)
        if alone and (re.search(INTRODUCES, before[-40:] + " ") or re.search(FOLLOWS, " ".join(after[:30].split()))):
            found |= letters(formula)
    for marked in re.findall(r"\*\*(.+?)\*\*|^\|([^|]*)\|", text, flags=re.DOTALL | re.MULTILINE):
        found.update(*(letters(match[1] or match[2]) for match in formulas("".join(marked))))
    return found


def table() -> set[str]:
    """The letters of notebook 00's table: those of its first column."""
    (notation,) = [cell for cell in prose(TABLE) if re.search(r"^## Notation\b", cell, flags=re.MULTILINE)]
    rows = re.findall(r"^\|([^|]*)\|", notation, flags=re.MULTILINE)
    return set().union(*(letters(match[1] or match[2]) for row in rows for match in formulas(row)))


def unexplained(cells: list[str], known: set[str]) -> dict[str, str]:
    """Letters that a cell uses before they are defined, with the formula that uses them first."""
    known, found = set(known), {}
    for cell in cells:
        known |= defined(cell)
        for match in formulas(cell):
            for letter in letters(match[1] or match[2]) - known:
                found.setdefault(letter, match[0])
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_letter_is_in_the_table_or_defined_where_it_first_stands(path):
    assert unexplained(prose(path), table()) == {}


@pytest.mark.parametrize(
    "text",
    [
        "Let $b$ be a base.",
        "With a base $b > 1$ it grows.",
        "For a base $b$ it grows.",
        r"$$x = \sqrt{b}, \qquad b = 2$$",
        "Here $b$ counts texts.",
        "A map $b: X \\to Y$.",
        r"The mean $\frac{1}{x} \sum_{b=0}^{x} x_b$ and $b$.",
        "| $b$ | what it is |",
        "The **base $b$** of it.",
        r"It is $\int_0^x x^b\, db$ and $\lim_{b \to 0} b$.",
        r"The variance is $b^2 = x x$.",
        r"The base $\textcolor{#00785a}{b_{x}} = 2$.",
    ],
)
def test_a_definition_is_recognised(text):
    assert unexplained([text, "Then $b x$ follows."], set("xXY")) == {}


@pytest.mark.parametrize(
    "text",
    ["The size of $b$ grows.", "As $b$ grows, so does $x b = 3$.", r"So $x b^2$ and $\bar{b}$ differ.", "$W^b b$"],
)
def test_a_letter_that_is_only_used_is_found(text):
    assert set(unexplained([text], {"x", "W"})) == {"b"}


def test_a_definition_in_a_later_cell_comes_too_late():
    assert unexplained(["Then $x b$ follows.", "Let $b$ be a base."], {"x"}) == {"b": "$x b$"}


def test_labels_subscripts_words_and_code_are_no_letters():
    text = r"$\textcolor{#00785a}{Q}_{ab}^{Q} + W^{LK\top}_h + \operatorname{rank} \text{ab} + \mathbb{E}$ and `$z$`"
    cells = [re.sub(r"`[^`]*`", "", text)]
    assert set(unexplained(cells, set())) == {"Q", "W"}
