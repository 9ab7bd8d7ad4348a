"""Hand the runs of an experiment to processes until each is settled.

Nothing is remembered here or in Dask's scheduler: which runs are left is read from the folder each time. So whatever
is killed, the same command goes on.
"""

import logging
from abc import abstractmethod
from collections import deque
from contextlib import AbstractContextManager
from pathlib import Path

from course_lib.config import require
from course_lib.experiments.catalogue import Experiment
from course_lib.experiments.display import Display
from course_lib.experiments.plan import Plan
from course_lib.experiments.run import FAILURE, carry_out, failure, note_failure, settled
from course_lib.experiments.sweep import Sweep

WORKERS = 2  # processes on this machine, with one thread each
DEATHS = 3  # workers that may die over one run before it counts as a failed try


class Executor(AbstractContextManager):
    """Carries out runs: `submit` hands one in, `wait` gives one back that is at its end, well or not."""

    @abstractmethod
    def submit(self, plan: Plan, sweep: Path) -> None:
        """Hand in a run."""

    @abstractmethod
    def wait(self) -> tuple[Plan, BaseException | None]:
        """A run that has ended, and the error if its process could not even note a failure."""


class Sequential(Executor):
    """One run after the other, in this process, without Dask."""

    def __init__(self):
        self.queue: deque[tuple[Plan, Path]] = deque()

    def submit(self, plan: Plan, sweep: Path) -> None:
        self.queue.append((plan, sweep))

    def wait(self) -> tuple[Plan, BaseException | None]:
        plan, sweep = self.queue.popleft()
        carry_out(plan, sweep)
        return plan, None

    def __exit__(self, *error) -> None:
        self.queue.clear()


class Dask(Executor):
    """Runs on the workers of a Dask cluster: WORKERS processes of this machine, or those of a scheduler elsewhere.

    When a worker dies, its run goes to another one; after DEATHS deaths it counts as a failed try. Workers elsewhere
    must see the folder of the sweep under the same path, and have one thread each. On a cluster with Slurm the package
    dask-jobqueue starts them (not tried by us); this process has to stay alive, and the command runs beside it:

        cluster = dask_jobqueue.SLURMCluster(cores=1, processes=1, memory="4 GB", walltime="04:00:00")
        cluster.scale(jobs=40)
        print(cluster.scheduler_address)  # for `experiment equal-cache --scheduler ADDRESS --folder SHARED`
    """

    def __init__(self, address: str | None = None):
        import dask
        from distributed import Client, LocalCluster, as_completed

        # A worker that computes for long without a sign of life is not dead: it holds Python's lock.
        dask.config.set({"distributed.scheduler.worker-ttl": None, "distributed.scheduler.allowed-failures": DEATHS})
        self.cluster = None
        if address is None:
            quiet = {"dashboard_address": None, "silence_logs": logging.CRITICAL}
            self.cluster = LocalCluster(n_workers=WORKERS, threads_per_worker=1, memory_limit=None, **quiet)
        self.client = Client(self.cluster or address)
        self.ended = as_completed()
        self.plans: dict[str, Plan] = {}

    def submit(self, plan: Plan, sweep: Path) -> None:
        key = f"{plan.key}-{len(self.plans)}"  # a key that was used before would give the earlier outcome
        self.plans[key] = plan
        self.ended.add(self.client.submit(carry_out, plan, sweep.absolute(), key=key, pure=False))

    def wait(self) -> tuple[Plan, BaseException | None]:
        future = next(self.ended)
        if future.cancelled():
            raise ConnectionError("Dask's scheduler is gone; nothing is lost: the same command goes on")
        return self.plans[future.key], future.exception()

    def __exit__(self, *error) -> None:
        self.client.close()
        if self.cluster is not None:
            self.cluster.close()


def settle(experiment: Experiment, sweep: Sweep, executor: Executor, display: Display) -> None:
    """Carry out all runs of an experiment that are not settled, those too that become known on the way.

    Raises OSError when the folder cannot be written.
    """
    handed_in: set[str] = set()
    while True:
        plans = experiment.plans(sweep)
        display.show(plans)
        for plan in plans:
            if plan.key not in handed_in and not settled(plan, sweep.folder):
                executor.submit(plan, sweep.folder)
                handed_in.add(plan.key)
        if not handed_in:
            return
        plan, error = executor.wait()
        handed_in.remove(plan.key)
        note_loss(plan, sweep.folder, error)
        display.ended(plan)


def note_loss(plan: Plan, sweep: Path, error: BaseException | None) -> None:
    """Count a failed try for a run whose process ended without a result and without a note of why."""
    if error is not None and not settled(plan, sweep):
        note_failure(plan, sweep, error)
    noted = settled(plan, sweep) or failure(plan.folder(sweep) / FAILURE)
    require(
        bool(noted), f"folder must be the same for this process and its workers, but {sweep} got no result of {plan}"
    )
