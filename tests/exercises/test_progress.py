"""The record of passed exercises, its counts in a room, the command and the panel."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from typer.testing import CliRunner

from course_lib import cli
from course_lib.exercises import check, find, progress
from course_lib.widgets.progress_panel import ProgressPanel


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "mine"))
    monkeypatch.delenv("COURSE_ROOM", raising=False)


@pytest.fixture
def room(tmp_path, monkeypatch):
    folder = tmp_path / "room"
    folder.mkdir()
    monkeypatch.setenv("COURSE_ROOM", str(folder))
    return folder


def participants(room, *passed: str):
    for number, ids in enumerate(passed):
        (room / f"{number}.txt").write_text(ids.replace(" ", "\n"))


def test_a_right_answer_is_kept_and_a_wrong_one_is_not():
    check("0.1", lambda A: A / A.sum())
    assert progress.passed() == set()
    for _ in range(2):
        check("0.1", find("0.1").solution)
    assert progress.passed() == {"0.1"}
    assert (progress.folder() / "passed.txt").read_text() == "0.1\n"


def test_nothing_is_kept_when_switched_off(monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", "off")
    progress.record("0.1")
    assert not progress.folder().exists()


def test_two_kernels_lose_nothing():
    ids = [f"{n}.{i}" for n in range(10) for i in range(1, 8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(progress.record, ids))
    assert progress.passed() == set(ids)


def test_what_is_no_id_is_left_out():
    progress.folder().mkdir()
    (progress.folder() / "passed.txt").write_bytes(b"2.1\n\xff\xfe\n2.\n<b>2.2</b>\n2.3")
    assert progress.passed() == {"2.1", "2.3"}


def test_a_folder_that_cannot_be_written_disturbs_nothing(tmp_path, monkeypatch, capsys):
    (tmp_path / "mine").write_text("a file, where the folder should be")
    check("0.1", find("0.1").solution)
    verdict, said = capsys.readouterr().out.split("\n", maxsplit=1)
    assert "correct" in verdict and progress.passed() == set()
    lost = f"This is not noted in your list of passed exercises, {progress.folder()}: File exists."
    assert " ".join(said.split()) == lost


def test_a_room_gets_a_file_under_a_random_name(room):
    progress.record("0.1")
    progress.record("2.1")
    (file,) = room.iterdir()
    assert file.read_text() == "0.1\n2.1\n"
    assert len(file.stem) == 32 and file.stem == (progress.folder() / "room-name.txt").read_text()


@pytest.mark.skipif(os.name == "nt", reason="permission bits are POSIX's")
def test_whoever_counts_can_read_the_file_of_a_strict_account(room):
    old = os.umask(0o077)
    try:
        progress.record("0.1")
    finally:
        os.umask(old)
    (file,) = room.iterdir()
    assert file.stat().st_mode & 0o777 == 0o644


def test_what_was_passed_before_counts_in_a_room(monkeypatch, tmp_path):
    progress.record("0.1")
    (tmp_path / "room").mkdir()
    monkeypatch.setenv("COURSE_ROOM", str(tmp_path / "room"))
    progress.record("2.1")
    (file,) = (tmp_path / "room").iterdir()
    assert file.read_text() == "0.1\n2.1\n"


def test_a_room_that_does_not_exist_is_not_made(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_ROOM", str(tmp_path / "none"))
    progress.record("0.1")
    assert progress.passed() == {"0.1"} and not (tmp_path / "none").exists()


def test_small_counts_are_not_shown(room):
    participants(room, "0.1 2.1", "0.1 2.1", "0.1 2.1 2.2", "0.1 2.2")
    (room / ".4.txt.tmp").write_text("2.2")  # is being written
    assert progress.counts(room) == ({"0.1": 4, "2.1": 3}, 4)


def test_the_command_shows_what_is_passed_and_the_room(room):
    participants(room, *["0.1 2.10 2.9"] * 3)
    progress.record("2.2")
    shown = CliRunner().invoke(cli.app, ["progress"])
    assert shown.exit_code == 0, shown.output
    line = next(line for line in shown.output.splitlines() if line.startswith("02"))
    assert line.split() == ["02", "2.2", "2.1", *(f"2.{i}" for i in range(3, 8))]
    assert shown.output.rstrip().endswith("0.1: 3 of 4\n2.9: 3 of 4\n2.10: 3 of 4")


def test_the_command_says_that_a_room_cannot_be_read(tmp_path):
    shown = CliRunner().invoke(cli.app, ["progress", "--room", str(tmp_path / "none")])
    assert shown.exit_code == 1
    assert "the room" in shown.output and "cannot be read: No such file" in shown.output


def test_in_a_room_that_its_owner_alone_lists_one_sees_ones_own(room, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    progress.record("2.2")
    monkeypatch.setattr(progress, "counts", refuse)
    monkeypatch.setattr(os, "access", lambda path, mode, **options: False)
    shown = CliRunner().invoke(cli.app, ["progress"])
    assert shown.exit_code == 1
    assert "2.2" in shown.output and "cannot be read: Permission denied. Its owner sees the counts." in shown.output


def test_the_panel_looks_again():
    panel = ProgressPanel()
    assert "0 of 1" in panel.lines.value and "✓</span>" not in panel.lines.value
    progress.record("0.1")
    panel.children[1].click()
    assert "1 of 1" in panel.lines.value and "0.1&nbsp;✓" in panel.lines.value
    assert repr(panel) == "ProgressPanel()"
    assert all(f">{number:02}<" in panel.lines.value for number in range(11))
