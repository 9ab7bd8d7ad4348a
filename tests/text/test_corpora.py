"""Corpora: the same text for everybody, a split by document, and a cache that may be damaged."""

import dataclasses
import hashlib
import json
import pickle
import re
import subprocess
import sys
import warnings

import pytest

from course_lib.text import cache, corpora, sources, versions
from course_lib.text.corpus import Corpus, Fingerprint
from course_lib.versions import pins

PINS = pins()
pinned = pytest.mark.skipif(
    any(versions.installed(package) != PINS.get(package) for package in ("numpy", "sympy")),
    reason="the text is known for the pinned versions of numpy and sympy only",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def docs():
    return corpora.load("docs")


@pinned
def test_docs_are_the_pinned_text(docs):
    assert docs.versions == {package: PINS[package] for package in ("numpy", "sympy")}
    assert docs.fingerprint.characters == len(docs.text) == 6_555_605
    assert docs.fingerprint.sha256 == hashlib.sha256(docs.text.encode()).hexdigest()
    assert docs.fingerprint.sha256.startswith("69fc4d1d14b4")
    assert "eigenvalues" in docs.text and docs.licence == "numpy 2.4.6: BSD-3-Clause, sympy 1.14.0: BSD-3-Clause"


@pinned
def test_code_is_the_pinned_source():
    code = corpora.load("code")
    assert code.fingerprint.characters == 20_279_345 and code.fingerprint.sha256.startswith("aad3038b1cea")
    assert dict(code.documents)["sympy/core/expr.py"].count("def ") > 100


@pytest.mark.parametrize("name", ["torch", "matplotlib", "networkx"])
def test_more_docstrings(name):
    pytest.importorskip(name)
    corpus = corpora.load(name)
    assert 1_000_000 < corpus.fingerprint.characters < 10_000_000
    assert corpus.licence.startswith(f"{name} {versions.installed(name)}: ")


def test_every_package_with_a_corpus_is_pinned():
    assert {package for recipe in corpora.RECIPES.values() for package in recipe.packages} <= set(PINS)


def test_reading_a_corpus_imports_no_package(folder):
    code = (
        "import sys; from course_lib.text import corpora; c = corpora.load('networkx'); "
        "assert not {'numpy', 'torch', 'networkx'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_files_are_sorted_and_leave_out_tests():
    names = [name for name, _ in sources.files("numpy")]
    assert names == sorted(names) and "numpy/linalg/_linalg.py" in names
    assert not [name for name in names if "/tests/" in name]


def test_docstrings_come_in_the_order_of_the_file(tmp_path):
    source = tmp_path / "m.py"
    source.write_text(
        '"""One."""\nclass A:\n    """Two\n\n      deeper\n    again."""\n    def f(self):\n        """Three."""\n'
        'if True:\n    async def g():\n        r"""\\Four."""\ndef h(): "Five"; return "none"\nx = "none"\n'
    )
    assert sources.docstrings(source) == "One.\n\nTwo\n\n  deeper\nagain.\n\nThree.\n\n\\Four.\n\nFive"


def test_fingerprint_can_be_recorded_and_a_corpus_sent_to_another_process(docs):
    fingerprint = json.loads(json.dumps(dataclasses.asdict(docs.fingerprint)))
    assert Fingerprint(**fingerprint) == docs.fingerprint
    assert pickle.loads(pickle.dumps(docs)) == docs


# The split


def test_split_keeps_documents_whole_and_loses_none(docs):
    training, validation = docs.split(0.1)
    assert sorted(training.documents + validation.documents) == sorted(docs.documents)
    assert not set(training.documents) & set(validation.documents)
    assert 0.08 < len(validation.documents) / len(docs.documents) < 0.13  # 845 documents: sd 0.01
    assert 0.05 < len(validation.text) / len(docs.text) < 0.15


def test_a_document_stays_on_its_side_when_others_come_and_go(docs):
    _, validation = docs.split(0.2)
    fewer = Corpus("fewer", docs.documents[::-3], "", {})
    assert set(fewer.split(0.2)[1].documents) == set(validation.documents) & set(fewer.documents)
    assert set(docs.split(0.1)[1].documents) <= set(validation.documents)


def test_split_by_hand():
    # sha256("a") starts with ca97..., that is 0.79; sha256("b") with 3e23..., that is 0.24.
    corpus = Corpus("two", (("a", "A"), ("b", "B")), "", {})
    assert [[d.name for d in part.documents] for part in corpus.split(0.5)] == [["a"], ["b"]]
    assert [len(part.documents) for part in corpus.split(0.0)] == [2, 0]
    assert [len(part.documents) for part in corpus.split(1)] == [0, 2]


# The cache


def test_cache_spares_the_second_reading(folder, monkeypatch):
    first = corpora.load("networkx")
    monkeypatch.setattr(sources, "files", lambda package: pytest.fail("read the package again"))
    assert corpora.load("networkx") == first
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    "damage", [lambda b: b"", lambda b: b[:-9], lambda b: b"\xff" + b, lambda b: b[:80] + b"!" + b[81:]]
)
def test_damaged_cache_is_built_again(folder, damage):
    build = lambda: [("name", "text " * 99)]  # noqa: E731
    assert cache.remembered("key", build) == build()
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert cache.remembered("key", build) == build()
    assert path.read_bytes() == whole


def test_cache_of_other_versions_is_not_used(folder):
    assert cache.remembered("numpy 1", lambda: [("a", "1")]) == [("a", "1")]
    assert cache.remembered("numpy 2", lambda: [("a", "2")]) == [("a", "2")]


def test_course_runs_where_the_cache_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "file"))
    assert cache.remembered("key", lambda: [("a", "b")]) == [("a", "b")]


# Other versions


def test_other_versions_warn_once_and_say_how_to_get_the_same_text():
    versions._warn.cache_clear()
    with pytest.warns(UserWarning, match=re.escape("pip install numpy==2.4.6")):
        versions.warn_if_not_pinned({"numpy": "2.5.0"})
    with warnings.catch_warnings(action="error"):
        versions.warn_if_not_pinned({"numpy": "2.5.0", "sympy": PINS["sympy"]})


def test_build_mark_of_torch_is_no_other_version(monkeypatch):
    monkeypatch.setattr(versions.versions, "installed", lambda package: "2.13.0+cpu")
    assert versions.installed("torch") == "2.13.0"


# Texts of one's own


def test_local_file_is_kept_to_the_character(tmp_path):
    text = "Première.\n\nDeuxième,\nligne 2.\n\n\n\nFin.\n"
    (tmp_path / "own.txt").write_text(text, encoding="utf-8", newline="")
    corpus = corpora.from_file(tmp_path / "own.txt", licence="mine")
    assert corpus.text == text and corpus.name == "own.txt" and corpus.licence == "mine"
    assert corpus.documents[0] == ("own.txt:0", "Première.")
    assert str(corpus.fingerprint) == f"{len(text)} characters, sha256 {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def test_url_is_fetched_once(folder, tmp_path):
    source = tmp_path / "remote.txt"
    source.write_text("far\n\naway")
    digest = hashlib.sha256(b"far\n\naway").hexdigest()
    assert corpora.from_url(source.as_uri(), digest).text == "far\n\naway"
    source.unlink()
    assert corpora.from_url(source.as_uri(), digest).text == "far\n\naway"


def test_url_works_where_the_cache_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "remote.txt").write_text("far")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "remote.txt"))
    digest = hashlib.sha256(b"far").hexdigest()
    assert corpora.from_url((tmp_path / "remote.txt").as_uri(), digest).text == "far"


def test_line_ends_and_byte_order_marks_of_windows(tmp_path):
    (tmp_path / "old.txt").write_bytes(b"one\r\rtwo\r\nthree\n\rfour\r")  # as on old Macintoshes, and mixed
    corpus = corpora.from_file(tmp_path / "old.txt")
    assert corpus.text == "one\n\ntwo\nthree\n\nfour\n" and len(corpus.documents) == 3
    assert corpus.text == (tmp_path / "old.txt").read_text(encoding="utf-8")  # as Python reads lines
    (tmp_path / "own.txt").write_bytes(b"\xef\xbb\xbfone\r\n\r\ntwo")
    assert corpora.from_file(tmp_path / "own.txt").text == "one\n\ntwo"


def test_damaged_download_is_fetched_again(folder, tmp_path):
    source = tmp_path / "remote.txt"
    source.write_text("far")
    digest = hashlib.sha256(b"far").hexdigest()
    corpora.from_url(source.as_uri(), digest)
    (folder / f"url-{digest}").write_bytes(b"f")
    assert corpora.from_url(source.as_uri(), digest).text == "far"
