"""The experiments: which jobs each consists of, as far as results that are there already tell."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from course_lib.experiments import arms, recall
from course_lib.experiments.job import Job
from course_lib.experiments.probes import copying, extrapolation
from course_lib.experiments.recall import RECALL_ARMS
from course_lib.experiments.run import result_of, settled
from course_lib.experiments.sweep import Sweep
from course_lib.experiments.tuning import OPEN, recall_tuning, tuning_jobs

CORE, POSITIONS, EXTENDED = map(arms.in_group, (arms.CORE, arms.POSITIONS, arms.EXTENDED))
BOTH = tuple(dict.fromkeys(CORE + POSITIONS))
Jobs = Callable[[Sweep, str, int, float], Iterator[Job]]  # of one arm with one seed, at its tuned learning rate
Tuning = Callable[[Sweep, str], tuple[list[Job], float | None]]  # the jobs that tune an arm, its rate if it is known


@dataclass(frozen=True)
class Experiment:
    """Arms, and the jobs of each with one seed once its learning rate is tuned."""

    arms: tuple[str, ...]
    of_seed: Jobs
    tune: Tuning = tuning_jobs
    untuned_if: str = "none of the learning rates tried has a finite loss"  # when an arm ends without a rate

    def untuned(self, sweep: Sweep) -> list[str]:
        """The arms without a learning rate, which are not trained."""
        return [arm for arm in sweep.preset.chosen(self.arms) if self.tune(sweep, arm)[1] is None]

    def jobs(self, sweep: Sweep) -> tuple[list[Job], int]:
        """(the jobs that are known to be needed, steps of those that become known when an arm is tuned).

        Those known tune each arm, and follow for arms that are tuned. They stand in the order in which they should be
        done: all arms with the first seed, then with the second.
        """
        tuned = {arm: self.tune(sweep, arm) for arm in sweep.preset.chosen(self.arms)}
        found = [job for jobs, _ in tuned.values() for job in jobs]
        ended = {arm for arm, (jobs, _) in tuned.items() if jobs and all(settled(job, sweep.folder) for job in jobs)}
        later = 0
        for seed in range(max((len(sweep.preset.seeds_of(arm)) for arm in tuned), default=0)):
            for arm, (_, rate) in tuned.items():
                if seed in sweep.preset.seeds_of(arm):
                    own = self.of_seed(sweep, arm, seed, rate or sweep.preset.common_rate)
                    if rate is not None:
                        found += own
                    elif arm not in ended:  # else it has no rate, and is not trained
                        later += sum(job.steps for job in own)
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
    """Training at the common rate, then a probe of the model that this left."""

    def of_seed(sweep: Sweep, arm: str, seed: int, rate: float) -> Iterator[Job]:
        (trained,) = at_common_rate(sweep, arm, seed, rate)
        yield trained
        result = result_of(trained.folder(sweep.folder))
        if result is not None and "diverged" not in result:
            yield probe(trained)

    return of_seed


def recalled(sweep: Sweep, arm: str, seed: int, rate: float) -> Iterator[Job]:
    yield recall.recall_job(sweep.preset, arm, seed, rate)


CLOSED = (
    f"{recall.GATE} recalls less than {OPEN:.0%} of the values, one of its runs failed or diverged, "
    "or no rate of an arm has a finite loss"
)
# `cli.SUMMARIES` says in a line what each is about.
EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {
        "learning-rates": Experiment(CORE, no_more),
        "equal-cache": Experiment(("MHA again", *CORE), at_tuned_rate),
        "positions": Experiment(POSITIONS, at_tuned_rate),
        "extended": Experiment(EXTENDED, at_tuned_rate),
        "common-rate": Experiment(BOTH, at_common_rate),
        "equal-widths": Experiment(CORE, at_equal_widths),
        "fewer-steps": Experiment(("MHA", "MQA-64"), in_fewer_steps),
        "recall": Experiment(tuple(RECALL_ARMS), recalled, recall_tuning, CLOSED),
        "copying": Experiment(BOTH, probed(copying)),
        "extrapolation": Experiment(BOTH, probed(extrapolation)),
    }
)
