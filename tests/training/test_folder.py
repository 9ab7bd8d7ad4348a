"""The files of a run: lines of its log, and room for its checkpoints."""

import pytest

from course_lib.training import log
from course_lib.training.folder import BESIDES, RunFolder


def test_a_log_keeps_the_lines_before_the_checkpoint(tmp_path):
    """And a last line that was not written to its end is left out."""
    path = tmp_path / "log.jsonl"
    path.write_text("".join(log.to_line({"step": step}) for step in range(5)) + '{"step": ')
    assert log.read(path) == [{"step": step} for step in range(5)]
    kept = log.Log(path, before=3)
    kept.append(step=3, loss=0.5)
    kept.close()
    assert log.read(path) == [{"step": 0}, {"step": 1}, {"step": 2}, {"step": 3, "loss": 0.5}]


def test_a_run_asks_for_room_for_two_checkpoints_and_a_resumed_one_for_one_more(tmp_path, monkeypatch):
    """A new checkpoint is written beside the old one."""
    asked = []
    monkeypatch.setattr(RunFolder, "probe", lambda folder, size: asked.append(size - BESIDES))
    RunFolder(tmp_path).prepare({}, 1_000)
    (tmp_path / "checkpoint.safetensors").touch()
    RunFolder(tmp_path).prepare({}, 1_000)
    assert asked == [2_000, 1_000]


def test_a_run_goes_on_where_the_version_before_knew_fewer_fields(tmp_path):
    """A new field begins as None; with a value it is another run."""
    RunFolder(tmp_path).prepare({"recipe": {"steps": 5}}, 0)
    (tmp_path / "checkpoint.safetensors").touch()
    RunFolder(tmp_path).prepare({"recipe": {"steps": 5, "new": None}}, 0)
    with pytest.raises(ValueError, match=r"differs in recipe\.new = 2 \(there: None\); choose another folder"):
        RunFolder(tmp_path).prepare({"recipe": {"steps": 5, "new": 2}}, 0)
