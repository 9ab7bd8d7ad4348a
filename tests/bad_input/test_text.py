"""Text: each bad input is refused with a message that names argument, value and rule."""

import json
import re

import numpy as np
import pytest

from course_lib.files import write_atomically
from course_lib.text import corpora, embeddings, numbers
from course_lib.text.corpus import Corpus
from course_lib.text.tokenizers import BPETokenizer, PairTokenizer, WordTokenizer

KINDS = (PairTokenizer, WordTokenizer, BPETokenizer)
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)


def refuses(message, error=ValueError):
    return pytest.raises(error, match=re.escape(message))


@each_kind
@pytest.mark.parametrize("bad", [-1, 257, 10**9])
def test_ids_outside_the_vocabulary(kind, bad):
    tokenizer = kind.train("ab ab", 257)
    with refuses(f"ids must lie in 0..256 (the vocabulary), got {bad}"):
        tokenizer.decode([0, bad])
    with refuses(f"ids must lie in 0..256 (the vocabulary), got {bad}"):
        tokenizer.show(bad)


@each_kind
@pytest.mark.parametrize("bad", ["ab", [1.0], [None], 3])
def test_ids_that_are_no_integers(kind, bad):
    with refuses("ids must be a sequence of integers", TypeError):
        kind.train("", 256).decode(bad)


@each_kind
@pytest.mark.parametrize("bad", [None, b"bytes", ["list"], 3])
def test_text_that_is_no_str(kind, bad):
    with refuses(f"text must be a str, got {type(bad).__name__}", TypeError):
        kind.train("", 256).encode(bad)
    with refuses(f"text must be a str, got {type(bad).__name__}", TypeError):
        kind.train(bad, 256)


@each_kind
def test_vocabulary_too_small(kind):
    for bad in (255, 300.0, True):
        with refuses(f"vocab_size must be an integer of at least 256, one token for each byte, got {bad}"):
            kind.train("text", bad)


@pytest.mark.parametrize(
    "kind, tokens, message",
    [
        (PairTokenizer, ["abc"], "tokens must have one or two characters, got 'abc'"),
        (PairTokenizer, [""], "tokens must have one or two characters, got ''"),
        (PairTokenizer, ["ab", "ab"], "tokens must be distinct, got b'ab' twice"),
        (PairTokenizer, "ab", "tokens must be a sequence of str, got one str: 'ab'"),
        (WordTokenizer, ["two words"], "tokens must be one word, one run of white space or one sign, got 'two words'"),
        (WordTokenizer, [""], "tokens must be one word, one run of white space or one sign, got ''"),
        (BPETokenizer, [(0, 256)], "merges must join earlier tokens (ids 0..255 here), got (0, 256)"),
        (BPETokenizer, [(-1, 0)], "merges must join earlier tokens (ids 0..255 here), got (-1, 0)"),
        (BPETokenizer, [(64, 64), (64, 64)], "tokens must be distinct, got b'aa' twice"),
    ],
)
def test_vocabularies_that_are_none(kind, tokens, message):
    with refuses(message):
        kind(tokens)


@each_kind
@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "null", '{"tokenizer": "bp', '{"tokenizer": "?", "state": []}', "\xff"]
)
def test_files_that_hold_no_tokenizer(kind, content, tmp_path):
    (tmp_path / "t.json").write_bytes(content.encode("latin-1"))
    with refuses("path must lead to a"):
        kind.load(tmp_path / "t.json")


@each_kind
@pytest.mark.parametrize("state", [3, None, [3], [[1]], [[0, 999]], ["abc def"], [["a", "b"]]])
def test_files_whose_vocabulary_is_none(kind, state, tmp_path):
    (tmp_path / "t.json").write_text(json.dumps({"tokenizer": kind.kind, "state": state}))
    with refuses("path must lead to a saved tokenizer"):
        kind.load(tmp_path / "t.json")


def test_tokenizer_of_another_kind(tmp_path):
    PairTokenizer([]).save(tmp_path / "t.json")
    with refuses("path must lead to a tokenizer of kind 'bpe', got 'pairs'"):
        BPETokenizer.load(tmp_path / "t.json")
    with pytest.raises(OSError):
        BPETokenizer.load(tmp_path / "missing.json")


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        write_atomically(tmp_path / "folder", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_corpora(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    with refuses("name must be one of docs, code, torch, matplotlib, networkx, got 'dcos'"):
        corpora.load("dcos")
    with refuses("this corpus is read from no_such_package, which is not installed: pip install no_such_package"):
        monkeypatch.setitem(corpora.RECIPES, "none", corpora.Recipe(("no_such_package",), corpora.sources.code))
        corpora.load("none")
    with pytest.raises(OSError):
        corpora.from_file(tmp_path / "missing.txt")
    (tmp_path / "latin.txt").write_bytes("été".encode("latin-1"))
    with refuses("latin.txt must hold UTF-8 text"):
        corpora.from_file(tmp_path / "latin.txt")
    with refuses("text must be a str, got bytes", TypeError):
        corpora.from_text("own", b"bytes")


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_share_of_a_split(share):
    with refuses(f"validation must be a share from 0 to 1, got {share}"):
        Corpus("c", (), "", {}).split(share)


def test_downloads(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "remote.txt").write_text("other")
    url = (tmp_path / "remote.txt").as_uri()
    with refuses(f"url must lead to a text with sha256 {'0' * 64}, got "):
        corpora.from_url(url, "0" * 64)
    assert not (tmp_path / "cache").exists()  # nothing unchecked is kept
    with refuses("sha256 must be 64 hexadecimal digits in lower case, got '../x'"):
        corpora.from_url(url, "../x")


def test_numbers():
    with refuses("number must be an integer in 0..999999999, got -1"):
        numbers.name(-1, "en")
    with refuses("number must be an integer in 0..999999999, got 1000000000"):
        numbers.name(10**9, "fr")
    with refuses("language must be 'en' or 'fr', got 'de'"):
        numbers.name(1, "de")
    with refuses("language must be 'en' or 'fr', got 'de'"):
        numbers.read("eins", "de")
    with refuses("english must be the English name of a number below 1000000000, got 'vingt'"):
        numbers.correct("vingt", "vingt")


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"part": "test"}, "part must be one of training, validation, got 'test'"),
        ({"n": -1}, "n must be an integer in 0..999999999, got -1"),
        ({"seed": None}, "seed must be an integer, so that the pairs can be drawn again, got None"),
        ({"largest": 98}, "largest must be an integer in 99..999999999, got 98"),
        ({"largest": 1e5}, "largest must be an integer in 99..999999999, got 100000.0"),
    ],
)
def test_pairs_of_numbers(arguments, message):
    with refuses(message):
        numbers.pairs(**{"seed": 1, **arguments})


E = np.ones((7, 3))
C = np.ones((5, 5))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: embeddings.embed(E, [0, 7]), "ids must lie in 0..6 (the vocabulary), got [7]"),
        (lambda: embeddings.embed(E, [-1]), "ids must lie in 0..6 (the vocabulary), got [-1]"),
        (lambda: embeddings.embed(E[0], [0]), "E must have the shape (N_T, d), got (3,)"),
        (lambda: embeddings.cooccurrences([0, 5], 5, 2), "ids must lie in 0..4 (the vocabulary), got [5]"),
        (lambda: embeddings.cooccurrences([[0, 1]], 5, 2), "ids must have the shape (n,), got (1, 2)"),
        (lambda: embeddings.cooccurrences([0], 5, 0), "window must be an integer of at least 1, got 0"),
        (lambda: embeddings.cooccurrences([0], 5, 1.5), "window must be an integer of at least 1, got 1.5"),
        (lambda: embeddings.cooccurrences([0], 0, 1), "n_tokens must be an integer of at least 1, got 0"),
        (lambda: embeddings.ppmi(C[0]), "C must be a matrix of counts, got the shape (5,)"),
        (lambda: embeddings.ppmi(-C), "C must hold counts"),
        (lambda: embeddings.ppmi(C * np.nan), "C must hold counts"),
        (lambda: embeddings.ppmi(C * 0), "C must hold counts"),
        (lambda: embeddings.ppmi(C, 0), "smoothing must lie in (0, 1], got 0"),
        (lambda: embeddings.truncated_svd(E, 4), "rank must not exceed the smaller side of M, 3, got 4"),
        (lambda: embeddings.truncated_svd(E, 0), "rank must be an integer of at least 1, got 0"),
        (lambda: embeddings.truncated_svd(E[0], 1), "M must be a matrix, got the shape (3,)"),
        (lambda: embeddings.truncated_svd(E * np.nan, 1), "M must be finite"),
        (lambda: embeddings.WordVectors(("a",), E).nearest("b"), "word must be one of the 1 words learnt, got 'b'"),
        (lambda: embeddings.WordVectors(("a",), E).nearest("a", 0), "k must be an integer of at least 1, got 0"),
        (lambda: embeddings.WordVectors.learn("", d=1), "text must hold at least two words, got ''"),
        (lambda: embeddings.WordVectors.learn("one two", d=0), "d must be an integer of at least 1, got 0"),
        (lambda: embeddings.WordVectors.learn("one two", d=3), "d must be at most the number of words, 2, got 3"),
    ],
)
def test_embeddings(call, message):
    with refuses(message):
        call()


def test_ids_of_an_embedding_that_are_no_integers():
    with refuses("ids must be integers, got dtype float64", TypeError):
        embeddings.embed(E, [1.0])
    with refuses("ids must be integers, got dtype bool", TypeError):
        embeddings.embed(E, [True])
