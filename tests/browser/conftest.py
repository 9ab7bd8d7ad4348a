"""Pages of figures; Chromium itself is in tests/conftest.py."""

import pytest

from course_lib.widgets import FIGURES, page

MOUNT = """async ([source, css, json]) => {
  document.head.append(Object.assign(document.createElement("style"), { textContent: css }));
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const { mount } = await import(url);
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const revive = (_, v) => v?.$bytes === undefined ? v : bytes(v.$bytes);
  const el = document.body.appendChild(document.createElement("div"));
  const mine = [];
  window.changes.push(mine);
  window.handles.push(mount(el, JSON.parse(json, revive), (change) => mine.push(change)));
}"""


@pytest.fixture(params=FIGURES, ids=lambda cls: cls.__name__)
def cls(request):
    """Every interactive figure."""
    return request.param


@pytest.fixture(scope="session")
def room():
    """Pixels that a figure has in JupyterLab on a screen of 1280 x 720, with the file browser open."""
    return {"width": 820, "height": 640}


@pytest.fixture
def tokens():
    return "the cat that we saw on the mat".split()


@pytest.fixture
def hostile():
    """Tokens that a page may take for something else than text."""
    return ["<script>alert(1)</script>", "&lt;", "שלום עולם", "👩‍🚀", "", "<img src=x onerror=alert(1)>", "long" * 30]


@pytest.fixture
def walk():
    """Take a figure's walk by keyboard."""

    def taker(opened, cls):
        for key in cls.walk.keys.split():
            opened.keyboard.press(key)

    return taker


@pytest.fixture(scope="session")
def laid_out():
    """Wait until the next frame is painted: what follows a change of size is laid out by then."""

    def waiter(opened):
        opened.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)))")

    return waiter


@pytest.fixture(scope="session")
def resize(laid_out):
    """Give a page another width, and wait until it is laid out for that."""

    def resizer(opened, width):
        opened.set_viewport_size({"width": width, "height": 800})
        opened.wait_for_function("(width) => innerWidth === width", arg=width)
        laid_out(opened)

    return resizer


@pytest.fixture
def open_figure(open_page, tmp_path):
    """Open the page of a figure."""

    def opener(figure, **options):
        opened = open_page(figure.save(tmp_path / "figure.html").as_uri(), **options)
        opened.wait_for_selector(".clf")
        return opened

    return opener


@pytest.fixture
def mount(open_page):
    """Mount figures into a bare page as a test host does; their changes are collected in window.changes."""

    def mounter(*figures, **options):
        opened = open_page(**options)
        opened.evaluate("() => { window.changes = []; window.handles = []; }")
        for figure in figures:
            opened.evaluate(MOUNT, [figure._esm, figure._css, page.to_json(figure.state())])
        return opened

    return mounter
