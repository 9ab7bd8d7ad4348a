"""Collect the live figures of the notebooks as pages: python tools/collect.py [PREFIX ...].

Decks and site take text, stills and numbers from the committed notebooks. A live figure needs its objects, so the cells
that show one run once more, with those that they need. `build/live/NN_name/CELL.{page,slide}.html` is the figure that
the cell with the id CELL shows. The file `key` beside them has a hash of what they were made from: while it is the
same, nothing runs again.
"""

import hashlib
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import nbformat
from cells import code_cells, for_figures
from notebook_kernels import all_notebooks, client

from course_lib.files import write_atomically

ROOT = Path(__file__).resolve().parent.parent
LIVE = ROOT / "build" / "live"
LAYOUTS = ("page", "slide")
MIME = "application/x-course-figure+json"
# Runs in the notebook's kernel before its first cell: a figure that is shown also hands out its pages.
HANDS_OUT_PAGES = f"""
from course_lib.widgets.base import InteractiveFigure

def _with_pages(figure, shown=InteractiveFigure._repr_mimebundle_, **options):
    view, metadata = shown(figure, **options)
    return view | {{{MIME!r}: {{layout: figure.to_html(layout) for layout in {LAYOUTS!r}}}}}, metadata

InteractiveFigure._repr_mimebundle_ = _with_pages
"""
# Which the numbers, the pages and the stills in them depend on.
PACKAGES = ("anywidget", "matplotlib", "numpy", "pillow", "torch")


def collect(notebook: Path) -> Path:
    """Collect the live figures of one notebook and return their folder. The notebook runs only if something changed."""
    folder, key = LIVE / notebook.stem, made_from(notebook)
    if not (folder / "key").exists() or (folder / "key").read_text() != key:
        shutil.rmtree(folder, ignore_errors=True)
        for cell, pages in figures(notebook).items():
            for layout, html in pages.items():
                write_atomically(folder / f"{cell}.{layout}.html", html.encode())
        write_atomically(folder / "key", key.encode())  # the last file: a run that was cut short counts for nothing
    return folder


def made_from(notebook: Path) -> str:
    """A hash of the notebook's code, of course_lib and of the packages behind its numbers and pictures."""
    node = nbformat.read(notebook, as_version=4)
    parts = [f"{cell.id} {cell.source}".encode() for cell in node.cells if cell.cell_type == "code"]
    for path in sorted((ROOT / "course_lib").rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            parts += [str(path.relative_to(ROOT)).encode(), path.read_bytes()]
    parts += [f"{name} {version(name)}".encode() for name in PACKAGES]
    return hashlib.sha256(b"\0".join([HANDS_OUT_PAGES.encode(), *parts])).hexdigest()


def figures(notebook: Path) -> dict[str, dict[str, str]]:
    """Run what a notebook's live figures need. Returns id of a cell -> layout -> page, for each that shows one.

    Raises nbclient's error when a cell fails, and ValueError when a cell shows several figures.
    """
    node = nbformat.read(notebook, as_version=4)
    nodes = code_cells(node)
    needed = [nodes[i] for i in for_figures(nodes)]
    if not needed:
        return {}
    node.cells = [nbformat.v4.new_code_cell(HANDS_OUT_PAGES, id="hands-out-pages"), *needed]
    client(node).execute()
    shown = {}
    for cell in node.cells:
        pages = [output.data[MIME] for output in cell.get("outputs", []) if MIME in output.get("data", {})]
        if len(pages) > 1:
            raise ValueError(f"{notebook.name}, {cell.id} shows {len(pages)} figures; a deck can quote only one")
        if pages:
            shown[cell.id] = pages[0]
    return shown


def collected(notebook: Path) -> str:
    start = time.perf_counter()
    count = len([*collect(notebook).glob("*.page.html")])
    return f"{notebook.name}: {count} live figures, {time.perf_counter() - start:.0f} s"


def main(prefixes: list[str]) -> None:
    with ThreadPoolExecutor(2) as pool:  # two kernels: more would share the two cores of the machines this is made for
        for line in pool.map(collected, all_notebooks(prefixes)):
            print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
