"""Take pictures of an interactive figure, to look at: python tools/figure_pictures.py MODULE:CLASS FOLDER.

They show it at rest and in use (after the figure's walk by keyboard), light and dark, 1280, 820 and 390 pixels wide,
and as on a slide.
"""

import importlib
import itertools
import sys
import tempfile
from pathlib import Path

from course_lib.bench.browser import new_page, running_chromium

TOKENS = "the cat that we saw on the mat was asleep".split()


SIZES = {"1280": (1280, 800), "820": (820 + 32, 672), "390": (390, 844), "slide": (1184, 560)}  # 32: the page's margins


def take(figure, folder: Path, browser) -> None:
    with tempfile.TemporaryDirectory() as place:
        for size, theme in itertools.product(SIZES, ("light", "dark")):
            layout = "slide" if size == "slide" else "page"
            url = figure.save(Path(place) / f"{layout}.html", layout=layout).as_uri()
            width, height = SIZES[size]
            look = {"viewport": {"width": width, "height": height}, "color_scheme": theme, "reduced_motion": "reduce"}
            with new_page(browser, **look) as page:
                page.goto(url)
                page.wait_for_selector(".clf")
                for state, keys in (("rest", []), ("use", figure.walk.keys.split())):
                    for key in keys:
                        page.keyboard.press(key)
                    path = folder / f"{type(figure).__name__}-{state}-{theme}-{size}.png"
                    page.screenshot(path=path, full_page=True)
                    print(path)


def main(name: str, folder: str) -> None:
    module, _, cls = name.partition(":")
    figure = getattr(importlib.import_module(module), cls).example(TOKENS)
    Path(folder).mkdir(parents=True, exist_ok=True)
    with running_chromium() as browser:
        take(figure, Path(folder), browser)


if __name__ == "__main__":
    main(*sys.argv[1:])
