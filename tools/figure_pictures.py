"""Pictures of an interactive figure, to look at: python tools/figure_pictures.py MODULE:CLASS FOLDER.

At rest and in use (after the figure's walk by keyboard), light and dark, 1280 and 800 pixels wide.
"""

import importlib
import sys
import tempfile
from pathlib import Path

from course_lib.bench.browser import new_page, running_chromium

TOKENS = "the cat that we saw on the mat was asleep".split()


def take(figure, folder: Path, browser) -> None:
    name = type(figure).__name__
    with tempfile.TemporaryDirectory() as place:
        url = figure.save(Path(place) / "figure.html").as_uri()
        for width in (1280, 800):
            for theme in ("light", "dark"):
                look = {"viewport": {"width": width, "height": 800}, "color_scheme": theme, "reduced_motion": "reduce"}
                with new_page(browser, **look) as page:
                    page.goto(url)
                    page.wait_for_selector(".clf")
                    for state, keys in (("rest", ()), ("use", figure.walk.keys)):
                        for key in keys:
                            page.keyboard.press(key)
                        path = folder / f"{name}-{state}-{theme}-{width}.png"
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
