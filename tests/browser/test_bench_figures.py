"""`bench figures`: what is measured of a page, and of Python's answers in a real JupyterLab."""

import json
import sys

import pytest
from typer.testing import CliRunner

from course_lib import cli, widgets
from course_lib.bench import browser as chromium_of_bench
from course_lib.bench import figures
from course_lib.widgets import AttentionMap

pytestmark = pytest.mark.browser

DOUBLES = '''
from course_lib.widgets.base import AskingFigure, packed
from course_lib.widgets.choices import Index


class Doubles(AskingFigure):
    """Asks Python by its slider."""

    entry = "figure"
    asks = ("number",)
    number = Index(1).tag(sync=True, chosen=True)

    @classmethod
    def example(cls, tokens):
        return cls({}, title=f"{len(tokens)} tokens", caption="")

    def allowed(self):
        return {"number": range(9)}

    def compute(self, number):
        return {"double": packed([2 * number])}

    def foreseen(self):
        return [{"number": number} for number in range(9)]

    def drawing(self):
        from matplotlib.figure import Figure

        return Figure(figsize=(1, 1))

    def alt(self):
        return "Nothing."

    def table(self):
        return "<table></table>"


SOURCE = """
function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ state, choose, preview }) => {
    const slider = rangeControl({
      label: "Number", count: 9, text: String,
      onInput: (number) => preview({ number }), onChange: (number) => choose({ number }),
    });
    return { controls: [slider.element], body: ["text"], show: () => slider.show(state.number), sentence: () => [] };
  });
}
"""
Doubles._esm = Doubles._esm.replace("\\nexport {", SOURCE + "\\nexport {", 1)
'''


@pytest.fixture
def few(monkeypatch):
    for name, value in (("OPENINGS", 2), ("INTERACTIONS", 3), ("ANSWERS", 2)):
        monkeypatch.setattr(figures, name, value)


def test_a_page_is_measured(browser, few, tmp_path):
    (row,) = figures.measure(browser, [AttentionMap], tokens=["a", "b", "c"])
    assert row["name"] == "AttentionMap" and row["round_trip_p95_ms"] is None
    assert row["page_bytes"] == pytest.approx(len(AttentionMap.example(["a", "b", "c"]).to_html().encode()), abs=0)
    assert row["opening_ms"] > 0 and row["paint_p95_ms"] > 0
    assert row["slowest_control"] in labels_of_stops(browser, AttentionMap.example(["a", "b", "c"]), tmp_path)


def labels_of_stops(browser, figure, folder):
    """What each stop of the Tab key is called, of the figure at rest."""
    with figures.offline_page(browser, figure.save(folder / "figure.html").as_uri()) as opened:
        count = opened.evaluate(f"() => ({figures.STOPS})(0).length")
        return {opened.evaluate(figures.FOCUS, [0, i]).strip() for i in range(count)}


def test_answers_of_python_are_measured_in_jupyterlab(browser, few, tmp_path, monkeypatch):
    (tmp_path / "doubles_figure.py").write_text(DOUBLES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # of the lab's kernel
    monkeypatch.syspath_prepend(tmp_path)
    from doubles_figure import Doubles

    (row,) = figures.measure(browser, [Doubles], tokens=["a"])
    assert row["name"] == "Doubles" and row["round_trip_p95_ms"] > 0
    assert figures.as_line(row)["answer"].isdigit()


def test_command_writes_table_and_json(browser, few, tmp_path, monkeypatch):
    class Running:  # the session's browser; a second one cannot be started beside it
        __enter__ = staticmethod(lambda: browser)
        __exit__ = staticmethod(lambda *error: None)

    monkeypatch.setattr(chromium_of_bench, "running_chromium", Running)
    monkeypatch.setattr(widgets, "FIGURES", (AttentionMap,))
    shown = CliRunner().invoke(cli.app, ["bench", "figures", "--json", str(tmp_path / "new" / "figures.json")])
    assert shown.exit_code == 0, shown.output
    assert "AttentionMap" in shown.output and "not asked" in shown.output
    found = json.loads((tmp_path / "new" / "figures.json").read_text())
    assert found["benchmark"] == "figures" and [row["name"] for row in found["rows"]] == ["AttentionMap"]
    assert found["machine"]["chromium"] == browser.version


def test_without_a_browser_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(chromium_of_bench, "find_chromium", lambda: None)
    shown = CliRunner().invoke(cli.app, ["bench", "figures", "--json", str(tmp_path / "figures.json")])
    assert shown.exit_code == 1 and "no Chromium found" in shown.output
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    shown = CliRunner().invoke(cli.app, ["bench", "figures", "--json", str(tmp_path / "figures.json")])
    assert shown.exit_code == 1 and "Playwright is not installed" in shown.output
    assert list(tmp_path.iterdir()) == []
