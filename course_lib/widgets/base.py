"""What all interactive figures share: one ES module without a bundler, three hosts, and a static twin.

A figure is a class with `entry` (the JavaScript file that exports its `mount(el, state, onChange)`), a `data` dict of
JSON and bytes that never changes, and traits tagged `chosen=True`, which a reader chooses in the browser or a cell sets
in Python. The hosts are anywidget, the page of `to_html()`, and the tests.

Python computes all numbers, if possible beforehand, and sends them as bytes in `data`. A figure with more states than
can be sent is an `AskingFigure`: each choice goes to Python, and the answer comes back.
"""

from collections.abc import Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import ClassVar

import anywidget
import numpy as np
import traitlets
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as Drawing

from course_lib.config import require
from course_lib.figures import style
from course_lib.files import write_atomically
from course_lib.widgets import modules, page
from course_lib.widgets.choices import Try, Walk

# On a dark page zero has the page's colour, `--clf-ground`, as on a white one zero is white in `style.SIGNED`.
SIGNED_DARK = LinearSegmentedColormap.from_list(
    "signed_dark", ["#c9e6ff", "#5db3f5", "#2a6ca6", "#14181d", "#a85a17", "#ff9d47", "#ffe0bd"]
)
LAYOUTS = ("page", "slide")
STILL = "Still picture: run this cell to operate it."


def packed(array, dtype: str = "<f4") -> dict:
    """Pack an array as bytes for the `unpack` of the JavaScript. dtype: "<f4", "<f8", "<i4" or "|u1"."""
    array = np.ascontiguousarray(array, dtype=dtype)
    return {"dtype": dtype, "shape": list(array.shape), "bytes": array.tobytes()}


def unpacked(payload: dict) -> np.ndarray:
    """The array that `packed` packed, read-only."""
    return np.frombuffer(payload["bytes"], payload["dtype"]).reshape(payload["shape"])


class InteractiveFigure(anywidget.AnyWidget):
    """Base class of the interactive figures. Subclasses name their `entry` and draw their static twin."""

    entry: ClassVar[str] = ""  # the JavaScript file, without .js
    reading: ClassVar[str] = ""  # how to read the figure: the end of every caption
    walk: ClassVar[Walk]  # a way through `example` by keyboard
    data = traitlets.Dict(read_only=True).tag(sync=True)
    frame = traitlets.Dict(read_only=True).tag(sync=True)  # what the buttons Try and Reset choose

    def __init_subclass__(cls, **kwargs):
        if "entry" in cls.__dict__:  # not for the subclass that ipywidgets makes of each instance to add traits
            cls._esm, cls._css = modules.module(cls.entry), modules.style_sheet(cls.entry)
        super().__init_subclass__(**kwargs)

    def __init__(self, data: dict, *, title: str, caption: str, **chosen):
        """data: JSON and `packed` arrays. title, caption: plain text. chosen: values of chosen traits to start with.

        Raises TypeError for a title or caption that is no text, ChoiceError for a value that is not allowed.
        """
        for name, text in (("title", title), ("caption", caption)):
            if not isinstance(text, str):
                raise TypeError(f"{name} must be text, got {text!r:.80}")
        super().__init__()
        signed = {"signed_palette": style.SIGNED, "signed_palette_dark": SIGNED_DARK}
        colours = {name: style.colour_table(table) for name, table in ({"palette": style.WEIGHTS} | signed).items()}
        texts = {"title": title, "caption": f"{caption} {self.reading}".strip()}
        chosen_names = {"chosen": sorted(self.trait_names(chosen=True))}
        # The traits are checked against the data, so the data comes first.
        self.set_trait("data", data | colours | texts | chosen_names)
        for name, value in chosen.items():
            setattr(self, name, value)

    @classmethod
    def example(cls, tokens: Sequence[str]) -> "InteractiveFigure":
        """An example for tests and measurements, as large as the figure gets for that many tokens.

        It has twelve heads, if the figure shows heads. The tokens may be hostile text. They stand wherever the figure
        shows text of a corpus, and in its title and caption.
        """
        raise NotImplementedError

    def allowed(self) -> dict[str, range | Sequence[str]]:
        """The values that each trait of type Index or Name may take: its name -> a range, or a list of names."""
        raise NotImplementedError

    def drawing(self) -> Drawing:
        """The picture of the static twin for what is chosen now."""
        raise NotImplementedError

    def slide_drawing(self) -> Drawing:
        """The twin's picture in the shape of a slide's frame, with larger type: what a deck shows on paper."""
        return style.for_slide(self.drawing())

    def alt(self) -> str:
        """The twin's alternative text: it tells readers who cannot see the picture what it shows."""
        raise NotImplementedError

    def table(self) -> str:
        """The twin's numbers as an HTML table, made by `page.table`."""
        raise NotImplementedError

    def first_try(self) -> Try | None:
        """The one thing to try from the present state, which a button at the top chooses; None for no button."""
        return None

    def twin(self, note: str = "", layout: str = "page") -> str:
        """The static twin as HTML: picture, caption and numbers. It has no script, so untrusted notebooks show it too.

        note: HTML below the picture. layout: "page" or "slide".
        """
        drawing = self.slide_drawing() if layout == "slide" else self.drawing()
        caption = f"<figcaption>{escape(self.data['caption'])}</figcaption>"
        numbers = f"<details><summary>Numbers</summary>{self.table()}</details>"
        return f"<figure>{style.image(drawing, self.alt())}{note}{caption}{numbers}</figure>"

    @contextmanager
    def kept(self):
        """A context manager for a cell that changes chosen traits: at its end they have their old values again.

        with figure.kept():
            figure.head = 3
            print(figure.alt())
        """
        before = self._chosen()
        try:
            yield self
        finally:
            for name, value in before.items():
                setattr(self, name, value)

    def _chosen(self) -> dict:
        return {name: getattr(self, name) for name in self.data["chosen"]}

    def _framed(self) -> dict:
        """What the buttons Try and Reset choose in a figure that is shown as it is now."""
        attempt = self.first_try()
        return {"start": self._chosen(), "try": attempt and attempt._asdict()}

    def state(self) -> dict:
        """All that `mount` needs: the data, what is chosen now, and what Try and Reset choose."""
        return {"data": self.data, "frame": self._framed(), **self._chosen()}

    def to_html(self, layout: str = "page") -> str:
        """The figure as an HTML page that needs no network and no other file; without JavaScript it shows the twin.

        layout: "page", or "slide" for a frame of 1184 x 560 pixels in a deck: two columns, large text, no scroll bar.
        static/hosts.js describes the messages between page and deck. Raises ValueError for another layout.
        """
        require(layout in LAYOUTS, f"layout must be one of {', '.join(map(repr, LAYOUTS))}, got {layout!r}")
        state = self._page_state() | {"layout": layout}
        return page.render(self.data["title"], self.twin(layout=layout), state, self._esm, self._css)

    def _page_state(self) -> dict:
        return self.state()

    def save(self, path, layout: str = "page") -> Path:
        """Write `to_html(layout)` to `path`, complete or not at all; returns the path.

        Raises ValueError unless the path ends in .html, and for another layout.
        """
        path = Path(path)
        require(path.suffix == ".html", f"path must end in .html, got {str(path)!r}")
        write_atomically(path, self.to_html(layout).encode("utf-8"))
        return path

    def _repr_mimebundle_(self, **kwargs):
        """The live figure, and one still picture for a saved notebook. From now on Reset leads back to this state."""
        self.set_trait("frame", self._framed())
        view, metadata = super()._repr_mimebundle_(**kwargs)
        return view | {"text/plain": repr(self), "text/html": self.twin(f"<p>{STILL}</p>")}, metadata


class AskingFigure(InteractiveFigure):
    """A figure whose numbers Python computes at each choice, since it has too many states to send all of them.

    `asks` names the traits that the numbers depend on. When one of them changes, here or in the browser, `compute` runs
    and the trait `answer` takes its result to the browser, where it is `state.answer`. A page that stands alone holds
    the answers to `foreseen()`; of any other choice it says that it needs Python.
    """

    asks: ClassVar[tuple[str, ...]] = ()
    answer = traitlets.Dict(read_only=True).tag(sync=True)

    def __init__(self, data: dict, **options):
        super().__init__(data | {"asks": list(self.asks)}, **options)
        self.observe(self._answer, list(self.asks))
        self._answer()

    def compute(self, **asked) -> dict:
        """The numbers for these values of the traits in `asks`: JSON and `packed` arrays. Must read no chosen trait."""
        raise NotImplementedError

    def foreseen(self) -> list[dict]:
        """Choices (name -> value, for each of `asks`) whose answers go into a page that stands alone."""
        raise NotImplementedError

    def answer_to(self, asked: dict) -> dict:
        """What the browser gets: the numbers, and the choice that they belong to."""
        return {"for": [asked[name] for name in self.asks], **self.compute(**asked)}

    def _answer(self, change=None):
        self.set_trait("answer", self.answer_to({name: getattr(self, name) for name in self.asks}))

    def state(self) -> dict:
        return super().state() | {"answer": self.answer}

    def _page_state(self) -> dict:
        """The state with the answers that a page needs: to the present choice, to `first_try`, and to `foreseen`."""
        state = self.state()
        attempt = state | (state["frame"]["try"] or {"chosen": {}})["chosen"]
        others = map(self.answer_to, [{name: attempt[name] for name in self.asks}, *self.foreseen()])
        answers = {str(answer["for"]): answer for answer in (self.answer, *others)}
        return state | {"answers": list(answers.values())}
