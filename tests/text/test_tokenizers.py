"""Tokenizers: exact round trips, greedy matching, and byte-level BPE against the `tokenizers` library."""

import json
import random
import unicodedata
import warnings

import numpy as np
import pytest
import tokenizers as oracle
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.text import corpora
from course_lib.text.tokenizers import BPETokenizer, PairTokenizer, WordTokenizer, merges
from course_lib.text.tokenizers.base import BYTES
from course_lib.text.tokenizers.merges import merge
from course_lib.text.tokenizers.pieces import pieces

SAMPLE = (
    "the theme of the thesis: l'été, naïve cafés, 三 Σx² ≤ ½ — it's the end.\n\n  def f(x):\n\treturn x**2 # 12345\n"
)
TRAINED = [kind.train(SAMPLE * 2, 400) for kind in (PairTokenizer, WordTokenizer, BPETokenizer)]
ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too
each_kind = pytest.mark.parametrize("tokenizer", TRAINED, ids=lambda t: t.kind)


def library_merges(tokenizer):
    ids = tokenizer.get_vocab()
    return tuple((ids[left], ids[right]) for left, right in json.loads(tokenizer.to_str())["model"]["merges"])


@each_kind
@pytest.mark.filterwarnings("ignore:U")  # any text holds characters that no Unicode has yet
@given(text=ANY_TEXT)
def test_round_trip_is_exact_on_any_text(tokenizer, text):
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert all(0 <= i < len(tokenizer) for i in ids)


@each_kind
@pytest.mark.parametrize(
    "text", ["", "\ud800", "\udfff\ud800x", "\ud83d\ude00", "\r\n\x00\x1c\x85\u2028", "👩‍👩‍👧 नमस्ते"]
)
def test_round_trip_of_odd_texts(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


@each_kind
def test_training_text_takes_fewer_tokens_than_bytes(tokenizer):
    assert len(tokenizer.encode(SAMPLE)) < 0.75 * len(SAMPLE.encode())


@each_kind
def test_saved_and_loaded_it_is_the_same(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "new folder" / "t.json")
    loaded = type(tokenizer).load(tmp_path / "new folder" / "t.json")
    assert loaded.vocab == tokenizer.vocab
    assert loaded.encode(SAMPLE) == tokenizer.encode(SAMPLE)
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == ["t.json"]  # no temporary file is left


@each_kind
def test_ids_may_come_from_arrays_and_tensors(tokenizer):
    ids = tokenizer.encode(SAMPLE)
    assert tokenizer.decode(np.array(ids)) == tokenizer.decode(torch.tensor(ids)) == SAMPLE


@each_kind
def test_vocabulary_starts_with_all_bytes_and_maps_both_ways(tokenizer):
    assert tokenizer.vocab[:256] == BYTES and set(BYTES) == {bytes([b]) for b in range(256)}
    assert [tokenizer.ids[token] for token in tokenizer.vocab] == list(range(len(tokenizer)))


def test_bytes_that_are_no_text_decode_to_replacement_characters():
    tokenizer = TRAINED[2]
    assert tokenizer.decode([tokenizer.ids[b"\xc3"], tokenizer.ids[b"x"]]) == "\ufffdx"
    assert tokenizer.show(tokenizer.ids[b"\xc3"]) == "<0xC3>"


def test_pairs_match_greedily_from_the_left():
    # By hand: "th" is a token, "he" comes too late; "e " is one; "ab" is missed because "xa" is taken first.
    tokenizer = PairTokenizer(["th", "he", "e ", "xa", "ab", "é"])
    assert tokenizer.tokens("the xab é€") == ["th", "e ", "xa", "b", " ", "é", "<0xE2>", "<0x82>", "<0xAC>"]


def test_pairs_take_characters_first_then_the_most_frequent_pairs():
    # Pairs of "éaéaéb": éa twice, then aé twice (a < é, so aé stands before éa), éb once.
    tokenizer = PairTokenizer.train("éaéaéb", 259)
    assert [token.decode() for token in tokenizer.vocab[256:]] == ["é", "aé", "éa"]


def test_words_keep_spaces_and_signs_apart():
    tokenizer = WordTokenizer.train("the lazy dog, the dog", 1000)
    assert tokenizer.tokens("the lazy dog, the") == ["the", " ", "lazy", " ", "dog", ",", " ", "the"]
    assert [token.decode() for token in tokenizer.vocab[256:]] == ["dog", "the", "lazy"]  # 2, 2 and 1 times
    assert tokenizer.tokens("cat") == ["c", "a", "t"]


def test_bpe_worked_by_hand():
    # "aaab aaab": the pieces are "aaab" and " aaab". aa occurs 4 times (2 in each, overlapping) and is first;
    # then (aa, a) and (a, b) twice each: a has the smaller id, so ab comes first; then (aa, ab), twice.
    tokenizer = BPETokenizer.train("aaab aaab", 1000)
    assert [token.decode() for token in tokenizer.vocab[256:]] == ["aa", "ab", "aaab"]
    assert tokenizer.tokens("aaab aab a") == ["aaab", " ", "aa", "b", " ", "a"]


@pytest.mark.parametrize("seed", range(40))
def test_bpe_equals_the_library_on_random_text(seed, library):
    # Few letters make long runs, overlapping pairs and many ties, which is where trainers differ.
    rng = random.Random(seed)
    alphabet = "aab bc" if seed % 2 else "aaé½ 1\n'st\x1c\x85"
    text = "".join(rng.choice(alphabet) for _ in range(rng.randrange(500)))
    ours, theirs = BPETokenizer.train(text, 256 + 37), library(text, 256 + 37)
    assert ours.merges == library_merges(theirs)
    assert ours.encode(text) == theirs.encode(text).ids


def test_bpe_equals_the_library_on_a_megabyte(library):
    text = corpora.load("docs").text[:1_000_000]
    ours = BPETokenizer.train(text, 2048)
    theirs = library(text, 2048)
    assert ours.merges == library_merges(theirs)
    fresh = corpora.load("code").text[-300_000:] + SAMPLE  # not trained on
    assert ours.encode(fresh) == theirs.encode(fresh).ids
    assert ours.decode(ours.encode(fresh)) == fresh


def test_bpe_training_visits_only_the_words_that_a_merge_changes(monkeypatch):
    visited = []
    monkeypatch.setattr(merges, "merge", lambda ids, *pair: visited.append(len(ids)) or merge(ids, *pair))
    text = corpora.load("docs").text[:200_000]
    words = {piece.encode() for piece in pieces(text)}
    n_merges = len(BPETokenizer.train(text, 1024).merges)
    assert sum(visited) < 0.02 * n_merges * sum(map(len, words))  # measured: 0.006 of a full recount for each merge


def test_bpe_ids_of_bytes_are_those_of_the_library(library):
    theirs = library("", 256)
    for character in map(chr, range(0x800)):  # their UTF-8 has all first bytes of one and of two, and all second ones
        ids = theirs.encode(character).ids
        assert b"".join(BYTES[i] for i in ids) == character.encode()


def test_pieces_equal_the_library_for_every_character_that_python_knows():
    cut = oracle.pre_tokenizers.ByteLevel(add_prefix_space=False)
    for code in range(0x110000):
        # Cn: not assigned in this Python's Unicode version, and perhaps in the library's; Cs: no Rust string has it.
        if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co"):
            text = f"a{chr(code)}1 {chr(code)}{chr(code)} !{chr(code)}"
            assert pieces(text) == [text[i:j] for _, (i, j) in cut.pre_tokenize_str(text)], hex(code)


@pytest.mark.filterwarnings("ignore:U")  # any text holds characters that no Unicode has yet
@given(text=ANY_TEXT)
def test_pieces_join_to_the_text(text):
    assert "".join(pieces(text)) == text


# A character that no version of Unicode up to this Python's has, and that a later one may have.
UNKNOWN = next(chr(code) for code in range(0x1E000, 0x20000) if unicodedata.category(chr(code)) == "Cn")


@pytest.mark.parametrize("kind", [WordTokenizer, BPETokenizer])
def test_unicode_that_is_newer_than_python_is_named(kind):
    said = rf"U\+{ord(UNKNOWN):X} is not in Unicode {unicodedata.unidata_version}, which this Python has"
    tokenizer = kind.train(SAMPLE, 300)
    text = f"ab{UNKNOWN}ab"
    with pytest.warns(UserWarning, match=said):
        ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    with pytest.warns(UserWarning, match=said):
        kind.train(text, 300)
    with warnings.catch_warnings(action="error"):  # what Unicode has, or has ruled out, is no reason to warn
        assert tokenizer.decode(tokenizer.encode(SAMPLE + "\uffff\ufdd0\ue000\ud800")).startswith(SAMPLE)
        PairTokenizer.train(text, 300).encode(text)  # asks for no letters


def test_words_that_a_newer_python_saved_are_loaded(tmp_path):
    """Their letters may be signs to this one, which then never finds them; all other ids are what they were."""
    word = f"a{UNKNOWN}b"
    (tmp_path / "t.json").write_text(json.dumps({"tokenizer": "words", "state": [word, "the"]}))
    loaded = WordTokenizer.load(tmp_path / "t.json")
    assert loaded.encode("the") == [257] and loaded.decode([256]) == word
    with pytest.raises(ValueError, match="must be one word"):
        WordTokenizer([f"a {UNKNOWN}"])


def test_a_long_piece_without_spaces_is_encoded_quickly():
    tokenizer = BPETokenizer.train(SAMPLE * 2, 400)
    text = "theendthesis" * 5000
    assert tokenizer.decode(tokenizer.encode(text)) == text
