"""Turn docstrings into Markdown for the site: prose is escaped, and formulas written as plain text are set.

A docstring says `P = Z^{-1} A` and d_QK, as one reads it in a terminal; on a page these are formulas. A formula is the
longest sequence of letters, numbers, signs and balanced brackets that holds a power, an index, an equation, or a
capital letter of the course. A single small letter outside code is a formula, too. Within f(...) a formula may hold
words. Code in backticks and indented examples stay as they are. A paragraph that begins with `argument: ` is a list of
arguments.
"""

import ast
import re
from collections.abc import Callable, Collection
from textwrap import dedent

GREEK = ("alpha", "beta", "gamma", "delta", "theta", "kappa", "mu", "sigma", "eps", "Theta", "Phi", "Omega")
LONG_INDICES = ("head", "in", "out", "model", "latent", "rope", "value", "KVheads", "kappa", "down", "gate", "up")
CAPITALS = "BDEGHJKLMNPQSUVWXYZ"  # set where they stand alone; A and I are words, and C is a language, too
SIGNS = {"<=": r"\le", ">=": r"\ge", "*": r"\cdot", "...": r"\ldots", "|": r"\mid"}
SIGNS |= {"//": r"\mathbin{/\!/}", "x": r"\times"}

INDEX, POWER = r"_(?:\{[^{}]*\}|[A-Za-z0-9]+)", r"\^(?:\{[^{}]*\}|[A-Za-z0-9]+)"
BASE = rf"(?:{'|'.join(GREEK)}|[A-Za-z]|\d+(?:\.\d+)?)"
TOKEN = re.compile(
    rf"""(?P<call>(?<![\w.{{-])(?:[A-Za-z]|Re|[a-z]{{2,}}(?!\(s\)))(?:{INDEX})?\()
    | (?P<open>[(\[]|<(?=[A-Za-z])|(?<![\w'])\|\|?(?=[A-Za-z\d]))
    | (?P<close>(?:[)\]]|(?<=\w)>|(?<=[\w')}}])\|\|?(?![A-Za-z\d|]))(?:{INDEX})?(?:{POWER})?)
    | (?P<space_of>\bin\ (?=R\^\{{))
    | (?P<name>(?<![\w.-])[a-z](?:_[a-z0-9]{{2,}})*_(?!(?:{"|".join(LONG_INDICES)})\b)[a-z]{{3,}}\b)
    | (?P<times>(?<=\d\ )x(?=\ \d))
    | (?P<atom>(?<![\w.{{-])(?:sum(?={INDEX}|\ \w\^)|{BASE})'?(?:{INDEX})*'?(?:{POWER})?(?:{INDEX})*(?![\w'+])(?!-\w))
    | (?P<sign><=|>=|\.\.\.|//|[=/*|<>]|[+-](?=\s|\d|[a-z]\b))
    | (?P<comma>,)
    | (?P<gap>\s+)
    | (?P<word>\$?\w[\w'-]*)
    | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


Link = Callable[[str], str | None]


def markdown(docstring: str, link: Link = lambda name: None, arguments: Collection[str] = ()) -> str:
    """The docstring as Markdown. `link` gives the full name of what a name in backticks stands for, or None."""
    blocks = re.split(r"\n\s*\n", dedent(docstring).strip("\n"))
    return "\n\n".join(part(block, link, arguments) for block in blocks)


def part(block: str, link: Link, arguments: Collection[str]) -> str:
    if block.startswith(("    ", ">>>")) or is_example(block):
        return f"```{language(dedent(block))}\n{dedent(block)}\n```"
    items = described(block, arguments)
    return "\n".join(f"- {paragraph(item, link)}" for item in items) or paragraph(block, link)


def described(block: str, arguments: Collection[str]) -> list[str]:
    """The items of a paragraph that begins with `argument: `: an argument each, or what is raised; else none."""
    name = rf"(?<!`)\b(?:{'|'.join(map(re.escape, arguments))})"
    begins = rf"{name}(?:(?:, | and ){name})*: "
    if not arguments or not re.match(begins, block):
        return []
    items = re.split(rf"(?m:^|(?<=\. ))(?={begins}|Raises )", block)[1:]
    return [re.sub(rf"({name})(?=: |, {begins}| and {begins})", r"`\1`", " ".join(item.split())) for item in items]


def is_example(block: str) -> bool:
    """Whether a paragraph is code although it is not indented further: Python with a comment or a keyword."""
    return bool(re.search(r"  # |\w=\w|\blambda\b", block)) and language(block) == "python"


def language(example: str) -> str:
    try:
        ast.parse(example)
    except SyntaxError:
        return "pycon" if example.startswith(">>>") else "text"
    return "python"


def paragraph(text: str, link: Link) -> str:
    parts = re.split(r"(`[^`]+`\w*)", text)  # the plural of a name in backticks has an s behind them
    parts[::2] = map(with_formulas, parts[::2])
    parts[1::2] = [linked(code, link) for code in parts[1::2]]
    return with_sources("".join(parts))


def with_sources(text: str) -> str:
    """Markdown in which a paper that is named by its number is a link, unless it is one already."""
    return re.sub(r"(?<!\[)\barXiv\s(\d{4}\.\d{5})", r"[arXiv \1](https://arxiv.org/abs/\1)", text)


def linked(code: str, link: Link) -> str:
    _, name, plural = code.split("`")
    full = link(name)
    return f"{{py:obj}}`{name} <{full}>`{plural}" if full else code


def with_formulas(text: str) -> str:
    """Prose without code, its formulas between dollars and the rest escaped."""
    text = text.replace("->", "→")
    tokens, parts, place = list(TOKEN.finditer(text)), [], 0
    while place < len(tokens):
        end = formula_end(tokens, place)
        if is_formula(tokens[place:end], text):
            parts.append(f"${formula(tokens[place:end])}$")
            place = end
        else:
            parts.append(escaped(tokens[place][0]))
            place += 1
    return "".join(parts)


def escaped(text: str) -> str:
    if re.fullmatch(r"\$?[A-Za-z]+(_\w+)+", text):  # the name of an argument or a setting
        return f"`{text}`"
    return re.sub(r"([\\`*_{}\[\]<>#|$~])", r"\\\1", text)


def formula_end(tokens: list[re.Match], start: int) -> int:
    """Behind the last token of the longest formula that begins at `start`; `start` itself when none does."""
    end, brackets = start, []
    for place in range(start, len(tokens)):
        kind = tokens[place].lastgroup
        if ends(kind, brackets) or is_word(tokens, place, first=place == start):
            break
        if kind in ("call", "open"):
            brackets.append(kind)
        elif kind == "close":
            brackets.pop()
        if not brackets and kind in ("atom", "close"):
            end = place + 1
    return end


def ends(kind: str, brackets: list[str]) -> bool:
    """Whether a token of this kind ends a formula, within these open brackets."""
    if kind in ("name", "word"):
        return "call" not in brackets
    return kind == "other" or (kind in ("close", "comma") and not brackets)


def is_word(tokens: list[re.Match], place: int, first: bool) -> bool:
    """Whether a letter is an article or a pronoun; "A = ..." begins a formula."""
    letter, behind = tokens[place][0], "".join(token[0] for token in tokens[place + 1 : place + 3])
    return letter in ("a", "I") or (letter == "A" and first and behind != " =")


def is_formula(tokens: list[re.Match], text: str) -> bool:
    names = [token[0] for token in tokens if token.lastgroup in ("atom", "call")]
    if not names or tokens[0].lastgroup in ("gap", "sign", "close", "comma", "space_of"):
        return False
    first, before = tokens[0][0], text[: tokens[0].start()]
    if len(tokens) == 1 and first.isupper() and text[tokens[0].end() :].startswith(". "):  # an initial, or a last word
        return indexed(first)
    equation = any(token[0] in ("=", "<=", ">=") for token in tokens)
    letters = [name.rstrip("'") for name in names]
    if equation or any(map(indexed, names)) or any(letter in CAPITALS for letter in letters):
        return True
    return any(map(is_small, letters)) and not within_code(before, text[tokens[-1].end() :])


def within_code(before: str, behind: str) -> bool:
    """Whether what stands between these belongs to code or a unit, as in words[i], name(s), 'r', x.T and GB/s."""
    between_names = before.strip() == behind.strip() == ""  # `width` x `height`
    return between_names or bool(re.search(r"(\w\(|[\w\\/'\"\]])$", before) or re.match(r"\.\w", behind))


def is_small(name: str) -> bool:
    """Whether a name is one small letter: of a formula, since the article was sorted out before."""
    return len(name) == 1 and name.islower()


def indexed(name: str) -> bool:
    """Whether a name has a power, or an index as formulas have them: n_h and d_head, but not n_new."""
    index = re.match(rf"{BASE}'?_(\w+)", name)
    return "^" in name or "{" in name or (index is not None and all(map(short, index[1].split("_"))))


def short(index: str) -> bool:
    return len(index) <= 2 or index.isupper() or index in LONG_INDICES


def formula(tokens: list[re.Match]) -> str:
    """The TeX of a formula. TeX drops spaces, so those behind a word and before a shape are written as commands."""
    spaced = re.sub(r"(\\text\{[^{}]*\})\s", r"\1\\ ", "".join(map(tex, tokens)))
    return re.sub(r"(?<=\S)\s(\([^()]*,)", r"\\ \1", spaced.replace(", )", "{,})"))


def tex(token: re.Match) -> str:
    kind, text = token.lastgroup, token[0]
    if kind in ("atom", "close"):
        return marked(text)
    if kind == "call":
        return marked(text[:-1]) + "("
    if kind == "space_of":
        return r"\in "
    if kind in ("name", "word"):
        return rf"\text{{{text}}}".replace("_", r"\_")
    if kind == "open":
        return {"<": r"\langle ", "||": r"\|"}.get(text, text)
    if kind == "gap":
        return text
    return SIGNS.get(text, text) + " "


def marked(text: str) -> str:
    """The TeX of a letter, function or closing bracket with its indices, joined by commas, and its power."""
    base = re.match(r"[A-Za-z]+|[\d.]+|\|\||.", text)[0]
    marks = re.findall(rf"('|{INDEX}|{POWER})", text[len(base) :])
    primes = "'" * marks.count("'")
    indices = [inside(mark[1:].strip("{}")) for mark in marks if mark[0] == "_"]
    powers = [mark[1:].strip("{}") for mark in marks if mark[0] == "^"]
    name = r"\mathbb{R}" if base == "R" and powers and " x " in powers[0] else named(base)
    below = f"_{{{','.join(indices)}}}" if indices else ""
    above = "".join(f"^{{{inside(power)}}}" for power in powers).replace("^{T}", r"^\top")
    return f"{name}{primes}{below}{above}"


def inside(text: str) -> str:
    """The TeX of what stands in braces: a name, a product or a sum."""
    parts = re.findall(rf"[A-Za-z]+|{INDEX}|<=|>=|\.\.\.|.", text)
    words = {"in": r"\in" if " in " in text else "in", "x": r"\times" if " x " in text else "x"}
    return "".join(brace(part, words) for part in parts)


def brace(part: str, words: dict[str, str]) -> str:
    if part in GREEK or part == "sum":
        return named(part)
    if part[0] == "_":
        return f"_{{{part[1:].strip('{}')}}}"
    return (SIGNS | words).get(part, part)


def named(base: str) -> str:
    if base in GREEK:
        return rf"\{base}".replace(r"\eps", r"\varepsilon")
    if base.isalpha() and len(base) > 1:
        return r"\sum" if base == "sum" else rf"\operatorname{{{base}}}"
    return {">": r"\rangle", "||": r"\|"}.get(base, base)
