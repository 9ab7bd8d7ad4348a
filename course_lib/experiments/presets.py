"""The presets: sizes, steps, seeds and learning rates of all runs of a sweep."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

from course_lib.config import require, require_positive
from course_lib.training.recipe import PRECISIONS, Recipe

TUNING_SEED = 1_000  # no run of the comparison has it
NOT_SIZES = ("seeds", "more_seeds", "arms")  # may change in a sweep that was begun


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What all runs of a sweep have in common. Raises ValueError for a setting outside its range."""

    name: str
    d_model: int
    n_layers: int
    d_ff: int  # of MHA; the other arms get the same number of parameters
    vocab_size: int
    context: int  # tokens
    sequences: int  # of a step
    steps: int
    tuning_steps: int
    rates: tuple[float, ...]  # the learning rates tried first, in ascending order, each twice the one before
    recall_steps: int
    seeds: int  # of each arm
    more_seeds: Mapping[str, int] = field(default_factory=dict)  # arm -> seeds, where it needs more
    arms: tuple[str, ...] | None = None  # the only arms; None for all of an experiment
    documents: float = 1.0  # share of the corpus's documents that is used
    longest: int | None = None  # characters of a document that are used; None for all
    save_every: int = 250  # steps between checkpoints, and between points of the learning curve
    precision: str = "float32"
    device: str = "cpu"
    processes: int = 1  # that share each run: as many as torchrun started

    def __post_init__(self):
        sizes = ("d_model", "n_layers", "d_ff", "vocab_size", "context", "sequences")
        require_positive(self, *sizes, "steps", "tuning_steps", "recall_steps", "seeds", "save_every", "processes")
        rule = f"sequences must be a multiple of {self.processes} processes"
        require(self.sequences % self.processes == 0, f"{rule}, got {self.sequences}")
        rates = tuple(self.rates)
        rising = bool(rates) and rates[0] > 0 and all(b == 2 * a for a, b in zip(rates, rates[1:], strict=False))
        require(rising, f"rates must be positive, each twice the one before, got {self.rates}")
        require(0 < self.documents <= 1, f"documents must be a share above 0 and at most 1, got {self.documents}")
        require(self.precision in PRECISIONS, f"precision must be one of {', '.join(PRECISIONS)}, got {self.precision}")
        object.__setattr__(self, "rates", rates)

    def seeds_of(self, arm: str) -> range:
        """The seeds with which an arm is trained."""
        return range(self.more_seeds.get(arm, self.seeds))

    def chosen(self, arms: tuple[str, ...]) -> tuple[str, ...]:
        """Those of an experiment's arms that the preset has."""
        return arms if self.arms is None else tuple(arm for arm in arms if arm in self.arms)

    @property
    def common_rate(self) -> float:
        """The learning rate that all arms share in a comparison at one rate: the middle one of `rates`."""
        return self.rates[len(self.rates) // 2]

    @property
    def fewer_steps(self) -> int:
        """Two sevenths of all steps: 500 of 1,750."""
        return max(1, self.steps * 2 // 7)

    def sizes(self) -> dict:
        """What must stay the same in a sweep that was begun, ready for JSON."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in NOT_SIZES}
        derived = {"common rate": self.common_rate, "fewer steps": self.fewer_steps}
        return values | {"rates": list(self.rates)} | derived

    def recipe(self, seed: int, rate: float, steps: int) -> Recipe:
        """How one run is trained: AdamW, a linear rise over at most 100 steps, then half a cosine down to 2 %."""
        return Recipe(
            steps=steps,
            learning_rate=rate,
            warmup=min(100, steps // 10),
            final=0.02,
            evaluate_every=self.save_every,
            checkpoint_every=self.save_every,
            log_every=25,
            seed=seed,
            precision=self.precision,
        )


# Six seeds where a hypothesis compares two arms that may be close.
MORE_SEEDS = MappingProxyType({"GQA2": 6, "MQA-64": 6, "MLA-16": 6, "partly rotary 16": 6})

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        # 1,750 steps of 1,024 tokens are just under one epoch of the course's documentation corpus.
        "cpu": Preset(
            name="cpu",
            d_model=128,
            n_layers=4,
            d_ff=344,
            vocab_size=2048,
            context=256,
            sequences=4,
            steps=1_750,
            tuning_steps=300,
            recall_steps=3_000,
            rates=(1.5e-3, 3e-3, 6e-3),
            seeds=3,
            more_seeds=MORE_SEEDS,
        ),
        # Set `--steps` from the speed of the GPU at hand, which `experiment speed --preset gpu` measures.
        "gpu": Preset(
            name="gpu",
            d_model=256,
            n_layers=6,
            d_ff=688,
            vocab_size=2048,
            context=512,
            sequences=32,
            steps=1_000,
            tuning_steps=200,
            recall_steps=3_000,
            rates=(7.5e-4, 1.5e-3, 3e-3),
            seeds=3,
            precision="bfloat16",
            device="auto",
        ),
        # Shows within a minute that everything works; its numbers mean nothing.
        "smoke": Preset(
            name="smoke",
            d_model=32,
            n_layers=1,
            d_ff=320,
            vocab_size=300,
            context=32,
            sequences=4,
            steps=60,
            tuning_steps=20,
            recall_steps=40,
            rates=(6e-3, 1.2e-2),
            seeds=2,
            arms=("MHA", "GQA2"),
            documents=0.1,
            longest=2_000,
            save_every=20,
        ),
    }
)


def preset(name: str) -> Preset:
    """The preset of that name. Raises ValueError, which lists the names, for another one."""
    require(name in PRESETS, f"preset must be one of {', '.join(PRESETS)}, got {name!r}")
    return PRESETS[name]
