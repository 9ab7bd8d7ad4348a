"""What all interactive figures share: one ES module without a bundler, three hosts, and a static twin.

A figure is a class with `sources` (its JavaScript beside the shared one, in order), a `data` dict of JSON and bytes
that stays as it is, and traits tagged `chosen=True` that the reader chooses in the browser or Python sets.
The JavaScript defines `mount(el, state, onChange)`; the hosts are anywidget, `to_html()` and the tests.
"""

from html import escape
from pathlib import Path
from typing import ClassVar

import anywidget
import numpy as np
import traitlets
from matplotlib.figure import Figure as Drawing

from course_lib.config import require
from course_lib.figures import style
from course_lib.files import write_atomically
from course_lib.widgets import page

STATIC = Path(__file__).with_name("static")
EXPORT = "\nexport { mount };\nexport default anywidgetHost(mount);\nmountInPage(mount);\n"  # what the hosts ask for


class ChoiceError(traitlets.TraitError, ValueError):
    """A chosen value out of its range. As a TraitError it undoes the assignment, also one that came from a browser."""


class Index(traitlets.Int):
    """A whole number from Python or NumPy; the figure's `check` method knows its range."""

    def validate(self, obj, value):
        if isinstance(value, np.integer):
            value = int(value)
        if isinstance(value, bool):
            self.error(obj, value)
        return super().validate(obj, value)


def source(names: tuple[str, ...], ending: str) -> str:
    """The named files of the static folder as one text; a figure without a file of that ending has none to add."""
    paths = [STATIC / f"{name}.{ending}" for name in names]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths if path.exists())


class InteractiveFigure(anywidget.AnyWidget):
    """Base class of the interactive figures; subclasses name their `sources` and draw their twin."""

    sources: ClassVar[tuple[str, ...]] = ()
    data = traitlets.Dict(read_only=True).tag(sync=True)

    def __init_subclass__(cls, **kwargs):
        if "sources" in cls.__dict__:  # not for the subclass that ipywidgets makes of each instance to add traits
            names = ("figure", *cls.sources)
            cls._esm, cls._css = source(names, "js") + EXPORT, source(names, "css")
        super().__init_subclass__(**kwargs)

    def __init__(self, data: dict, **chosen):
        # The traits are checked against the data, so the data comes first.
        super().__init__()
        names = sorted(self.trait_names(chosen=True))
        self.set_trait("data", data | {"palette": style.colour_table(), "chosen": names})
        for name, value in chosen.items():
            setattr(self, name, value)

    def drawing(self) -> Drawing:
        """The static twin for what is chosen now."""
        raise NotImplementedError

    def alt(self) -> str:
        """A sentence for those who do not see the twin."""
        raise NotImplementedError

    def table(self) -> str:
        """The twin's numbers as an HTML table; all text in it is escaped."""
        raise NotImplementedError

    def twin(self) -> str:
        """The figure as HTML without script: picture, caption and numbers. Untrusted notebooks keep all of it."""
        image = f'<img alt="{escape(self.alt())}" src="data:image/png;base64,{style.png(self.drawing())}">'
        caption = f"<figcaption>{escape(self.data['caption'])}</figcaption>"
        return f"<figure>{image}{caption}<details><summary>Numbers</summary>{self.table()}</details></figure>"

    def state(self) -> dict:
        """All that `mount` needs: the data and what is chosen now."""
        return {"data": self.data, **{name: getattr(self, name) for name in self.trait_names(chosen=True)}}

    def to_html(self) -> str:
        """A page that needs no network and no other file; without JavaScript it shows the static twin."""
        return page.render(self.data["title"], self.twin(), self.state(), self._esm, self._css)

    def save(self, path) -> Path:
        """Write `to_html()` to `path`, complete or not at all; returns the path. Raises ValueError unless .html."""
        path = Path(path)
        require(path.suffix == ".html", f"path must end in .html, got {str(path)!r}")
        write_atomically(path, self.to_html().encode("utf-8"))
        return path

    def _repr_mimebundle_(self, **kwargs):
        view, metadata = super()._repr_mimebundle_(**kwargs)
        png = style.png(self.drawing())
        still = {"text/plain": repr(self), "text/html": self.twin(), "image/png": png}
        return view | still, metadata | {"image/png": {"alt": self.alt()}}
