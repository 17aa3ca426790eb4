"""What a person sees while a bench runs: where it is, and the table as it fills."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import fmean
from typing import Protocol

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from benchmarks.plan import Cell

CAPTION = "goodput: right answers within the SLO, share of frames sent; mean of the cells that have ended"


class Reporter(Protocol):
    """Told by the bench what happens, as it happens."""

    def say(self, line: str) -> None:
        """A line that stays: a world that is ready, a void cell."""

    def begin(self, cell: Cell) -> None:
        """A cell starts."""

    def tick(self, counts: Mapping[str, int]) -> None:
        """The generator's counts so far in this cell: sent, done, ok."""

    def again(self, cell: Cell) -> None:
        """A void cell will be run once more, beyond the plan."""

    def end(self, cell: Cell, goodput: float | None, void: Sequence[str]) -> None:
        """A cell has ended, with its share of arrivals that were answered right and in time (None: nothing to say)."""


@dataclass(slots=True)
class Lines:
    """For logs and pipes: one line a cell."""

    console: Console
    total: int
    finished: int = 0

    def say(self, line: str) -> None:
        """Print it."""
        self.console.print(line, highlight=False, markup=False)

    def begin(self, cell: Cell) -> None:
        """Nothing: the line comes when the cell has ended."""

    def tick(self, counts: Mapping[str, int]) -> None:
        """Nothing: a log is no place for a counter that moves."""

    def again(self, cell: Cell) -> None:
        """Count it."""
        self.total += 1

    def end(self, cell: Cell, goodput: float | None, void: Sequence[str]) -> None:
        """Print the cell's line."""
        self.finished += 1
        self.console.print(
            f"[{self.finished}/{self.total}] {cell.id}: {_result(goodput, void)}", highlight=False, markup=False
        )


@dataclass(slots=True)
class Screen:
    """For a terminal: a bar, the cell that runs, and the goodput of every finished cell by scenario and arm."""

    scenarios: Sequence[str]
    arms: Sequence[str]
    progress: Progress
    live: Live
    bar: TaskID
    goodputs: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    voids: dict[tuple[str, str], int] = field(default_factory=dict)
    current: str = ""

    def say(self, line: str) -> None:
        """Print it above the table."""
        self.live.console.print(line, highlight=False, markup=False)

    def begin(self, cell: Cell) -> None:
        """Name the cell beside the bar."""
        self.current = cell.id
        self.progress.update(self.bar, description=f"{cell.id}: reset")

    def tick(self, counts: Mapping[str, int]) -> None:
        """Show the generator's counts beside the bar."""
        self.progress.update(self.bar, description=f"{self.current}: {counts['ok']}/{counts['sent']} frames stored")

    def again(self, cell: Cell) -> None:
        """Make the bar one cell longer."""
        self.progress.update(self.bar, total=(self.progress.tasks[self.bar].total or 0) + 1)

    def end(self, cell: Cell, goodput: float | None, void: Sequence[str]) -> None:
        """Add the cell to the table; say why when it is void."""
        key = cell.scenario, cell.arm
        if void:
            self.voids[key] = self.voids.get(key, 0) + 1
            self.say(f"void {cell.id}: {'; '.join(void)}")
        elif goodput is not None:
            self.goodputs.setdefault(key, []).append(goodput)
        self.progress.advance(self.bar)
        self.live.update(self.render())

    def render(self) -> RenderableType:
        """The bar over the table so far."""
        table = Table(box=box.SIMPLE_HEAD)
        table.add_column("scenario")
        for arm in self.arms:
            table.add_column(arm, justify="right")
        for scenario in self.scenarios:
            table.add_row(scenario, *(self._cell(scenario, arm) for arm in self.arms))
        return Group(self.progress, Text(CAPTION), table)

    def _cell(self, scenario: str, arm: str) -> str:
        seen = self.goodputs.get((scenario, arm), [])
        void = self.voids.get((scenario, arm), 0)
        text = f"{fmean(seen):.1%} (n={len(seen)})" if seen else "-"
        return f"{text} [yellow]{void} void[/yellow]" if void else text


def _result(goodput: float | None, void: Sequence[str]) -> str:
    if void:
        return f"VOID: {'; '.join(void)}"
    return "no arrival" if goodput is None else f"goodput {goodput:.1%}"


@contextmanager
def reporter(
    console: Console, scenarios: Sequence[str], arms: Sequence[str], total: int, done: int
) -> Iterator[Reporter]:
    """The reporter that fits the console: a live screen on a terminal, lines elsewhere."""
    if not console.is_terminal:
        yield Lines(console, total, done)
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    progress = Progress(*columns, TextColumn("{task.description}"), console=console, speed_estimate_period=600)
    bar = progress.add_task("starting worlds", total=total, completed=done)
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        screen = Screen(scenarios, arms, progress, live, bar)
        live.update(screen.render())
        yield screen
