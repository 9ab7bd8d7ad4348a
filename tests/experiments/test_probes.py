"""What trained models are probed for: text in the context, and windows longer than those of training."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from course_lib.experiments import probe_tables, probes, report, run
from course_lib.experiments.catalogue import EXPERIMENTS
from course_lib.experiments.evaluation import token_losses
from course_lib.experiments.probes import Copying, Extrapolation, repeated
from course_lib.experiments.results import View
from course_lib.training import checkpoint


def job_of(arm, finished):
    """The training of an arm with seed 1."""
    return next(job for job in EXPERIMENTS["copying"].jobs(finished)[0] if str(job).startswith(f"{arm}, seed 1,"))


@pytest.fixture(scope="module")
def trained(finished):
    return job_of("GQA2", finished)


def losses_of(probe, finished):
    """(document, split) -> (tokens, nats) of a finished probe."""
    rows = run.read_documents(probe.folder(finished.folder))
    return {(row["document"], row["split"]): (row["tokens"], row["nats"]) for row in rows}


def by_search(tokens, span, context, before):
    """The definition, by comparing each span with all those before it in what the model sees."""
    found = []
    for end in range(len(tokens)):
        seen = max(0, (end + before) // context * context - before - 1)
        begin = end - span + 1
        earlier = range(seen, begin)
        found.append(begin >= seen and any(tokens[i : i + span] == tokens[begin : end + 1] for i in earlier))
    return found


@pytest.mark.parametrize("span, context, before", [(1, 4, 0), (2, 7, 1), (3, 16, 1), (3, 1_000, 0)])
def test_repeated_tokens_are_those_that_a_search_finds(span, context, before):
    random = torch.Generator().manual_seed(span)
    tokens = torch.randint(3, (60,), generator=random)
    found = repeated(tokens, span, context, before).tolist()
    assert found == by_search(tokens.tolist(), span, context, before)
    assert any(found) and not all(found)


def test_short_texts_repeat_nothing():
    assert repeated(torch.tensor([1, 1]), 8, 16, 1).tolist() == [False, False]


def test_tokens_that_stand_in_the_window_and_others_add_up_to_the_documents(finished, trained):
    found = losses_of(probes.copying(trained), finished)
    whole = {
        row["document"]: row for row in run.read_documents(trained.folder(finished.folder)) if row["split"] == "test"
    }
    for name, row in whole.items():
        tokens, nats = zip(*(found.get((name, split), (0, 0.0)) for split in ("repeated", "new")), strict=True)
        assert sum(tokens) == row["tokens"] and sum(nats) == pytest.approx(row["nats"])


def test_a_string_and_its_copy(finished, trained):
    found = losses_of(probes.copying(trained), finished)
    strings = {name for name, split in found if split == "second"}
    assert len(strings) == probes.STRINGS and all(found[name, "first"][0] == probes.LENGTH for name in strings)
    again = losses_of(probes.copying(job_of("MQA-64", finished)), finished)
    assert {key for key in again if key[1] in ("first", "second")} == {
        key for key in found if key[1] in ("first", "second")
    }


def test_a_model_that_copies_has_a_small_loss_on_the_second_string_alone(tiny):
    """It predicts the token that followed the last occurrence of the present one; random strings hardly repeat any."""

    class Copier(torch.nn.Module):
        def __init__(self, size):
            super().__init__()
            self.size = torch.nn.Parameter(torch.tensor(float(size)))

        def forward(self, inputs):
            logits = torch.zeros(*inputs.shape, int(self.size))
            for row, text in enumerate(inputs.tolist()):
                last = {}
                for i, token in enumerate(text):
                    if token in last:
                        logits[row, i, text[last[token] + 1]] = 20.0
                    last[token] = i
            return logits

    tokens = tiny.tokens()
    rows = Copying(labels=None, of=None, strings=20, length=12).strings_twice(Copier(len(tokens.vocab)), tokens)
    means = {
        split: torch.cat([loss for _, name, loss in rows if name == split]).mean() for split in ("first", "second")
    }
    assert means["first"] > 5 > 1 > means["second"]


def test_extrapolation_compares_the_same_tokens(finished, trained):
    context = trained.context
    found = losses_of(probes.extrapolation(trained), finished)
    tokens = trained.read_tokens(finished.folder)
    model, before = trained.trained_model(finished.folder), len(tokens.separator) - 1
    for width in (2 * context, 4 * context):
        long = token_losses(model, tokens.test, tokens.separator, width)
        short = token_losses(model, tokens.test, tokens.separator, context)
        for document, far, near in zip(tokens.test, long, short, strict=True):
            places = [i for i in range(len(far)) if (i + before) % width >= context]
            for split, losses in ((f"{width}", far), (f"{width}, read at {context}", near)):
                count, nats = found[document.name, split]
                assert count == len(places) and nats == pytest.approx(float(losses[places].sum()))


def test_within_the_window_of_training_both_readings_are_the_same(finished, trained):
    """Before position `context` of a window nothing is longer than in training."""
    tokens = trained.read_tokens(finished.folder)
    model, context = trained.trained_model(finished.folder), trained.context
    short, long = (token_losses(model, tokens.test, tokens.separator, width) for width in (context, 2 * context))
    first = context - len(tokens.separator) + 1
    for near, far in zip(short, long, strict=True):
        assert torch.allclose(near[:first], far[:first], atol=1e-5)
        assert not torch.allclose(near, far, atol=1e-3)


def test_probes_are_other_jobs_and_take_no_training(trained):
    jobs = [trained, probes.copying(trained), probes.extrapolation(trained)]
    assert len({job.key for job in jobs}) == 3 and [job.steps for job in jobs] == [14, 0, 0]
    assert Extrapolation(labels=jobs[2].labels, of=trained, longer=(2,)).key != jobs[2].key


def test_a_probe_needs_the_trained_model(finished, trained, tmp_path):
    with pytest.raises(ValueError, match="folder must hold the checkpoint of a trained model"):
        trained.trained_model(tmp_path)
    folder = trained.folder(tmp_path)
    folder.mkdir(parents=True)
    (folder / checkpoint.NAME).write_bytes((trained.folder(finished.folder) / checkpoint.NAME).read_bytes())
    trained.trained_model(tmp_path)


def test_splits_are_sorted_by_the_numbers_in_their_names():
    wanted = ["512", "512, read at 256", "1024", "1024, read at 256", "first", "new"]
    assert sorted(reversed(wanted), key=probe_tables.by_number) == wanted


def test_the_report_has_the_probes(finished, tmp_path):
    folder = report.build(finished.folder, tmp_path)
    found, text = json.loads((folder / "report.json").read_text()), (folder / "report.md").read_text()
    assert [row["arm"] for row in found["copying"]["arms"]] == ["MHA", "GQA2", "MQA-64"]
    assert list(found["copying"]["arms"][0]["losses"]) == ["first", "new", "repeated", "second"]
    rows = {(row["first"], row["second"]): row["mean"] for row in found["extrapolation"]["gains"]}
    losses = {row["arm"]: row["losses"] for row in found["extrapolation"]["arms"]}
    for arm in losses:
        gain = losses[arm]["32"] - losses[arm]["32, read at 16"]
        assert rows[f"{arm}, 32", "32, read at 16"] == pytest.approx(gain, abs=2e-6)
    assert "## Copying" in text and "## Extrapolation" in text
    assert {row["outcome"] for row in found["extrapolation"]["stated"]} == {"not run"}  # of arms that are not tiny's


def test_what_was_stated_of_lengths_is_about_the_same_tokens_in_long_and_short_windows():
    """Two seeds and two documents of one arm, by hand: 0.3 nats worse in windows of 32, 0.1 better in those of 64."""

    class Losses(View):
        def losses(self, arm, split="test", everything=False):
            return np.array([[1.0, 2.0], [3.0, 4.0]]) + {"32": 0.3, "64": -0.1}.get(split, 0.0)

    run = SimpleNamespace(documents=[{"split": "32"}])
    for arm, outcomes in (("ALiBi on latents", {"L1": "fails", "L2": "holds"}), ("MLA-16", {"L5": "holds"})):
        stated = probe_tables.extrapolation(Losses({arm: [run]}), context=16)["stated"]
        assert {row["name"]: row["outcome"] for row in stated if row["outcome"] != "not run"} == outcomes
    assert [(row["first"], row["second"]) for row in stated if "first" in row] == [("MLA-16, 32", "32, read at 16")]
    assert stated[4]["mean"] == pytest.approx(0.3)
