"""Resolve the quotes of a deck: `{{figure 02#kernel}}` in its text becomes the picture that notebook 02 shows there.

A quote names a cell by its notebook and by a tag of the cell, `quote-kernel` for `#kernel`, or an exercise by its id.

    {{figure 02#kernel}}                 the picture that the cell shows; {{figure 02#kernel 0-50}} its left half
    {{live 02#anatomy}}                  the live figure of the cell, in its slide layout
    {{print 02#weights}}                 what the cell prints; {{print 02#weights norm}} only lines that hold "norm"
    {{code 02#attend}}                   the cell's code; {{code 02#attend gradient}} only the function of that name
    {{number 02#weights value of puppy}} the number after these words in a printed line; `... [2]` the second one
    {{exercise 2.1}}                     title, what is asked, countdown, first hint; {{exercise 2.1 bare}} without code
    {{mistakes 2.1 axis=0; keepdims}}    the registry's mistakes whose message holds one of these words
"""

import ast
import base64
import html
import io
import re
import textwrap
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import nbformat
from collect import LIVE
from notebook_kernels import NOTEBOOKS
from PIL import Image, ImageChops

from course_lib import exercises

QUOTE = re.compile(r"\{\{([a-z]+) +([^\s{}]+) *([^{}]*)\}\}")
PICTURE = re.compile(r'<img alt="([^"]*)" width="(\d+)"[^>]* src="data:image/png;base64,([^"]+)">')
NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?")
MARKDOWN = re.compile(r"([\\*_<>\[\]$#{}])")
RIM = 8  # pixels
WIDEST = 79  # characters of code that fit in a line of a slide
# A live figure on a slide is light, whatever the system prefers, because the slide is.
LIGHT = "<style>:root { color-scheme: light; }</style>\n</head>"


@dataclass
class Quotes:
    """The quotes of one deck. `pages` collects the live figures: key -> page."""

    notebooks: Path = NOTEBOOKS
    live_pages: Path = LIVE
    pages: dict[str, str] = field(default_factory=dict)

    def resolve(self, text: str) -> str:
        """The text with each quote replaced. Raises ValueError for one that names nothing, and says what there is."""
        return QUOTE.sub(lambda match: self._quoted(*match.groups()), text)

    def _quoted(self, kind: str, target: str, rest: str) -> str:
        if kind not in KINDS:
            raise ValueError(f"{{{{{kind} {target}}}}} must be one of {', '.join(KINDS)}")
        try:
            return KINDS[kind](self, target, rest.strip())
        except ValueError as error:
            raise ValueError(f"{{{{{kind} {target}{rest and ' ' + rest}}}}}: {error}") from error

    def cell(self, target: str) -> tuple[Path, nbformat.NotebookNode]:
        """The notebook and the cell that "02#kernel" names."""
        number, _, name = target.partition("#")
        notebook = next(iter(self.notebooks.glob(f"{number}_*.ipynb")), None)
        if notebook is None or not name:
            known = ", ".join(sorted(path.name[:2] for path in self.notebooks.glob("*.ipynb")))
            raise ValueError(f"{target!r} must be notebook#tag, with a notebook among {known}")
        cells = quotable(notebook)
        if name not in cells:
            raise ValueError(f"{notebook.name} has no cell with the tag 'quote-{name}'; there are: {', '.join(cells)}")
        return notebook, cells[name]

    def figure(self, target: str, part: str) -> str:
        _, cell = self.cell(target)
        return f'<figure class="still">{picture(shown(cell), part)}</figure>'

    def live(self, target: str, rest: str) -> str:
        notebook, cell = self.cell(target)
        path = self.live_pages / notebook.stem / f"{cell.id}.slide.html"
        if not path.exists():
            raise ValueError(f"the cell shows no live figure, or it was not collected ({path})")
        page, key = path.read_text(encoding="utf-8"), target.replace("#", "-")
        self.pages[key] = page.replace("</head>", LIGHT, 1).replace("<body ", '<body data-jp-theme-light="true" ', 1)
        title = re.search("<title>(.*?)</title>", page)[1]
        return f'<figure class="live" data-figure="{key}" data-title="{title}">{picture(page)}</figure>'

    def print(self, target: str, words: str) -> str:
        lines = [line for line in printed(self.cell(target)[1]) if words in line]
        if not lines:
            raise ValueError(f"no printed line holds {words!r}" if words else "the cell prints nothing")
        text, longest = html.escape("\n".join(lines), quote=False), max(map(len, lines))
        return f'<pre style="--characters: {longest}"><code class="language-text">{text}</code></pre>'

    def code(self, target: str, name: str) -> str:
        source = self.cell(target)[1].source
        return "\n".join(["```python", function(source, name) if name else source, "```"])

    def number(self, target: str, label: str) -> str:
        words, place = re.fullmatch(r"(.*?) *(?:\[(\d+)\])?", label).groups()
        lines = [line for line in printed(self.cell(target)[1]) if words in line]
        if len(lines) != 1 or not words:
            raise ValueError(f"{len(lines)} printed lines hold {words!r}; the words must choose one")
        numbers = NUMBER.findall(lines[0].split(words, 1)[1])
        if not 1 <= int(place or 1) <= len(numbers):
            raise ValueError(f"after {words!r} stand {len(numbers)} numbers: {lines[0].strip()}")
        return numbers[int(place or 1) - 1]

    def exercise(self, exercise_id: str, rest: str) -> str:
        exercise = exercises.find(exercise_id)
        marks, minutes = "●" * exercise.difficulty + "○" * (3 - exercise.difficulty), exercise.minutes
        title = f"# Exercise {exercise.id}: {escaped(exercise.title)} <small>{marks}</small>"
        task = [] if rest == "bare" else [f"```python\n{narrow(self.task(exercise_id))}\n```"]
        clock = f'* <span class="countdown" role="timer" data-minutes="{minutes}">{minutes}:00</span>'
        return "\n\n".join([title, *task, f"{clock}\n* **Hint.** {escaped(exercise.hints[0])}"])

    def task(self, exercise_id: str) -> str:
        """The cell of the notebook that checks the exercise, down to the place of the answer."""
        number = int(exercise_id.split(".")[0])
        for path in self.notebooks.glob(f"{number:02d}_*.ipynb"):
            for cell in nbformat.read(path, as_version=4).cells:
                if cell.cell_type == "code" and f'check("{exercise_id}"' in cell.source:
                    return re.split(r'\n\s*\.\.\.|\n+check\("', cell.source)[0].rstrip()
        raise ValueError(f"no cell of notebook {number:02d} checks it")

    def mistakes(self, exercise_id: str, words: str) -> str:
        exercise = exercises.find(exercise_id)
        messages = list(dict.fromkeys(mistake.message for mistake in exercise.mistakes))
        chosen = []
        for phrase in words.split(";"):
            found = [message for message in messages if phrase.strip() and phrase.strip() in message]
            if len(found) != 1:
                known = "\n".join(messages)
                raise ValueError(f"{phrase.strip()!r} must stand in one message, not {len(found)}; there are:\n{known}")
            chosen.append(f"- {escaped(found[0])}")
        return "\n".join([f"# Common mistakes: {escaped(exercise.title)}", "", *chosen])


KINDS = {name: getattr(Quotes, name) for name in ("figure", "live", "print", "code", "number", "exercise", "mistakes")}


@cache
def quotable(notebook: Path) -> dict[str, nbformat.NotebookNode]:
    """Name -> cell, for the cells of a notebook with a tag `quote-NAME`; ValueError if a name stands twice."""
    cells: dict[str, nbformat.NotebookNode] = {}
    for cell in nbformat.read(notebook, as_version=4).cells:
        for tag in cell.metadata.get("tags", []):
            if tag.startswith("quote-") and tag[6:] in cells:
                raise ValueError(f"{notebook.name} has the tag {tag!r} twice")
            if tag.startswith("quote-"):
                cells[tag[6:]] = cell
    return cells


def shown(cell: nbformat.NotebookNode) -> str:
    """What a cell shows as HTML."""
    return "".join(output.data.get("text/html", "") for output in cell.outputs if "data" in output)


def printed(cell: nbformat.NotebookNode) -> list[str]:
    """The lines that a cell prints."""
    return "".join(output.text for output in cell.outputs if output.get("name") == "stdout").splitlines()


def picture(page: str, part: str = "") -> str:
    """The only picture of a page, without its white margin, with its alternative text and its width in a notebook.

    part: "0-50" for the left half, in percent of the width.
    """
    found = PICTURE.findall(page)
    if len(found) != 1:
        raise ValueError(f"the cell must show one picture, it shows {len(found)}")
    if not re.fullmatch(r"\d+-\d+|", part):
        raise ValueError(f"{part!r} must be two percentages of the width, as in 0-50")
    alt, width, data = found[0]
    whole, stored = Image.open(io.BytesIO(base64.b64decode(data))), io.BytesIO()
    left, right = (int(percent) * whole.width // 100 for percent in (part or "0-100").split("-"))
    cut = trimmed(whole.crop((left, 0, right, whole.height)))
    cut.save(stored, format="png", optimize=True)
    words, shown = f"A part of this picture: {alt}" if part else alt, cut.width * int(width) / whole.width
    source = f"data:image/png;base64,{base64.b64encode(stored.getvalue()).decode('ascii')}"
    return f'<img alt="{words}" data-width="{shown:.0f}" src="{source}">'


def trimmed(image: Image.Image) -> Image.Image:
    """The picture without its white margin, except a rim of RIM pixels: a slide has no room to spare."""
    left, top, right, bottom = ImageChops.invert(image.convert("RGB")).getbbox()
    width, height = image.size
    return image.crop((max(left - RIM, 0), max(top - RIM, 0), min(right + RIM, width), min(bottom + RIM, height)))


def function(source: str, name: str) -> str:
    """The text of one function of a cell."""
    nodes = {node.name: node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)}
    if name not in nodes:
        raise ValueError(f"the cell defines no {name!r}; it defines {', '.join(nodes) or 'nothing'}")
    return ast.get_source_segment(source, nodes[name])


def narrow(code: str) -> str:
    """Code with long lines (docstrings, comments) wrapped at the same depth; a shape as in K (h, n, e) stays whole."""
    whole = re.sub(r"(?:\w+ )?\([^()\n]*\)", lambda match: match[0].replace(" ", "\xa0"), code)
    lines = (
        textwrap.fill(line, WIDEST, subsequent_indent=re.match(" *(# )?", line)[0], break_on_hyphens=False)
        for line in whole.split("\n")
    )
    return "\n".join(lines).replace("\xa0", " ")


def escaped(text: str) -> str:
    """Plain text for Markdown; what stands in backticks stays code."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(piece if piece.startswith("`") else MARKDOWN.sub(r"\\\1", html.unescape(piece)) for piece in pieces)
