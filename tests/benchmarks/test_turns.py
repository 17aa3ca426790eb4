"""A world that cannot be given its turn voids a cell, and ends no bench."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from benchmarks import bench
from benchmarks.cell import Conduct, void
from benchmarks.plan import Cell
from benchmarks.progress import Reporter
from benchmarks.record import Record
from benchmarks.results import Run
from benchmarks.scenario import Scenario
from benchmarks.worlds import Up
from k8s.target import TargetError
from loadtests.rows import Outcome, Row, RowsFile
from tests.benchmarks.synthetic import write_run


class Conducted:
    """Notes which cells came to be measured, and measures nothing."""

    def __init__(self) -> None:
        self.cells: list[str] = []

    async def run(self, cell: Cell, scenario: Scenario, _rows: Path) -> dict[str, Any]:
        self.cells.append(cell.id)
        return void(scenario, "measured")


class Silent:
    def begin(self, _cell: Cell) -> None:
        pass

    def end(self, _cell: Cell, _share: float | None, _void: object) -> None:
        pass


async def kept(tmp_path: Path, failures: int) -> tuple[Run, Record, Conducted]:
    """The record of a cell before which the turn fails so many times, and of which a killed bench left rows."""
    run: Run = write_run(tmp_path, only=lambda cell: False)
    RowsFile(run.begin(run.plan[0])).write([Row(0, 0.0, 0.0, 0.1, "127.0.0.1:1", "7-0", 200, Outcome.SUCCESS)])
    left, conducted = [TargetError("too many requests")] * failures, Conducted()

    async def turn(_arm: str) -> None:
        if left:
            raise left.pop()

    record = await bench._cell(run, cast("Conduct", conducted), cast("Reporter", Silent()), Up({}, turn), run.plan[0])
    return run, record, conducted


async def test_a_turn_that_fails_once_is_tried_again(tmp_path: Path) -> None:
    _, record, conducted = await kept(tmp_path, failures=1)
    assert len(conducted.cells) == 1
    assert list(record.void) == ["measured"]


async def test_a_turn_that_fails_twice_voids_the_cell(tmp_path: Path) -> None:
    run, record, conducted = await kept(tmp_path, failures=2)
    assert conducted.cells == []
    assert list(record.void) == [f"{record.arm} could not be given its turn: too many requests"]
    assert run.rows(record) == ()
