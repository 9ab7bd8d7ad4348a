"""One table of motifs: style sheets and site say the same, and each colour is seen on its ground."""

import re
from pathlib import Path

import look
import pytest
from matplotlib import rc_params_from_file

from course_lib.figures import motifs, style

SHEET = Path(motifs.__file__).parents[1] / "widgets" / "static" / "figure.css"
LIGHT, DARK = "#ffffff", "#14181d"  # grounds of the figures; JupyterLab's dark cells are #111111
ALL = motifs.THINGS | motifs.METHODS


@pytest.mark.parametrize("name", ALL)
def test_contrast(name, contrast):
    """4.5:1 on white, where motifs colour text, too; 3:1 on dark grounds; `either` 3:1 on both."""
    colour = ALL[name]
    assert contrast(colour.light, LIGHT) >= 4.5
    assert contrast(colour.dark, DARK) >= 3
    assert min(contrast(colour.either, ground) for ground in (LIGHT, DARK, "#111111")) >= 3


def colours_of_sheet(theme: str) -> dict[str, str]:
    rules = SHEET.read_text(encoding="utf-8").split('.clf[data-theme="dark"]')
    block = rules[0] if theme == "light" else rules[1].split("}")[0]
    return dict(re.findall(r"--clf-(\w+): (#[0-9a-f]{6});", block))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_style_sheet_names_the_same_colours(theme):
    stated = colours_of_sheet(theme)
    assert {name: stated.get(name.lower()) for name in ALL} == {name: getattr(ALL[name], theme) for name in ALL}


@pytest.mark.parametrize("theme, own", [("light", look.LIGHT), ("dark", look.DARK)])
def test_the_site_has_the_colours_of_the_figures(theme, own):
    assert own.items() <= colours_of_sheet(theme).items()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_letters_of_formulas_stand_out_from_the_ground_of_the_site(theme, contrast):
    colours = look.variables(theme)
    for name in motifs.THINGS:
        assert contrast(colours[f"motif-{name}"], colours["color-background-primary"]) >= 4.5, name


def test_the_style_sheet_names_the_first_colours_of_lines():
    stated = re.findall(r"--clf-(?:first|second): (#[0-9a-f]{6});", SHEET.read_text(encoding="utf-8"))
    assert stated[:2] == list(style.PALETTE[:2])


@pytest.mark.parametrize("name", ["first", "second"])
def test_lines_that_are_no_motif_are_seen_on_dark_grounds(name, contrast):
    dark = re.findall(rf"--clf-{name}: (#[0-9a-f]{{6}});", SHEET.read_text(encoding="utf-8"))[1]
    assert contrast(dark, DARK) >= 3


def test_ink_is_the_colour_of_text_in_stills_and_figures():
    still = rc_params_from_file(style.SHEET, use_default_template=False)["text.color"]
    figure = re.search(r"--clf-text: (#[0-9a-f]{6});", SHEET.read_text(encoding="utf-8"))[1]
    assert motifs.INK == still == figure


def test_methods_are_told_apart_from_each_other():
    assert len({colour.light for colour in motifs.METHODS.values()}) == len(motifs.METHODS)
    assert len({colour.light for colour in motifs.THINGS.values()}) == len(motifs.THINGS)
