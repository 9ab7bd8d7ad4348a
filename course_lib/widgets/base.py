"""What all interactive figures share: one ES module without a bundler, three hosts, and a static twin.

A figure is a class with `sources` (its JavaScript beside the shared one, in order), a `data` dict of JSON and bytes
that stays as it is, and traits tagged `chosen=True` that the reader chooses in the browser or Python sets.
The JavaScript defines `mount(el, state, onChange)`; the hosts are anywidget, `to_html()` and the tests.

Numbers are computed in Python: best all of them beforehand, as bytes in `data`. A figure with more states than can be
sent is an `AskingFigure`: a choice goes to Python, and the answer comes back.
"""

from collections.abc import Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import ClassVar, NamedTuple

import anywidget
import numpy as np
import traitlets
from matplotlib.figure import Figure as Drawing

from course_lib.config import require
from course_lib.figures import style
from course_lib.files import write_atomically
from course_lib.widgets import page

STATIC = Path(__file__).with_name("static")
SHARED = ("basics", "axes", "controls", "figure", "hosts")  # in every figure
EXPORT = "\nexport { mount };\nexport default anywidgetHost(mount);\nmountInPage(mount);\n"  # what the hosts ask for


class ChoiceError(traitlets.TraitError, ValueError):
    """A chosen value out of its range. As a TraitError it undoes the assignment, also one that came from a browser."""


class Index(traitlets.Int):
    """A whole number from Python or NumPy, of those that the figure's `allowed` names; None only if `allow_none`."""

    def validate(self, obj, value):
        if isinstance(value, np.integer):
            value = int(value)
        if isinstance(value, bool):
            self.error(obj, value)
        return among_allowed(self, obj, super().validate(obj, value))


class Name(traitlets.Unicode):
    """One of the names that the figure's `allowed` lists."""

    def validate(self, obj, value):
        return among_allowed(self, obj, super().validate(obj, value))


def among_allowed(trait: traitlets.TraitType, figure: "InteractiveFigure", value):
    """The value; raises ChoiceError unless the figure allows it. Before there is data nothing can be checked."""
    if value is None or not figure.data:
        return value
    allowed = figure.allowed()[trait.name]
    if value not in allowed:
        numbers = isinstance(allowed, range)
        rule = (
            f"lie between {allowed[0]} and {allowed[-1]}" if numbers else f"be one of {', '.join(map(repr, allowed))}"
        )
        raise ChoiceError(f"{trait.name} must {rule}, got {value if numbers else repr(value)}")
    return value


class Walk(NamedTuple):
    """A way through a figure by keyboard alone, for its tests: what is pressed, then chosen, and said."""

    keys: tuple[str, ...]
    chosen: dict
    said: str


def packed(array, dtype: str = "<f4") -> dict:
    """An array as the JavaScript's `unpack` takes it: bytes, not JSON. dtype: "<f4", "<f8", "<i4" or "|u1"."""
    array = np.ascontiguousarray(array, dtype=dtype)
    return {"dtype": dtype, "shape": list(array.shape), "bytes": array.tobytes()}


def unpacked(payload: dict) -> np.ndarray:
    """The array of `packed`, read-only."""
    return np.frombuffer(payload["bytes"], payload["dtype"]).reshape(payload["shape"])


def source(names: tuple[str, ...], ending: str) -> str:
    """The named files of the static folder as one text; a figure without a file of that ending has none to add."""
    paths = [STATIC / f"{name}.{ending}" for name in names]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths if path.exists())


class InteractiveFigure(anywidget.AnyWidget):
    """Base class of the interactive figures; subclasses name their `sources` and draw their twin."""

    sources: ClassVar[tuple[str, ...]] = ()
    reading: ClassVar[str] = ""  # how to read the figure: the end of every caption
    walk: ClassVar[Walk]  # through `example`
    data = traitlets.Dict(read_only=True).tag(sync=True)

    def __init_subclass__(cls, **kwargs):
        if "sources" in cls.__dict__:  # not for the subclass that ipywidgets makes of each instance to add traits
            names = (*SHARED, *cls.sources)
            cls._esm, cls._css = source(names, "js") + EXPORT, source(names, "css")
        super().__init_subclass__(**kwargs)

    def __init__(self, data: dict, *, title: str, caption: str, **chosen):
        """data: JSON, and `packed` arrays; title and caption: plain text; chosen: the traits to start with.

        Raises TypeError for what is no text, ChoiceError for a choice that is not allowed.
        """
        for name, text in (("title", title), ("caption", caption)):
            if not isinstance(text, str):
                raise TypeError(f"{name} must be text, got {text!r:.80}")
        super().__init__()
        colours = {"palette": style.colour_table(), "signed_palette": style.colour_table(style.SIGNED)}
        texts = {"title": title, "caption": f"{caption} {self.reading}".strip()}
        chosen_names = {"chosen": sorted(self.trait_names(chosen=True))}
        # The traits are checked against the data, so the data comes first.
        self.set_trait("data", data | colours | texts | chosen_names)
        for name, value in chosen.items():
            setattr(self, name, value)

    @classmethod
    def example(cls, tokens: Sequence[str]) -> "InteractiveFigure":
        """The figure for tests and measurements, as rich as it comes for that many tokens: twelve heads, if any.

        The tokens, which may be hostile, stand wherever the figure shows text of a corpus, and its title and caption.
        """
        raise NotImplementedError

    def allowed(self) -> dict[str, range | Sequence[str]]:
        """The values that each Index and Name may take."""
        raise NotImplementedError

    def drawing(self) -> Drawing:
        """The static twin for what is chosen now."""
        raise NotImplementedError

    def alt(self) -> str:
        """A sentence for those who do not see the twin: what there is to see in it."""
        raise NotImplementedError

    def table(self) -> str:
        """The twin's numbers as an HTML table, made by `page.table`."""
        raise NotImplementedError

    def twin(self) -> str:
        """The figure as HTML without script: picture, caption and numbers. Untrusted notebooks keep all of it."""
        return self._twin(style.png(self.drawing()))

    def _twin(self, png: str) -> str:
        image = f'<img alt="{escape(self.alt())}" src="data:image/png;base64,{png}">'
        caption = f"<figcaption>{escape(self.data['caption'])}</figcaption>"
        return f"<figure>{image}{caption}<details><summary>Numbers</summary>{self.table()}</details></figure>"

    @contextmanager
    def kept(self):
        """Let a cell change what is chosen, and show at its end what the figure showed before."""
        before = {name: getattr(self, name) for name in self.data["chosen"]}
        try:
            yield self
        finally:
            for name, value in before.items():
                setattr(self, name, value)

    def state(self) -> dict:
        """All that `mount` needs: the data and what is chosen now."""
        return {"data": self.data, **{name: getattr(self, name) for name in self.data["chosen"]}}

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
        still = {"text/plain": repr(self), "text/html": self._twin(png), "image/png": png}
        return view | still, metadata | {"image/png": {"alt": self.alt()}}


class AskingFigure(InteractiveFigure):
    """A figure whose numbers Python computes for each choice, since there are too many choices to send them all.

    `asks` names the traits that the numbers depend on. When one changes, here or in the browser, `compute` runs, and
    `answer` takes its result to the browser, where it is `state.answer`. A page that stands alone holds the answers to
    `foreseen()`, and says of any other choice that it needs Python.
    """

    asks: ClassVar[tuple[str, ...]] = ()
    answer = traitlets.Dict(read_only=True).tag(sync=True)

    def __init__(self, data: dict, **options):
        super().__init__(data | {"asks": list(self.asks)}, **options)
        self.observe(self._answer, list(self.asks))
        self._answer()

    def compute(self, **asked) -> dict:
        """The numbers for these values of the traits in `asks`: JSON, and `packed` arrays. Reads no chosen trait."""
        raise NotImplementedError

    def foreseen(self) -> list[dict]:
        """Choices (name -> value, for each of `asks`) whose answers go into a page that stands alone."""
        raise NotImplementedError

    def answer_to(self, asked: dict) -> dict:
        """What the browser gets: the numbers, and which choice they are for."""
        return {"for": [asked[name] for name in self.asks], **self.compute(**asked)}

    def _answer(self, change=None):
        self.set_trait("answer", self.answer_to({name: getattr(self, name) for name in self.asks}))

    def state(self) -> dict:
        return super().state() | {"answer": self.answer}

    def to_html(self) -> str:
        others = [answer for answer in map(self.answer_to, self.foreseen()) if answer["for"] != self.answer["for"]]
        state = self.state() | {"answers": [self.answer, *others]}
        return page.render(self.data["title"], self.twin(), state, self._esm, self._css)
