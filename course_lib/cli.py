"""The commands of `python -m course_lib`. Each imports what it needs when it runs, so that help appears at once."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from course_lib.bench.cli import app as bench
from course_lib.experiments.cli import app as experiment

app = typer.Typer(add_completion=False)
app.add_typer(bench, name="bench")
app.add_typer(experiment, name="experiment")

MARKS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "fail": "[bold red]FAIL[/]"}


@app.callback(invoke_without_command=True)
def overview(context: typer.Context) -> None:
    """Attention, hands on: the command line of the course.

    `make lab` opens the notebooks; begin with notebooks/00_start_here.ipynb.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check that the course can run on this machine; each line says ok or what to do about it.

    The exit code is 1 when the course cannot run.
    """
    from course_lib.doctor import examine

    findings = examine()
    healthy = all(finding.status != "fail" for finding in findings)
    if as_json:
        rows = [{"check": f.check, "status": f.status, "found": f.found, "advice": f.advice} for f in findings]
        typer.echo(json.dumps({"healthy": healthy, "findings": rows}, indent=2))
    else:
        show(findings, healthy)
    raise typer.Exit(0 if healthy else 1)


def show(findings, healthy: bool) -> None:
    """Print the findings as a table, and whether the course can run."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        advice = f"\n{finding.advice}" if finding.advice else ""
        table.add_row(finding.check, MARKS[finding.status], escape(finding.found + advice))
    console = Console(soft_wrap=False)
    console.print(table)
    console.print("\nThe course can run here." if healthy else "\nThe course cannot run yet: mend each line with FAIL.")


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="The model's name; without one, all models are listed.")] = "",
    corpus: Annotated[str, typer.Option(help="Another text to train on: a corpus of the course or a UTF-8 file.")] = "",
    folder: Annotated[Path | None, typer.Option(help="Where log, checkpoint and model go; default runs/NAME.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, or auto for the best available.")] = "auto",
) -> None:
    """Train one of the course's models; a run that was stopped goes on from its last checkpoint."""
    from course_lib.text import corpora
    from course_lib.training import DivergedError, Evaluation
    from course_lib.training.named import train_named
    from course_lib.training.plans import PLANS

    if not name:
        for each, plan in PLANS.items():
            typer.echo(f"{each:12} {plan.summary}")
        return
    folder = folder or Path("runs") / name
    try:
        text = corpora.load_or_read(corpus) if corpus else None
        card = train_named(name, folder, text, device)
    except (ValueError, OSError, DivergedError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{folder / 'model'}: {Evaluation(**card['validation'])}")


@app.command()
def look(folder: Annotated[Path, typer.Argument(help="A folder with config.json, in Hugging Face's layout.")]) -> None:
    """Say what a checkpoint is and what the notebooks can show of it, without loading its weights."""
    from course_lib.models.pretrained.look import look

    try:
        rows = look(folder)
    except ValueError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from error
    table = Table(box=None, pad_edge=False, show_header=False)
    for label, text in rows:
        table.add_row(label, escape(text))
    Console(highlight=False).print(table)


@app.command()
def progress(
    room: Annotated[
        Path | None, typer.Option(envvar="COURSE_ROOM", readable=False, help="Count in a workshop's folder, too.")
    ] = None,
) -> None:
    """Show which exercises were passed on this machine; with --room, how many participants of a room passed each."""
    from course_lib.exercises import standing

    table = Table("notebook", "passed", "open", box=None, pad_edge=False)
    for number, exercises in standing().items():
        passed, still = (" ".join(e.id for e, done in exercises if done is wanted) for wanted in (True, False))
        table.add_row(f"{int(number):02}", f"[green]{passed}[/]", still)
    Console(highlight=False).print(table)
    if room:
        show_room(room)


def show_room(room: Path) -> None:
    """Print how many participants of a room passed each exercise; exit with code 1 if the room cannot be read."""
    from course_lib.exercises.progress import FEWEST, counts

    try:
        found, people = counts(room)
    except OSError as error:
        advice = ". Its owner sees the counts." if isinstance(error, PermissionError) else ""
        typer.echo(f"Error: the room {room} cannot be read: {error.strerror}{advice}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"\nParticipants who passed an exercise: {people}. Counts below {FEWEST} are not shown.")
    for exercise_id in sorted(found, key=lambda i: [int(part) for part in i.split(".")]):
        typer.echo(f"{exercise_id}: {found[exercise_id]} of {people}")
