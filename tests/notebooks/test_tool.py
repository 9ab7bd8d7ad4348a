"""tools/notebooks.py on a notebook of its own."""

import os
import re

import jupytext
import nbformat
import pytest

import notebooks

TEXT = """# A title

```python
from ipywidgets import IntSlider

slider = IntSlider(value=3)
```

```python tags=["shown"]
print("six times seven is", 6 * 7)
slider
```
"""


@pytest.fixture
def tool(tmp_path, monkeypatch):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "04_trial.md").write_text(TEXT)
    monkeypatch.setattr(notebooks, "FOLDER", tmp_path)
    return notebooks


def test_a_text_becomes_a_run_notebook_and_a_second_run_changes_nothing(tool):
    notebook, pair = tool.FOLDER / "04_trial.ipynb", tool.FOLDER / "text" / "04_trial.md"
    tool.main([])
    node = nbformat.read(notebook, as_version=4)
    assert [cell.get("execution_count") for cell in node.cells] == [None, 1, 2]
    assert node.cells[2].outputs[0].text == "six times seven is 42\n"
    assert node.cells[2].metadata.tags == ["shown"]
    assert "widgets" not in node.metadata and "execution" not in node.cells[1].metadata
    assert [cell.source for cell in jupytext.read(pair).cells] == [cell.source for cell in node.cells]
    assert list(tool.FOLDER.rglob("*.tmp")) == []

    before = notebook.read_text(), pair.read_text()
    tool.main(["04"])
    stable = [without_model_ids(text) for text in (before[0], notebook.read_text())]
    assert stable[0] == stable[1] and pair.read_text() == before[1]


def without_model_ids(text: str) -> str:
    """A widget's model has another id at each run."""
    return "\n".join(line for line in text.splitlines() if "model_id" not in line)


def test_whichever_of_the_two_was_edited_last_is_taken_and_named(tool, capsys):
    notebook, pair = tool.FOLDER / "04_trial.ipynb", tool.FOLDER / "text" / "04_trial.md"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")]), notebook)
    os.utime(pair, (1e9, 1e9))
    assert [cell.source for cell in tool.read(tool.latest(notebook, pair)).cells] == ["1 + 1"]
    tool.main([])
    assert re.fullmatch(r"04_trial.ipynb, from 04_trial.ipynb: \d+ s, \d+ kB\n", capsys.readouterr().out)
    os.utime(notebook, (5e8, 5e8))
    assert tool.latest(notebook, pair) == pair


def test_an_unknown_prefix_is_refused(tool):
    with pytest.raises(SystemExit, match="No notebook of 04_trial begins with 09"):
        tool.main(["09"])
