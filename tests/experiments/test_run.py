"""One run: its hash, its loss, and what happens when it fails."""

import errno
import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pyarrow.parquet
import pytest
from rich.console import Console

from course_lib.experiments import job as jobs
from course_lib.experiments import run, scheduler, training
from course_lib.experiments.catalogue import EXPERIMENTS
from course_lib.experiments.display import Display, state_of
from course_lib.experiments.job import VERSION
from course_lib.experiments.presets import PRESETS
from course_lib.experiments.probes import copying, extrapolation
from course_lib.experiments.recall import recall_job
from course_lib.experiments.results import read
from course_lib.experiments.scheduler import Sequential, settle
from course_lib.files import read_json, write_json
from course_lib.training import DivergedError, checkpoint

# VERSION -> mean loss on the test of short runs. If one changes, raise VERSION and add a line: finished runs of the
# earlier version are then not mixed with new ones.
LOSSES = {
    1: {
        "GQA2": 5.124432,
        "MLA-16": 5.141487,
        "NoPE latent, sinusoids": 5.068232,
        "ALiBi on latents": 5.431090,
        "partly rotary 16": 5.448302,
        "RoPE on up-projected keys": 5.454811,
        "QK-normed latent": 5.102477,
    }
}
PROBED = {1: {"second": 5.808571, "repeated": 5.613267, "32": 5.413890, "64": 5.421631}}  # with ALiBi
RECALL_LOSSES = {1: 3.874461}


@pytest.fixture
def sweep(tiny, tmp_path):
    return tiny.new_sweep(tmp_path)


@pytest.fixture
def job(sweep):
    return sweep.compared("GQA2", 0, 1e-2, 14)


def settled_by(sweep, name="learning-rates"):
    """Carry out an experiment in this process; what was printed."""
    with Sequential() as executor, Display(sweep.folder) as display:
        with display.console.capture() as printed:
            settle(EXPERIMENTS[name], sweep, executor, display)
    return printed.get()


def mean_loss(folder, split="test"):
    rows = pyarrow.parquet.read_table(folder / run.DOCUMENTS).to_pylist()
    return np.mean([row["nats"] / row["tokens"] for row in rows if row["split"] == split])


def test_bfloat16_on_the_device_at_hand_is_near_float32(tiny, tmp_path):
    """The settings of the gpu preset, in three steps. bfloat16 has 8 bits, so 0.4 % of each number."""
    found = []
    for name, settings in (("here", {}), ("gpu", {"precision": PRESETS["gpu"].precision, "device": "auto"})):
        sweep = tiny.new_sweep(tmp_path / name, replace(tiny.PRESET, steps=3, **settings))
        job = sweep.compared("MLA-16", 0, 1e-2, 3, "equal")
        run.carry_out(job, sweep.folder)
        assert job.recipe.precision == settings.get("precision", "float32")
        found.append(mean_loss(job.folder(sweep.folder)))
    assert found[0] != found[1] == pytest.approx(found[0], abs=0.02)


@pytest.mark.parametrize("arm", LOSSES[VERSION])
def test_the_version_stands_for_these_losses(sweep, arm):
    job = sweep.compared(arm, 0, 1e-2, 14, "equal")
    run.carry_out(job, sweep.folder)
    assert mean_loss(job.folder(sweep.folder)) == pytest.approx(LOSSES[VERSION][arm], abs=2e-4)


def test_the_version_stands_for_these_losses_of_a_trained_model(sweep):
    job = sweep.compared("ALiBi on latents", 0, 1e-2, 14, "equal")
    run.carry_out(job, sweep.folder)
    for probe, splits in ((copying(job), ("second", "repeated")), (extrapolation(job), ("32", "64"))):
        run.carry_out(probe, sweep.folder)
        for split in splits:
            found = mean_loss(probe.folder(sweep.folder), split)
            assert found == pytest.approx(PROBED[VERSION][split], abs=2e-4)


def test_the_version_stands_for_the_loss_in_recall(sweep):
    job = recall_job(sweep.preset, "MLA 16", 0, 3e-3)
    run.carry_out(job, sweep.folder)
    assert mean_loss(job.folder(sweep.folder), "8 pairs") == pytest.approx(RECALL_LOSSES[VERSION], abs=2e-4)


def test_a_finished_run_is_left_alone(sweep, job, monkeypatch):
    run.carry_out(job, sweep.folder)
    monkeypatch.setattr(run, "finish", lambda *arguments: pytest.fail("it was begun again"))
    run.carry_out(job, sweep.folder)
    assert run.settled(job, sweep.folder) and state_of(job, sweep.folder) == ("done", 14)


def test_the_result_says_what_it_depends_on(sweep, job):
    run.carry_out(job, sweep.folder)
    folder = job.folder(sweep.folder)
    found = json.loads((folder / run.RESULT).read_text())
    assert found["key"] == folder.name == job.key
    assert found["identity"]["version"] == VERSION and found["identity"]["threads"] == 1
    assert found["labels"] == {"arm": "GQA2", "seed": 0, "rate": 1e-2, "steps": 14, "widths": "matched", "task": "text"}
    assert found["machine"]["threads"] == 1
    assert found["training"]["tokens"] == 14 * 3 * 16


def test_whatever_changes_the_result_changes_the_hash(job):
    others = [
        replace(job, model=replace(job.model, d_ff=job.model.d_ff + 1)),
        replace(job, recipe=replace(job.recipe, seed=1)),
        replace(job, recipe=replace(job.recipe, learning_rate=2e-2)),
        replace(job, initial_seed=1),
        replace(job, tokens="another"),
        replace(job, context=15),
        replace(job, sequences=4),
        replace(job, splits=("test",)),
        replace(job, threads=2),
        replace(job, device="cuda"),
        replace(job, processes=2),
    ]
    assert len({each.key for each in [job, *others]}) == 1 + len(others)


def test_the_version_changes_the_hash_and_labels_do_not(job, monkeypatch):
    assert replace(job, labels=replace(job.labels, arm="renamed")).key == job.key
    before = job.key
    monkeypatch.setattr(jobs, "VERSION", VERSION + 1)
    assert job.key != before


def test_a_field_with_its_default_is_no_part_of_the_hash(job):
    """So a config may get another field, whose default changes nothing, and finished runs stay finished."""
    attention = job.identity()["model"]["attention"]
    assert attention["n_kv_heads"] == 2 and "window" not in attention and "qk_norm" not in attention
    windowed = replace(job, model=replace(job.model, attention=replace(job.model.attention, window=3)))
    assert windowed.identity()["model"]["attention"]["window"] == 3


def test_one_process_is_no_part_of_the_hash(job, sweep):
    """As before runs could have several."""
    recall = recall_job(sweep.preset, "MHA", 0, 1e-2)
    identities = [job.identity(), recall.identity(), copying(job).identity()["of"]]
    assert not any("processes" in each for each in identities)


def test_a_sweep_of_one_process_is_not_gone_on_with_by_two(sweep, tiny):
    settings = read_json(sweep.folder / "sweep.json")
    del settings["preset"]["processes"]  # as in a sweep from before there could be several
    write_json(sweep.folder / "sweep.json", settings)
    tiny.new_sweep(sweep.folder)
    with pytest.raises(ValueError, match=r"differs in processes = 3 \(there: 1\); choose another folder"):
        tiny.new_sweep(sweep.folder, replace(tiny.PRESET, processes=3))
    with pytest.raises(ValueError, match="sequences must be a multiple of 2 processes, got 3"):
        replace(tiny.PRESET, processes=2)


def test_repeats_differ_in_the_first_weights_alone(sweep):
    first, again = (sweep.compared(arm, 0, 1e-2, 14).identity() for arm in ("MHA", "MHA again"))
    assert {name for name in first if first[name] != again[name]} == {"initial_seed"}


def test_all_arms_are_tuned_and_then_trained_seed_by_seed(sweep, monkeypatch):
    """Also those whose rate is known early: what is stopped halfway has the same seeds of every arm."""
    begun = []

    def noted(job, folder):
        begun.append((job.steps > sweep.preset.tuning_steps, job.labels.seed))
        run.carry_out(job, folder)

    monkeypatch.setattr(scheduler, "carry_out", noted)
    settled_by(sweep, "equal-cache")
    assert begun == sorted(begun) and begun[-1] == (True, 2)


def test_a_run_that_fails_is_tried_three_times_and_holds_nothing_up(sweep, monkeypatch):
    bad = sweep.tuning("GQA2", 1e-2)
    train, tried = training.train, []

    def failing(model, data, recipe, folder, *arguments):
        if folder.name == bad.key:
            tried.append(recipe)
            raise MemoryError(f"no room, try {len(tried)}")
        return train(model, data, recipe, folder, *arguments)

    monkeypatch.setattr(training, "train", failing)
    said = settled_by(sweep, "equal-cache")
    assert len(tried) == 3 and "try 3 of 3: MemoryError: no room, try 3" in " ".join(said.split())
    results = read(sweep.folder)
    (failed,) = results.failed
    assert failed["tries"] == 3 and failed["reasons"][0] == "MemoryError: no room, try 1"
    assert "in failing" in failed["traceback"] and failed["labels"]["arm"] == "GQA2"
    assert {each.labels.arm for each in results.compared()} == {"MHA", "MHA again", "GQA2", "MQA-64"}
    assert state_of(bad, sweep.folder)[0] == "failed"
    settled_by(sweep, "equal-cache")
    assert len(tried) == 3


def test_a_full_disk_stops_the_sweep_and_is_no_failed_try(sweep, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(training, "train", full)
        with pytest.raises(OSError, match="No space left"):
            settled_by(sweep)
    assert read(sweep.folder).failed == ()
    with pytest.raises(OSError, match="No space left"):  # from another process
        scheduler.note_loss(sweep.tuning("GQA2", 1e-2), sweep.folder, OSError(errno.ENOSPC, "No space left on device"))
    settled_by(sweep)
    assert len(read(sweep.folder).runs) > 3


def test_a_try_that_failed_is_forgotten_when_the_next_one_succeeds(sweep, job, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(training, "train", lambda *arguments: 1 / 0)
        run.carry_out(job, sweep.folder)
    assert not run.settled(job, sweep.folder)
    run.carry_out(job, sweep.folder)
    assert run.settled(job, sweep.folder) and not (job.folder(sweep.folder) / run.FAILURE).exists()


def test_a_run_that_diverges_is_a_result_and_not_repeated(sweep, monkeypatch):
    train, tried = training.train, []

    def diverging(model, data, recipe, *arguments):
        if recipe.learning_rate > 1e-2:
            tried.append(recipe)
            raise DivergedError("at step 3 the loss is nan")
        return train(model, data, recipe, *arguments)

    monkeypatch.setattr(training, "train", diverging)
    said = settled_by(sweep)
    assert len(tried) == 3 and said.count("diverged") == 3  # three arms of which one is not a repetition
    results = read(sweep.folder)
    assert results.failed == () and sum(each.diverged for each in results.runs) == 3
    assert all(results.tuned_rate(arm) <= 1e-2 for arm in ("MHA", "GQA2", "MQA-64"))


def test_damaged_files_are_made_anew(sweep, job):
    """As a loss of power may leave them: an empty result, half a checkpoint."""
    run.carry_out(job, sweep.folder)
    folder = job.folder(sweep.folder)
    before = (folder / run.DOCUMENTS).read_bytes()
    (folder / run.RESULT).write_bytes(b"")
    content = (folder / checkpoint.NAME).read_bytes()
    (folder / checkpoint.NAME).write_bytes(content[: len(content) // 2])
    assert not run.settled(job, sweep.folder)
    run.carry_out(job, sweep.folder)
    assert run.settled(job, sweep.folder) and (folder / run.DOCUMENTS).read_bytes() == before
    (folder / run.RESULT).unlink()
    (folder / "run.json").write_bytes(b"")  # beside a checkpoint that is whole
    run.carry_out(job, sweep.folder)
    assert run.settled(job, sweep.folder) and (folder / run.DOCUMENTS).read_bytes() == before


def test_other_tokens_are_noticed(sweep, job):
    run.carry_out(replace(job, tokens="another"), sweep.folder)
    (failed,) = read(sweep.folder).failed
    assert f"must have the digest another, got {sweep.tokens}" in failed["reasons"][0]


def test_a_folder_of_other_sizes_is_refused(sweep, tiny):
    with pytest.raises(ValueError, match=r"differs in steps = 15 \(there: 14\); choose another folder"):
        tiny.new_sweep(sweep.folder, replace(tiny.PRESET, steps=15))


def test_a_sweep_of_a_gpu_is_not_gone_on_with_on_a_cpu(tiny, tmp_path):
    """Both are "auto" in the hashes of runs."""
    sweep = tiny.new_sweep(tmp_path, replace(tiny.PRESET, device="auto"))
    settings = read_json(sweep.folder / "sweep.json")
    write_json(sweep.folder / "sweep.json", settings | {"computes on": "another"})
    with pytest.raises(ValueError, match=r"differs in computes on = '\w+' \(there: 'another'\); choose another folder"):
        tiny.new_sweep(tmp_path, replace(tiny.PRESET, device="auto"))


def test_more_seeds_and_arms_may_be_asked_for_later(sweep, tiny):
    more = tiny.new_sweep(sweep.folder, replace(tiny.PRESET, seeds=4, arms=("MHA",)))
    assert more.compared("MHA", 0, 1e-2, 14).key == sweep.compared("MHA", 0, 1e-2, 14).key


def test_two_processes_do_not_work_on_the_same_run(sweep, job):
    folder = job.folder(sweep.folder)
    folder.mkdir(parents=True)
    assert not run.at_work(folder)
    with run.locked(folder):
        assert run.at_work(folder) and state_of(job, sweep.folder) == ("at work", 0)
    with (folder / run.LOCK).open() as other:  # another display that looks at the same moment is not at work
        run.fcntl.flock(other, run.fcntl.LOCK_SH)
        assert not run.at_work(folder)
    assert not run.at_work(folder)


def test_runs_do_not_depend_on_those_before_them(finished, sweep):
    """Each alone in a process with other random numbers gives what it gave within a sweep."""
    job = EXPERIMENTS["equal-cache"].jobs(finished)[0][-1]
    np.random.seed(1)
    run.carry_out(job, sweep.folder)
    first, second = (job.folder(each) / run.DOCUMENTS for each in (finished.folder, sweep.folder))
    assert first.read_bytes() == second.read_bytes()


def test_the_display_says_what_is_done_at_work_and_failed(finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished.folder, folder)
    every = EXPERIMENTS["equal-cache"].jobs(finished)[0]
    display = Display(folder)
    display.show(every)
    assert str(display.now().renderables[1]).startswith(f"{len(every)} done, 0 at work, 0 failed, 0 waiting")
    for job in every[-2:]:
        (job.folder(folder) / run.RESULT).unlink()
    run.write_json(every[-1].folder(folder) / run.FAILURE, {"tries": 3, "reasons": ["no room"]})
    with run.locked(every[-2].folder(folder)):
        table, said, _ = display.now().renderables
    assert str(said).startswith(f"{len(every) - 2} done, 1 at work, 1 failed, 0 waiting; end not known yet")
    assert table.row_count == 1


def test_the_end_follows_from_the_steps_made_since_the_beginning(monkeypatch, tmp_path):
    display, now = Display(tmp_path), [100.0]
    monkeypatch.setattr("course_lib.experiments.display.time.monotonic", lambda: now[0])
    assert display.end(work=100, done=20) == "end not known yet"
    now[0] += 50
    assert display.end(work=100, done=40).startswith("about 0:02:30 left, until ")


def test_a_terminal_shows_lines_that_are_renewed(finished):
    """The same display as in a terminal, written to a string."""
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with Display(finished.folder, console) as display:
        display.show(EXPERIMENTS["equal-cache"].jobs(finished)[0], later=100)
        display.live.update(display.now(), refresh=True)
        display.ended(display.jobs[0])
    shown = console.file.getvalue()
    assert "0 at work, 0 failed" in shown and "MHA, seed 1000, rate 0.01, 6 steps" in shown
    assert not display.thread.is_alive()
