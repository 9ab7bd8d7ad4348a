"""Words mean what notebook 00 says, in prose, alternative texts and prints, and in what figures and exercises show."""

import ast
import re
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(ROOT.glob("notebooks/text/*.md"))
MODULES = [path for folder in ("figures", "widgets", "exercises") for path in ROOT.glob(f"course_lib/{folder}/**/*.py")]
SCRIPTS = sorted(ROOT.glob("course_lib/widgets/static/*.js"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "docs" / "instructor.md"]

FORMS = r"\b(?:both|two|either|usual|absorbed|expanded|materialised) readings?\b"
MISUSED = {  # a phrase, and what to write for it
    r"\b[Ll]ogits?\b(?! are)[^.|]{0,60}\bdivided by (?:the )?(?:root|\$\\sqrt)": "scores are divided, not logits",
    r"\b(?:raw|unscaled) logits?\b": "score",
    r"\bscaled scores?\b": "logit",
    r"\battention scores?\b": "score, logit or weight",
    r"\b(?:random|learnt|trained|initial|good|model's) weights?\b(?! matri)": "parameters",
    r"\b(?:norms?|svd|directions) of (?:the )?weights\b|\bsingular vectors of (?:the )?weights\b": "weight matrices",
    r"\bweights (?:alone|only)\b": "weight matrices, or parameters",
    r"\b(?:bytes|[KMGT]i?B)\b[^.]{0,15}\b(?:of|for) weights\b|\bbytes, weights\b": "parameters",
    r"\bweights (?:and|or) (?:the )?caches?\b": "parameters",
    FORMS: "form",
}
DEFINES = r"\*\*logit\*\*[^.]*?\bscaled score\b"  # of notebooks 00 and 02


def strings(code: str) -> list[str]:
    """The texts in a piece of Python, docstrings left out; what stands in braces is no text."""
    tree = ast.parse(code)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [node.value for node in texts if id(node) not in alone]


def said(path: Path) -> list[str]:
    """What a reader sees of a file: all of a page, the prose and texts of a notebook, the texts of a program."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return strings(source)
    if path.suffix == ".js":
        return re.findall(r"\"[^\"\n]*\"|`[^`]*`", source)
    if path in PAGES:
        return [source]
    cells = jupytext.read(path).cells
    code = [text for cell in cells if cell.cell_type == "code" for text in strings(cell.source)]
    return [cell.source for cell in cells if cell.cell_type == "markdown"] + code


def misused(text: str) -> dict[str, str]:
    text = re.sub(DEFINES, "", " ".join(text.split()))
    return {m[0]: f"write: {instead}" for phrase, instead in MISUSED.items() for m in re.finditer(phrase, text)}


@pytest.mark.parametrize("path", [*NOTEBOOKS, *PAGES, *MODULES, *SCRIPTS], ids=lambda path: path.name)
def test_words_mean_what_notebook_00_says(path):
    assert {phrase: instead for text in said(path) for phrase, instead in misused(text).items()} == {}


@pytest.mark.parametrize(
    "text",
    [
        "So logits have size 8, and divided by $\\sqrt d$ they",
        "random weights in place of the others",
        "the absorbed reading pays more",
        "the scaled scores",
        "both, weights only",
        "1000 bytes, 300 of them for weights",
        "16 GB of weights",
        "the norms of the weights decide",
        "weights and cache",
    ],
)
def test_a_misused_word_is_found(text):
    assert misused(text)


def test_code_and_docstrings_call_the_two_ways_of_latent_attention_forms():
    sources = {path: " ".join(path.read_text(encoding="utf-8").split()) for path in ROOT.glob("course_lib/**/*.py")}
    found = {str(path): re.findall(rf"{FORMS}|\breading=", source) for path, source in sources.items()}
    assert {path: phrases for path, phrases in found.items() if phrases} == {}


def test_right_words_pass():
    text = "Scores divided by $\\sqrt d$ are logits. Learnt weight matrices make scores; weights sum to 1."
    assert misused(text) == {}


def test_texts_are_found_and_code_is_not():
    assert strings('"""Doc."""\nx = f"two {weights} of" "three"') == ["two ", " ofthree"]
