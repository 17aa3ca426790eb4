"""Goodput: right answers within the SLO, the only answers that a caller can use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.measures.measure import Measure, arrived, seconds, within
from loadtests.rows import Outcome, Row

if TYPE_CHECKING:
    from benchmarks.record import Record
    from benchmarks.scenario import Scenario, Window


def good(row: Row, record: Record, scenario: Scenario) -> bool:
    """Success, no later than the SLO after its *intended* time, and its effect is stored (no false acknowledgement)."""
    if row.outcome is not Outcome.SUCCESS or row.latency_s is None:
        return False
    return row.latency_s * 1000 <= scenario.slo.latency_ms and not false_acknowledgement(row, record)


def false_acknowledgement(row: Row, record: Record) -> bool:
    """Success that is none: its effect is not stored."""
    false = record.integrity.false_frames if record.integrity else ()
    return row.outcome is Outcome.SUCCESS and row.frame_id in false


def goodput(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
    """Right answers within the SLO / arrivals, a share from 0 to 1.

    Source: TopFull (SIGCOMM 2024) and Breakwater (OSDI 2020) define goodput as throughput within the SLO.
    """
    seen = within(rows, record, window)
    return sum(good(row, record, scenario) for row in seen) / len(seen) if seen else None


def goodput_rate(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
    """Right answers within the SLO per second of the window.

    Source: as above; it is their own figure, and depends on the load.
    """
    length = seconds(record, window)
    return sum(good(row, record, scenario) for row in within(rows, record, window)) / length if length else None


GOODPUT = Measure("goodput", "goodput", "share", "higher", "difference", goodput, trials=arrived)
GOODPUT_RATE = Measure("goodput-rate", "goodput per second", "per second", "higher", "ratio", goodput_rate)
