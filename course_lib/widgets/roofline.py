"""Figure 9: prefill and decode on the rooflines of machines, and what each of the two waits for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure as Drawing

from course_lib import accounting
from course_lib.accounting import Machine, Model, Work
from course_lib.config import ModelConfig, require
from course_lib.figures.step_times import step_times
from course_lib.widgets import page
from course_lib.widgets.base import InteractiveFigure, packed
from course_lib.widgets.choices import Index, Try, Walk
from course_lib.widgets.numbers.model_steps import BYTES, FLOPS, Step, counts, method, steps_of

MAX_MODELS, MAX_DEVICES = 8, 4
BATCHES = tuple(2**i for i in range(11))
TOKENS = (1, 16, 64, 256, *(2**i for i in range(10, 18)))


@dataclass(frozen=True)
class Device:
    """A machine, the type of number that its FLOPs per second are for, and the source of its rates.

    Without a source the rates were measured on this machine. They differ from run to run, so the figure draws them but
    writes them into no text that a notebook keeps.
    """

    machine: Machine
    dtype: str = "bfloat16"
    source: str = ""

    def __post_init__(self):
        for name, kind in (("machine", Machine), ("source", str)):
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name} must be a {kind.__name__}, got {getattr(self, name)!r:.80}")
        accounting.itemsize(self.dtype)


class Roofline(InteractiveFigure):
    """Prefill and decode of a model at any batch and length, on the roofline of one of several machines.

    models: name -> ModelConfig, counted as a whole decoder, or accounting.Model, of which only the attention is
    counted. Latent attention is drawn in both forms. devices: the machines. start: values of chosen traits to start
    with.

    Chosen, all of them positions: `model`; `device`; `batch` in BATCHES, also read and set as `texts`; `context` in
    TOKENS, also as `tokens`. A prefill reads all `tokens`; a decode step reads the last one of them. `works` are what
    is drawn, name -> Work in the device's type of number; `points` are FLOPs per byte and the FLOPs per second that
    are attainable.

    Raises ValueError for no or too many models or devices, TypeError for other objects.
    """

    entry = "roofline"
    model = Index(0).tag(sync=True, chosen=True)
    device = Index(0).tag(sync=True, chosen=True)
    batch = Index(0).tag(sync=True, chosen=True)
    context = Index(0).tag(sync=True, chosen=True)
    walk = Walk(
        keys="Tab Tab Tab ArrowDown Tab ArrowRight Tab ArrowRight ArrowRight Tab ArrowLeft",
        chosen={"model": 1, "device": 1, "batch": 7, "context": 6},
        said="prefill waits for arithmetic",
    )

    def __init__(
        self,
        models: Mapping[str, ModelConfig | Model],
        devices: Sequence[Device],
        *,
        title: str = "Roofline",
        caption: str = "",
        **start: int,
    ):
        require(1 <= len(models) <= MAX_MODELS, f"models must be 1 to {MAX_MODELS}, got {len(models)}")
        require(1 <= len(devices) <= MAX_DEVICES, f"devices must be 1 to {MAX_DEVICES}, got {len(devices)}")
        for device in devices:
            if not isinstance(device, Device):
                raise TypeError(f"devices must be Devices, got {device!r:.80}")
        self._steps = {name: steps_of(name, model) for name, model in models.items()}
        self._devices = tuple(devices)
        data = {
            "models": [
                {"name": name, "method": method(models[name]), **counted(steps)} for name, steps in self._steps.items()
            ],
            "devices": [as_data(device) for device in devices],
            "parts": {"arithmetic": FLOPS, "memory": BYTES},
            "batches": BATCHES,
            "tokens": TOKENS,
        }
        opening = {"batch": BATCHES.index(32), "context": TOKENS.index(8192)} | start
        super().__init__(data, title=title, caption=caption, **opening)

    @classmethod
    def example(cls, tokens: Sequence[str]) -> "Roofline":
        text = " ".join(tokens)
        models = {name: accounting.model(name) for name in ("DeepSeek-V2", "Llama-2-7B", "Llama-3-70B", "DeepSeek-V3")}
        sheet = Device(Machine(f"sheet {tokens[0]}", 3.35e12, 989e12), "bfloat16", f"data sheet of {tokens[-1]}")
        return cls(models, [sheet, Device(Machine("here", 2e10, 1.5e11), "float32")], title=text, caption=text)

    def first_try(self) -> Try | None:
        return Try("1,024 texts at once", {"batch": BATCHES.index(1024)})

    def allowed(self) -> dict[str, range]:
        choices = {"model": self._steps, "device": self._devices, "batch": BATCHES, "context": TOKENS}
        return {name: range(len(values)) for name, values in choices.items()}

    @property
    def texts(self) -> int:
        """The chosen batch: the number of texts at once."""
        return BATCHES[self.batch]

    @texts.setter
    def texts(self, value: int):
        self.batch = place_of(value, BATCHES, "texts")

    @property
    def tokens(self) -> int:
        """The chosen length of each text, in tokens."""
        return TOKENS[self.context]

    @tokens.setter
    def tokens(self, value: int):
        self.context = place_of(value, TOKENS, "tokens")

    @property
    def machine(self) -> Machine:
        """The machine of the chosen device."""
        return self._devices[self.device].machine

    @property
    def works(self) -> dict[str, Work]:
        """The works that are drawn: decode and prefill, for latent attention in both forms."""
        return self._works(self._devices[self.device].dtype)

    @property
    def points(self) -> dict[str, tuple[float, float]]:
        """FLOPs per byte and attainable FLOPs per second of each work."""
        return {name: (work.intensity, self.machine.attainable(work.intensity)) for name, work in self.works.items()}

    def _works(self, dtype: str) -> dict[str, Work]:
        return {name: step(self.tokens, self.texts, dtype) for name, step in self._chosen_steps().items()}

    def _chosen_steps(self) -> dict[str, Step]:
        return list(self._steps.values())[self.model]

    def drawing(self) -> Drawing:
        fig = step_times(self.machine, self.works, self.data["models"][self.model]["method"])
        fig.suptitle(f"{self._what()}, batch {self.texts:,}", fontsize=10)
        return fig

    def _what(self) -> str:
        return f"{list(self._steps)[self.model]}, {self.tokens:,} tokens, on {self.machine.name}"

    def slide_drawing(self) -> Drawing:
        fig = super().slide_drawing()
        for text in fig.axes[0].texts:
            text.set_text(text.get_text().replace("waits for ", "waits for\n"))  # little room left of the ridge
        return fig

    def alt(self) -> str:
        device = self._devices[self.device]
        found = "; ".join(f"{name} {work.intensity:.3g}" for name, work in self.works.items())
        said = f"Roofline of {self._what()}. FLOPs per byte at batch {self.texts:,}, in {device.dtype}: {found}."
        if not device.source:
            return f"{said} The roof is measured."
        waits = "; ".join(f"{name} waits for {waits_for(work, device.machine)}" for name, work in self.works.items())
        return f"{said} The ridge is at {device.machine.ridge:.3g}: {waits}."

    def table(self) -> str:
        dtypes = sorted({device.dtype for device in self._devices})
        works = {dtype: self._works(dtype) for dtype in dtypes}
        head = [f"{list(self._steps)[self.model]}, batch {self.texts:,}, {self.tokens:,} tokens", "FLOPs"]
        head += [name for dtype in dtypes for name in (f"bytes, {dtype}", f"FLOPs per byte, {dtype}")]
        rows = []
        for name in self._chosen_steps():
            each = [of[name] for of in works.values()]
            cells = [text for work in each for text in (f"{work.bytes:.4g}", f"{work.intensity:.4g}")]
            rows.append([name, f"{each[0].flops:.4g}", *cells])
        return page.table(head, rows)

    def __repr__(self):
        return f"Roofline(models={list(self._steps)}, devices={len(self._devices)})"


def waits_for(work: Work, machine: Machine) -> str:
    """What a machine waits for in this work: "memory" or "arithmetic"."""
    return "memory" if work.intensity < machine.ridge else "arithmetic"


def place_of(value: int, values: Sequence[int], name: str) -> int:
    """The position of `value` among `values`. name: of the argument, for the ValueError if it is none of them."""
    require(value in values, f"{name} must be one of {', '.join(map(str, values))}, got {value!r}")
    return values.index(value)


def counted(steps: Mapping[str, Step]) -> dict:
    """The names of the steps and their counts, as the browser takes them."""
    flops, numbers = counts(list(steps.values()), TOKENS, BATCHES)
    return {"steps": list(steps), "flops": packed(flops, "<f8"), "numbers": packed(numbers, "<f8")}


def as_data(device: Device) -> dict:
    """A device as the browser takes it: bandwidth in bytes per second, FLOPs per second, ridge in FLOPs per byte."""
    machine = device.machine
    return {
        "name": machine.name, "bandwidth": machine.bandwidth, "flops": machine.flops, "ridge": machine.ridge,
        "dtype": device.dtype, "itemsize": accounting.itemsize(device.dtype), "source": device.source,
    }  # fmt: skip
