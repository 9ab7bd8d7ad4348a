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
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)  # what may have a docstring


class Split(NamedTuple):
    """Documents by what they are for. `test` has the documents that the course's shipped models never saw either."""

    training: tuple[Document, ...]
    tune: tuple[Document, ...]  # learning rates and all other choices are judged on these
    test: tuple[Document, ...]  # the results are losses on these


def load(name: str, documents: float = 1.0, longest: int | None = None) -> Corpus:
    """The corpus of an experiment: one of `corpora.NAMES`; "code" without the docstrings, which "docs" consists of.

    documents: the share of the documents to take; which ones depends on a hash of their names. longest: characters of
    a document that are taken; None for all. Raises ValueError for an unknown name.
    """
    corpus = corpora.load(name)
    if name == "code":
        kept = (Document(each, without_docstrings(text)) for each, text in corpus.documents)
        kept = tuple(document for document in kept if document.text.strip())
        corpus = replace(corpus, documents=kept)
    taken = (each for each in corpus.documents if share(f"taken {each.name}") < documents)
    return replace(corpus, name=named(name), documents=tuple(each._replace(text=each.text[:longest]) for each in taken))


def named(name: str) -> str:
    """What the text of an experiment on one of `corpora.NAMES` is called."""
    return "code without docstrings" if name == "code" else name


def split(corpus: Corpus) -> Split:
    """80 % of the documents for training, 10 % to tune, 10 % for the test, by a hash of their names.

    The side of a document does not depend on the other documents. Raises ValueError when a side is empty.
    """
    training, held_out = corpus.split(0.2)
    tune, test = held_out.split(0.1)  # of the same hashes: these are the test documents of all
    found = Split(training.documents, tune.documents, test.documents)
    empty = [side for side in Split._fields if not getattr(found, side)]
    count = len(corpus.documents)
    require(not empty, f"documents must fill all three sides, but of {count} none is for {', '.join(empty)}")
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
    """Python source code without its docstrings and their lines. Source that does not parse stays as it is.

    `pass` takes the place of a docstring that is all that a class or function has, or that shares a line with code.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    lines: list[str | None] = list(source.split("\n"))
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            before = lines[first.lineno - 1].encode()[: first.col_offset].decode()  # offsets count bytes
            after = lines[first.end_lineno - 1].encode()[first.end_col_offset :].decode()
            shared = bool(before.strip()) or after.strip()[:1] not in ("", "#")  # with code; a comment goes, too
            lines[first.lineno - 1 : first.end_lineno] = [None] * (first.end_lineno - first.lineno + 1)
            if shared or (len(node.body) == 1 and not isinstance(node, ast.Module)):
                lines[first.lineno - 1] = before + "pass" + (after if shared else "")
    return "\n".join(line for line in lines if line is not None)
