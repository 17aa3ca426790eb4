"""The bench: worlds side by side, the cells of a plan one after the other, and every result written as it comes."""

from __future__ import annotations

from collections.abc import Sequence

import aiohttp
from rich.console import Console

from benchmarks import estimate, results
from benchmarks.cell import Conduct
from benchmarks.measures.goodput import goodput
from benchmarks.plan import Cell
from benchmarks.progress import Reporter, reporter
from benchmarks.record import Record
from benchmarks.report.evidence import comparisons, evidence
from benchmarks.results import Run
from benchmarks.stopping import LEAST, enough
from benchmarks.worlds import Prepared, running
from k8s.target import Target
from loadtests.client import Generator


async def bench(run: Run, prepared: Prepared, target: Target, console: Console) -> None:
    """Run what is missing of a run, in worlds that end with this call, and keep each cell as it ends.

    Raises:
        CannotWrite: the results cannot be written any more.
        TargetError: a world did not start.
        GeneratorError: the load generator died.

    """
    missing = run.missing()
    if not missing:
        return
    planned = len(run.plan)
    names = [arm.name for arm in run.header.arms]
    with reporter(console, list(run.scenarios), names, planned, planned - len(missing)) as report:
        report.say(prepared.memory)
        report.say(estimate.sentence(run))
        for note in run.header.notes:
            report.say(f"note: {note}")
        async with (
            await Generator.start() as generator,
            running(target, prepared, run.header.seed, report.say) as worlds,
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http,
        ):
            conduct = Conduct(http, generator, worlds, report.tick)
            for repetition in sorted({cell.repetition for cell in missing}):
                await _repetition(run, conduct, report, [cell for cell in missing if cell.repetition == repetition])
                # Before the first look there is nothing to find, and every row would be read for it.
                look = run.header.until_narrow and repetition >= LEAST
                if look and (reason := enough(comparisons(evidence(run)))):
                    run.stop(reason)
                    report.say(f"stopped after repetition {repetition}: {reason}")
                    break


async def _repetition(run: Run, conduct: Conduct, report: Reporter, cells: Sequence[Cell]) -> None:
    """Run the cells of one repetition, and those that came out void once more."""
    void = [cell for cell in cells if (await _cell(run, conduct, report, cell)).void]
    for cell in void:
        report.again(cell)
        await _cell(run, conduct, report, cell)


async def _cell(run: Run, conduct: Conduct, report: Reporter, cell: Cell) -> Record:
    report.begin(cell)
    rows = run.rows_path(cell)
    scenario = run.scenarios[cell.scenario]
    record = run.save(cell, await conduct.run(cell, scenario, rows))
    share = None if record.void else goodput(results.read_rows(rows), record, scenario, scenario.primary.phase)
    report.end(cell, share, record.void)
    return record
