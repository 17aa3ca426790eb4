"""The commands that measure goaround itself: ratios of things measured in one run."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.console import console
from benchmarks.errors import BadInput

perf = typer.Typer(
    name="perf", help="Measure what goaround itself costs, against what else there is.", no_args_is_help=True
)
LEFT = ("name", "offers", "unit", "goal")
Json = Annotated[bool, typer.Option("--json", help="A list of objects, for programs.")]
Rounds = Annotated[int, typer.Option(min=1, help="How often each case is measured, all of them in turn.")]


Memory = Annotated[bool, typer.Option("--memory", help="What is held after a million calls, in place of times.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(perf)


@perf.command()
def policies(as_json: Json = False, rounds: Rounds = 9, memory: Memory = False) -> None:
    """The cost of a call under policies, without a network: ours, the naive stack, and other libraries."""
    if memory:
        from benchmarks.perf.memory import measure as grown

        columns = ("name", "calls", "blocks", "kilobytes", "blocks_per_thousand_calls")
        _show([asdict(one) for one in asyncio.run(grown())], as_json, columns)
        return
    try:
        from benchmarks.perf.policies import measure
    except ImportError as missing:
        raise BadInput(
            [f"perf policies needs {missing.name}: `make setup` installs what is measured against"]
        ) from None
    rows = [asdict(row) for row in asyncio.run(measure(rounds))]
    _show(rows, as_json, ("name", "microseconds", "ratio_to_naive", "spread", "offers"))


@perf.command()
def mesh(as_json: Json = False, rounds: Rounds = 5) -> None:
    """How long a proxy's whole configuration takes to compile, from 10 to 1000 services; exponent 1 is linear."""
    from benchmarks.perf.mesh import measure

    rows = [asdict(row) for row in measure(rounds=rounds)]
    _show(rows, as_json, ("services", "seconds", "microseconds_per_service", "ratio_to_smallest", "exponent"))


@perf.command()
def load(
    as_json: Json = False,
    rounds: Rounds = 3,
    seconds: Annotated[float, typer.Option(min=4, help="Length of the run with a stall in it.")] = 20.0,
) -> None:
    """The load generator against a server that does nothing: lateness, most requests, a stall, percentiles."""
    from benchmarks.perf.load import measure

    rows = [asdict(row) for row in asyncio.run(measure(rounds, seconds))]
    _show(rows, as_json, ("name", "value", "spread", "unit", "goal"))


@perf.command()
def changes(
    as_json: Json = False,
    count: Annotated[int, typer.Option(min=1, help="How many changes, all kinds in turn.")] = 200,
    rate: Annotated[float, typer.Option(min=1, max=1000, help="Calls a second through the gateway.")] = 200,
) -> None:
    """How soon a changed Istio object is in effect in a whole world under load; exit code 1 if a call failed."""
    from benchmarks.perf.changes import measure

    with tempfile.TemporaryDirectory() as state, Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("changes", total=count)
        outcome = asyncio.run(measure(count, rate, Path(state), lambda _: progress.advance(task)))
    _show(
        [asdict(row) for row in outcome.rows()],
        as_json,
        ("name", "rounds", "median_ms", "slowest_ms", "applied_ms"),
        "ms until an answer showed it, and until every sidecar had it",
    )
    typer.echo(f"{len(outcome.answers)} calls at {rate:g} a second, {len(outcome.failed)} failed", err=as_json)
    if outcome.failed:
        raise typer.Exit(1)


def _show(rows: Sequence[dict[str, Any]], as_json: bool, columns: Sequence[str], caption: str = "") -> None:
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    table = Table(box=box.SIMPLE_HEAD, caption=caption or f"n = {rows[0]['rounds']} rounds, all cases in turn; medians")
    for column in columns:
        table.add_column(column.replace("_", " "), justify="left" if column in LEFT else "right")
    for row in rows:
        table.add_row(*(_text(row[column]) for column in columns))
    console().print(table)


def _text(value: object) -> str:
    match value:
        case float():
            return f"{value:.3g}" if value < 100 else f"{value:.0f}"
        case tuple():
            return " to ".join(_text(one) for one in value)
        case _:
            return str(value)
