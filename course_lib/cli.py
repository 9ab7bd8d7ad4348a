"""The commands of `python -m course_lib`. What a command needs is imported when it runs, so that help comes at once."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

app = typer.Typer(add_completion=False)

MARKS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "fail": "[bold red]FAIL[/]"}


@app.callback(invoke_without_command=True)
def overview(context: typer.Context) -> None:
    """Attention, hands on: the command line of the course.

    The notebooks are opened with `make lab`; begin with notebooks/00_start_here.ipynb.
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
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        advice = f"\n{finding.advice}" if finding.advice else ""
        table.add_row(finding.check, MARKS[finding.status], escape(finding.found + advice))
    console = Console(soft_wrap=False)
    console.print(table)
    console.print("\nThe course can run here." if healthy else "\nThe course cannot run yet: mend each line with FAIL.")
