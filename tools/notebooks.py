"""Run notebooks in place and write their text pairs: python tools/notebooks.py [PREFIX ...].

notebooks/NN_name.ipynb and notebooks/text/NN_name.md hold the same cells; the one edited last is run. Saved
widget state, cell timings and the patch version of Python are left out: they change at each run and teach nothing.
"""

import sys
import time
from pathlib import Path

import jupytext
import nbformat
from notebook_kernels import NOTEBOOKS as FOLDER
from notebook_kernels import client

from course_lib.files import write_atomically

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python", "pygments_lexer": "ipython3"}


def latest(notebook: Path, pair: Path) -> Path:
    """The notebook or its text pair, whichever was edited last."""
    newer = not notebook.exists() or (pair.exists() and pair.stat().st_mtime > notebook.stat().st_mtime)
    return pair if newer else notebook


def read(source: Path) -> nbformat.NotebookNode:
    """A notebook, or a text as one, with ids of cells by their place."""
    node = jupytext.read(source) if source.suffix == ".md" else nbformat.read(source, as_version=4)
    node.nbformat, node.nbformat_minor = 4, 5
    for number, cell in enumerate(node.cells):  # ids by place: a second run changes nothing
        cell.id = f"cell-{number:03d}"
    node.metadata = nbformat.from_dict({"kernelspec": KERNEL})
    return node


def run(name: str) -> None:
    notebook, pair = FOLDER / f"{name}.ipynb", FOLDER / "text" / f"{name}.md"
    source = latest(notebook, pair)
    print(f"{notebook.name}, from {source.relative_to(FOLDER)}: ", end="", flush=True)
    node, start = read(source), time.perf_counter()
    # How printed text is cut into pieces depends on the speed of the machine.
    client(node, FOLDER, record_timing=False, coalesce_streams=True).execute()
    node.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE})
    write_atomically(notebook, nbformat.writes(node).encode())
    text = nbformat.from_dict({**node, "metadata": {"kernelspec": KERNEL}})
    write_atomically(pair, jupytext.writes(text, fmt="md").encode())
    seconds, kilobytes = time.perf_counter() - start, notebook.stat().st_size / 1000
    print(f"{seconds:.0f} s, {kilobytes:.0f} kB", flush=True)


def main(prefixes: list[str]) -> None:
    names = sorted({path.stem for pattern in ("*.ipynb", "text/*.md") for path in FOLDER.glob(pattern)})
    chosen = [name for name in names if not prefixes or name.startswith(tuple(prefixes))]
    if not chosen:
        sys.exit(f"No notebook of {', '.join(names) or FOLDER} begins with {' or '.join(prefixes) or 'anything'}.")
    for name in chosen:
        run(name)


if __name__ == "__main__":
    main(sys.argv[1:])
