"""Folders that take the place of others."""

import pytest

from course_lib.files import replace_folder


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("old")
    return tmp_path / "site"


@pytest.mark.parametrize("name", ["site", "another"])
def test_a_new_folder_takes_the_place_of_an_old_one_or_of_none(folder, name):
    new, place = folder.with_name("next"), folder.with_name(name)
    new.mkdir()
    (new / "index.html").write_text("new")
    replace_folder(place, new)
    assert (place / "index.html").read_text() == "new"
    assert {path.name for path in folder.parent.iterdir()} == {"site", name}


def test_a_new_folder_that_cannot_be_renamed_leaves_the_old_one(folder):
    with pytest.raises(FileNotFoundError):
        replace_folder(folder, folder.with_name("missing"))
    assert (folder / "index.html").read_text() == "old" and list(folder.parent.iterdir()) == [folder]
