"""The experiments: which jobs each consists of, as far as results that are there already tell."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from course_lib.experiments import arms, recall
from course_lib.experiments.job import Job
from course_lib.experiments.probes import copying, extrapolation
from course_lib.experiments.recall import RECALL_ARMS
from course_lib.experiments.run import result_of
from course_lib.experiments.sweep import Sweep
from course_lib.experiments.tuning import recall_tuning, tuning_jobs

CORE, POSITIONS, EXTENDED = map(arms.in_group, (arms.CORE, arms.POSITIONS, arms.EXTENDED))
Jobs = Callable[[Sweep, str, int, float], Iterator[Job]]  # of one arm with one seed, at its tuned learning rate
Tuning = Callable[[Sweep, str], tuple[list[Job], float | None]]  # the jobs that tune an arm, its rate if it is known


@dataclass(frozen=True)
class Experiment:
    """Arms, and the jobs of each with one seed once its learning rate is tuned."""

    summary: str
    arms: tuple[str, ...]
    of_seed: Jobs
    tune: Tuning = tuning_jobs

    def jobs(self, sweep: Sweep) -> tuple[list[Job], int]:
        """(the jobs that are known to be needed, steps of those that become known when an arm is tuned).

        Those known tune each arm, and follow for arms that are tuned. They stand in the order in which they should be
        done: all arms with the first seed, then with the second.
        """
        tuned = {arm: self.tune(sweep, arm) for arm in sweep.preset.chosen(self.arms)}
        found = [job for jobs, _ in tuned.values() for job in jobs]
        later = 0
        for seed in range(max((len(sweep.preset.seeds_of(arm)) for arm in tuned), default=0)):
            for arm, (_, rate) in tuned.items():
                if seed in sweep.preset.seeds_of(arm):
                    own = self.of_seed(sweep, arm, seed, rate or sweep.preset.common_rate)
                    if rate is None:
                        later += sum(job.steps for job in own)
                    else:
                        found += own
        return list({job.key: job for job in found}.values()), later


def at_tuned_rate(sweep: Sweep, arm: str, seed: int, rate: float) -> Iterator[Job]:
    yield sweep.compared(arm, seed, rate, sweep.preset.steps)


def at_common_rate(sweep: Sweep, arm: str, seed: int, rate: float) -> Iterator[Job]:
    yield sweep.compared(arm, seed, sweep.preset.common_rate, sweep.preset.steps)


def at_equal_widths(sweep: Sweep, arm: str, seed: int, rate: float) -> Iterator[Job]:
    yield sweep.compared(arm, seed, rate, sweep.preset.steps, "equal")


def in_fewer_steps(sweep: Sweep, arm: str, seed: int, rate: float) -> Iterator[Job]:
    """Training in two sevenths of the steps with a schedule of its own, and in all steps to compare with."""
    yield sweep.compared(arm, seed, rate, sweep.preset.fewer_steps)
    yield sweep.compared(arm, seed, rate, sweep.preset.steps)


def no_more(sweep: Sweep, arm: str, seed: int, rate: float) -> Iterator[Job]:
    yield from ()


def probed(probe: Callable[..., Job]) -> Jobs:
    """Training as for equal-cache, then a probe of the model that this left."""

    def of_seed(sweep: Sweep, arm: str, seed: int, rate: float) -> Iterator[Job]:
        trained = sweep.compared(arm, seed, rate, sweep.preset.steps)
        yield trained
        result = result_of(trained.folder(sweep.folder))
        if result is not None and "diverged" not in result:
            yield probe(trained)

    return of_seed


def recalled(sweep: Sweep, arm: str, seed: int, rate: float) -> Iterator[Job]:
    yield recall.recall_job(sweep.preset, arm, seed, rate)


EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {
        "learning-rates": Experiment("The learning rate of each arm.", CORE, no_more),
        "equal-cache": Experiment("All core arms at equal cache and parameters.", ("MHA again", *CORE), at_tuned_rate),
        "positions": Experiment("Kinds of positions in latent attention.", POSITIONS, at_tuned_rate),
        "extended": Experiment("Arms beside the core ones, by size of cache or position.", EXTENDED, at_tuned_rate),
        "common-rate": Experiment("Core arms, all with the same learning rate.", CORE, at_common_rate),
        "equal-widths": Experiment("Core arms with equal d_ff, so unequal parameters.", CORE, at_equal_widths),
        "fewer-steps": Experiment("MHA and MQA-64 after fewer steps.", ("MHA", "MQA-64"), in_fewer_steps),
        "recall": Experiment("Recall against cached numbers.", tuple(RECALL_ARMS), recalled, recall_tuning),
        "copying": Experiment("Loss on text that repeats itself.", CORE, probed(copying)),
        "extrapolation": Experiment("Loss on texts longer than those of training.", CORE, probed(extrapolation)),
    }
)
