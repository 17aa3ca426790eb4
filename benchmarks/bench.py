"""The bench: worlds side by side, the cells of a plan one after the other, and every result written as it comes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import aiohttp
from rich.console import Console

from benchmarks import estimate, results
from benchmarks.cell import Conduct, void
from benchmarks.measures.goodput import goodput
from benchmarks.plan import Cell
from benchmarks.progress import Reporter, reporter
from benchmarks.record import Record
from benchmarks.report.evidence import comparisons, evidence
from benchmarks.results import Run
from benchmarks.stopping import LEAST, enough
from benchmarks.worlds import Open, Prepared, Up, running
from k8s.target import Target, TargetError
from loadtests.client import Generator


async def bench(run: Run, prepared: Prepared, target: Target, console: Console) -> None:
    """Run what is missing of a run, in worlds that end with this call, and keep each cell as it ends.

    Raises:
        CannotWrite: the results cannot be written any more.
        TargetError: a world did not start.
        GeneratorError: the load generator died.

    """
    if run.missing():
        first = (prepared.memory, estimate.sentence(run))
        await measure(run, partial(running, target, prepared, run.header.seed), console, first)


async def measure(run: Run, opened: Open, console: Console, first: Sequence[str] = ()) -> None:
    """Run what is missing of a run, in worlds that somebody has started or starts now; `first` are lines to begin with.

    Raises as `bench` does.
    """
    missing = run.missing()
    planned = len(run.plan)
    names = [arm.name for arm in run.header.arms]
    with reporter(console, list(run.scenarios), names, planned, planned - len(missing)) as report:
        for line in first:
            report.say(line)
        for note in run.header.notes:
            report.say(f"note: {note}")
        async with (
            await Generator.start() as generator,
            opened(report.say) as up,
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10), headers=_headers(up)) as http,
        ):
            conduct = Conduct(http, generator, up.worlds, report.tick)
            for repetition in sorted({cell.repetition for cell in missing}):
                await _repetition(run, conduct, report, up, [one for one in missing if one.repetition == repetition])
                # Before the first look there is nothing to find, and every row would be read for it.
                look = run.header.until_narrow and repetition >= LEAST
                if look and (reason := enough(comparisons(evidence(run)))):
                    run.stop(reason)
                    report.say(f"stopped after repetition {repetition}: {reason}")
                    break


def _headers(up: Up) -> dict[str, str]:
    """What the worlds ask for at their admin ports, which is one token for all."""
    return {name: value for world in up.worlds.values() for name, value in world.headers.items()}


async def _repetition(run: Run, conduct: Conduct, report: Reporter, up: Up, cells: Sequence[Cell]) -> None:
    """Run the cells of one repetition, and those that came out void once more."""
    again = [cell for cell in cells if (await _cell(run, conduct, report, up, cell)).void]
    for cell in again:
        report.again(cell)
        await _cell(run, conduct, report, up, cell)


async def _turned(up: Up, arm: str) -> str:
    """Give a world its turn, in two tries; gives why it could not be, which is no reason to end the bench."""
    why = ""
    for _ in range(2):
        try:
            await up.turn(arm)
        except TargetError as error:
            why = f"{arm} could not be given its turn: {error}"
        else:
            return ""
    return why


async def _cell(run: Run, conduct: Conduct, report: Reporter, up: Up, cell: Cell) -> Record:
    report.begin(cell)
    rows = run.begin(cell)
    scenario = run.scenarios[cell.scenario]
    why = await _turned(up, cell.arm)
    record = run.save(cell, void(scenario, why) if why else await conduct.run(cell, scenario, rows))
    share = None if record.void else goodput(results.read_rows(rows), record, scenario, scenario.primary.phase)
    report.end(cell, share, record.void)
    return record
