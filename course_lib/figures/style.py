"""One look for all pictures: `use()` once per notebook, `show(fig, alt=...)` for each picture."""

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

SHEET = Path(__file__).with_name("style.mplstyle")
WEIGHTS = "cividis"  # sequential, for weights on [0, 1]
# Diverging, for signed values: blue below zero, orange above; white at zero, where both sides must meet.
SIGNED = LinearSegmentedColormap.from_list(
    "signed", ["#00315c", "#0060a8", "#8fc1e8", "#ffffff", "#f3b078", "#c04d00", "#6b2b00"]
)
HIDDEN = {"hatch": "////", "edgecolor": "#6b7785", "linewidth": 0}  # what a mask hides
PALETTE = ("#0060a8", "#c04d00", "#00785a", "#8f3a84", "#3d4752")  # the lines' colours, in order


def use() -> None:
    """Set the course's look for every figure drawn from now on."""
    matplotlib.style.use(SHEET)


def context():
    """The course's look inside a `with` block only."""
    return matplotlib.style.context(SHEET)


def colour_table(colours: str | Colormap = WEIGHTS) -> bytes:
    """A colour map as 256 x 3 bytes, red, green, blue: what the interactive figures colour with."""
    table = matplotlib.colormaps[colours] if isinstance(colours, str) else colours
    return np.rint(255 * table(np.arange(256))[:, :3]).astype(np.uint8).tobytes()


def png(fig: Figure) -> str:
    """The figure as PNG in base64; the same drawing gives the same bytes (no date or version is written into it)."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():  # what the font lacks is drawn as boxes; alternative text and table have the text
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        fig.savefig(buffer, format="png", metadata={"Software": None})
    return base64.b64encode(buffer.getvalue()).decode("ascii")


class Picture:
    """A finished picture with its alternative text, as a notebook output.

    JupyterLab ignores the alternative text of an image/png output, so the picture is given as HTML too.
    """

    def __init__(self, fig: Figure, alt: str):
        self.alt = alt
        self._png = png(fig)

    def _repr_mimebundle_(self, include=None, exclude=None):
        image = f'<img alt="{html.escape(self.alt)}" src="data:image/png;base64,{self._png}">'
        data = {"text/plain": repr(self), "text/html": image, "image/png": self._png}
        return data, {"image/png": {"alt": self.alt}}

    def __repr__(self):
        return f"Picture({self.alt!r})"


def show(fig: Figure, *, alt: str) -> Picture:
    """The figure as a notebook output; `alt` says in a sentence what the picture shows to those who do not see it.

    The figure is closed, so that the notebook does not draw it a second time. Raises ValueError for an empty `alt`.
    """
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"alt must say in words what the picture shows, got {alt!r}")
    picture = Picture(fig, alt.strip())
    if fig.canvas.manager is not None:  # only figures made by pyplot have a manager, and only these are kept by it
        from matplotlib import pyplot

        pyplot.close(fig)
    return picture
