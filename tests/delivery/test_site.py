"""The site that `make site` built, opened from its files in a browser that has no network."""

import importlib.util
import inspect
import pkgutil
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import conf
import formulas
import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import TimeoutError

import course_lib.reference
from course_lib.figures.motifs import THINGS

ROOT = Path(__file__).resolve().parents[2]
SITE, LIVE = ROOT / "build" / "site", ROOT / "build" / "live"
# Decks and figures have tests of their own.
PAGES = sorted(path.relative_to(SITE).as_posix() for place in ("", "*/") for path in SITE.glob(f"{place}*.html"))
PAGES = [name for name in PAGES if not name.startswith("slides/")]
NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
# Not scanned here: figures, whose frames answer to nobody (tests/browser does); the insides of formulas, hidden from
# screen readers in favour of MathML (their colours: tests/figures/test_motifs.py); folded sources, for their number.
AXE = {"iframes": False, "preload": False, "resultTypes": ["violations"]}
OUTSIDE = {"exclude": [[".katex"], ["details.source > div"]]}

# Formulas whose full stop begins the next line; code whose lines of up to 120 letters are cut; outputs that are cut.
PARTED = """() => [...document.querySelectorAll("span.formula")].filter((formula) => {
  const text = formula.nextSibling, parts = formula.querySelectorAll(".base");
  if (!(text instanceof Text) || !/^[.,;:!?)\\]]/.test(text.data) || !parts.length) return false;
  const range = document.createRange();
  range.setStart(text, 0);
  range.setEnd(text, 1);
  const stop = range.getBoundingClientRect();
  return stop.width > 0 && stop.left < parts[parts.length - 1].getBoundingClientRect().left;
}).map((formula) => formula.parentElement.textContent)"""
CUT = """() => [...document.querySelectorAll(".cell_input pre, .cell_output pre")].filter((pre) =>
  pre.scrollWidth > pre.clientWidth
  && (pre.closest(".cell_output") || pre.textContent.split("\\n").every((line) => line.length <= 120))
).map((pre) => pre.textContent)"""

each_page = pytest.mark.parametrize("name", PAGES)
each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS)
pytestmark = pytest.mark.browser


class Page(HTMLParser):
    """What the tests ask of a page without a browser: its ids, its links, its figures, and its prose."""

    VOID = {"meta", "link", "input", "img", "br", "hr", "wbr", "col", "source"}
    SILENT = {"script", "style", "code", "pre", "annotation", "title"}

    def __init__(self, path: Path):
        super().__init__()
        self.ids, self.links, self.figures, self.prose, self.open = set(), [], [], [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids.add(attrs.get("id"))
        self.links += [attrs[name] for name in ("href", "src", "data-page") if attrs.get(name)]
        if "data-page" in attrs:
            self.figures.append(attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, text):
        if not self.SILENT & set(self.open):
            self.prose.append(text)


@pytest.fixture(scope="session")
def parsed():
    return {name: Page(SITE / name) for name in PAGES}


@pytest.fixture
def open_page(open_page):
    """Open a page of the site. Fails the test, too, at any request beyond its files and at any warning."""
    wrong = []

    def opener(address, **options):
        page = open_page(**options)
        page.on("request", lambda sent: wrong.append(sent.url) if not sent.url.startswith(("file:", "data:")) else None)
        page.on("requestfailed", lambda sent: wrong.append(sent.url))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "warning" else None)
        path, _, rest = address.partition("?")
        page.goto((SITE / path).as_uri() + (f"?{rest}" if rest else ""))
        return page

    yield opener
    assert wrong == []


def mount_all(page) -> None:
    """Bring each figure into view, as a reader does who scrolls, and wait until it has said its height."""
    for place in page.locator(".live").all():
        place.scroll_into_view_if_needed()
        page.wait_for_function("(place) => place.classList.contains('mounted')", arg=place.element_handle())


def soon(frame, condition: str) -> bool:
    """Whether this comes to hold. A frame grows after it has said its height, and the page answers a moment later."""
    try:
        frame.wait_for_function(f"() => {condition}")
    except TimeoutError:
        return False
    return True


def serious(page, **options) -> list:
    found = Axe().run(page, context=OUTSIDE, options=AXE | options).response["violations"]
    return [
        (rule["id"], [node["html"][:200] for node in rule["nodes"][:3]])
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]


def test_there_is_a_page_for_each_notebook():
    assert {f"notebooks/{name}.html" for name in NOTEBOOKS} | {"index.html", "decks.html", "search.html"} <= set(PAGES)


def test_every_link_leads_to_a_file_of_the_site_and_to_a_place_in_it(parsed):
    wrong = []
    for name, page in parsed.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme in ("https", "mailto", "data"):
                continue
            target = (SITE / name).parent.joinpath(unquote(parts.path)).resolve() if parts.path else SITE / name
            known = parsed.get(target.relative_to(SITE).as_posix()) if target.is_relative_to(SITE) else None
            if not target.is_file() or (known and parts.fragment and unquote(parts.fragment) not in known.ids):
                wrong.append((name, link))
    assert wrong == []


@each_notebook
def test_links_to_notebooks_lead_to_pages(parsed, notebook):
    found = [link for link in parsed[f"notebooks/{notebook}.html"].links if link.endswith(".ipynb")]
    assert found == [f"{notebook}.ipynb"] and "download" in (SITE / f"notebooks/{notebook}.html").read_text()
    assert (SITE / "notebooks" / found[0]).read_bytes() == (ROOT / "notebooks" / found[0]).read_bytes()


@each_notebook
def test_every_figure_that_was_collected_has_its_place_and_its_name(parsed, notebook):
    figures = parsed[f"notebooks/{notebook}.html"].figures
    collected = {f"../live/{notebook}/{path.name.split('.')[0]}.html" for path in LIVE.glob(f"{notebook}/*.page.html")}
    assert {figure["data-page"] for figure in figures} == collected and len(figures) == len(collected)
    assert all(len(figure["data-title"]) > 5 for figure in figures)


@each_page
def test_no_formula_is_left_as_it_was_typed(parsed, name):
    prose = "".join(parsed[name].prose)
    assert re.findall(r".{0,30}(?:\$|\\(?:frac|textcolor|top|operatorname|mathbb)).{0,30}", prose) == []
    assert "katex-error" not in (SITE / name).read_text(encoding="utf-8")


def test_each_formula_of_a_notebook_is_there_for_screen_readers_too():
    text = (SITE / "notebooks" / "02_attention.html").read_text(encoding="utf-8")
    assert text.count('class="formula"') == text.count("<math ") == text.count('class="katex-html"') > 200


@each_page
def test_a_page_is_whole_offline_axe_finds_nothing_serious_and_it_fits_small_screens(open_page, name):
    page = open_page(name, color_scheme="light")
    mount_all(page)
    assert page.locator(".live.mounted iframe").count() == page.locator("[data-page]").count()
    assert [frame.url for frame in page.frames[1:] if not soon(frame, "document.querySelector('.clf button')")] == []
    whole = "document.documentElement.scrollHeight <= innerHeight + 1"
    assert [frame.url for frame in page.frames[1:] if not soon(frame, whole)] == []
    assert serious(page) == []
    assert page.evaluate(CUT) == []
    page.emulate_media(color_scheme="dark")
    assert serious(page, runOnly=["color-contrast"]) == []
    for width in (1340, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("() => document.documentElement.scrollWidth") == width
        assert page.evaluate(PARTED) == []


def test_a_figure_answers_and_follows_the_theme_of_the_page(open_page):
    page = open_page("index.html", color_scheme="null")  # any other would be told to the frame, too
    mount_all(page)
    figure = page.frames[1]
    before = figure.locator(".clf-readout").inner_text()
    figure.locator(".clf-try").click()
    figure.wait_for_function("(before) => document.querySelector('.clf-readout').innerText !== before", arg=before)
    assert figure.locator(".clf").get_attribute("data-theme") == "light"
    page.evaluate("() => { document.body.dataset.theme = 'dark'; }")
    figure.wait_for_selector(".clf[data-theme=dark]")


def test_a_figure_has_no_rights_of_the_page(open_page):
    page = open_page("index.html")
    mount_all(page)
    assert page.locator("iframe").get_attribute("sandbox") == "allow-scripts"
    assert page.locator("iframe").get_attribute("title") == page.locator(".live").get_attribute("data-title")
    assert page.frames[1].evaluate("() => self.origin") == "null"


def test_on_paper_and_without_scripts_the_still_picture_stands_for_the_figure(open_page):
    page = open_page("index.html")
    mount_all(page)
    assert page.locator("iframe").is_visible() and not page.locator(".live img").is_visible()
    page.emulate_media(media="print")
    assert not page.locator("iframe").is_visible() and page.locator(".live img").is_visible()
    assert open_page("index.html", java_script_enabled=False).locator(".live img").is_visible()


@each_notebook
def test_on_paper_no_formula_is_cut_and_nothing_lies_on_the_text(open_page, notebook):
    page = open_page(f"notebooks/{notebook}.html", viewport={"width": 703, "height": 1000})  # A4 within its margins
    page.emulate_media(media="print")
    cut = "(boxes) => boxes.filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.textContent)"
    assert page.locator("div.formula").evaluate_all(cut) == []
    assert not any(page.locator(name).is_visible() for name in (".skip-to-content", ".toc-drawer"))


def test_on_paper_a_long_list_may_go_on_on_the_next_page(open_page):
    page = open_page("reference/reference.html")
    page.emulate_media(media="print")
    assert page.locator("dl").first.evaluate("(list) => getComputedStyle(list).breakInside") == "auto"


def test_search_finds_a_word_from_a_file_and_leads_to_it(open_page):
    page = open_page("search.html?q=Nadaraya")
    link = page.locator("#search-results li a", has_text="02 Attention").first
    link.click()
    page.wait_for_url("**/02_attention.html*")
    page = open_page("search.html?q=streaming_attention")
    assert page.locator("#search-results a[href*='reference.attention.streaming_attention']").count() == 1


def test_the_page_of_the_search_has_a_heading_and_a_field_of_its_own(open_page):
    page = open_page("search.html")
    assert page.locator("h1").inner_text() == "Search"
    page.get_by_label("Search for").fill("Nadaraya")
    page.locator("article button").click()
    page.locator("#search-results li a", has_text="02 Attention").first.wait_for()


def test_who_comes_by_keyboard_sees_where_the_focus_is(open_page):
    page = open_page("notebooks/02_attention.html")
    page.locator(".sidebar-search").focus()
    assert page.locator(".sidebar-search").evaluate("(field) => getComputedStyle(field).outlineStyle") == "solid"
    page.set_viewport_size({"width": 390, "height": 800})
    for drawer in (".sidebar-drawer", ".toc-drawer"):
        page.locator(f"{drawer} a").nth(2).focus()
        page.wait_for_function(
            """(name) => {
              const box = document.querySelector(name).getBoundingClientRect();
              return box.left >= 0 && box.right <= innerWidth;
            }""",
            arg=drawer,
        )


def test_pictures_are_dimmed_on_dark_pages(open_page):
    page = open_page("notebooks/02_attention.html", color_scheme="dark")
    filtered = "(picture) => getComputedStyle(picture).filter"
    picture = page.locator(".cell_output img").first
    assert picture.evaluate(filtered) == "brightness(0.86)"
    page.emulate_media(color_scheme="light")
    assert picture.evaluate(filtered) == "none"


def test_the_guide_has_boxes_to_tick_and_links_to_notebooks_and_its_tables_stand_at_the_left(open_page):
    page = open_page("instructor.html")
    page.get_by_label("Run git restore notebooks").check()
    assert page.locator("li input[type=checkbox]").count() > 10 and page.get_by_text("[ ]").count() == 0
    assert page.locator("table").first.get_by_role("link", name="06 The KV cache").count() == 1
    left = page.locator("article p").first.bounding_box()["x"]
    assert {round(table.bounding_box()["x"] - left) for table in page.locator("table").all()} == {0}


def test_columns_of_sentences_stay_readable_on_small_screens(open_page):
    page = open_page("instructor.html", viewport={"width": 390, "height": 800})
    table = page.locator("table", has_text="what the check says").first
    assert table.locator("td").last.bounding_box()["width"] > 200


def test_a_widget_that_needs_python_says_so(parsed):
    assert "Run this cell in JupyterLab to see what it shows." in "".join(parsed["notebooks/00_start_here.html"].prose)


def test_collapsed_cells_are_folded_under_what_they_do(open_page):
    page = open_page("notebooks/02_attention.html")
    first = page.locator("details.hide").first
    assert first.get_attribute("open") is None
    assert (
        first.locator("summary").inner_text()
        == "Code: Draws the matrices above so that each product is aligned with its factors."
    )


def test_open_exercises_are_shown_as_they_are(open_page):
    page = open_page("notebooks/02_attention.html")
    assert page.get_by_text("not attempted yet").count() == 7
    assert page.locator("pre", has_text='check("2.1", attend)').is_visible()


def test_every_public_function_of_the_reference_is_described():
    ids = Page(SITE / "reference" / "reference.html").ids
    names = {module.name for module in pkgutil.iter_modules(course_lib.reference.__path__)}
    modules = [importlib.import_module(f"course_lib.reference.{name}") for name in names]
    own = [
        f"{module.__name__}.{name}"
        for module in modules
        for name, value in vars(module).items()
        if (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == module.__name__
        and name[0] != "_"
        and value.__doc__
    ]
    assert len(own) > 80 and set(own) <= ids


def test_no_function_of_the_reference_is_without_a_text(parsed):
    pages = [name for name in parsed if name.startswith("reference/")]
    empty = r'<dl class="py function">(?:(?!<dl|<dd>).)*<dd>\s*<details'
    assert [name for name in pages if re.search(empty, (SITE / name).read_text(encoding="utf-8"), re.DOTALL)] == []


def test_a_shape_and_an_error_stand_in_the_reference(open_page):
    entry = open_page("reference/reference.html").locator(
        "[id='course_lib.reference.attention.attention_weights'] + dd"
    )
    assert "Raises ValueError for widths that differ" in entry.inner_text()
    assert "'... n d'" in entry.locator("xpath=preceding-sibling::dt").inner_text()
    assert not entry.locator("details.source pre").is_visible()
    entry.locator("summary").click()
    assert "def attention_weights(" in entry.locator("details.source pre").inner_text()


def test_formulas_take_the_colour_of_the_theme():
    text = (SITE / "notebooks" / "02_attention.html").read_text(encoding="utf-8")
    assert "color:var(--motif-Q);" in text and f"color:{THINGS['Q'].either};" not in text
    assert f"--motif-Q: {THINGS['Q'].dark};" in text


def test_launch_buttons_come_from_one_setting():
    names = dict(conf.launchers("https://github.com/someone/course/", "notebooks/02_attention.ipynb"))
    assert names["Open in Colab"] == (
        "https://colab.research.google.com/github/someone/course/blob/main/notebooks/02_attention.ipynb"
    )
    assert names["Open on Binder"].endswith("/v2/gh/someone/course/main?labpath=notebooks%2F02_attention.ipynb")
    assert conf.launchers("", "notebooks/02_attention.ipynb") == []
    with pytest.raises(
        ValueError, match="COURSE_REPOSITORY must begin with https://github.com/, got 'https://x.org/a/b'"
    ):
        conf.launchers("https://x.org/a/b", "notebooks/02_attention.ipynb")


@pytest.fixture
def built(tmp_path):
    """Build a site of one notebook page with this Markdown, as docs/conf.py says; Sphinx's result and the page."""

    def builder(text, *options):
        (tmp_path / "notebooks").mkdir()
        (tmp_path / "index.md").write_text("# Home\n\n```{toctree}\nnotebooks/one\n```\n")
        node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(f"# One\n\n{text}")])
        nbformat.write(node, tmp_path / "notebooks" / "one.ipynb")
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "-c", ROOT / "docs", *options]
        done = subprocess.run([*command, tmp_path, tmp_path / "out"], capture_output=True, text=True)
        return done, tmp_path / "out" / "notebooks" / "one.html"

    return builder


def test_with_the_setting_a_page_has_its_buttons(built):
    done, page = built("Text.", "-D", "course_repository=https://github.com/someone/course")
    assert done.returncode == 0, done.stderr
    hrefs = [link for link in Page(page).links if "someone" in link]
    assert hrefs == [
        "https://colab.research.google.com/github/someone/course/blob/main/notebooks/one.ipynb",
        "https://mybinder.org/v2/gh/someone/course/main?labpath=notebooks%2Fone.ipynb",
    ]


@pytest.mark.parametrize(
    "text, reason",
    [
        (r"$\frac{1}$", "KaTeX parse error"),
        ("[02](02_attention.ipynb)", "02_attention.ipynb"),
        ("[](#no-such)", "no-such"),
    ],
)
def test_a_formula_or_a_link_that_is_wrong_stops_the_build(built, text, reason):
    done, _ = built(text)
    assert done.returncode != 0 and reason in done.stderr


@each_notebook
def test_without_the_setting_only_the_download_is_offered(notebook):
    assert conf.COURSE_REPOSITORY == ""
    text = (SITE / f"notebooks/{notebook}.html").read_text(encoding="utf-8")
    assert "colab" not in text and "mybinder" not in text and text.count("Download the notebook") == 1


def test_a_formula_that_cannot_be_set_is_an_error_with_its_reason():
    katex = formulas.Katex()
    assert "<math " in katex.html("x^2", False)
    with pytest.raises(ValueError, match="KaTeX parse error: .*frac"):
        katex.html(r"\frac{1}", True)
    katex.close()


@pytest.fixture
def tool():
    """tools/site.py. Python has a module `site` of its own, so that this one cannot be imported by its name."""
    spec = importlib.util.spec_from_file_location("site_tool", ROOT / "tools" / "site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_node_nothing_is_built_and_a_sentence_says_so(tool, monkeypatch):
    monkeypatch.setenv("PATH", "")
    tool.node.cache_clear()
    with pytest.raises(SystemExit, match="^Node and npm are needed"):
        tool.main()
    tool.node.cache_clear()


def test_a_formula_stays_one_whose_lines_look_like_a_list(tool, tmp_path, monkeypatch):
    cells = [nbformat.v4.new_markdown_cell("Then $a\n- b$ and $$c\n- d$$ and\n- an item")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "11_new.ipynb")
    (cell,) = tool.with_figures(tmp_path / "11_new.ipynb").cells
    assert cell.source == "Then $a - b$ and $$c - d$$ and\n- an item"


def test_papers_and_other_notebooks_are_links_and_the_end_of_a_proof_stays_with_it(tool, tmp_path):
    text = "Notebook 04, [notebook 05](05_transformer.ipynb), notebook\n02 (BERT, arXiv\n1810.04805). $\\square$"
    cells = [nbformat.v4.new_markdown_cell(text)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "11_new.ipynb")
    (cell,) = tool.with_figures(tmp_path / "11_new.ipynb").cells
    assert cell.source == (
        "[Notebook 04](04_positions.ipynb), [notebook 05](05_transformer.ipynb), [notebook\n02](02_attention.ipynb) "
        "(BERT, [arXiv 1810.04805](https://arxiv.org/abs/1810.04805)).\xa0□"
    )
    own = tool.with_neighbours("notebook 04", tool.NOTEBOOKS / "04_positions.ipynb")
    assert own == "notebook 04"


def test_decks_are_listed_with_their_pdf_as_far_as_they_were_built(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "SLIDES", tmp_path)
    assert tool.decks().startswith("This site was built without decks.")
    (tmp_path / "02_attention.html").write_text("<title>Attention</title>")
    (tmp_path / "02_attention.pdf").touch()
    (tmp_path / "04_positions.html").write_text("<p>no title")
    (tmp_path / "04_under_its_old_name.html").touch()
    assert tool.decks().splitlines() == [
        '- <a href="slides/02_attention.html">02 Attention</a> (<a href="slides/02_attention.pdf">PDF with notes</a>)',
        '- <a href="slides/04_positions.html">04_positions</a>',
    ]
    monkeypatch.setattr(tool, "NEXT", tmp_path / "next")
    tool.add_decks()
    taken = {path.name for path in (tmp_path / "next" / "slides").iterdir()}
    assert taken == {"02_attention.html", "02_attention.pdf", "04_positions.html"}
