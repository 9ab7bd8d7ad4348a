"""The README and notebook 00 list every notebook, with the minutes that its opening states; and the README's strip."""

import re
from pathlib import Path

import nbformat
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STRIPS = sorted((ROOT / "docs").glob("*.webp"))


def cells(path: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


def stated(path: Path) -> tuple[str, str]:
    """Minutes of a sitting and of the core path, from a notebook's opening."""
    opening = " ".join(cells(path)[0].split())
    return re.search(r"\*(\d+) minutes", opening)[1], re.search(r"(\d+) minutes? for the core path", opening)[1]


def test_the_tour_lists_every_notebook_with_its_minutes():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tour = re.findall(r"^\| `(\d\d_\w+)` \| (\d+) \|", readme, flags=re.MULTILINE)
    assert tour == [(path.stem, stated(path)[0]) for path in NOTEBOOKS]


def test_the_map_lists_every_notebook_with_its_minutes():
    rows = re.findall(r"^\| \[?(\d\d) (.*) \| (\d+) \| (\d+) \|$", "\n".join(cells(NOTEBOOKS[0])), flags=re.MULTILINE)
    links = [re.findall(r"\]\((\w+)\.ipynb\)", row[1]) for row in rows]
    assert [(row[0], *row[2:]) for row in rows] == [(path.stem[:2], *stated(path)) for path in NOTEBOOKS]
    assert links == [[], *[[path.stem] for path in NOTEBOOKS[1:]]]


def test_the_readme_shows_a_strip_for_light_and_one_for_dark_pages():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"docs/[\w.-]+", readme)
    assert sorted(shown) == [f"docs/{path.name}" for path in STRIPS] and len(STRIPS) == 2
    assert re.search(r'prefers-color-scheme: dark\)" srcset="docs/\w+-dark\.webp"', readme)


@pytest.mark.parametrize("path", STRIPS, ids=lambda path: path.stem)
def test_a_strip_moves_stops_and_is_small(path):
    with Image.open(path) as strip:
        assert strip.width / strip.height == pytest.approx(830 / 360, rel=0.01) and strip.width >= 830
        assert strip.n_frames > 1 and strip.info["loop"] > 0, "a strip that never stops distracts readers"
    assert path.stat().st_size < 600_000
