"""The commands `python -m course_lib experiment NAME`. Each imports what it needs when it runs: help comes at once."""

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from course_lib.config import require
from course_lib.packages import install_command

if TYPE_CHECKING:
    from course_lib.experiments.scheduler import Executor
    from course_lib.experiments.sweep import Sweep

app = typer.Typer(
    help="Compare kinds of attention by training small models. A command that was stopped goes on where it was. Arms "
    "whose learning rate is not tuned yet in the folder are tuned first.",
    no_args_is_help=True,
)

# Of each of `catalogue.EXPERIMENTS`, which this module does not import because that takes seconds.
SUMMARIES = {
    "learning-rates": "The learning rate of each arm.",
    "equal-cache": "All core arms at equal cache and parameters.",
    "positions": "Kinds of positions in latent attention.",
    "extended": "Arms beside the core ones, by size of cache or position.",
    "common-rate": "Arms of the core and of positions, all with the same learning rate.",
    "equal-widths": "Core arms with equal d_ff, so unequal parameters.",
    "fewer-steps": "MHA and MQA-64 after fewer steps.",
    "recall": "Recall against cached numbers.",
    "copying": "Loss on text that repeats itself, after training at the common rate.",
    "extrapolation": "Loss in windows longer than those of training, at the common rate.",
}

RECALL_IS_TUNED = "--tuning-steps must not be given with recall, which is tuned in runs of all steps"
PresetName = Annotated[str, typer.Option("--preset", help="Sizes, steps and seeds: cpu, gpu or smoke.")]
Folder = Annotated[Path | None, typer.Option(help="Where the runs are; default runs/experiments/PRESET-CORPUS.")]
CorpusName = Annotated[str, typer.Option("--corpus", help="docs, code (without docstrings), or another of the course.")]
TokensFile = Annotated[
    Path | None, typer.Option("--tokens", help="A file made by `experiment tokens`, in place of the corpus.")
]
Address = Annotated[str, typer.Option("--scheduler", help="Address of a Dask scheduler; default: processes here.")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes here, of one thread each.")]
InProcess = Annotated[
    bool, typer.Option("--sequential", help="One run after the other, without Dask. Under torchrun all share each run.")
]
Steps = Annotated[int | None, typer.Option(min=1, help="Steps of a run; default: those of the preset.")]
TuningSteps = Annotated[
    int | None, typer.Option(min=1, help="Steps of a run that tunes a learning rate; default: those of the preset.")
]


def command(name: str) -> Callable:
    """The command that carries out an experiment."""

    def run(
        preset: PresetName = "cpu",
        folder: Folder = None,
        corpus: CorpusName = "docs",
        tokens: TokensFile = None,
        scheduler: Address = "",
        workers: Workers = 2,
        sequential: InProcess = False,
        steps: Steps = None,
        tuning_steps: TuningSteps = None,
    ) -> None:
        require_packages("pyarrow", *(() if sequential else ("distributed",)))

        def work() -> None:
            from course_lib.experiments import presets, together
            from course_lib.experiments.scheduler import Dask, Sequential, follow

            with together.joined(presets.preset(preset).device) as place:
                require(place.processes == 1 or sequential, "--sequential must be given under torchrun, got none")
                require(not (scheduler and sequential), "--scheduler must not be given with --sequential, got both")
                if not place.leads:
                    return follow()
                own = {"recall_steps": steps} if name == "recall" else {"steps": steps, "tuning_steps": tuning_steps}
                require(name != "recall" or tuning_steps is None, RECALL_IS_TUNED)
                sizes = own | {"processes": place.processes}
                sweep = opened(preset, sizes, folder, corpus, tokens)
                with Sequential() if sequential else Dask(scheduler or None, workers) as executor:
                    carry_out(name, sweep, executor)

        try:
            stop_on_errors(work)
        except KeyboardInterrupt as stop:
            typer.echo("Stopped. The same command goes on from the last checkpoints.", err=True)
            raise typer.Exit(130) from stop

    run.__doc__ = SUMMARIES[name]
    return run


for each in SUMMARIES:
    app.command(each)(command(each))


def opened(preset: str, sizes: dict, folder: Path | None, corpus: str, tokens: Path | None) -> "Sweep":
    """The sweep of a preset of which `sizes` replaces what is not None. Raises ValueError and OSError."""
    from course_lib.experiments import presets
    from course_lib.experiments.sweep import open_sweep

    chosen = replace(presets.preset(preset), **{name: size for name, size in sizes.items() if size is not None})
    return open_sweep(folder or Path("runs") / "experiments" / f"{preset}-{corpus}", chosen, corpus, tokens)


def carry_out(name: str, sweep: "Sweep", executor: "Executor") -> None:
    """Carry out an experiment, and say how it ended. The exit code is 1 when a job failed.

    Raises OSError when the folder cannot be written.
    """
    from course_lib.experiments.catalogue import EXPERIMENTS
    from course_lib.experiments.display import Display
    from course_lib.experiments.scheduler import settle

    experiment = EXPERIMENTS[name]
    with Display(sweep.folder) as display:
        settle(experiment, sweep, executor, display)
    done, failed = display.totals()
    untuned = experiment.untuned(sweep)
    if untuned:
        typer.echo(f"Not trained: {', '.join(untuned)}. Reason: {experiment.untuned_if}.")
    advice = f"python -m course_lib experiment report {sweep.folder}"
    typer.echo(f"{done} jobs have a result, {failed} failed. Tables and pictures: {advice}")
    if failed:
        typer.echo(f"To try failed jobs again, remove failure.json from their folders in {sweep.folder / 'runs'}.")
        raise typer.Exit(1)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="The folder of a sweep.")],
    to: Annotated[Path | None, typer.Option(help="Where the report goes; default FOLDER/report.")] = None,
) -> None:
    """Make tables and pictures of a sweep from the folders of its runs alone."""
    require_packages("pyarrow", "scipy", "matplotlib")

    def make() -> None:
        from course_lib.experiments.report import build

        typer.echo(build(folder, to) / "report.md")

    stop_on_errors(make)


@app.command()
def keep(
    folder: Annotated[Path, typer.Argument(help="The folder of a sweep.")],
    to: Annotated[Path, typer.Argument(help="An empty folder, or one that is made.")],
) -> None:
    """Copy what a report needs, without weights and tokens: small enough to commit."""
    require_packages("pyarrow")

    def copy() -> None:
        from course_lib.experiments import results

        typer.echo(f"{to}: {results.keep(folder, to) / 1e6:.1f} MB")

    stop_on_errors(copy)


@app.command()
def tokens(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    preset: PresetName = "cpu",
    corpus: CorpusName = "docs",
) -> None:
    """Make the file of tokens that runs on another machine need, which then needs no corpus."""

    def make() -> None:
        from course_lib.experiments import presets, sweep

        made = sweep.new_tokens(presets.preset(preset), corpus)
        made.write(file)
        typer.echo(f"{file}: {len(made.training):,} training tokens, digest {made.digest}")

    stop_on_errors(make)


@app.command()
def speed(
    preset: PresetName = "cpu",
    arm: Annotated[list[str] | None, typer.Option(help="An arm, or several; default: all core arms.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 1,
) -> None:
    """Time 20 steps of each arm, and tell how long a whole run takes on this machine."""

    def measure() -> None:
        from course_lib.bench.report import show_lines
        from course_lib.experiments import presets
        from course_lib.experiments.speed import COLUMNS, measured

        show_lines("Speed of training", COLUMNS, measured(presets.preset(preset), arm, threads))

    require_packages("pyarrow")
    stop_on_errors(measure)


def require_packages(*names: str) -> None:
    """Stop the command, and say what to install, unless these packages are there."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        without = ", or add --sequential" if missing == ["distributed"] else ""
        typer.echo(
            f"Error: experiments need {', '.join(missing)}. Run: {install_command('experiments')}{without}",
            err=True,
        )
        raise typer.Exit(1)


def stop_on_errors(work: Callable[[], None]) -> None:
    """Call `work`; a ValueError or OSError becomes a message and exit code 1."""
    try:
        work()
    except (ValueError, OSError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from error
