"""Corpora read from the packages that the course installs, and corpora of your own texts.

`load("docs")` is English mathematical prose, `load("code")` is Python; both come from NumPy and SymPy.
`load("torch")`, `load("matplotlib")` and `load("networkx")` are the docstrings of those packages.
`from_file`, `from_text` and `from_url` make a corpus of any other text.
"""

import hashlib
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from course_lib.config import require
from course_lib.text import cache, sources
from course_lib.text.corpus import SEPARATOR, Corpus, Document, Fingerprint
from course_lib.text.versions import installed, warn_if_not_pinned

__all__ = ["NAMES", "Corpus", "Document", "Fingerprint", "from_file", "from_text", "from_url", "load", "load_or_read"]

LICENCES = {
    "matplotlib": "Matplotlib licence (PSF-based)",
    "networkx": "BSD-3-Clause",
    "numpy": "BSD-3-Clause",
    "sympy": "BSD-3-Clause",
    "torch": "BSD-3-Clause",
}


class Recipe(NamedTuple):
    """How a corpus is read: from which packages, and which text of each of their files."""

    packages: tuple[str, ...]
    read: Callable[[Path], str]


RECIPES = {
    "docs": Recipe(("numpy", "sympy"), sources.docstrings),
    "code": Recipe(("numpy", "sympy"), sources.code),
    "torch": Recipe(("torch",), sources.docstrings),
    "matplotlib": Recipe(("matplotlib",), sources.docstrings),
    "networkx": Recipe(("networkx",), sources.docstrings),
}
NAMES = tuple(RECIPES)


def load(name: str) -> Corpus:
    """The corpus called `name`, one of NAMES. The first call reads the installed packages, later ones a cache file.

    Warns when the course's numbers come from another version of a package.
    Raises ValueError for an unknown name, and when a package is not installed.
    """
    require(name in RECIPES, f"name must be one of {', '.join(NAMES)}, got {name!r}")
    recipe = RECIPES[name]
    versions = {package: installed(package) for package in recipe.packages}
    warn_if_not_pinned(versions)
    documents = cache.remembered(f"{name}-{versions}", lambda: list(sources.documents(*recipe)))
    licence = ", ".join(f"{package} {versions[package]}: {LICENCES[package]}" for package in recipe.packages)
    return Corpus(name, documents, licence, versions)


def load_or_read(name_or_path: str) -> Corpus:
    """The corpus of that name (`load`), or else the text file at that path (`from_file`).

    Raises ValueError when the argument is neither one of NAMES nor a file, and as `load` and `from_file` do.
    """
    if name_or_path in NAMES:
        return load(name_or_path)
    is_file = Path(name_or_path).is_file()
    require(is_file, f"corpus must be one of {', '.join(NAMES)} or a file, got {name_or_path!r}")
    return from_file(name_or_path)


def from_text(name: str, text: str, licence: str = "not stated") -> Corpus:
    """A corpus of the string `text`: each paragraph (empty lines separate them) is a document, so that it can be split.

    Raises TypeError unless `text` is a str.
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a str, got {type(text).__name__}")
    paragraphs = text.split(SEPARATOR)
    return Corpus(name, tuple(Document(f"{name}:{i}", part) for i, part in enumerate(paragraphs)), licence, {})


def from_file(path: str | Path, licence: str = "not stated") -> Corpus:
    """A corpus of a UTF-8 text file. A byte order mark is dropped; the line ends \\r\\n and \\r become \\n.

    Raises OSError when the file cannot be read, ValueError when it is not UTF-8.
    """
    path = Path(path)
    return _from_bytes(path.name, path.read_bytes(), licence)


def from_url(url: str, sha256: str, licence: str = "not stated") -> Corpus:
    """A corpus of the UTF-8 text at `url`, fetched once and kept in the cache. The course itself never calls this.

    sha256: of the bytes, 64 hexadecimal digits in lower case.
    Raises ValueError when the bytes have another sha256, or are not UTF-8; OSError when they cannot be fetched.
    """
    good = len(sha256) == 64 and set(sha256) <= set("0123456789abcdef")
    require(good, f"sha256 must be 64 hexadecimal digits in lower case, got {sha256!r}")
    path = cache.folder() / f"url-{sha256}"
    data = path.read_bytes() if path.exists() else b""
    if hashlib.sha256(data).hexdigest() != sha256:  # not there, or damaged
        with urllib.request.urlopen(url, timeout=30) as response:
            data = response.read()
        got = hashlib.sha256(data).hexdigest()
        require(got == sha256, f"url must lead to a text with sha256 {sha256}, got {got} from {url}")
        cache.keep(path, data)
    return _from_bytes(url, data, licence)


def _from_bytes(name: str, data: bytes, licence: str) -> Corpus:
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} must hold UTF-8 text, got {error}") from error
    return from_text(name, text, licence)
