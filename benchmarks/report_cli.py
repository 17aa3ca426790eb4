"""The commands that read what was measured: report, compare, verify."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import results
from benchmarks.console import console as output
from benchmarks.errors import BadInput
from benchmarks.report import FORMATS, between, write
from benchmarks.report.changes import regressions
from benchmarks.report.figures import change

REGRESSED = 1

Results = Annotated[Path, typer.Option("--results", metavar="DIR", help="Where runs are kept.")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run's name, or the path of its folder.")]
Form = Annotated[str, typer.Option("--format", help=", ".join(FORMATS))]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (report, compare, verify):
        app.command()(command)


def report(run: RunName, form: Form = "terminal", into: Results = results.FOLDER) -> None:
    """Make a run's tables again, from its raw rows."""
    write(results.open_run(run, into), form, output())


def compare(
    before: Annotated[str, typer.Argument(metavar="RUN_A", help="The run to measure against: a name or a folder.")],
    after: Annotated[str, typer.Argument(metavar="RUN_B", help="The newer run, of the same scenarios and seed.")],
    form: Form = "terminal",
    into: Results = results.FOLDER,
) -> None:
    """The tables of two runs side by side, and what changed in each arm that both have.

    Exit code 1: an arm regressed in a scenario's primary measure, by more than its margin. Fewer than five repetitions
    decide nothing.
    """
    pair = results.open_run(before, into), results.open_run(after, into)
    write(pair, form, output())
    worse = regressions(between(*pair))
    for one in worse:
        shift = change(one.measure, one.interval.estimate) if one.interval else ""
        print(f"goaround: {one.scenario}, {one.arm}: {one.measure.title} regressed: {shift}", file=sys.stderr)  # noqa: T201 - this is the command line
    if worse:
        raise typer.Exit(REGRESSED)


def verify(run: RunName, into: Results = results.FOLDER) -> None:
    """Compare every file of a run with its checksum."""
    opened = results.open_run(run, into)
    wrong = opened.verify()
    if wrong:
        raise BadInput(wrong)
    typer.echo(f"{opened.folder}: every file is as the bench wrote it")
