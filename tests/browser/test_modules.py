"""The JavaScript files as they stand, with their import lines, do what the one module does."""

import pytest

from course_lib.widgets import modules, page

pytestmark = pytest.mark.browser

ORIGIN = "http://figure.test/"
MOUNT = """async ([url, json]) => {
  const { mount } = await import(url);
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const revive = (_, v) => v?.$bytes === undefined ? v : bytes(v.$bytes);
  mount(document.body, JSON.parse(json, revive), () => {});
}"""


def serve(route):
    name = route.request.url.removeprefix(ORIGIN)
    text = (modules.STATIC / name).read_text(encoding="utf-8") if name else "<!doctype html><title>Modules</title>"
    route.fulfill(body=text, content_type="text/javascript" if name else "text/html")


def test_an_editor_and_a_browser_follow_the_imports(cls, open_page, mount, tokens, walk):
    figure = cls.example(tokens)
    native = open_page(offline=False)
    native.route(f"{ORIGIN}**", serve)
    native.goto(ORIGIN)
    native.add_style_tag(content=figure._css)
    native.evaluate(MOUNT, [f"{ORIGIN}{cls.entry}.js", page.to_json(figure.state())])
    opened = mount(figure)
    for each in (native, opened):
        walk(each, cls)
    assert native.locator(".clf").inner_text() == opened.locator(".clf").inner_text()
