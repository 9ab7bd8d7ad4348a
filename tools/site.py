"""Build the course as a static site: python tools/site.py. The site works offline, opened as a file.

Text and outputs are those of the committed notebooks, the live figures those that tools/collect.py collects, the decks
those in build/slides. Sphinx reads what is assembled in build/site-source, and writes build/site, whole or not at
all.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import collect
import nbformat
import reference_pages
from cells import VIEW
from collect import LIVE
from docstrings import with_sources
from node import node, packages
from notebook_kernels import NOTEBOOKS, all_notebooks

from course_lib.files import replace_folder, write_atomically

ROOT = Path(__file__).resolve().parent.parent
DOCS, BUILD = ROOT / "docs", ROOT / "build"
SOURCE, NEXT, SITE, SLIDES = BUILD / "site-source", BUILD / "site-next", BUILD / "site", BUILD / "slides"
OPENING = ("02_attention", "SoftmaxTemperature(")  # the figure on the first page: notebook, and how its cell makes it
IN_LAB = "<p><em>Run this cell in JupyterLab to see what it shows.</em></p>"  # in place of a widget without a picture
# Added to the page of a figure: the figure stands flush with the text, and reports its height to the page around it,
# because a browser does not let that page look into the frame.
IN_A_FRAME = """<style>body { padding: 4px 4px 12px; } .clf { padding: 0; } h1 { margin: 0 0 8px; }</style>
<script>
new ResizeObserver(() => parent.postMessage({ figure: "height", height: document.documentElement.offsetHeight }, "*"))
  .observe(document.documentElement);
</script>
"""


def assemble() -> None:
    """Write what Sphinx reads."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    notebooks, reference = all_notebooks(), reference_pages.pages()
    for notebook in notebooks:
        put(f"notebooks/{notebook.name}", nbformat.writes(with_figures(notebook)))
    for name, text in reference.items():
        put(f"reference/{name}.md", text)
    chapters = toctree("Notebooks", [f"notebooks/{path.stem}" for path in notebooks])
    teaching = toctree("Teaching", ["decks", "instructor"])
    beyond = toctree("Experiments", ["experiments", "open_questions"])
    package = toctree("Package", ["reference"])
    put("index.md", written("index"), opening_figure(), tour(), chapters, teaching, beyond, package)
    put("experiments.md", written("experiments"))
    put("open_questions.md", written("open_questions"))
    put("decks.md", written("decks"), decks())
    entries = toctree("Packages", [f"reference/{name}" for name in reference])
    put("reference.md", written("reference"), reference_pages.overview(reference), entries)
    # The guide's links to notebooks begin at docs/ in the repository, and at the root of the site here.
    put("instructor.md", with_links(written("instructor").replace("](../notebooks/", "](notebooks/")))


def put(name: str, *parts: str) -> None:
    write_atomically(SOURCE / name, "\n\n".join(parts).encode())


def written(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def toctree(caption: str, pages: list[str]) -> str:
    return "\n".join(["```{toctree}", f":caption: {caption}", ":hidden:", "", *pages, "```"])


def tour() -> str:
    """The README's table of notebooks, each name a link."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("## The tour\n")[2].partition("\n## ")[0]
    return with_links(f"## The notebooks\n{table}")


def with_links(text: str) -> str:
    """The text with the names of notebooks in the first column of its tables as links."""
    return re.sub(r"^\| `(\d\d_\w+)` \|", r"| [](notebooks/\1.ipynb) |", text, flags=re.MULTILINE)


def opening_figure() -> str:
    name, call = OPENING
    cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    cell = next(cell for cell in cells if cell.cell_type == "code" and call in cell.source)
    still = next(output.data["text/html"] for output in cell.outputs if VIEW in output.get("data", {}))
    return place_for(f"{name}/{cell.id}", still, root="")


def with_figures(notebook: Path) -> nbformat.NotebookNode:
    """The notebook as the site shows it: collapsed cells folded, and live figures in place of their still pictures."""
    node = nbformat.read(notebook, as_version=4)
    for cell in node.cells:
        if cell.cell_type != "code":
            # JupyterLab reads formulas first, Sphinx lists: a line of a formula that begins with a minus is no item.
            lines = re.sub(r"\$\$[^$]+\$\$|\$[^$]+\$", lambda found: found[0].replace("\n", " "), cell.source)
            # The sign at the end of a proof becomes a letter, because a line may break before a formula.
            ends = re.sub(r"\s\$\\square\$", "\N{NO-BREAK SPACE}\N{WHITE SQUARE}", lines)
            cell.source = with_neighbours(with_sources(ends), notebook)
            continue
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata.setdefault("tags", []).append("hide-input")
            said = cell.source.splitlines()[0].lstrip("# ").replace("`", "")
            cell.metadata.mystnb = {"code_prompt_show": f"Code: {said}"}
        # A widget without a picture is the progress bar of a run that is over: it is left out.
        cell.outputs = [output for output in cell.outputs if not is_bare_widget(output)]
        for output in cell.outputs:
            if output.get("data", {}).pop(VIEW, None) is not None:
                still = output.data.get("text/html")
                output.data["text/html"] = place_for(f"{notebook.stem}/{cell.id}", still, "../") if still else IN_LAB
    return node


def with_neighbours(text: str, notebook: Path) -> str:
    """Markdown in which "notebook 04" is a link to that page, except on the page itself."""
    names = {path.name[:2]: path.name for path in all_notebooks() if path != notebook}
    link = rf"(?<!\[)\b([Nn]otebook)\s({'|'.join(names)})\b"
    return re.sub(link, lambda found: f"[{found[0]}]({names[found[2]]})", text)


def is_bare_widget(output: nbformat.NotebookNode) -> bool:
    """Whether an output is a widget without a still picture."""
    return output.output_type == "display_data" and VIEW in output.data and "text/html" not in output.data


def place_for(name: str, still: str, root: str) -> str:
    """Where course.js mounts a live figure when it comes into view; without scripts, and on paper, the still stays."""
    page = (LIVE / f"{name}.page.html").read_text(encoding="utf-8")
    title = re.search("<title>(.*?)</title>", page)[1]
    return f'<div class="live" data-page="{root}live/{name}.html" data-title="{title}"><div>{still}</div></div>'


def decks() -> str:
    """A list of the decks that were built, each with its PDF."""
    missing = "This site was built without decks. `make slides` builds them, and the next `make site` takes them in."
    return "\n".join(map(deck, built_decks())) or missing


def built_decks() -> list[Path]:
    """The decks that were built and have a source: a deck that was renamed leaves files under its old name."""
    return [path for path in sorted(SLIDES.glob("*.html")) if (ROOT / "slides" / f"{path.stem}.md").exists()]


def deck(path: Path) -> str:
    title = re.search("<title>(.*?)</title>", path.read_text(encoding="utf-8"), re.DOTALL)
    pdf = f' (<a href="slides/{path.stem}.pdf">PDF with notes</a>)' if path.with_suffix(".pdf").exists() else ""
    name = f"{path.stem.partition('_')[0]} {title[1].strip()}" if title else path.stem
    return f'- <a href="slides/{path.name}">{name}</a>{pdf}'


def build() -> None:
    """Run Sphinx, whose warnings are errors, and put the new site in the place of the old one."""
    shutil.rmtree(NEXT, ignore_errors=True)
    # Nothing is taken from an earlier run: a page with an older docstring or figure would stay.
    options = ["-q", "-W", "--keep-going", "-j", "2", "-E", "-d", BUILD / "site-doctrees", "-c", DOCS]
    if subprocess.run([sys.executable, "-m", "sphinx", "-b", "html", *options, SOURCE, NEXT]).returncode:
        sys.exit("The site was not built: Sphinx says why above.")
    add_files()
    replace_folder(SITE, NEXT)


def add_files() -> None:
    """Add what stands beside the pages: figures, notebooks to download, decks and fonts."""
    for path in LIVE.glob("*/*.page.html"):
        page = path.read_text(encoding="utf-8").replace("</body>", f"{IN_A_FRAME}</body>")
        write_atomically(NEXT / "live" / path.parent.name / path.name.replace(".page", ""), page.encode())
    for notebook in all_notebooks():
        shutil.copy(notebook, NEXT / "notebooks")
    add_decks()
    static = NEXT / "_static"
    katex = packages() / "katex" / "dist"
    shutil.copytree(katex / "fonts", static / "katex" / "fonts", ignore=shutil.ignore_patterns("*.ttf", "*.woff"))
    shutil.copy(katex / "katex.min.css", static / "katex")
    sheet = (static / "course.css").read_text(encoding="utf-8")
    (static / "fonts").mkdir()
    for file in re.findall(r"url\(fonts/([\w-]+\.woff2)\)", sheet):
        shutil.copy(next(packages().glob(f"@fontsource/*/files/{file}")), static / "fonts")


def add_decks() -> None:
    (NEXT / "slides").mkdir(parents=True)
    for page in built_decks():
        for path in SLIDES.glob(f"{page.stem}.*"):
            shutil.copy(path, NEXT / "slides")


def main() -> None:
    node()
    packages()
    collect.main([])
    assemble()
    build()
    print(f"The site is {SITE / 'index.html'}.")


if __name__ == "__main__":
    main()
