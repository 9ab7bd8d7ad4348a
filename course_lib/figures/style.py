"""The look of all static figures: `use()` sets it once per notebook, `show(fig, alt=...)` puts out each picture."""

import base64
import html
import io
import warnings
from pathlib import Path

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from course_lib.fields import require

SHEET = Path(__file__).with_name("style.mplstyle")
WEIGHTS = "cividis"  # sequential, for weights on [0, 1]
# Diverging, for signed values: blue below zero, orange above; white at zero, where both sides must meet.
SIGNED = LinearSegmentedColormap.from_list(
    "signed", ["#00315c", "#0060a8", "#8fc1e8", "#ffffff", "#f3b078", "#c04d00", "#6b2b00"]
)
HIDDEN = {"hatch": "////", "edgecolor": "#6b7785", "linewidth": 0}  # cells that a mask hides
CSS_PIXELS, MAX_WIDTH = 100, 820  # in a notebook: CSS pixels per inch, and the width of the widest picture in them
RIM = 6  # CSS pixels of white around a picture
SLIDE = (8.2, 8.2 * 560 / 1184)  # inches: the shape of a frame of 1184 x 560 pixels
SLIDE_TYPE = (10.2, 11)  # points, the smallest and largest type on a slide: 20 pixels, and a size at which titles fit
# Colours, in order, of lines that stand for no motif: violet, crimson, olive, cyan and ink.
PALETTE = ("#5b3fd6", "#d0104c", "#465a23", "#007d9e", "#1f2933")


def use() -> None:
    """Set the course's look for every figure drawn from now on."""
    matplotlib.style.use(SHEET)


def context():
    """A context manager that sets the course's look inside its `with` block only."""
    return matplotlib.style.context(SHEET)


def colour_table(colours: str | Colormap = WEIGHTS) -> bytes:
    """A colour map as 256 x 3 bytes (red, green, blue), for the browser to colour interactive figures with.

    colours: a matplotlib colour map or its name.
    """
    table = matplotlib.colormaps[colours] if isinstance(colours, str) else colours
    return np.rint(255 * table(np.arange(256))[:, :3]).astype(np.uint8).tobytes()


def png(fig: Figure) -> str:
    """The figure as PNG in base64, with a palette of 256 colours.

    The same drawing gives the same bytes: no date or version is written into it.
    """
    drawn, stored = io.BytesIO(), io.BytesIO()
    with context(), warnings.catch_warnings():  # a glyph that the font lacks is drawn as a box
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        fig.savefig(drawn, format="png", metadata={"Software": None})
    picture = Image.open(drawn).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(stored, format="png", optimize=True)
    return base64.b64encode(stored.getvalue()).decode("ascii")


def image(fig: Figure, alt: str) -> str:
    """The figure as an HTML image of the size at which it was drawn: CSS_PIXELS per inch.

    Its background is white in dark themes too, with a white rim, so that no label touches the page. Raises ValueError
    for a figure wider than MAX_WIDTH pixels.
    """
    width = round(CSS_PIXELS * fig.get_figwidth())
    require(width <= MAX_WIDTH, f"fig must be at most {MAX_WIDTH / CSS_PIXELS} inches wide, got {width / CSS_PIXELS}")
    # The rim is part of the width, so that a picture in a narrow page is scaled down, and gets no scroll bar.
    size = f"box-sizing:border-box;width:{width + 2 * RIM}px;max-width:100%;height:auto"
    look = f"{size};background:#fff;border:{RIM}px solid #fff;border-radius:6px"
    return f'<img alt="{html.escape(alt)}" width="{width}" style="{look}" src="data:image/png;base64,{png(fig)}">'


def for_slide(fig: Figure) -> Figure:
    """Give a figure the shape of a slide's frame, with no letter below 20 pixels there; returns the same figure."""
    least, largest = SLIDE_TYPE
    fig.set_size_inches(SLIDE)
    for text in fig.findobj(Text):
        text.set_fontsize(min(max(text.get_fontsize(), least), largest))
    for ax in fig.axes:  # for tick labels that matplotlib has not made yet
        ax.tick_params(which="both", labelsize=least)
    return fig


class Picture:
    """A finished picture with its alternative text, as a notebook output.

    It is stored once, as HTML: JupyterLab ignores the alternative text and the width of an image/png output.
    """

    def __init__(self, fig: Figure, alt: str):
        self.alt = alt
        self._image = image(fig, alt)

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": repr(self), "text/html": self._image}

    def __repr__(self):
        return f"Picture({self.alt!r})"


def show(fig: Figure, *, alt: str) -> Picture:
    """Turn a figure into a notebook output with alternative text.

    alt: a sentence that tells readers who cannot see the picture what it shows.

    The figure is closed, so that the notebook does not draw it a second time. Raises ValueError for an empty `alt` and
    for a figure wider than 8.2 inches, which a notebook would shrink.
    """
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"alt must say in words what the picture shows, got {alt!r}")
    picture = Picture(fig, alt.strip())
    if fig.canvas.manager is not None:  # pyplot keeps only the figures that it made; these have a manager
        from matplotlib import pyplot

        pyplot.close(fig)
    return picture
