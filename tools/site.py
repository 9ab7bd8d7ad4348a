"""Build the course as a static site: python tools/site.py. It works from a file and offline.

Text and outputs are those of the committed notebooks, the live figures those that tools/collect.py has collected, the
decks those in build/slides. Sphinx reads what is assembled in build/site-source; build/site appears whole or not at all.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import reference_pages
from collect import LIVE, NOTEBOOKS, all_notebooks

from course_lib.files import write_atomically

ROOT = Path(__file__).resolve().parent.parent
DOCS, BUILD = ROOT / "docs", ROOT / "build"
SOURCE, NEXT, SITE, SLIDES = BUILD / "site-source", BUILD / "site-next", BUILD / "site", BUILD / "slides"
KATEX = ROOT / "slides" / "node_modules" / "katex" / "dist"
WIDGET = "application/vnd.jupyter.widget-view+json"
# Runs in the frame of a figure. The frame is a stranger to the page, which so learns its height.
SAYS_ITS_HEIGHT = """<script>
new ResizeObserver(() => parent.postMessage({ figure: "height", height: document.documentElement.offsetHeight }, "*"))
  .observe(document.documentElement);
</script>
"""


def assemble() -> None:
    """Write what Sphinx reads."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    notebooks, reference = all_notebooks(), reference_pages.pages()
    for page in DOCS.glob("*.md"):
        put(page.name, page.read_text(encoding="utf-8"))
    for notebook in notebooks:
        put(f"notebooks/{notebook.name}", nbformat.writes(with_figures(notebook)))
    for name, text in reference.items():
        put(f"reference/{name}.md", text)
    put(
        "reference.md",
        (SOURCE / "reference.md").read_text() + toctree("Modules", [f"reference/{name}" for name in reference]),
    )
    put("decks.md", decks())
    teaching = ["decks", *(["instructor"] if (SOURCE / "instructor.md").exists() else [])]
    trees = [toctree("Notebooks", [f"notebooks/{path.stem}" for path in notebooks]), toctree("Teaching", teaching)]
    put("index.md", (SOURCE / "index.md").read_text() + tour() + "".join(trees) + toctree("Package", ["reference"]))


def toctree(caption: str, pages: list[str]) -> str:
    return "\n".join(["", "```{toctree}", f":caption: {caption}", ":hidden:", "", *pages, "```", ""])


def tour() -> str:
    """The README's table of notebooks, each name a link."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("## The tour\n")[2].partition("\n## ")[0]
    return re.sub(r"`(\d\d_\w+)`", r"[](notebooks/\1.ipynb)", table)


def put(name: str, text: str) -> None:
    write_atomically(SOURCE / name, text.encode())


def with_figures(notebook: Path) -> nbformat.NotebookNode:
    """The notebook as the site shows it: collapsed cells folded, and live figures in place of their still pictures."""
    node = nbformat.read(notebook, as_version=4)
    live = {path.name.split(".")[0] for path in (LIVE / notebook.stem).glob("*.page.html")}
    for cell in node.cells:
        if cell.cell_type != "code":
            continue
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata.setdefault("tags", []).append("hide-input")
            cell.metadata.mystnb = {"code_prompt_show": f"Code: {cell.source.splitlines()[0].lstrip('# ')}"}
        # A widget without a picture is the bar of a run that is over.
        cell.outputs = [out for out in cell.outputs if WIDGET not in out.get("data", {}) or "text/html" in out.data]
        for output in cell.outputs:
            if output.get("data", {}).pop(WIDGET, None) is not None and cell.id in live:
                output.data["text/html"] = place_for(notebook.stem, cell.id, output.data["text/html"])
    return node


def place_for(stem: str, cell: str, still: str) -> str:
    """Where course.js mounts a figure when it comes into view; without scripts, and on paper, the still stays."""
    title = re.search("<title>(.*?)</title>", (LIVE / stem / f"{cell}.page.html").read_text(encoding="utf-8"))[1]
    page = f"../live/{stem}/{cell}.html"
    return f'<div class="live" data-page="{page}" data-title="{title}"><div class="still">{still}</div></div>'


def decks() -> str:
    """The page of the decks: each with its PDF, as far as they were built."""
    lines = [line for path in sorted(SLIDES.glob("*.html")) for line in deck(path)]
    missing = (
        "The decks were not built with this site. `make slides` builds them, and the next `make site` takes them in."
    )
    return "\n".join([(DOCS / "decks.md").read_text(encoding="utf-8"), *(lines or [missing]), ""])


def deck(path: Path) -> list[str]:
    title = re.search("<title>(.*?)</title>", path.read_text(encoding="utf-8"), re.DOTALL)
    pdf = f' (<a href="slides/{path.stem}.pdf">PDF with notes</a>)' if path.with_suffix(".pdf").exists() else ""
    return [f'- <a href="slides/{path.name}">{title[1].strip() if title else path.stem}</a>{pdf}']


def add_files() -> None:
    """What stands beside the pages: figures, notebooks to download, decks, and KaTeX's fonts."""
    for path in LIVE.glob("*/*.page.html"):
        page = path.read_text(encoding="utf-8").replace("</body>", f"{SAYS_ITS_HEIGHT}</body>")
        write_atomically(NEXT / "live" / path.parent.name / path.name.replace(".page", ""), page.encode())
    for notebook in all_notebooks():
        shutil.copy(notebook, NEXT / "notebooks")
    if SLIDES.exists():
        shutil.copytree(SLIDES, NEXT / "slides")
    shutil.copytree(KATEX / "fonts", NEXT / "_static" / "katex" / "fonts")
    shutil.copy(KATEX / "katex.min.css", NEXT / "_static" / "katex")


def build() -> None:
    """Run Sphinx, whose warnings are errors, and put the new site in the place of the old one."""
    shutil.rmtree(NEXT, ignore_errors=True)
    # No doctrees from before: a page that was built with an older docstring or figure would stay.
    options = ["-q", "-W", "--keep-going", "-j", "2", "-E", "-d", BUILD / "site-doctrees", "-c", DOCS]
    done = subprocess.run([sys.executable, "-m", "sphinx", "-b", "html", *options, SOURCE, NEXT])
    if done.returncode:
        sys.exit("The site was not built: Sphinx says why above.")
    add_files()
    shutil.rmtree(SITE, ignore_errors=True)
    NEXT.rename(SITE)


def main() -> None:
    if not KATEX.exists():
        sys.exit(
            f"The site sets its formulas with KaTeX, which is not in {KATEX.parent}: run `make site`, or `npm ci` in slides/."
        )
    if not shutil.which("node"):
        sys.exit("The site sets its formulas with KaTeX, which needs Node: install nodejs 18 or newer.")
    assemble()
    build()
    print(f"The site is {SITE / 'index.html'}.")


if __name__ == "__main__":
    main()
