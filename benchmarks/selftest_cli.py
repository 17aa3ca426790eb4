"""The command that asks whether the harness can be believed: selftest."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from benchmarks.console import console as output
from benchmarks.oracles import ORACLES
from benchmarks.selftest import FALSE_ALARMS, Finding, choose, level, selftest
from k8s.local.target import LocalTarget

MISSED = 1


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(name="selftest")(run)


def run(
    oracle: Annotated[
        list[str] | None, typer.Option(help=f"{', '.join(ORACLES)}. Repeat for several; all if left out.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides arrivals, frames and faults.")] = 1,
) -> None:
    """Measure results that are known beforehand, in real worlds, and compare. Exit code 1: one was missed."""
    console, oracles = output(), choose(oracle)
    began = time.monotonic()
    for each in oracles:
        console.print(f"{each.name}: {each.about}", markup=False, soft_wrap=True)
    found = asyncio.run(selftest(oracles, LocalTarget(), seed, lambda line: console.print(line, markup=False)))
    console.print(table(found))
    missed = [finding for finding in found if not finding.check.passed]
    by_chance = sum(finding.check.by_chance for finding in found)
    console.print(
        f"{len(found)} checks in {time.monotonic() - began:.0f} s, {len(missed)} missed. {by_chance} are by chance, "
        f"each with an interval of {level(oracles):.2%}: a correct harness fails at most {FALSE_ALARMS:.0%} of its "
        "self-tests (Bonferroni). The others are certain.",
        soft_wrap=True,
    )
    if missed:
        raise typer.Exit(MISSED)


def table(found: list[Finding]) -> Table:
    """Measured beside predicted."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("oracle", "world", "figure"):
        shown.add_column(title)
    for title in ("predicted", "interval", "measured", "n"):
        shown.add_column(title, justify="right")
    shown.add_column("")
    for finding in found:
        check = finding.check
        shown.add_row(
            finding.oracle,
            finding.world,
            check.what,
            f"{check.predicted:.4g}",
            f"[{check.low:.4g}, {check.high:.4g}]" if check.low != check.high else "exact",
            f"{check.measured:.4g}",
            str(check.n),
            Text("hit", style="green") if check.passed else Text("MISSED", style="bold red"),
        )
    return shown
