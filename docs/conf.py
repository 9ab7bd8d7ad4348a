"""Settings of Sphinx for the site of the course. `make site` assembles the sources (tools/site.py) and builds them."""

import re
import sys
from pathlib import Path
from urllib.parse import quote

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from look import variables  # noqa: E402 - the folder of settings is no package

# Where the course is published, such as "https://github.com/OWNER/NAME". Each notebook's page then has buttons that
# open it on Colab and Binder; without an address it can be downloaded only.
COURSE_REPOSITORY = ""
BRANCH = "main"

project = html_title = "Attention, hands on"
language = "en"
extensions = ["myst_nb", "formulas"]
html_math_renderer = "katex"
nb_execution_mode = "off"  # outputs are the committed ones, which the tests hold to the code
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "colon_fence", "tasklist"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

# Furo needs no network: its fonts are the system's, its scripts are inside. The other themes looked at bring icon fonts
# and a megabyte of scripts for what this site does not have.
html_theme = "furo"
html_theme_options = {"light_css_variables": variables("light"), "dark_css_variables": variables("dark")}
html_static_path = [str(HERE / "static")]
templates_path = [str(HERE / "templates")]
html_css_files = ["course.css"]
html_js_files = [("course.js", {"defer": "defer"})]
html_copy_source = False
html_show_sphinx = html_show_copyright = False
html_show_search_summary = False  # it fetches pages, which browsers refuse to a page that was opened from a file
html_use_index = False
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
pygments_style, pygments_dark_style = "github-light-high-contrast", "github-dark-high-contrast"

BOX = re.compile(r'(<input class="task-list-item-checkbox") disabled="disabled"(.*?)</p>', re.DOTALL)
ARGUMENTS = re.compile(r"<dl>\n((?:<dd>.*</dd>\n)+)</dl>")


def launchers(repository: str, notebook: str) -> list[tuple[str, str]]:
    """Where a notebook can be run, as (name, address); empty without a repository.

    Raises ValueError for an address that is not on GitHub, the host that Colab and Binder take notebooks from.
    """
    host = "https://github.com/"
    if not repository:
        return []
    if not repository.startswith(host):
        raise ValueError(f"COURSE_REPOSITORY must begin with {host}, got {repository!r}")
    place = repository.removeprefix(host).strip("/")
    return [
        ("Open in Colab", f"https://colab.research.google.com/github/{place}/blob/{BRANCH}/{notebook}"),
        ("Open on Binder", f"https://mybinder.org/v2/gh/{place}/{BRANCH}?labpath={quote(notebook, safe='')}"),
    ]


def complete(app, pagename, templatename, context, doctree) -> None:
    """Give a page's template its buttons, and mend what Sphinx writes against the rules of HTML.

    The heading of a caption gets a level. Arguments that stand below each other are a list without terms; they become
    spans. A box can be ticked, and the text beside it is its label.
    """
    body = BOX.sub(r"<label>\1\2</label></p>", context.get("body", ""))  # the page of the search has none
    context["body"] = ARGUMENTS.sub(lambda found: f'<span class="parameters">{spans(found[1])}</span>', body)
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')
    if pagename.startswith("notebooks/"):
        notebook = f"{pagename}.ipynb"
        context["notebook"], context["launchers"] = notebook, launchers(app.config.course_repository, notebook)


def spans(items: str) -> str:
    return items.replace("<dd>", "<span>").replace("</dd>", "</span>")


def setup(app) -> None:
    app.add_config_value("course_repository", COURSE_REPOSITORY, "html", [str])
    app.connect("html-page-context", complete, priority=900)  # after Furo
