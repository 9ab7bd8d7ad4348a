"""The README and notebook 00 list every notebook (test_exercises.py compares minutes), and the README's strip."""

import re
from pathlib import Path

import nbformat
import pytest
import readme_strip
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STRIPS = sorted((ROOT / "docs").glob("*.webp"))


def cells(path: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


def core_minutes(path: Path) -> str:
    """Minutes of the core path, from a notebook's opening."""
    return re.search(r"(\d+) minutes? for the core path", " ".join(cells(path)[0].split()))[1]


def test_the_tour_lists_every_notebook():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\d\d_\w+)` \|", readme, flags=re.MULTILINE) == [path.stem for path in NOTEBOOKS]


def test_the_map_links_every_notebook_and_states_its_core_path():
    rows = re.findall(r"^\| \[?(\d\d) (.*) \| (\d+) \| \d+ \|$", "\n".join(cells(NOTEBOOKS[0])), flags=re.MULTILINE)
    links = [re.findall(r"\]\((\w+)\.ipynb\)", middle) for _, middle, _ in rows]
    assert links == [[], *[[path.stem] for path in NOTEBOOKS[1:]]]
    assert [(number, core) for number, _, core in rows] == [(path.stem[:2], core_minutes(path)) for path in NOTEBOOKS]


def test_the_readme_shows_a_strip_for_light_and_one_for_dark_pages():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"docs/[\w.-]+\.webp", readme)
    assert sorted(shown) == [f"docs/{path.name}" for path in STRIPS] and len(STRIPS) == 2
    assert re.search(r'prefers-color-scheme: dark\)" srcset="docs/\w+-dark\.webp"', readme)


@pytest.mark.parametrize("path", STRIPS, ids=lambda path: path.stem)
def test_a_strip_moves_stops_and_is_small(path):
    with Image.open(path) as strip:
        # A strip: the commands below it stay in sight.
        assert strip.width >= 830 and 345 <= strip.height * 830 / strip.width <= 380
        assert strip.n_frames > 1 and strip.info["loop"] > 0, "a strip that never stops distracts readers"
    assert path.stat().st_size < 600_000


def test_a_strip_that_is_too_large_is_not_written(tmp_path, monkeypatch):
    path, frames = tmp_path / "strip.webp", [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    readme_strip.write(path, frames, [10, 20])
    before = path.read_bytes()
    with Image.open(path) as strip:
        assert strip.n_frames == 2 and strip.info["loop"] == readme_strip.PLAYS
    monkeypatch.setattr(readme_strip, "MAX_BYTES", 1)
    with pytest.raises(ValueError, match="must have at most 1 bytes"):
        readme_strip.write(path, frames[::-1], [10, 20])
    assert path.read_bytes() == before


def test_the_numbers_under_the_strip_are_the_figures():
    """`alt` of the README's picture says how many keys are looked at, at temperature 1 and at the root of the width."""
    figure = readme_strip.figure()
    found = []
    for figure.temperature in (1, 8):
        found.append(f"{figure.keys_looked_at:.1f}")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert figure.widths[figure.width] == 64 and re.findall(r"([\d.]+) keys are\s+looked at", readme) == found
