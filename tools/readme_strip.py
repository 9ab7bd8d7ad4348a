"""Make the moving strip at the top of the README: python tools/readme_strip.py [FOLDER], docs unless named.

The script takes pictures of an interactive figure while arrow keys move its slider, 830 by 376 pixels, light and dark,
and writes temperature-light.webp and temperature-dark.webp. Run it again when the figure has changed, and look at both.
"""

import io
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from course_lib.bench.browser import new_page, running_chromium
from course_lib.files import write_atomically
from course_lib.widgets import SoftmaxTemperature

WIDTH, HEIGHT = 830, 376  # of the strip, in CSS pixels
PAGE_WIDTH = 940  # of the page that is taken, in its own CSS pixels: wide enough for two plots and not too high
DENSITY = 1.5  # pixels stored for each CSS pixel of the strip
MAX_BYTES = 600_000
MOVES = ("ArrowRight", 12), ("ArrowLeft", 20), ("ArrowRight", 8)  # from T = 1 to the root of d, to 1/4, and back to 1
STEP, PAUSE = 130, 1500  # milliseconds that a picture stays, under way and at the end of a move
PLAYS = 3
# Left out of the strip: titles, buttons and the lines below, which are for those who operate the figure.
STYLE = "h1, .clf-head, .clf-steps, .clf-help, .clf-caption { display: none !important; } main { margin-top: -24px; }"


def figure() -> SoftmaxTemperature:
    """Notebook 02's figure: one query and 16 random keys of width 64, at temperature 1."""
    rng = np.random.default_rng(7)
    return SoftmaxTemperature(rng.normal(size=256), rng.normal(size=(16, 256)))


def pictures(url: str, theme: str, browser) -> tuple[list[Image.Image], list[int]]:
    """The figure after each press of a key, and how long each picture stays."""
    size, scale = {"width": PAGE_WIDTH, "height": PAGE_WIDTH}, WIDTH / PAGE_WIDTH
    with new_page(browser, viewport=size, device_scale_factor=DENSITY * scale, color_scheme=theme) as page:
        page.goto(url)
        page.wait_for_selector(".clf")
        page.add_style_tag(content=STYLE)
        page.get_by_role("slider", name="Temperature").focus()
        clip = {"x": 0, "y": 0, "width": PAGE_WIDTH, "height": HEIGHT / scale}
        frames, stays = [page.screenshot(clip=clip)], [PAUSE]
        for key, times in MOVES:
            for _ in range(times):
                page.keyboard.press(key)
                frames.append(page.screenshot(clip=clip))
                stays.append(STEP)
            stays[-1] = PAUSE
    return [Image.open(io.BytesIO(frame)).convert("RGB") for frame in frames], stays


def write(path: Path, frames: list[Image.Image], stays: list[int]) -> None:
    """Write one moving picture without loss. If it is too large for a first screen, raises ValueError instead."""
    (first, *others), file = frames, io.BytesIO()
    moving = {"save_all": True, "append_images": others, "duration": stays, "loop": PLAYS}
    first.save(file, "WEBP", **moving, lossless=True, quality=100, method=6)
    data = file.getvalue()
    if len(data) > MAX_BYTES:
        raise ValueError(f"{path} must have at most {MAX_BYTES} bytes, got {len(data)}")
    write_atomically(path, data)
    print(f"{path}: {len(frames)} pictures, {len(data) / 1000:.0f} kB")


def main(folder: str = "docs") -> None:
    with tempfile.TemporaryDirectory() as place, running_chromium() as browser:
        url = figure().save(Path(place) / "figure.html").as_uri()
        for theme in ("light", "dark"):
            write(Path(folder) / f"temperature-{theme}.webp", *pictures(url, theme, browser))


if __name__ == "__main__":
    main(*sys.argv[1:])
