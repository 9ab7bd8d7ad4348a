"""docs/instructor.md holds what notebooks and exercises say now, and its timetables name exercises of the core path."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "instructor.md").read_text(encoding="utf-8")
PLANS = re.findall(r"^### (?:Half|One|Two).*?(?=^##)", TEXT, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location("instructor_tool", ROOT / "tools" / "instructor.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_guide_holds_what_the_tool_writes(tool):
    assert tool.stale(TEXT) == []


def test_what_differs_or_is_missing_is_named_and_written(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "GUIDE", tmp_path / "guide.md")
    changed = TEXT.replace("| `06_kv_cache` | 45 |", "| `06_kv_cache` | 46 |").replace("<!-- filled: 03 -->", "")
    assert changed.count("46 |") == 1 + TEXT.count("46 |")
    tool.GUIDE.write_text(changed, encoding="utf-8")
    with pytest.raises(SystemExit, match=r"differs in: times, 03\."):
        tool.main(["--check"])
    assert tool.GUIDE.read_text(encoding="utf-8") == changed
    tool.main([])
    assert tool.GUIDE.read_text(encoding="utf-8") == TEXT.replace("<!-- filled: 03 -->", "")


def test_minutes_and_mistakes_of_one_notebook(tool):
    assert tool.sections(tool.notebooks()["01"])[1] == ("2 Vocabulary size against sequence length", "", 5)
    assert tool.summed(tool.notebooks()["01"]) == (40, 50, 7)
    part = tool.part("01")
    assert part.count("\n| 1.") == 6 and "| 1.4: the gradient of a look-up (optional) (5 min, ●●○) | optional |" in part
    assert r"GiB is 2\*\*30 bytes" in part and "`Counter(zip(ids, ids[1:]))`" in part


def test_a_plan_that_does_not_fit_is_refused(tool, monkeypatch):
    monkeypatch.setitem(tool.PLANS, "half_day", (55, ("02", ("Break", 15))))
    with pytest.raises(ValueError, match="half_day must fit into 55 minutes, got 56"):
        tool.part("half_day")
    with pytest.raises(ValueError, match="must be named times, .*, got 'lunch'"):
        tool.part("lunch")


def test_timetables_name_exercises_of_the_core_path(tool):
    kinds = {heading.split()[1].rstrip(":"): k for p in tool.notebooks().values() for heading, k in tool.placed(p).items()}
    assert len(PLANS) == 3
    for plan in PLANS:
        blocks = set(re.findall(r"^\| \d:\d\d \| (\d\d)", plan, flags=re.MULTILINE))
        for number in re.findall(r"\b\d{1,2}\.\d\b(?! hours)", plan):
            assert kinds[number] == "core" and f"{int(number.split('.')[0]):02}" in blocks, number


def test_links_within_the_guide_lead_somewhere():
    headings = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in re.findall(r"^#+ (.*)$", TEXT, flags=re.MULTILINE)}
    assert set(re.findall(r"\]\(#([\w-]+)\)", TEXT)) <= headings
