"""Quotes of a small notebook: what each kind gives, and what a quote of nothing says."""

import base64
import io
import re

import nbformat
import pytest
import quotes
from PIL import Image
from quotes import Quotes

from course_lib import exercises
from course_lib.exercises.core import Exercise

ALT = "A black square &lt;left&gt; on white."


def png(picture: Image.Image) -> str:
    stored = io.BytesIO()
    picture.save(stored, format="png")
    return base64.b64encode(stored.getvalue()).decode("ascii")


def drawn() -> str:
    """A picture of 400 x 200 pixels, twice its width in the notebook, with a black square of 100 at (50, 50)."""
    picture = Image.new("RGB", (400, 200), "white")
    picture.paste("black", (50, 50, 150, 150))
    return f'<img alt="{ALT}" width="200" style="width:200px" src="data:image/png;base64,{png(picture)}">'


def cell(name: str, source: str = "", printed: str = "", html: str = "") -> nbformat.NotebookNode:
    outputs = [nbformat.v4.new_output("stream", name="stdout", text=printed)] if printed else []
    outputs += [nbformat.v4.new_output("display_data", data={"text/html": html})] if html else []
    return nbformat.v4.new_code_cell(source, id=name, outputs=outputs, metadata={"tags": [f"quote-{name}"]})


CODE = "import math\n\n\ndef half(x):\n    return x / 2\n\n\nprint(half(3))"
PRINTED = "weights: [ 0.07 -0.31  1,024]\nnorm  T = 1: 2.5e-3\nnorm  T = 2: 7\nlayer 2 < 3, head 7"
LIVE = f'<!doctype html>\n<html>\n<head>\n<title>A &amp; B</title>\n</head>\n<body class="slide">{drawn()}</body>'


def box(characters: int, text: str) -> str:
    """Printed lines on a slide; the theme makes them as large as the longest one allows."""
    return f'<pre style="--characters: {characters}"><code class="language-text">{text}</code></pre>'


@pytest.fixture
def quoted(tmp_path):
    """Notebook 02 with four cells, of which one shows a live figure."""
    cells = [
        cell("code", CODE),
        cell("numbers", printed=PRINTED),
        cell("square", html=drawn()),
        cell("live", html=f"<figure>{drawn()}</figure>"),
        nbformat.v4.new_code_cell('def attend(Q):\n    """Rows."""\n    ...\n\n\ncheck("2.1", attend)'),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "02_small.ipynb")
    (tmp_path / "live" / "02_small").mkdir(parents=True)
    (tmp_path / "live" / "02_small" / "live.slide.html").write_text(LIVE)
    quotes.quotable.cache_clear()
    return Quotes(tmp_path, tmp_path / "live")


@pytest.mark.parametrize(
    "quote, text",
    [
        ("{{print 02#numbers}}", box(29, PRINTED.replace("<", "&lt;"))),
        ("{{print 02#numbers norm}}", box(19, "norm  T = 1: 2.5e-3\nnorm  T = 2: 7")),
        ("{{code 02#code}}", f"```python\n{CODE}\n```"),
        ("{{code 02#code half}}", "```python\ndef half(x):\n    return x / 2\n```"),
        ("It is {{number 02#numbers weights:}}.", "It is 0.07."),
        ("{{number 02#numbers weights: [2]}}", "-0.31"),
        ("{{number 02#numbers weights: [3]}}", "1,024"),
        ("{{number 02#numbers layer}}", "2"),
        ("{{number 02#numbers T = 1:}} and {{number 02#numbers T = 2:}}", "2.5e-3 and 7"),
        (r"a formula $\frac{a_{b}}{c}$ stays", r"a formula $\frac{a_{b}}{c}$ stays"),
    ],
)
def test_a_quote_becomes_what_the_notebook_holds(quoted, quote, text):
    assert quoted.resolve(quote) == text


@pytest.mark.parametrize(
    "quote, message",
    [
        ("{{film 02#code}}", "must be one of figure, live, print, code, number, exercise, mistakes"),
        ("{{print 02#nothing}}", "no cell with the tag 'quote-nothing'; there are: code, numbers, square, live"),
        ("{{print 11#code}}", "'11#code' must be notebook#tag, with a notebook among 02"),
        ("{{print 02}}", "'02' must be notebook#tag"),
        ("{{print 02#code}}", "the cell prints nothing"),
        ("{{print 02#numbers median}}", "no printed line holds 'median'"),
        ("{{code 02#code third}}", "the cell defines no 'third'; it defines half"),
        ("{{number 02#numbers norm}}", "2 printed lines hold 'norm'"),
        ("{{number 02#numbers}}", "the words must choose one"),
        ("{{number 02#numbers T = 1: [2]}}", "after 'T = 1:' stand 1 numbers"),
        ("{{number 02#numbers T = 1: [0]}}", "after 'T = 1:' stand 1 numbers"),
        ("{{figure 02#code}}", "the cell must show one picture, it shows 0"),
        ("{{figure 02#square half}}", "'half' must be two percentages of the width"),
        ("{{live 02#square}}", "the cell shows no live figure, or it was not collected"),
        ("{{exercise 2.99}}", "there is no exercise '2.99'; there are: 2.1"),
        ("{{exercise 2.2}}", "no cell of notebook 02 checks it"),
        (
            "{{mistakes 2.1 no such words}}",
            "must stand in one message, not 0; there are:\nThe weights multiply",
        ),
        ("{{mistakes 2.1 the}}", "'the' must stand in one message, not"),
        ("{{mistakes 2.1}}", "'' must stand in one message, not 0"),
    ],
)
def test_a_quote_of_nothing_says_what_there_is(quoted, quote, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        quoted.resolve(f"before {quote} after")


def test_a_long_line_of_a_task_goes_on_at_its_depth_and_tears_no_shape():
    shapes = '    """Queries (h, n, e) and the keys of all the tokens in the cache, K (h, N, e) -> logits."""'
    comment = "    # h heads; the last n of the N tokens of the text ask, and e is the width of one of the heads"
    assert quotes.narrow(f"def f(Q, K):\n{shapes}\n\n{comment}") == (
        "def f(Q, K):\n"
        '    """Queries (h, n, e) and the keys of all the tokens in the cache,\n'
        '    K (h, N, e) -> logits."""\n\n'
        "    # h heads; the last n of the N tokens of the text ask, and e is the width\n"
        "    # of one of the heads"
    )


def test_a_name_stands_once_in_a_notebook(tmp_path):
    twice = nbformat.v4.new_notebook(cells=[cell("same"), nbformat.v4.new_code_cell(metadata={"tags": ["quote-same"]})])
    nbformat.write(twice, tmp_path / "02_small.ipynb")
    with pytest.raises(ValueError, match="has the tag 'quote-same' twice"):
        quotes.quotable(tmp_path / "02_small.ipynb")


def shown(html: str) -> tuple[str, int, Image.Image]:
    alt, width, data = re.search(
        r'<img alt="([^"]*)" data-width="(\d+)" src="data:image/png;base64,([^"]+)">', html
    ).groups()
    return alt, int(width), Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_picture_loses_its_margin_and_keeps_its_words_and_its_scale(quoted):
    alt, width, picture = shown(quoted.resolve("{{figure 02#square}}"))
    assert alt == ALT
    assert picture.size == (100 + 2 * quotes.RIM, 100 + 2 * quotes.RIM)
    assert width == picture.width / 2  # two pixels of the picture for one of the notebook
    assert picture.convert("RGB").getpixel((quotes.RIM, quotes.RIM)) == (0, 0, 0)
    assert picture.convert("RGB").getpixel((quotes.RIM - 1, quotes.RIM)) == (255, 255, 255)


def test_a_part_of_a_picture_says_that_it_is_one(quoted):
    alt, width, picture = shown(quoted.resolve("{{figure 02#square 0-25}}"))
    assert alt == f"A part of this picture: {ALT}"
    assert picture.width == 50 + quotes.RIM  # the square begins at 50 and is cut at 100
    assert width == picture.width / 2


def test_a_live_figure_brings_its_page_its_title_and_its_picture(quoted):
    html = quoted.resolve("{{live 02#live}}")
    assert 'data-figure="02-live"' in html and 'data-title="A &amp; B"' in html
    assert shown(html)[0] == ALT
    page = quoted.pages["02-live"]
    assert "color-scheme: light" in page and '<body data-jp-theme-light="true" class="slide">' in page


def test_an_exercise_has_its_title_its_task_a_clock_and_the_first_hint(quoted):
    exercise = exercises.find("2.1")
    text = quoted.resolve("{{exercise 2.1}}")
    assert text.startswith(f"# Exercise 2.1: {exercise.title} <small>●○○</small>\n")
    assert '```python\ndef attend(Q):\n    """Rows."""\n```' in text
    assert f'data-minutes="{exercise.minutes}">{exercise.minutes}:00<' in text
    assert "\n* **Hint.** `Q @ K.T` holds all inner products." in text
    assert "```" not in quoted.resolve("{{exercise 2.1 bare}}")


def test_mistakes_come_in_the_order_asked_for(quoted):
    text = quoted.resolve("{{mistakes 2.1 multiplied by sqrt; weights multiply K}}")
    assert text.startswith(
        "# Common mistakes: attention with the exponential kernel\n\n- The scores are multiplied by sqrt(d\\_QK)"
    )
    assert "\n- The weights multiply K." in text


def test_words_of_the_registry_are_no_markup():
    assert quotes.escaped("a_b * c <d> `x_y` {e} $f$") == r"a\_b \* c \<d\> `x_y` \{e\} \$f\$"


def test_every_text_of_the_registry_can_be_quoted():
    """No message or hint holds a backtick alone, which would swallow what follows."""
    everything = [each for number in exercises.notebooks() for each in exercises.of_notebook(number)]
    assert len(everything) > 50 and isinstance(everything[0], Exercise)
    texts = [text for each in everything for text in (*each.hints, *(mistake.message for mistake in each.mistakes))]
    assert [text for text in texts if text.count("`") % 2] == []


def test_a_changed_number_changes_the_quote(quoted):
    before = quoted.resolve("{{number 02#numbers T = 2:}}")
    path = quoted.notebooks / "02_small.ipynb"
    path.write_text(path.read_text().replace("T = 2: 7", "T = 2: 8"))
    quotes.quotable.cache_clear()
    assert (before, quoted.resolve("{{number 02#numbers T = 2:}}")) == ("7", "8")
