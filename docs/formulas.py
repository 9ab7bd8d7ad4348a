"""Set formulas by KaTeX while the site is built: pages need no script for them, and screen readers get MathML.

A formula that KaTeX refuses is a warning of Sphinx, with the place where it stands.
"""

import json
import os
import subprocess
from functools import cache
from html import escape
from pathlib import Path

from docutils.nodes import SkipNode
from look import in_theme
from sphinx.util import logging

HERE = Path(__file__).resolve().parent
KATEX = HERE.parent / "slides" / "node_modules" / "katex"  # the decks' own, so that both set formulas alike
SHEET = "katex/katex.min.css"
BASE = '<span class="base">'


class Katex:
    """KaTeX in a Node process. Each process that Sphinx forks starts its own one, at its first formula."""

    def __init__(self):
        self.process, self.owner = None, None
        self.html = cache(self._html)

    def _html(self, tex: str, display: bool) -> str:
        """The formula as HTML and MathML. Raises ValueError with KaTeX's reason for what it cannot set."""
        if self.owner != os.getpid():
            self.owner = os.getpid()
            command = ["node", HERE / "formulas.mjs", KATEX]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            self.process = subprocess.Popen(command, encoding="utf-8", **pipes)
        self.process.stdin.write(json.dumps({"tex": tex, "display": display}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise ValueError(answer["error"])
        return in_theme(answer["html"])

    def close(self, *event) -> None:
        if self.owner == os.getpid():
            self.process.stdin.close()
            self.process.wait()


katex = Katex()


def set_formula(translator, node, display: bool) -> None:
    """Write a math node of docutils. Raises SkipNode, which tells Sphinx that nothing of the node is left to write."""
    try:
        html = katex.html(node.astext(), display)
    except ValueError as error:
        logging.getLogger(__name__).warning("%s", error, location=node)
        html = f"<code>{escape(node.astext())}</code>"
    tag = "div" if display else "span"
    translator.body.append(f'<{tag} class="formula">{html if display else breakable(html)}</{tag}>')
    raise SkipNode


def breakable(html: str) -> str:
    """A formula within a line, which may break between its parts (KaTeX's bases) and, by course.css, nowhere else.

    Browsers would also break between a formula and the full stop behind it.
    """
    first, *rest = html.split(BASE)
    return BASE.join([first, f"<wbr>{BASE}".join(rest)]) if rest else html


def setup(app) -> dict:
    inline = (lambda translator, node: set_formula(translator, node, display=False), None)
    block = (lambda translator, node: set_formula(translator, node, display=True), None)
    app.add_html_math_renderer("katex", inline, block)
    app.add_css_file(SHEET)
    app.connect("build-finished", katex.close)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
