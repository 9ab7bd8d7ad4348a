"""The page of open questions names cells that are there, and its lines of code are understood by the notebooks."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "open_questions.md").read_text(encoding="utf-8")
TEXTS = {
    number: next(ROOT.glob(f"notebooks/text/{number}_*.md")).read_text(encoding="utf-8") for number in ("12", "13")
}
QUESTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda text: text.split("\n")[0])
def test_each_question_has_its_parts_and_names_a_section(question):
    parts = re.findall(r"^\*\*(.*?)\.\*\*", question, flags=re.MULTILINE)
    assert parts == ["Observed", "Not known", "How to decide"]
    named = re.findall(r"[Nn]otebook (\d+),\s+sections? (\d+)", question)
    assert named
    for number, section in named:
        assert re.search(rf"^## {section} ", TEXTS[number], flags=re.MULTILINE)


def test_each_cell_that_is_named_begins_so():
    named = re.findall(r"cell \*([^*]+)\*", PAGE)
    assert len(named) > 3
    comments = re.findall(r"^# (.*)$", "\n".join(TEXTS.values()), flags=re.MULTILINE)
    for name in named:
        start = " ".join(name.split())
        assert any(comment.startswith(start) for comment in comments), start


def test_the_code_uses_names_that_notebook_13_defines_or_the_page_imports():
    cells = re.findall(r"^```python.*?\n(.*?)^```", TEXTS["13"], flags=re.MULTILINE | re.DOTALL)
    known = {node.id for cell in cells for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.Name)}
    for code in re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL):
        tree = ast.parse(code)
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert used <= known | imported
