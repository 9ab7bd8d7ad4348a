"""The visual language of the course: one colour and one frame for each thing, in stills, figures, formulas and slides.

    what it is       colour             how it is drawn
    Q, K, V, L       `THINGS`           a filled block, named by its letter
    weight matrices  `THINGS["learnt"]` grey
    rotary part      its thing's        hatched with `ROTARY`
    cached           its thing's        solid frame
    made now         its thing's        dashed frame
    MHA GQA MQA MLA  `METHODS`          lines, markers and bars
    MLA's two forms  MLA's              absorbed: solid line, round marker; expanded: dashed line, square marker
    what is chosen   ink                a thick frame in the colour of the text

The style sheets name the same colours: `--clf-q`, ..., `--clf-learnt`, `--clf-mha`, ...; a test holds them equal.
"""

from typing import NamedTuple


class Colour(NamedTuple):
    """A motif's colours on a light background, on a dark one, and on either (contrast 3:1 on both), for formulas."""

    light: str
    dark: str
    either: str


THINGS = {
    "Q": Colour("#00785a", "#41c9a2", "#00785a"),
    "K": Colour("#8f3a84", "#e08ad4", "#9b4591"),
    "V": Colour("#8a6100", "#e0b050", "#8a6100"),
    "L": Colour("#0060a8", "#5db3f5", "#006ab9"),
    "learnt": Colour("#6b7785", "#93a0ad", "#6b7785"),
}
METHODS = {
    "MHA": Colour("#3d4752", "#c3ccd6", "#6b7785"),
    "GQA": Colour("#c04d00", "#ff9d47", "#c04d00"),
    "MQA": Colour("#7a2e00", "#d4694a", "#b3532e"),
    "MLA": THINGS["L"],
}

CACHED = {"linestyle": "-", "linewidth": 1.6}  # frames, as keywords of a matplotlib patch
MADE_NOW = {"linestyle": (0, (4, 3)), "linewidth": 1.6}
ROTARY = "///"  # matplotlib's hatch
INK = "#1f2933"  # the colour of text in style.mplstyle
ABSORBED = {"linestyle": "-", "marker": "o"}  # lines, as keywords of `plot`
EXPANDED = {"linestyle": "--", "marker": "s"}


def method(n_heads: int, n_kv_heads: int) -> str:
    """MHA, GQA or MQA: the name in `METHODS` of attention with these numbers of query heads and KV heads."""
    return {n_heads: "MHA", 1: "MQA"}.get(n_kv_heads, "GQA")
