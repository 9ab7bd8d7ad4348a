"""Build the decks, as one HTML file and one PDF each: python tools/decks.py [PREFIX ...].

A deck is `slides/NN_name.md` (tools/deck_text.py) with quotes (tools/quotes.py); Marp lays it out.
`build/slides/NN_name.html` needs no other file; `build/slides/NN_name.pdf` has the notes, and stills for live figures.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import collect
import quotes
from deck_text import Deck, markdown, read
from node import node, packages

from course_lib.bench.browser import MISSING, find_chromium
from course_lib.files import write_atomically

ROOT = Path(__file__).resolve().parent.parent
SLIDES, BUILT = ROOT / "slides", ROOT / "build" / "slides"
DECKS = "[0-9][0-9]_*.md"
PDF = ("--pdf", "--pdf-outlines", "--pdf-outlines.pages=false", "--pdf-notes")


def with_scripts(page: str, deck: Deck, pages: dict[str, str]) -> str:
    """Marp's page with the live figures and the script that shows them."""
    data = {"minutes": [each.minutes for each in deck.slides], "firstBackup": len(deck.counted), "pages": pages}
    style, script = ((SLIDES / f"present.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    text = json.dumps(data, sort_keys=True).replace("<", "\\u003c")
    added = f'<script type="application/json" id="course-deck">{text}</script>\n<script type="module">{script}</script>'
    head, _, _ = page.rpartition("</body>")
    return f"{head.replace('</head>', f'<style>{style}</style></head>', 1)}{added}</body></html>\n"


def marp(folder: Path, *options: str) -> None:
    """Run Marp on all Markdown of a folder; its results lie beside it. Exits with Marp's message if it fails."""
    variables = os.environ | {"CHROME_PATH": find_chromium() or ""}
    script, config = packages() / "@marp-team" / "marp-cli" / "marp-cli.js", SLIDES / "marp.config.mjs"
    command = [node(), script, "--no-stdin", "-c", config, "--input-dir", folder, "--output", folder, *options]
    quiet = {"stdin": subprocess.DEVNULL, "capture_output": True, "encoding": "utf-8", "errors": "replace"}
    shown = subprocess.run(command, cwd=SLIDES, env=variables, **quiet)
    if shown.returncode:
        said = " ".join(shown.stderr.split()).rpartition("[ ERROR ] ")[2]  # Marp breaks lines for a terminal
        sys.exit(f"Marp could not build the decks: {said}")


def build(paths: list[Path], folder: Path = BUILT) -> None:
    """Build these decks as HTML and PDF. Exits if a tool is missing. Raises ValueError for a fault in a deck."""
    node()
    if find_chromium() is None:
        sys.exit(f"The PDFs need Chromium: {MISSING}.")
    decks = list(map(read, paths))
    collect_for(decks)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        work, live = Path(name), {}
        for deck in decks:
            quoted = quotes.Quotes()
            (work / f"{deck.name}.md").write_text(markdown(deck, quoted), encoding="utf-8")
            live[deck] = quoted.pages
        marp(work)
        for deck, pages in live.items():
            page = (work / f"{deck.name}.html").read_text(encoding="utf-8")
            write_atomically(folder / f"{deck.name}.html", with_scripts(page, deck, pages).encode())
        marp(work, *PDF)
        for deck in decks:
            (work / f"{deck.name}.pdf").replace(folder / f"{deck.name}.pdf")


def collect_for(decks: list[Deck]) -> None:
    """Collect the live figures that the decks quote, unless their pages are there already."""
    quoted = [quote for deck in decks for slide in deck.slides for quote in quotes.QUOTE.findall(slide.text)]
    numbers = sorted({target[:2] for kind, target, _ in quoted if kind == "live"})
    if numbers:
        collect.main(numbers)


def main(prefixes: list[str]) -> None:
    paths = [path for path in sorted(SLIDES.glob(DECKS)) if path.name.startswith(tuple(prefixes) or "")]
    if not paths:
        sys.exit(f"No deck of {SLIDES} begins with {' or '.join(prefixes)}.")
    try:
        build(paths)
    except ValueError as error:
        sys.exit(f"A deck cannot be built: {error}")
    for path in paths:
        page = BUILT / f"{path.stem}.html"
        print(f"{page.relative_to(ROOT)}: {page.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
