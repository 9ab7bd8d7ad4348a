"""`bench tokenizer`: what it writes, what it checks before it times, and what it refuses."""

import json
import random

import pytest
from typer.testing import CliRunner

from course_lib import cli
from course_lib.bench import text_contenders, tokenizer
from course_lib.bench.text_contenders import PEER, Ours, Theirs, contenders
from course_lib.bench.timing import Timing
from course_lib.packages import install_command
from course_lib.text import corpora
from course_lib.text.tokenizers import BPETokenizer, WordTokenizer

LETTERS = "abcdefgh ëπ\n"


@pytest.fixture
def corpus(tmp_path):
    """Long enough to be timed, and with paragraphs, which are its documents."""
    path = tmp_path / "text.txt"
    rng = random.Random(0)
    paragraphs = ("".join(rng.choices(LETTERS, k=997)) for _ in range(101))
    path.write_text("\n\n".join(paragraphs), encoding="utf-8")
    return path


def bench(*arguments):
    return CliRunner().invoke(cli.app, ["bench", "tokenizer", *map(str, arguments)])


def test_figures_of_all_tokenizers(corpus, tmp_path):
    output = tmp_path / "new" / "figures.json"
    shown = bench("--corpus", corpus, "--json", output, "--repeats", 2)
    assert shown.exit_code == 0, shown.output
    found = json.loads(output.read_text())
    text = corpus.read_text(encoding="utf-8")
    assert found["benchmark"] == "tokenizer" and found["repeats"] == 2
    assert found["text"]["name"] == "text.txt" and found["text"]["characters"] == len(text)
    assert found["machine"]["versions"]["numpy"] and found["machine"][PEER]
    rows = {row["name"]: row for row in found["rows"]}
    assert list(rows) == ["bpe", f"{PEER}, one text", f"{PEER}, documents", "pairs", "words"]
    for row in rows.values():
        assert row["name"].split(",")[0] in shown.output
        assert 256 < row["vocabulary"] <= 2048 and row["training_seconds"] > 0
        for figure in ("training_seconds", "encode_mb_per_second", "decode_mb_per_second"):
            low, high = row[f"{figure}_quartiles"]
            assert 0 < low <= row[figure] <= high
    ours = BPETokenizer.train(text, 2048)
    for name in ("bpe", f"{PEER}, one text"):
        assert rows[name]["agreement"] == "same ids" and rows[name]["vocabulary"] == 2048
        assert rows[name]["tokens_per_character"] == pytest.approx(len(ours.encode(text)) / len(text))
    words = WordTokenizer.train(text, 2048)
    assert rows["words"]["tokens_per_character"] == pytest.approx(len(words.encode(text)) / len(text))
    assert rows["words"]["agreement"] == "other tokens"


def test_rates_are_of_bytes_in_the_median_time():
    contender = Ours(WordTokenizer, "", "ëπ" * 50_000)  # two bytes each
    trial = tokenizer.Trial(contender)
    trial.seconds = [(1.0, 0.4, 0.2), (3.0, 0.8, 0.1), (2.0, 0.5, 0.4)]
    row = trial.row()
    assert row.training_seconds == 2.0 and row.training_seconds_quartiles == (1.5, 2.5)
    assert row.encode_mb_per_second == pytest.approx(0.2 / 0.5)
    assert row.encode_mb_per_second_quartiles == pytest.approx((0.2 / 0.65, 0.2 / 0.45))
    assert row.decode_mb_per_second == pytest.approx(1.0)


def test_all_are_checked_before_any_is_timed_and_then_run_in_turn(monkeypatch):
    done = []
    corpus = corpora.from_text("t", "to be, or not to be.\n\n" * 20)
    monkeypatch.setattr(tokenizer.Trial, "repeat", lambda trial: done.append(trial.contender.name))
    monkeypatch.setattr(tokenizer.Trial, "row", lambda trial: trial.contender.name)
    names = tokenizer.measure(corpus, 3)
    assert done == names * 3 and len(names) == 5


def test_merges_of_the_peer_that_differ_are_told():
    """Without the empty lines between them, documents may teach other merges."""
    corpus = corpora.from_text("t", "ab ab cd\n\n" * 3)
    learnt = BPETokenizer([(0, 1)])
    peer = Theirs("peer", "", [corpus.text], learnt)
    trial = tokenizer.Trial(peer)
    shared = len({*learnt.vocab} & {*BPETokenizer.train(corpus.text, 2048).vocab})
    assert trial.agreement == f"same ids from its own merges; {shared} tokens in common"


def test_without_the_peer_the_course_runs_alone(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(text_contenders, "PEER", "no_such_package")
    output = tmp_path / "figures.json"
    shown = bench("--corpus", corpus, "--json", output, "--repeats", 2)
    assert shown.exit_code == 0 and f"{install_command('test')}` brings the package no_such_package" in shown.output
    found = json.loads(output.read_text())
    assert [row["name"] for row in found["rows"]] == ["bpe", "pairs", "words"]
    assert found["machine"]["no_such_package"] is None


def test_a_tokenizer_that_loses_text_is_not_timed(monkeypatch):
    monkeypatch.setattr(WordTokenizer, "decode", lambda self, ids: "")
    with pytest.raises(ValueError, match="words must give back the text that it encoded"):
        tokenizer.Trial(Ours(WordTokenizer, "", "to be"))


def test_other_ids_from_the_same_merges_stop_the_measurement(monkeypatch):
    peer = next(c for c in contenders(corpora.from_text("t", "aaab aaab")) if isinstance(c, Theirs))
    monkeypatch.setattr(BPETokenizer, "encode", lambda self, text: [0])
    with pytest.raises(ValueError, match="one text must make the same ids from the same merges"):
        tokenizer.Trial(peer)


def refuse(*arguments, monkeypatch):
    monkeypatch.setattr(tokenizer, "measure", lambda *_: pytest.fail("it measured"))
    shown = bench(*arguments)
    assert shown.exit_code == 2
    return " ".join(shown.output.replace("│", " ").split())


def test_a_missing_file(tmp_path, monkeypatch):
    shown = refuse("--corpus", "none.txt", "--json", tmp_path / "o.json", monkeypatch=monkeypatch)
    assert "--corpus" in shown and "or a file, got 'none.txt'" in shown


def test_a_file_that_is_no_text(tmp_path, monkeypatch):
    (tmp_path / "b.bin").write_bytes(b"\xff\xfe" * 10_000)
    shown = refuse("--corpus", tmp_path / "b.bin", "--json", tmp_path / "o.json", monkeypatch=monkeypatch)
    assert "--corpus" in shown and "UTF-8" in shown


def test_a_short_text(tmp_path, monkeypatch):
    (tmp_path / "t.txt").write_text("To be, or not to be. " * 20)
    shown = refuse("--corpus", tmp_path / "t.txt", "--json", tmp_path / "o.json", monkeypatch=monkeypatch)
    assert "must have 100,000 characters at least, got 420" in shown


def test_too_few_repeats(corpus, tmp_path, monkeypatch):
    shown = refuse("--corpus", corpus, "--json", tmp_path / "o.json", "--repeats", 1, monkeypatch=monkeypatch)
    assert "--repeats" in shown


def test_a_place_that_cannot_be_written(corpus, tmp_path, monkeypatch):
    for output, reason in ((tmp_path, "is a folder"), (corpus / "o.json", "exists")):
        shown = refuse("--corpus", corpus, "--json", output, monkeypatch=monkeypatch)
        assert "--json" in shown and reason in shown.lower()


def test_a_tokenizer_that_is_wrong_is_told_and_nothing_is_written(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(WordTokenizer, "decode", lambda self, ids: "")
    shown = bench("--corpus", corpus, "--json", tmp_path / "o.json", "--repeats", 2)
    assert shown.exit_code == 1 and "The measurement stopped: words must give back" in shown.output
    assert not (tmp_path / "o.json").exists()


def test_quartiles_become_rates_in_order():
    assert tokenizer.rates(6.0, Timing((1.0, 2.0, 3.0))) == (6 / 2.5, 6 / 1.5)
