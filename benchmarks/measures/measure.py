"""What a measure is: a name, a unit, a direction, the scale on which two arms are compared, and a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from loadtests.rows import Row

if TYPE_CHECKING:  # the scenario's own validation needs the names of the measures
    from benchmarks.record import Record
    from benchmarks.scenario import Scenario, Window

ALL = "all"
"""The window of every phase but the warm-up."""

Unit = Literal[
    "share",
    "ms",
    "per second",
    "per call",
    "per frame",
    "frames",
    "times the budget",
    "CPU-s per 1000",
    "MiB-s per 1000",
]
Of = Callable[[Sequence[Row], "Record", "Scenario", "Window"], float | None]


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of one cell in one window; None where the cell has too little to say.

    `scale`: arms are compared by the `difference` of two values, or by the `ratio` of two positive ones.
    `whole_cell`: the number is counted over the whole cell, warm-up included, and knows no phases.
    `trials`: of how many trials a share is, which says how finely a cell can know it; None for what is no such share.
    """

    name: str
    title: str
    unit: Unit
    better: Literal["higher", "lower"]
    scale: Literal["difference", "ratio"]
    of: Of
    whole_cell: bool = False
    trials: Callable[[Sequence[Row], Record, Scenario, Window], int] | None = None


def within(rows: Sequence[Row], record: Record, window: Window) -> list[Row]:
    """The rows whose intended time lies in the window: a phase, or every phase but the warm-up."""
    spans = [(p.start, p.end) for p in record.phases if p.name == window or (window == ALL and p.name != "warm")]
    return [row for row in rows if any(start <= row.at < end for start, end in spans)]


def arrived(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> int:
    """Number of arrivals in the window."""
    return len(within(rows, record, window))


def seconds(record: Record, window: Window) -> float:
    """Length of the window in seconds."""
    return sum(p.end - p.start for p in record.phases if p.name == window or (window == ALL and p.name != "warm"))
