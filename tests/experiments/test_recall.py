"""Recall: the texts, the gate, and the cached numbers that it takes."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from course_lib.experiments import recall, recall_tables, report, run, tuning
from course_lib.experiments.catalogue import EXPERIMENTS
from course_lib.experiments.display import Display
from course_lib.experiments.recall import GATE, KEYS, RECALL_ARMS, RecallData, asked, control, held_out, texts
from course_lib.experiments.recall_tables import crossing, geometric, h6_row
from course_lib.experiments.results import View
from course_lib.experiments.scheduler import Sequential, settle
from course_lib.training.data import IGNORED


class Reader(torch.nn.Module):
    """Answers a key with the value that stood behind it before."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, inputs):
        logits = torch.zeros(*inputs.shape, RecallData.vocab_size)
        for row, text in enumerate(inputs.tolist()):
            known = {}
            for i, token in enumerate(text):
                logits[row, i, known.get(token, 0)] = 30.0
                if i and text[i - 1] in KEYS:
                    known.setdefault(text[i - 1], token)
        return logits


@pytest.mark.parametrize("pairs, blanks", [(2, 0), (8, 5), (32, 4)])
def test_texts_ask_for_each_value_once(pairs, blanks):
    inputs, targets = texts(np.random.default_rng(0), 50, pairs, blanks)
    assert inputs.shape == targets.shape == (50, 3 * pairs + blanks)
    for text, wanted in zip(inputs.tolist(), targets.tolist(), strict=True):
        listed = dict(zip(text[0 : 2 * pairs : 2], text[1 : 2 * pairs : 2], strict=True))
        assert len(listed) == pairs and set(listed) <= set(KEYS) and set(listed.values()) <= set(recall.VALUES)
        assert text[2 * pairs : 2 * pairs + blanks] == [recall.BLANK] * blanks
        questions = {i: target for i, target in enumerate(wanted) if target != IGNORED}
        assert {text[i]: target for i, target in questions.items()} == listed
        assert list(questions) == list(range(2 * pairs + blanks, len(text)))


def test_the_curriculum_rises_to_the_most_pairs_within_a_fifth_of_the_steps():
    data = RecallData(steps=100, batch_size=4, seed=0)
    pairs = [data.pairs(step) for step in range(100)]
    assert pairs[0] == 2 and pairs == sorted(pairs) and set(pairs) == set(range(2, 9))
    assert pairs[17] < 8 == pairs[18] == pairs[-1]
    few = RecallData(steps=1, batch_size=4, seed=0)
    assert few.pairs(0) == 2


def test_batches_depend_on_seed_and_step_alone():
    first, again, other = (RecallData(100, 4, seed) for seed in (0, 0, 1))
    assert torch.equal(first.batch(7)[0], again.batch(7)[0])
    assert not torch.equal(first.batch(90)[0][:, :16], other.batch(90)[0][:, :16])
    assert first.count(first.batch(99)) == (4 * 8, 0)


def test_a_reader_recalls_everything_and_the_control_nothing():
    for pairs in recall.TESTS:
        rows = asked(Reader(), f"{pairs} pairs", *held_out(recall.TEST, pairs))
        assert all(row["right"] == row["tokens"] == pairs and row["nats"] < 1e-3 for row in rows)
        assert len(rows) == recall.SEQUENCES
    rows = asked(Reader(), "control", *control())
    questions = recall.SEQUENCES * recall.MOST
    chance = 1 / len(recall.VALUES)
    right = sum(row["right"] for row in rows) / questions
    assert abs(right - chance) < 4 * math.sqrt(chance / questions)


def test_tune_and_test_texts_differ():
    assert not torch.equal(held_out(recall.TUNE, 8)[0], held_out(recall.TEST, 8)[0])


def test_arms_cache_what_their_names_say():
    for name, config in RECALL_ARMS.items():
        assert config.floats_per_token == (128 if name == GATE else int(name.split()[1]))


def carried_out(sweep):
    with Sequential() as executor, Display(sweep.folder) as display:
        settle(EXPERIMENTS["recall"], sweep, executor, display)
    return json.loads((report.build(sweep.folder) / "report.json").read_text())["recall"]


@pytest.fixture
def every_arm(tiny, monkeypatch):
    """The tiny preset without a choice of arms; few texts and one learning rate."""
    monkeypatch.setattr(recall, "SEQUENCES", 10)
    monkeypatch.setattr(tuning, "RECALL_RATES", (3e-3,))
    monkeypatch.setattr(tuning, "EXTENSIONS", 0)
    return replace(tiny.PRESET, arms=None, recall_steps=2)


def test_the_gate_stays_closed_when_mha_does_not_learn(tiny, every_arm, tmp_path):
    sweep = tiny.new_sweep(tmp_path, every_arm)
    found = carried_out(sweep)
    assert [row["arm"] for row in found["arms"]] == [GATE] and found["H6"] == []
    assert EXPERIMENTS["recall"].untuned(sweep) == [arm for arm in RECALL_ARMS if arm != GATE]
    assert found["arms"][0]["right"]["8 pairs"] < tuning.OPEN


def test_the_other_arms_follow_when_it_opens(tiny, every_arm, tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "OPEN", 0.0)
    found = carried_out(tiny.new_sweep(tmp_path, every_arm))
    assert [row["arm"] for row in found["arms"]] == list(RECALL_ARMS)
    assert [row["seeds"] for row in found["arms"]] == [2] * len(RECALL_ARMS)
    assert [row["outcome"] for row in found["H6"]] == ["undecided"] * 3
    assert found["H6"][0]["MLA"] == ["over 128"] * 2
    for row in found["arms"]:
        for split, shares in row["by seed"].items():
            assert len(shares) == 2 and row["right"][split] == pytest.approx(sum(shares) / 2, abs=2e-6)  # six digits


def test_steps_to_come_are_counted_while_the_gate_is_closed(tiny, every_arm, tmp_path):
    jobs, later = EXPERIMENTS["recall"].jobs(tiny.new_sweep(tmp_path, every_arm))
    assert {job.labels.arm for job in jobs} == {GATE}
    assert later == 2 * 2 * len(RECALL_ARMS)  # two steps for each of two seeds


def test_the_crossing_is_found_between_two_sizes_on_a_log_scale():
    assert crossing({8: 0.1, 16: 0.8, 32: 1.0, 64: 1.0}) == pytest.approx(16 * 2**0.5)
    assert crossing({8: 0.1, 16: 0.9, 32: 0.8, 64: 1.0}) == 16
    assert crossing({8: 0.1, 16: 0.2}) == math.inf and crossing({8: 0.95, 16: 1.0}) == -math.inf


def test_the_interval_of_a_ratio_is_scipys_of_its_logarithm():
    ratios = [1.3, 0.9, 1.1, 1.6]
    centre, interval = geometric(ratios)
    assert centre == pytest.approx(stats.gmean(ratios))
    wanted = stats.ttest_1samp(np.log(ratios), 0).confidence_interval(0.95)
    assert interval == pytest.approx(tuple(np.exp(wanted)))


@pytest.mark.parametrize("factor, outcome", [(1.0, "undecided"), (1.9, "fails")])
def test_h6_fails_where_one_side_needs_more(monkeypatch, factor, outcome):
    """Three seeds: MQA needs about 20 numbers, MLA `factor` times as many."""
    needed = {"MQA": (19.0, 20.0, 21.0), "MLA": (20.0 * factor, 20.5 * factor, 19.5 * factor)}
    monkeypatch.setattr(recall_tables, "by_seed", lambda view, side, split: dict(enumerate(needed[side])))
    monkeypatch.setattr(recall_tables, "crossing", lambda shares: shares)
    row = h6_row(View({}), "8 pairs")
    assert row["outcome"] == outcome and row["ratio"] == pytest.approx(factor, rel=0.03)


def test_h6_is_undecided_where_both_sides_cross_between_the_same_sizes(monkeypatch):
    """The shares of guessing with 8 numbers differ a little, and by the interpolation so does every ratio."""
    needed = {"MQA": (14.71, 14.70, 14.69), "MLA": (14.73, 14.72, 14.71)}
    monkeypatch.setattr(recall_tables, "by_seed", lambda view, side, split: dict(enumerate(needed[side])))
    monkeypatch.setattr(recall_tables, "crossing", lambda shares: shares)
    row = h6_row(View({}), "8 pairs")
    assert row["interval"][0] > 1 and row["outcome"] == "undecided"


def test_seeds_that_one_side_lacks_are_left_out(monkeypatch):
    needed = {"MQA": {0: 10.0, 1: 20.0, 2: 30.0}, "MLA": {0: 20.0, 2: 60.0}}
    monkeypatch.setattr(recall_tables, "by_seed", lambda view, side, split: needed[side])
    monkeypatch.setattr(recall_tables, "crossing", lambda shares: shares)
    assert h6_row(View({}), "8 pairs")["ratio"] == 2.0


def test_rows_of_recall_are_told_from_those_of_text(finished, tmp_path):
    assert {job.labels.task for job in EXPERIMENTS["equal-cache"].jobs(finished)[0]} == {"text"}
    job = recall.recall_job(finished.preset, "MQA 8", 0, 3e-3)
    assert job.labels.task == "recall" and "tokens" not in job.identity()
    run.carry_out(job, tmp_path)
    assert {row["split"] for row in run.read_documents(job.folder(tmp_path))} == {
        *("tune", "control"),
        *(f"{pairs} pairs" for pairs in recall.TESTS),
    }
