"""The progress of an experiment on the terminal: what is done, at work and failed, and when it will end.

All of it is read from the folders of the jobs, so it is right whichever processes work there.
"""

import threading
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from course_lib.experiments.job import Job
from course_lib.experiments.run import TRIES, at_work, failure_of, given_up, result_of
from course_lib.training import log

EVERY = 2.0  # seconds between two looks at the folders


class Display:
    """Lines and a bar that are renewed until the display is left; without a terminal, a line for each ended job."""

    def __init__(self, folder: Path, console: Console | None = None):
        self.folder, self.console = folder, console or Console()
        self.jobs: list[Job] = []
        self.later = 0  # steps of jobs that are not known yet
        self.began: tuple[float, float] | None = None  # when it was first seen, and which work was done by then
        self.live = Live(console=self.console, auto_refresh=False, transient=True)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.keep_up, daemon=True)

    def __enter__(self) -> "Display":
        if self.console.is_terminal:
            self.live.start()
            self.thread.start()
        return self

    def __exit__(self, *error) -> None:
        self.over.set()
        if self.console.is_terminal:
            self.thread.join()
            self.live.stop()

    def show(self, jobs: list[Job], later: int = 0) -> None:
        """Take these jobs for all of the experiment that are known yet; `later` are the steps of the others."""
        self.jobs, self.later = jobs, later

    def ended(self, job: Job) -> None:
        """Print a line for a job that has ended, or a try of which has failed."""
        folder = job.folder(self.folder)
        found = result_of(folder)
        if found is not None:
            state = "diverged" if "diverged" in found else "done"
            self.console.print(f"[green]{state:9}[/] {escape(str(job))}", highlight=False)
        else:
            tries = failure_of(folder)
            reason = f"try {tries['tries']} of {TRIES}: {tries['reasons'][-1]}"
            self.console.print(f"[red]failed[/]    {escape(f'{job}: {reason}')}", highlight=False)

    def totals(self) -> tuple[int, int]:
        """How many jobs have a result, and how many failed and are not tried again."""
        count = Counter(state_of(job, self.folder)[0] for job in self.jobs)
        return count["done"], count["failed"]

    def keep_up(self) -> None:
        while not self.over.wait(EVERY):
            self.live.update(self.now(), refresh=True)

    def now(self) -> Group:
        """What stands on the terminal at this moment."""
        jobs = self.jobs
        states = {job.key: state_of(job, self.folder) for job in jobs}
        count = Counter(state for state, _ in states.values())
        work = sum(job.steps for job in jobs) + self.later
        done = sum(step for _, step in states.values())
        said = f"{count['done']} done, {count['at work']} at work, {count['failed']} failed, {count['waiting']} waiting"
        table = Table.grid(padding=(0, 2))
        for job in jobs:
            state, step = states[job.key]
            if state == "at work":
                bar = ProgressBar(job.steps, step, width=24)
                table.add_row(str(job), bar, f"{step:,} of {job.steps:,} steps")
        whole = ProgressBar(max(1, work), done, width=40)
        return Group(table, Text(f"{said}; {self.end(work, done)}"), whole)

    def end(self, work: float, done: float) -> str:
        """When all will be done, from the speed since the display began. All steps count the same."""
        self.began = self.began or (time.monotonic(), done)
        seconds, steps = time.monotonic() - self.began[0], done - self.began[1]
        if steps <= 0:
            return "end not known yet"
        left = timedelta(seconds=round((work - done) * seconds / steps))
        day = "%d %B, " if left.days else ""
        return f"about {left} left, until {datetime.now() + left:{day}%H:%M}"


def state_of(job: Job, sweep: Path) -> tuple[str, int]:
    """("done", "failed", "at work" or "waiting", steps made) of a job. Steps of a failed one count as made."""
    folder = job.folder(sweep)
    if result_of(folder) is not None:
        return "done", job.steps
    if given_up(folder):
        return "failed", job.steps
    rows = log.read(folder / log.NAME)
    return "at work" if at_work(folder) else "waiting", rows[-1]["step"] if rows else 0
