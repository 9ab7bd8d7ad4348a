"""`bench train`: what it writes, and what it refuses before it trains."""

import json
import math
import random

import pytest
from typer.testing import CliRunner

from course_lib import cli
from course_lib.bench import report, train
from course_lib.bench.characters import CharacterText
from course_lib.bench.contenders import BASELINE, BEST, CONTEXT
from course_lib.models import DecoderModel

WORDS = ("rows", "of", "weights", "sum", "to", "one\n", "naïve", "π")


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "text.txt"
    rng = random.Random(0)
    path.write_text(" ".join(rng.choice(WORDS) for _ in range(1_200)), encoding="utf-8")
    return path


def bench(*arguments):
    return CliRunner().invoke(cli.app, ["bench", "train", *map(str, arguments)])


@pytest.mark.parametrize("has, fastest", [(True, "bfloat16"), (False, "float32")])
def test_figures_of_both_runs(corpus, tmp_path, monkeypatch, has, fastest):
    """`has`: whether the machine has instructions for bfloat16."""
    monkeypatch.setattr(train, "TRIAL", 2)
    monkeypatch.setattr("course_lib.training.distributed.multiplies_faster_in_bfloat16", lambda device: has)
    output = tmp_path / "new" / "figures.json"
    shown = bench("--corpus", corpus, "--json", output, "--steps", 3)
    assert shown.exit_code == 0, shown.output
    found = json.loads(output.read_text())
    assert found["benchmark"] == "train" and found["machine"]["threads"] >= 1 and found["machine"]["versions"]["torch"]
    text = corpus.read_text(encoding="utf-8")
    assert found["text"]["name"] == "text.txt" and found["text"]["characters"] == len(text)
    assert [row["name"] for row in found["rows"]] == ["baseline", "best"]
    tenth = text[int(0.9 * len(text)) :]
    for row, contender in zip(found["rows"], (BASELINE, BEST), strict=True):
        assert row["name"] in shown.output
        tokens = row["steps"] * contender.batch_size * CONTEXT
        assert row["tokens_per_second"] == pytest.approx(tokens / row["seconds"])
        assert 0 < row["seconds"] <= row["seconds_in_all"]
        assert 0 < row["nats_per_token"] < 2 * math.log(len(set(text)))
        # Every character but the first is predicted once; ï and π have two bytes each.
        bits = row["nats_per_token"] / math.log(2) * (len(tenth) - 1) / len(tenth[1:].encode())
        assert row["bits_per_byte"] == pytest.approx(bits)
        assert row["recipe"]["steps"] == row["steps"] and row["model"]["n_layers"] == 4
        assert row["precision"] == (fastest if row["name"] == "best" else "float32")
    assert found["rows"][0]["steps"] == 3


def test_both_models_have_as_many_parameters():
    counts = [sum(p.numel() for p in DecoderModel(c.model(65)).parameters()) for c in (BASELINE, BEST)]
    assert counts[1] == pytest.approx(counts[0], rel=0.01)


def test_the_text_is_cut_at_nine_tenths_by_position(corpus):
    text = CharacterText.read(corpus, CONTEXT)
    characters = b"".join(text.vocab[i] for i in text.training + text.validation)
    assert characters == corpus.read_bytes()
    assert len(text.validation) == math.ceil(len(corpus.read_text(encoding="utf-8")) / 10)


def test_the_best_run_gets_the_time_of_the_baseline(monkeypatch):
    def run(contender, text, steps, seed):
        return train.Row(contender.name, "", steps, 10.0, *[0] * 9)

    monkeypatch.setattr(train, "run", run)
    monkeypatch.setattr(train, "trial", lambda contender, text, seed: 0.3)
    rows = train.measure(None, 7)
    assert [(row.name, row.steps) for row in rows] == [(BASELINE.name, 7), (BEST.name, 33)]


def refuse(*arguments, monkeypatch):
    monkeypatch.setattr(train, "measure", lambda *_: pytest.fail("it trained"))
    shown = bench(*arguments)
    assert shown.exit_code == 2
    return " ".join(shown.output.replace("│", " ").split())


def test_a_missing_file(tmp_path, monkeypatch):
    shown = refuse("--corpus", tmp_path / "none.txt", "--json", tmp_path / "o.json", monkeypatch=monkeypatch)
    assert "--corpus" in shown and "No such file" in shown


def test_a_file_that_is_no_text(tmp_path, monkeypatch):
    (tmp_path / "b.bin").write_bytes(b"\xff\xfe" * 10_000)
    shown = refuse("--corpus", tmp_path / "b.bin", "--json", tmp_path / "o.json", monkeypatch=monkeypatch)
    assert "UTF-8" in shown


def test_a_short_text(tmp_path, monkeypatch):
    (tmp_path / "t.txt").write_text("To be, or not to be. " * 20)
    shown = refuse("--corpus", tmp_path / "t.txt", "--json", tmp_path / "o.json", monkeypatch=monkeypatch)
    assert f"must have {2 * CONTEXT + 1} characters" in shown and "got 42 of 420" in shown


def test_a_place_that_cannot_be_written(corpus, tmp_path, monkeypatch):
    for output, reason in ((tmp_path, "is a folder"), (corpus / "o.json", "exists")):
        shown = refuse("--corpus", corpus, "--json", output, monkeypatch=monkeypatch)
        assert "--json" in shown and reason in shown.lower()


def test_a_run_that_diverges_says_so_and_writes_nothing(corpus, tmp_path, monkeypatch):
    def measure(text, steps):
        raise ArithmeticError("training diverged: at step 3 the loss is nan")

    monkeypatch.setattr(train, "measure", measure)
    shown = bench("--corpus", corpus, "--json", tmp_path / "o.json")
    assert shown.exit_code == 1 and "at step 3" in shown.output
    assert not (tmp_path / "o.json").exists()


def test_an_interrupted_write_leaves_the_figures_of_before(tmp_path, monkeypatch):
    path = tmp_path / "figures.json"
    report.write(path, "train", [{"name": "first"}])
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        report.write(path, "train", [{"name": "second"}])
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["figures.json"]
