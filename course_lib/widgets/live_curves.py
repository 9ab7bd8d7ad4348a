"""The losses of a run while it trains, in one picture that is replaced in place."""

import base64
import time

import anywidget
import traitlets

from course_lib.figures import style
from course_lib.figures.curves import loss_curves
from course_lib.widgets.modules import STATIC

ALT = "The training loss and the validation loss over {steps} steps, in nats per token."


class LiveCurves(anywidget.AnyWidget):
    """A watcher of a training run: show it, train, and leave a still picture in the notebook.

    curves = LiveCurves(recipe.steps)
    display(curves)
    train(model, data, recipe, folder, watchers=(curves,))
    curves.still()

    steps: of the whole run. seconds: at most one picture is drawn in so many, since drawing takes time from training;
    the last is always drawn. rows: lines of the log from before, when a run is resumed.
    Raises ValueError for steps that are not positive.
    """

    _esm = (STATIC / "live_curves.js").read_text(encoding="utf-8")
    png = traitlets.Bytes(read_only=True).tag(sync=True)
    width = traitlets.Int(0, read_only=True).tag(sync=True)  # in CSS pixels; the picture has more, for dense screens
    alt = traitlets.Unicode(read_only=True).tag(sync=True)
    over = traitlets.Bool(False, read_only=True).tag(sync=True)  # the still picture has taken its place

    def __init__(self, steps: int, seconds: float = 1.0, rows: tuple[dict, ...] = ()):
        super().__init__()
        self.steps, self.seconds, self.rows = steps, seconds, list(rows)
        self.set_trait("alt", ALT.format(steps=steps))
        self.draw()

    def __call__(self, row: dict) -> None:
        """See one more line of the log."""
        self.rows.append(row)
        last = "validation" in row and row["step"] == self.steps
        if last or time.monotonic() - self.drawn >= self.seconds:
            self.draw()

    def draw(self) -> None:
        """Show what was seen so far."""
        picture = loss_curves(self.rows, self.steps)
        self.set_trait("width", round(style.CSS_PIXELS * picture.get_figwidth()))
        self.set_trait("png", base64.b64decode(style.png(picture)))
        self.drawn = time.monotonic()

    def still(self, alt: str | None = None) -> style.Picture:
        """The curves as they are now, as an output that a saved notebook keeps; the live picture goes away.

        alt: what the picture shows, in words; by default which losses they are. Raises ValueError when it is empty.
        """
        picture = style.show(loss_curves(self.rows, self.steps), alt=self.alt if alt is None else alt)
        self.set_trait("over", True)
        return picture

    def __repr__(self) -> str:
        return f"LiveCurves({self.steps} steps)"
