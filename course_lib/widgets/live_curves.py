"""A picture of a run's losses that is replaced while the run trains."""

import base64
import time

import anywidget
import traitlets

from course_lib.figures import style
from course_lib.figures.curves import loss_curves
from course_lib.widgets.modules import STATIC

ALT = "The training loss and the validation loss over {steps} steps, in nats per token."


class LiveCurves(anywidget.AnyWidget):
    """Show the losses of a run while it trains: display it, train, and leave a still picture in the notebook.

        curves = LiveCurves(recipe.steps)
        display(curves)
        train(model, data, recipe, folder, watchers=(curves,))
        curves.still()

    steps: the number of steps of the whole run. seconds: the least time between two pictures, since drawing slows the
    training; the last picture is always drawn. rows: earlier lines of the log, when a run is resumed. Raises ValueError
    unless steps is a positive integer.
    """

    _esm = (STATIC / "live_curves.js").read_text(encoding="utf-8")
    png = traitlets.Bytes(read_only=True).tag(sync=True)
    width = traitlets.Int(0, read_only=True).tag(sync=True)  # in CSS pixels; the picture has more, for dense screens
    alt = traitlets.Unicode(read_only=True).tag(sync=True)
    over = traitlets.Bool(False, read_only=True).tag(sync=True)  # whether the still picture has taken its place

    def __init__(self, steps: int, seconds: float = 1.0, rows: tuple[dict, ...] = ()):
        super().__init__()
        self.steps, self.seconds, self.rows = steps, seconds, list(rows)
        self.set_trait("alt", ALT.format(steps=steps))
        self.draw()

    def __call__(self, row: dict) -> None:
        """Take one more line of the log, and draw if it is time."""
        self.rows.append(row)
        last = "validation" in row and row["step"] == self.steps
        if last or time.monotonic() - self.drawn_at >= self.seconds:
            self.draw()

    def draw(self) -> None:
        """Draw the losses so far."""
        picture = loss_curves(self.rows, self.steps)
        self.set_trait("width", round(style.CSS_PIXELS * picture.get_figwidth()))
        self.set_trait("png", base64.b64decode(style.png(picture)))
        self.drawn_at = time.monotonic()

    def still(self, alt: str | None = None) -> style.Picture:
        """The curves as they are now, as an output that a saved notebook keeps; the live picture disappears.

        alt: what the picture shows, in words; by default it names the losses. Raises ValueError when it is empty.
        """
        picture = style.show(loss_curves(self.rows, self.steps), alt=self.alt if alt is None else alt)
        self.set_trait("over", True)
        return picture

    def __repr__(self) -> str:
        return f"LiveCurves({self.steps} steps)"
