"""Pairs of number names: what is read and asked, what is counted, how a translation is judged."""

import math

import pytest
import torch

from course_lib.config import GroupedConfig, ModelConfig, Rope
from course_lib.models import TranslationModel
from course_lib.text import numbers
from course_lib.text.numbers import Pair
from course_lib.training import Recipe, TranslationData, exact_matches, number_tokenizer, train
from course_lib.training.data import IGNORED
from course_lib.training.translation import translated

TOKENIZER = number_tokenizer()


def data(batch_size=7, seed=0, largest=999_999, validation_pairs=20) -> TranslationData:
    return TranslationData(TOKENIZER, batch_size, seed, largest, validation_pairs)


def pair(number: int) -> Pair:
    return Pair(number, numbers.name(number, "en"), numbers.name(number, "fr"))


def test_the_tokenizer_has_every_number_word():
    """No name is spelt in letters."""
    for group in range(1_000):
        for language in ("en", "fr"):
            pieces = TOKENIZER.tokens(numbers.name(1_001_001 * group, language))
            assert all(len(piece) > 1 or piece in " -," for piece in pieces)


def test_a_pair_by_hand():
    source, source_lengths, target, target_lengths, following = data().encode([pair(21), pair(1_080)])
    assert [TOKENIZER.show(i) for i in source[1].tolist()] == ["one", " ", "thousand", " ", "and", " ", "eighty"]
    assert TOKENIZER.decode(source[0, :3]) == "twenty-one"
    begin, end = len(TOKENIZER), len(TOKENIZER) + 1
    assert source_lengths.tolist() == [3, 7] and target_lengths.tolist() == [6, 6]
    assert target[:, 0].tolist() == [begin, begin]
    assert (
        TOKENIZER.decode(target[0, 1:6]) == "vingt et un" and TOKENIZER.decode(target[1, 1:]) == "mille quatre-vingts"
    )
    assert torch.equal(following[:, :-1], target[:, 1:]) and following[:, -1].tolist() == [end, end]


def test_padding_is_not_asked_for():
    _, _, targets, lengths, following = data().encode([pair(7), pair(777_777)])
    assert lengths.tolist() == [2, len(TOKENIZER.encode(pair(777_777).french)) + 1]
    assert (following != IGNORED).sum(1).tolist() == lengths.tolist()
    assert following[0, 2:].tolist() == [IGNORED] * (targets.shape[1] - 2)


def test_a_batch_depends_on_seed_and_step_alone():
    source = data()
    there = [source.pairs(step) for step in range(9)]
    assert [source.pairs(step) for step in reversed(range(9))][::-1] == there and data().pairs(4) == there[4]
    assert len({tuple(p.number for p in pairs) for pairs in there}) == 9
    grid = {tuple(p.number for p in data(seed=seed).pairs(step)) for seed in range(4) for step in range(4)}
    assert len(grid) == 16  # two seeds have no step in common, step 0 of one and step 1 of another neither


def test_training_and_validation_have_no_number_in_common():
    source = data(batch_size=500, validation_pairs=1_000)
    held_out = {p.number for p in source.validation_pairs}
    assert len(held_out) == len(source.validation_pairs) == 1_000
    trained = {p.number for step in range(10) for p in source.pairs(step)}
    assert len(trained) > 2_000 and not held_out & trained
    assert {len(str(number)) for number in held_out} == {1, 2, 3, 4, 5, 6}
    assert data(seed=3).validation_pairs == source.validation_pairs[:20]
    few = data(largest=99, validation_pairs=100).validation_pairs  # there are not a thousand
    assert {p.number for p in few} == {n for n in range(100) if numbers.part_of(n) == "validation"}


def model(source: TranslationData, d=24) -> TranslationModel:
    torch.manual_seed(0)
    attention = GroupedConfig(d_model=d, n_heads=3, rope=Rope())
    config = ModelConfig(vocab_size=source.vocab_size, n_layers=1, attention=attention, d_ff=2 * d)
    return TranslationModel(config, config)


def test_the_loss_counts_targets_with_their_ends_and_not_padding():
    source = data()
    batch = source.encode([pair(7), pair(42)])
    network = model(source)
    total = 0.0
    for number in (7, 42):  # each alone, so without padding
        single = source.encode([pair(number)])
        P = network(single[0], single[2])[0].detach().double().softmax(-1)
        total -= sum(float(P[j, i].log()) for j, i in enumerate(single[4][0].tolist()))
    assert source.losses(network, batch).item() == pytest.approx(total, rel=1e-5)  # float32
    assert source.count(batch) == (2 + 4, len("sept") + len("quarante-deux"))


def test_text_of_a_target():
    source = data()
    ids = TOKENIZER.encode("vingt et un")
    assert source.text(ids) == "vingt et un" and source.text([]) == ""
    assert source.text([*ids, source.begin, *ids]) == "vingt et un\ufffdvingt et un"


def test_exact_matches_are_counted_letter_by_letter(monkeypatch):
    source = data()
    asked = [pair(21), pair(80), pair(5)]
    answers = ["vingt et un", "quatre-vingt", "cinq"]  # the second lacks its s
    said = [TOKENIZER.encode(answer) for answer in answers]
    monkeypatch.setattr("course_lib.training.translation.translate", lambda *_: said)
    assert translated(model(source), source, asked) == answers
    assert exact_matches(model(source), source, asked) == pytest.approx(2 / 3, rel=1e-12)


def test_a_small_translator_learns_numbers_below_a_hundred(tmp_path):
    source = data(batch_size=32, largest=99)
    network = model(source)
    recipe = Recipe(steps=100, learning_rate=0.01, warmup=10, evaluate_every=100)
    before = exact_matches(network, source, [pair(n) for n in range(0, 100, 7)])
    result = train(network, source, recipe, tmp_path, "cpu", ())
    assert before == 0
    assert exact_matches(network, source, [pair(n) for n in range(0, 100, 7)]) >= 0.5
    assert result.tokens == sum(source.count(source.batch(step))[0] for step in range(100))
    tokens = result.evaluation.tokens
    size = sum(len(p.french.encode()) for p in source.validation_pairs)
    expected = result.evaluation.nats_per_token * tokens / math.log(2) / size
    assert result.evaluation.bits_per_byte == pytest.approx(expected, rel=1e-12)
