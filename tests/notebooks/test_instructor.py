"""docs/instructor.md holds what notebooks and exercises say now, and its timetables name exercises of the core path."""

import re
from pathlib import Path

import instructor
import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "instructor.md").read_text(encoding="utf-8")
PLANS = re.findall(r"^### (?:Half|One|Two).*?(?=^##)", TEXT, flags=re.MULTILINE | re.DOTALL)


def test_the_guide_holds_what_the_tool_writes():
    assert instructor.stale(TEXT) == []


def test_what_differs_or_is_missing_is_named_and_written(tmp_path, monkeypatch):
    monkeypatch.setattr(instructor, "GUIDE", tmp_path / "guide.md")
    changed = TEXT.replace("| `06_kv_cache` | 45 |", "| `06_kv_cache` | 46 |").replace("<!-- filled: 03 -->", "")
    assert changed.count("46 |") == 1 + TEXT.count("46 |")
    instructor.GUIDE.write_text(changed, encoding="utf-8")
    with pytest.raises(SystemExit, match=r"differs in: times, 03\."):
        instructor.main(["--check"])
    assert instructor.GUIDE.read_text(encoding="utf-8") == changed
    instructor.main([])
    assert instructor.GUIDE.read_text(encoding="utf-8") == TEXT.replace("<!-- filled: 03 -->", "")


def test_minutes_and_mistakes_of_one_notebook():
    assert instructor.sections(instructor.notebooks()["01"])[1] == ("2 Vocabulary size against sequence length", "", 5)
    assert instructor.summed(instructor.notebooks()["01"]) == (40, 50, 7)
    part = instructor.part("01")
    assert part.count("\n| 1.") == 6 and "| 1.4: the gradient of a look-up (optional) (5 min, ●●○) | optional |" in part
    assert r"GiB is 2\*\*30 bytes" in part and "`Counter(zip(ids, ids[1:]))`" in part


def test_a_plan_that_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setitem(instructor.PLANS, "half_day", (55, ("02", ("Break", 15))))
    with pytest.raises(ValueError, match="half_day must fit into 55 minutes, got 56"):
        instructor.part("half_day")
    with pytest.raises(ValueError, match="must be named times, .*, got 'lunch'"):
        instructor.part("lunch")


def test_timetables_name_exercises_of_the_core_path():
    placed = [pair for path in instructor.notebooks().values() for pair in instructor.placed(path).items()]
    kinds = {heading.split()[1].rstrip(":"): kind for heading, kind in placed}
    assert len(PLANS) == 3
    for plan in PLANS:
        blocks = set(re.findall(r"^\| \d:\d\d \| (\d\d)", plan, flags=re.MULTILINE))
        for number in re.findall(r"\b\d{1,2}\.\d\b(?! hours)", plan):
            assert kinds[number] == "core" and f"{int(number.split('.')[0]):02}" in blocks, number


def test_links_within_the_guide_lead_somewhere():
    headings = {
        re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in re.findall(r"^#+ (.*)$", TEXT, flags=re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", TEXT)) <= headings
