"""Bad input of tokenizers, corpora and names of numbers."""

import json
from functools import partial

import pytest

from course_lib.files import write_atomically
from course_lib.text import corpora, numbers, sources, tokenizers
from course_lib.text.corpus import Corpus
from course_lib.text.tokenizers import BPETokenizer, PairTokenizer, WordTokenizer

KINDS = (PairTokenizer, WordTokenizer, BPETokenizer)


@pytest.mark.parametrize("bad", [-1, 257, 10**9])
def test_ids_outside_the_vocabulary(refuses, bad):
    for kind in KINDS:
        tokenizer = kind.train("ab ab", 257)
        refuses(partial(tokenizer.decode, [0, bad]), "ids", str(bad), "0..256")
        refuses(partial(tokenizer.show, bad), "ids", str(bad), "0..256")


@pytest.mark.parametrize("bad, got", [("ab", "'str'"), ([1.0], "'float'"), ([None], "'NoneType'"), (3, "'int'")])
def test_ids_that_are_no_integers(refuses, bad, got):
    for kind in KINDS:
        refuses(partial(kind.train("", 256).decode, bad), "ids", got, "integers", TypeError)


@pytest.mark.parametrize("bad", [None, b"bytes", ["list"], 3])
def test_text_that_is_no_str(refuses, bad):
    for kind in KINDS:
        refuses(partial(kind.train("", 256).encode, bad), "text", type(bad).__name__, "str", TypeError)
        refuses(partial(kind.train, bad, 256), "text", type(bad).__name__, "str", TypeError)


@pytest.mark.parametrize("bad", [255, 300.0, True])
def test_vocabularies_that_are_too_small(refuses, bad):
    for kind in KINDS:
        refuses(partial(kind.train, "text", bad), "vocab_size", str(bad), ("integer", "256"))


@pytest.mark.parametrize(
    "kind, tokens, argument, got, rule",
    [
        (PairTokenizer, ["abc"], "tokens", "'abc'", "two"),
        (PairTokenizer, [""], "tokens", "''", "one"),
        (PairTokenizer, ["ab", "ab"], "tokens", "b'ab'", "distinct"),
        (PairTokenizer, "ab", "tokens", "'ab'", ("sequence", "str")),
        (WordTokenizer, ["two words"], "tokens", "'two words'", ("word", "sign")),
        (WordTokenizer, [""], "tokens", "''", ("word", "sign")),
        (BPETokenizer, [(0, 256)], "merges", "(0, 256)", "0..255"),
        (BPETokenizer, [(-1, 0)], "merges", "(-1, 0)", "0..255"),
        (BPETokenizer, [(64, 64), (64, 64)], "tokens", "b'aa'", "distinct"),
    ],
)
def test_vocabularies_that_are_none(refuses, kind, tokens, argument, got, rule):
    refuses(lambda: kind(tokens), argument, got, rule)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"null", b'{"tokenizer": "bp', b"\xff"])
def test_files_that_hold_no_tokenizer(refuses, tmp_path, content):
    path = tmp_path / "t.json"
    path.write_bytes(content)
    for load in (tokenizers.load, *(kind.load for kind in KINDS)):
        refuses(partial(load, path), "path", str(path), "tokenizer")


@pytest.mark.parametrize("state", [3, None, [3], [[1]], [[0, 999]], ["abc def"], [["a", "b"]]])
def test_files_whose_vocabulary_is_none(refuses, tmp_path, state):
    path = tmp_path / "t.json"
    for kind in KINDS:
        path.write_text(json.dumps({"tokenizer": kind.kind, "state": state}))
        refuses(partial(kind.load, path), "path", str(path), "tokenizer")


def test_tokenizers_of_another_kind(refuses, tmp_path):
    path = tmp_path / "t.json"
    PairTokenizer([]).save(path)
    refuses(lambda: BPETokenizer.load(path), "path", ("'pairs'", str(path)), "'bpe'")
    for kind, got in ((["bpe"], "['bpe']"), ("?", "'?'")):
        path.write_text(json.dumps({"tokenizer": kind, "state": []}))
        refuses(lambda got=got: tokenizers.load(path), "path", (got, str(path)), ("bpe", "pairs", "words"))
    for kind in KINDS:
        refuses(partial(kind.load, path), "path", ("'?'", str(path)), f"'{kind.kind}'")


def test_files_that_are_missing_or_cannot_be_written(tmp_path):
    for load in (BPETokenizer.load, corpora.from_file):
        with pytest.raises(OSError):
            load(tmp_path / "missing")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        write_atomically(tmp_path / "folder", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: corpora.load("dcos"), "name", "'dcos'", ("docs", "code", "torch", "matplotlib", "networkx")),
        (lambda: corpora.load_or_read("dcos"), "corpus", "'dcos'", ("docs", "code", "file")),
        (lambda: sources.files("no_such_package"), "package|corpus", "no_such_package", "pip install no_such_package"),
        (lambda: Corpus("c", (), "", {}).split(-0.1), "validation", "-0.1", ("0", "1")),
        (lambda: Corpus("c", (), "", {}).split(1.1), "validation", "1.1", ("0", "1")),
        (lambda: Corpus("c", (), "", {}).split(float("nan")), "validation", "nan", ("0", "1")),
        (lambda: corpora.from_url("file:///none", "../x"), "sha256", "'../x'", "64"),
        (lambda: numbers.name(-1, "en"), "number", "-1", "0..999999999"),
        (lambda: numbers.name(10**9, "fr"), "number", "1000000000", "0..999999999"),
        (lambda: numbers.name(1, "de"), "language", "'de'", ("'en'", "'fr'")),
        (lambda: numbers.read("eins", "de"), "language", "'de'", ("'en'", "'fr'")),
        (lambda: numbers.correct("vingt", "vingt"), "english", "'vingt'", "1000000000"),
        (lambda: numbers.pairs(seed=1, part="test"), "part", "'test'", ("training", "validation")),
        (lambda: numbers.pairs(-1, seed=1), "n", "-1", "0..999999999"),
        (lambda: numbers.pairs(seed=None), "seed", "None", "integer"),
        (lambda: numbers.pairs(seed=1, largest=98), "largest", "98", "99..999999999"),
        (lambda: numbers.pairs(seed=1, largest=1e5), "largest", "100000.0", "99..999999999"),
    ],
)
def test_corpora_and_numbers(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule)


def test_corpora_of_files(refuses, tmp_path, monkeypatch):
    monkeypatch.setitem(corpora.RECIPES, "none", corpora.Recipe(("no_such_package",), corpora.sources.code))
    refuses(lambda: corpora.load("none"), "corpus", "no_such_package", "pip install no_such_package")
    (tmp_path / "latin.txt").write_bytes("été".encode("latin-1"))
    refuses(lambda: corpora.from_file(tmp_path / "latin.txt"), "latin.txt", "0xe9", "UTF-8")
    refuses(lambda: corpora.from_text("own", b"bytes"), "text", "bytes", "str", TypeError)


def test_downloads(refuses, tmp_path, monkeypatch):
    """Nothing unchecked is kept."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "remote.txt").write_text("other")
    url = (tmp_path / "remote.txt").as_uri()
    refuses(lambda: corpora.from_url(url, "0" * 64), "url", url, "0" * 64)
    assert not (tmp_path / "cache").exists()
