"""Weights between words: rows and columns of the cross-attention put together by hand."""

import numpy as np
import pytest
import torch

from course_lib.config import GroupedConfig, ModelConfig, Rope
from course_lib.models import TranslationModel
from course_lib.training import TranslationData, number_tokenizer
from course_lib.training.word_weights import on_counterparts, on_ten_and_unit, word_weights, words_of


@pytest.fixture(scope="module")
def data():
    return TranslationData(number_tokenizer(), batch_size=4, validation_pairs=3)


@pytest.fixture(scope="module")
def translator(data):
    torch.manual_seed(0)
    heads = GroupedConfig(d_model=12, n_heads=3, rope=Rope())
    side = ModelConfig(vocab_size=data.vocab_size, n_layers=2, attention=heads, d_ff=16)
    return TranslationModel(side, side)


def test_words_and_the_signs_after_them(data):
    pieces, word = words_of(data.tokenizer, "one thousand, two")
    assert "".join(pieces) == "one thousand, two"
    assert [(piece, int(w)) for piece, w in zip(pieces, word, strict=True) if piece.isalpha()] == [
        ("one", 0), ("thousand", 1), ("two", 2)
    ]  # fmt: skip
    assert sorted(set(word.tolist())) == [0, 1, 2] and np.all(np.diff(word) >= 0)


def test_rows_are_of_the_token_before_and_columns_sum_over_a_word(data, translator):
    english, french = "seventy-three thousand, two", "soixante-treize mille deux"
    P, written, read = word_weights(translator, data, english, french)
    assert written == ["soixante", "treize", "mille", "deux"] and read == ["seventy", "three", "thousand", "two"]
    assert P.shape == (2, 3, 4, 4)
    np.testing.assert_allclose(P.sum(-1), 1, rtol=0, atol=1e-6)
    source, _ = data.sources([english])
    tokens = data.tokenizer.encode(french)
    raw = torch.cat(translator.cross_attention_weights(source, torch.tensor([[data.begin, *tokens]])))
    treize = next(i for i, token in enumerate(tokens) if data.tokenizer.decode([token]) == "treize")
    names = [data.tokenizer.decode([int(token)]) for token in source[0]]
    first, last = names.index("thousand"), names.index("two")  # with the comma and the blank in between
    by_hand = raw[:, :, treize, first:last].sum(-1).numpy()
    np.testing.assert_allclose(P[:, :, 1, 2], by_hand, rtol=0, atol=1e-6)


def test_counterparts_occur_once_on_both_sides():
    P = np.zeros((1, 2, 4, 3))
    P[0, 0, 1, 1] = P[0, 1, 1, 2] = 1.0
    found = (P, ["mille", "deux", "cent", "cent"], ["one", "two", "hundred"])
    same = {"deux": "two", "cent": "hundred", "mille": "thousand"}
    assert [heads.tolist() for heads in on_counterparts(found, same)] == [[[True, False]]]


def test_weights_on_a_ten_and_on_its_unit():
    P = np.random.default_rng(0).random((2, 2, 3, 3))
    found = (P, ["mille", "soixante", "treize"], ["thousand", "seventy", "three"])
    ((ten, unit),) = on_ten_and_unit(found, {"seventy"}, {"treize": "three"})
    np.testing.assert_array_equal(ten, P[:, :, 2, 1])
    np.testing.assert_array_equal(unit, P[:, :, 2, 2])
    assert on_ten_and_unit(found, {"ninety"}, {"treize": "three"}) == []
