"""The text of an experiment: documents for training, for tuning and for the test, and what is repeated in them."""

import ast
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from course_lib.config import require
from course_lib.text import corpora
from course_lib.text.corpus import Corpus, Document, share

LONG = 40  # characters of a line that counts as repeated if it occurs in training
MOST_REPEATED = 0.5  # a held-out document with a larger share of repeated characters is left out of means
HELD_OUT = {"test": (0.0, 0.1), "tune": (0.1, 0.2)}  # split -> from which to which share of the names' hashes


class Split(NamedTuple):
    """Documents by what they are for. `test` has the documents that the course's shipped models never saw either."""

    training: tuple[Document, ...]
    tune: tuple[Document, ...]  # learning rates and all other choices are judged on these
    test: tuple[Document, ...]  # the results are losses on these


def load(name: str, documents: float = 1.0) -> Corpus:
    """The corpus of an experiment: one of `corpora.NAMES`; "code" without the docstrings, which "docs" consists of.

    documents: the share of the documents to take; which ones depends on a hash of their names. Raises ValueError for
    an unknown name.
    """
    corpus = corpora.load(name)
    if name == "code":
        kept = (Document(each, without_docstrings(text)) for each, text in corpus.documents)
        corpus = replace(corpus, name="code without docstrings", documents=tuple(kept))
    taken = tuple(document for document in corpus.documents if share(f"taken {document.name}") < documents)
    return replace(corpus, documents=taken)


def split(documents: Iterable[Document]) -> Split:
    """80 % of the documents for training, 10 % to tune, 10 % for the test, by a hash of their names.

    The side of a document does not depend on the other documents. Raises ValueError when a side is empty.
    """
    documents = tuple(documents)
    training = tuple(document for document in documents if share(document.name) >= 0.2)
    held_out = {
        side: tuple(d for d in documents if low <= share(d.name) < high) for side, (low, high) in HELD_OUT.items()
    }
    found = Split(training, **held_out)
    empty = [side for side in Split._fields if not getattr(found, side)]
    require(not empty, f"documents must fill all three sides, but of {len(documents)} none is for {', '.join(empty)}")
    return found


def repeated(documents: Iterable[Document]) -> Callable[[str], float]:
    """A function that gives the share of a text's characters in long lines that also occur in `documents`.

    A line is long if it has at least LONG characters without the blanks around it; blanks around it are not compared,
    and line ends count as characters of the text alone.
    """
    known = {line for document in documents for line in long_lines(document.text)}

    def of(text: str) -> float:
        return sum(len(line) for line in long_lines(text) if line in known) / max(1, len(text))

    return of


def long_lines(text: str) -> list[str]:
    """The long lines of a text, without the blanks around them."""
    return [line for line in map(str.strip, text.split("\n")) if len(line) >= LONG]


def without_docstrings(source: str) -> str:
    """Python source code without the lines of its docstrings. Source that does not parse stays as it is."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    gone = {line for node in ast.walk(tree) for line in docstring_lines(node)}
    lines = source.split("\n")
    return "\n".join(line for number, line in enumerate(lines, start=1) if number not in gone)


def docstring_lines(node: ast.AST) -> range:
    """The numbers of the lines of the docstring of a module, class or function, counted from 1."""
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return range(0)
    if ast.get_docstring(node, clean=False) is None:
        return range(0)
    return range(node.body[0].lineno, node.body[0].end_lineno + 1)
