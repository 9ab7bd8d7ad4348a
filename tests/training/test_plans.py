"""The models that can be trained by name, and the command that trains them."""

import json
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from course_lib import cli
from course_lib.models import shipped
from course_lib.text import corpora
from course_lib.training import evaluate, named, plans
from course_lib.training.plans import PLANS

runner = CliRunner()
TEXT = "\n\n".join(f"Example {i}: the transpose of matrix {i} has {i + 1} rows." for i in range(400))


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def short(monkeypatch):
    """The plan docs-mla, two steps long, of two short sequences each."""
    monkeypatch.setattr(plans, "CONTEXT", 32)
    monkeypatch.setattr(plans, "SEQUENCES", 2)
    shortened(monkeypatch, "docs-mla")


def sizes(names):
    models = [PLANS[name].prepare(corpora.from_text("text", TEXT)).model for name in names]
    return [sum(p.numel() for p in model.parameters()) for model in models]


@pytest.mark.parametrize("corpus", ["docs", "code"])
def test_decoders_of_a_corpus_have_equal_sizes(corpus):
    assert len(set(sizes([f"{corpus}-{name}" for name in ("mha", "gqa", "mla")]))) == 1


def test_grouped_and_latent_leave_as_much_in_the_cache():
    mha, gqa, mla = (PLANS[f"docs-{name}"].attention.floats_per_token for name in ("mha", "gqa", "mla"))
    assert gqa == mla == mha / 4


def test_plans_take_less_time_than_promised():
    """Half an hour is 10 million tokens at 5,700 a second; the slowest plan, docs-mla, made 5,740 on one thread."""
    for plan in PLANS.values():
        assert plan.recipe.steps * plans.SEQUENCES * plans.CONTEXT < 10e6


def test_train_from_the_command_line(short, text, tmp_path):
    folder = tmp_path / "run"
    arguments = ["train", "docs-mla", "--corpus", str(text), "--folder", str(folder), "--device", "cpu"]
    answer = runner.invoke(cli.app, arguments)
    assert answer.exit_code == 0, answer.output
    assert "nats per token" in answer.stdout and "bits per byte" in answer.stdout
    trained = shipped.load(folder / "model")
    card = trained.card
    assert card["name"] == "docs-mla" and card["recipe"]["steps"] == 2 and card["training"]["tokens"] == 2 * 2 * 32
    assert card["text"]["fingerprint"]["characters"] == len(TEXT)
    assert trained.tokenizer.decode(trained.tokenizer.encode(TEXT)) == TEXT
    sample = PLANS["docs-mla"].sample(trained.tokenizer, corpora.from_file(text))
    # Both add the same float32 losses; batches may be cut differently by the number of threads.
    loss = evaluate(trained.model, sample).nats_per_token
    assert loss == pytest.approx(card["sample"]["nats_per_token"], abs=1e-5)
    words = (folder / "model" / "README.md").read_text()
    assert "python -m course_lib train docs-mla" in words and f"{card['validation']['nats_per_token']:.3f}" in words
    assert [json.loads(line)["step"] for line in (folder / "model" / "log.jsonl").read_text().splitlines()]
    assert card["training"]["resumed"] == [] and "without interruption" in words


def test_a_card_says_where_its_run_was_resumed(short, text, tmp_path):
    """Stopped twice in step 0, behind its checkpoint. A run that has ended is not resumed."""

    def stop(row):
        if "loss" in row:
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            named.train_named("docs-mla", tmp_path, corpora.from_file(text), "cpu", (stop,))
    for _ in range(2):
        card = named.train_named("docs-mla", tmp_path, corpora.from_file(text), "cpu", ())
        assert card["training"]["resumed"] == [0, 0]
        assert "resumed at step 0, 0 |" in (tmp_path / "model" / "README.md").read_text()


def test_first_weights_depend_on_the_plan_alone(short, text, tmp_path):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    one = named.train_named("docs-mla", tmp_path / "one", corpora.from_file(text), "cpu", ())
    assert torch.equal(torch.rand(3), expected)
    two = named.train_named("docs-mla", tmp_path / "two", corpora.from_file(text), "cpu", ())
    assert one["weights_sha256"] == two["weights_sha256"]


def test_losses_of_a_card_are_those_of_the_stored_weights(short, text, tmp_path, monkeypatch):
    rounded = []

    def noted(model, data):
        rounded.append(all(torch.equal(p, p.half().float()) for p in model.parameters()))
        return evaluate(model, data)

    monkeypatch.setattr(named, "evaluate", noted)
    named.train_named("docs-mla", tmp_path, corpora.from_file(text), "cpu", ())
    assert rounded == [True, True]


def shortened(monkeypatch, name):
    recipe = replace(PLANS[name].recipe, steps=2, warmup=1)
    monkeypatch.setitem(PLANS, name, replace(PLANS[name], recipe=recipe))


def test_the_masked_token_model(monkeypatch, short, text, tmp_path):
    shortened(monkeypatch, "masked-docs")
    answer = runner.invoke(cli.app, ["train", "masked-docs", "--corpus", str(text), "--folder", str(tmp_path / "run")])
    assert answer.exit_code == 0 and answer.stdout.endswith(" nats per token\n"), answer.output
    found = shipped.load(tmp_path / "run" / "model")
    assert found.card["validation"]["bits_per_byte"] is None
    mask = len(found.tokenizer)  # one more token
    tokens = torch.tensor([[mask, *found.tokenizer.encode("the transpose")]])
    assert found.model(tokens).shape == (1, tokens.shape[1], mask + 1)


def test_the_translator_of_numbers(monkeypatch, tmp_path):
    shortened(monkeypatch, "numbers")
    card = named.train_named("numbers", tmp_path, None, "cpu", ())
    assert card["exact_matches"] == 0 and "0.0% of held-out numbers" in (tmp_path / "model" / "README.md").read_text()
    found = shipped.load(tmp_path / "model")
    tokens = torch.tensor([found.tokenizer.encode("forty-two")])
    assert found.model(tokens, tokens).shape == (1, tokens.shape[1], len(found.tokenizer) + 2)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["docs-mhl"], "name must be one of docs-mha"),
        (["docs-mha", "--corpus", "nowhere.txt"], "corpus must be one of docs"),
        (["docs-mha", "--device", "abacus"], "device must be auto"),
        (["numbers", "--corpus", "docs"], "corpus must be left out"),
    ],
)
def test_bad_arguments_are_named(arguments, message, tmp_path):
    answer = runner.invoke(cli.app, ["train", *arguments, "--folder", str(tmp_path / "run")])
    assert answer.exit_code == 1 and message in answer.stderr
    assert not (tmp_path / "run").exists()


def test_without_a_name_all_are_listed():
    answer = runner.invoke(cli.app, ["train"])
    assert answer.exit_code == 0 and [line.split()[0] for line in answer.stdout.splitlines()] == list(PLANS)
