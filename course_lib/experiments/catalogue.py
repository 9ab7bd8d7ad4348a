"""The experiments: which runs each consists of, as far as results that are there already tell."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from course_lib.experiments.plan import Plan
from course_lib.experiments.sweep import Sweep
from course_lib.experiments.tuning import tuning_plans

CORE = ("MHA", "GQA2", "MQA-64", "MLA-16", "MLA-4", "MLA-64", "NoPE latent")
POSITIONS = ("MLA-16", "MLA-4", "MLA-64", "NoPE latent", "NoPE latent, sinusoids")

Runs = Callable[[Sweep, str, int, float], Iterator[Plan]]  # of one arm with one seed, at its tuned learning rate


@dataclass(frozen=True)
class Experiment:
    """Arms, and the runs of each with one seed once its learning rate is tuned."""

    summary: str
    arms: tuple[str, ...]
    runs: Runs

    def plans(self, sweep: Sweep) -> list[Plan]:
        """The runs that are known to be needed: those that tune each arm, and the others of arms that are tuned.

        They stand in the order in which they should be done: all arms with the first seed, then with the second.
        """
        chosen = sweep.preset.chosen(self.arms)
        tuned = {arm: tuning_plans(sweep, arm) for arm in chosen}
        found = [plan for plans, _ in tuned.values() for plan in plans]
        for seed in range(max((len(sweep.preset.seeds_of(arm)) for arm in chosen), default=0)):
            for arm, (_, rate) in tuned.items():
                if rate is not None and seed in sweep.preset.seeds_of(arm):
                    found += self.runs(sweep, arm, seed, rate)
        return list({plan.key: plan for plan in found}.values())


def at_tuned_rate(sweep: Sweep, arm: str, seed: int, rate: float) -> Iterator[Plan]:
    yield sweep.compared(arm, seed, rate, sweep.preset.steps)


def at_common_rate(sweep: Sweep, arm: str, seed: int, rate: float) -> Iterator[Plan]:
    yield sweep.compared(arm, seed, sweep.preset.common_rate, sweep.preset.steps)


def at_equal_widths(sweep: Sweep, arm: str, seed: int, rate: float) -> Iterator[Plan]:
    yield sweep.compared(arm, seed, rate, sweep.preset.steps, "equal")


def in_fewer_steps(sweep: Sweep, arm: str, seed: int, rate: float) -> Iterator[Plan]:
    """A run of two sevenths of the steps with a schedule of its own, and the whole run to compare with."""
    yield sweep.compared(arm, seed, rate, sweep.preset.fewer_steps)
    yield sweep.compared(arm, seed, rate, sweep.preset.steps)


def no_runs(sweep: Sweep, arm: str, seed: int, rate: float) -> Iterator[Plan]:
    yield from ()


EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {
        "learning-rates": Experiment("The learning rate of each arm.", CORE, no_runs),
        "equal-cache": Experiment("All core arms at equal cache and parameters.", ("MHA again", *CORE), at_tuned_rate),
        "positions": Experiment("Kinds of positions in latent attention.", POSITIONS, at_tuned_rate),
        "common-rate": Experiment("Core arms, all with the same learning rate.", CORE, at_common_rate),
        "equal-widths": Experiment("Core arms with equal d_ff, so unequal parameters.", CORE, at_equal_widths),
        "fewer-steps": Experiment("MHA and MQA-64 after fewer steps.", ("MHA", "MQA-64"), in_fewer_steps),
    }
)
