"""What every interactive figure keeps, without a browser: traits, fallback, page. All that FIGURES names."""

import base64
import json
import re
from html import unescape

import numpy as np
import pytest
import traitlets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from course_lib.figures import style
from course_lib.widgets import FIGURES
from course_lib.widgets.base import AskingFigure, packed, unpacked
from course_lib.widgets.choices import Index, Name

TOKENS = "the cat that we saw on the mat".split()
HOSTILE = ["<script>alert(1)</script>", "&lt;", "</script><img src=x onerror=alert(1)>", '" onload="x', "{{7}}", "$x_"]
PAGE_BYTES = 500_000


@pytest.fixture(params=FIGURES, ids=lambda cls: cls.__name__)
def cls(request):
    return request.param


@pytest.fixture
def unpainted(monkeypatch):
    """Call it, and pictures are drawn no more: they take most of the time, and not all tests look at them."""
    return lambda: monkeypatch.setattr(style, "png", lambda fig: "")


def test_what_is_chosen_is_set_observed_and_told_to_the_browser(cls):
    figure, seen = cls.example(TOKENS), {}
    assert figure.data["chosen"] == sorted(figure.trait_names(chosen=True))
    assert set(figure.state()) >= {"data", *figure.data["chosen"]}
    figure.observe(lambda change: seen.__setitem__(change["name"], change["new"]), figure.data["chosen"])
    for name, value in cls.walk.chosen.items():
        setattr(figure, name, value)
    assert seen == cls.walk.chosen
    assert {name: getattr(figure, name) for name in cls.walk.chosen} == cls.walk.chosen
    other = cls.example(TOKENS)
    other.set_state(cls.walk.chosen)  # what a browser sends
    assert other.state() == figure.state()


def test_a_choice_that_is_not_allowed_is_refused_and_undone(cls):
    figure = cls.example(TOKENS)
    checked = [name for name, trait in figure.traits(chosen=True).items() if isinstance(trait, Index | Name)]
    assert sorted(figure.allowed()) == sorted(checked)
    for name, allowed in figure.allowed().items():
        before = getattr(figure, name)
        bad = (allowed[0] - 1, allowed[-1] + 1) if isinstance(allowed, range) else ("no such name",)
        for value in bad:
            with pytest.raises(ValueError, match=f"{name} must .*got '?{value}"):
                setattr(figure, name, value)
            with pytest.raises(traitlets.TraitError, match=f"{name} must"):
                figure.set_state({name: value})
            assert getattr(figure, name) == before
        setattr(figure, name, np.int64(allowed[-1]) if isinstance(allowed, range) else allowed[-1])
        assert getattr(figure, name) == allowed[-1] and type(getattr(figure, name)) is not np.int64


def test_the_still_is_stored_once_with_alternative_text_caption_and_table(cls, unpainted):
    figure = cls.example(TOKENS)
    data, _ = figure._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data and "image/png" not in data
    twin = data["text/html"]
    (alt, width, png) = re.search(
        r'<img alt="([^"]+)" width="(\d+)" .*src="data:image/png;base64,([^"]+)"', twin
    ).groups()
    assert base64.b64decode(png).startswith(b"\x89PNG") and int(width) <= 820
    assert unescape(alt) == figure.alt() and len(figure.alt()) > 40
    assert twin.index("<img") < twin.index("Still picture: run this cell to operate it.") < twin.index("<figcaption>")
    assert twin.count("<tr>") > 2
    assert not re.search(r"<(svg|iframe|script|style)", twin)
    assert re.fullmatch(rf"{cls.__name__}\(.*\)", data["text/plain"]) and "0x" not in data["text/plain"]
    unpainted()
    assert "Still picture" not in figure.to_html()  # it is operated there


def test_a_cell_changes_it_and_leaves_it_as_it_was(cls):
    figure = cls.example(TOKENS)
    before, chosen = figure.state(), {name: getattr(figure, name) for name in cls.walk.chosen}
    with pytest.raises(RuntimeError, match="in the cell"), figure.kept() as same:
        for name, value in cls.walk.chosen.items():
            setattr(same, name, value)
        assert {name: getattr(figure, name) for name in cls.walk.chosen} != chosen
        raise RuntimeError("in the cell")
    assert figure.state() == before


def test_reset_goes_back_to_what_was_chosen_when_the_figure_was_shown(cls, unpainted):
    unpainted()
    figure = cls.example(TOKENS)
    for name, value in cls.walk.chosen.items():
        setattr(figure, name, value)
    figure._repr_mimebundle_()
    shown = {name: getattr(figure, name) for name in figure.data["chosen"]}
    assert figure.frame["start"] == shown
    figure.set_state(cls.example(TOKENS)._chosen())
    assert figure.frame["start"] == shown != figure._chosen()


def test_what_it_suggests_changes_something_and_is_allowed(cls):
    figure = cls.example(TOKENS)
    attempt = figure.first_try()
    assert attempt is not None and 3 < len(attempt.text) < 60
    before = figure._chosen()
    figure.set_state(attempt.chosen)
    assert figure._chosen() == before | attempt.chosen != before


def test_the_same_figure_gives_the_same_fallback_and_page(cls, unpainted):
    first, second = (cls.example(TOKENS) for _ in range(2))
    assert first.twin() == second.twin() and repr(first) == repr(second)
    unpainted()
    assert first.to_html() == second.to_html()


def test_hostile_text_is_text_in_twin_and_page(cls):
    html = cls.example(HOSTILE).to_html()
    body = html.split('<script type="application/json"')[0]  # the twin is part of it
    assert "<figure><img" in body
    assert "<img src=x" not in body and "<script>" not in body and '" onload' not in body
    state = re.search(r'data-figure="state">(.*?)</script>', html, re.DOTALL).group(1)
    assert "<" not in state and json.loads(state)["data"]["title"] == " ".join(HOSTILE)


def test_page_needs_nothing_from_outside_and_is_small(cls):
    page = cls.example([f"t{i}" for i in range(64)]).to_html()
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//|@import|\bimport\s*[({"']|\bfetch\(""", page)
    assert "default-src 'none'" in page
    assert len(page.encode()) < PAGE_BYTES


@pytest.mark.parametrize("dtype", ["<f4", "<f8", "<i4", "|u1"])
def test_packed_arrays_come_back(dtype):
    array = np.arange(30).reshape(2, 3, 5)
    payload = packed(array.transpose(2, 0, 1), dtype)
    assert payload["shape"] == [5, 2, 3] and len(payload["bytes"]) == 30 * np.dtype(dtype).itemsize
    np.testing.assert_array_equal(unpacked(payload), array.transpose(2, 0, 1))


class Squares(AskingFigure):
    """The smallest figure that asks Python: the square of `number`; 0 to 2 are foreseen."""

    entry = "figure"
    asks = ("number",)
    number = Index(1).tag(sync=True, chosen=True)

    def allowed(self):
        return {"number": range(9)}

    def compute(self, number):
        return {"square": packed([number**2])}

    def foreseen(self):
        return [{"number": number} for number in range(3)]

    def twin(self, layout="page"):
        return ""


def test_python_answers_each_choice_of_a_figure_that_asks():
    figure = Squares({}, title="", caption="")
    assert figure.answer["for"] == [1] and figure.data["asks"] == ["number"]
    figure.set_state({"number": 7})
    assert figure.answer["for"] == [7] and unpacked(figure.answer["square"]) == [49]


def test_a_page_holds_the_answers_that_were_foreseen_and_the_present_one():
    figure = Squares({}, title="", caption="", number=5)
    state = json.loads(re.search(r'data-figure="state">(.*?)</script>', figure.to_html(), re.DOTALL).group(1))
    assert [answer["for"] for answer in state["answers"]] == [[5], [0], [1], [2]] and state["number"] == 5
    assert figure.number == 5


def test_the_still_of_a_slide_has_large_type_and_all_of_it_inside(cls):
    """20 of the slide's 720 pixels hold for tick labels, too; only what a formula writes high or low is smaller."""
    fig = cls.example(TOKENS).slide_drawing()
    with style.context():
        FigureCanvasAgg(fig).draw()
    width, height = fig.get_size_inches()
    enlarged = min(1184 / width, 560 / height)  # pixels of the slide for an inch
    words = [text for text in fig.findobj(Text) if text.get_visible() and text.get_text().strip()]
    assert min(text.get_fontsize() * enlarged / 72 for text in words) >= 20
    axes = [axis for ax in fig.axes for axis in (ax.xaxis, ax.yaxis)]
    ticks = [label for axis in axes for label in axis.get_ticklabels(which="both")]  # also those beyond the axes
    inside = fig.bbox.padded(2)  # pixels: air around the letters
    outside = [word.get_text() for word in words if word not in ticks and not within(word.get_window_extent(), inside)]
    assert outside == []


def within(box, other) -> bool:
    return other.x0 <= box.x0 and other.y0 <= box.y0 and box.x1 <= other.x1 and box.y1 <= other.y1
