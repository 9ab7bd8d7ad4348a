"""Blocks that stand for matrices: the colour says which matrix it is, the frame whether it is cached or made now."""

from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from course_lib.figures import motifs

TINT = 0.3  # opacity of the fill, so that a frame and a letter of full colour are seen on it
ON_BLOCKS = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1}  # background of a text on two blocks


def look(thing: str, frame: dict = motifs.CACHED, rotary: bool = False, fill: float = TINT) -> dict:
    """Keywords that make a matplotlib patch a block.

    thing: a key of `motifs.THINGS`. frame: `motifs.CACHED` or `motifs.MADE_NOW`. rotary: whether it is hatched.
    fill: the opacity of the fill.
    """
    colour = motifs.THINGS[thing].light
    return {"facecolor": (colour, fill), "edgecolor": colour, "hatch": motifs.ROTARY if rotary else None, **frame}


def block(ax: Axes, corner: tuple[float, float], size: tuple[float, float], label: str = "", **looks) -> Rectangle:
    """Draw a block with its lower left corner, its (width, height) and a label in the middle; `looks` as in `look`."""
    patch = ax.add_patch(Rectangle(corner, *size, **look(**looks)))
    if label:
        middle = (corner[0] + size[0] / 2, corner[1] + size[1] / 2)
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 1} if looks.get("rotary") else None  # on hatching
        ax.text(*middle, label, ha="center", va="center", fontsize=9, color=patch.get_edgecolor(), bbox=ground)
    return patch


def key(label: str, **looks) -> Patch:
    """A sample for a legend; `looks` as in `look`."""
    return Patch(label=label, **look(**looks))
