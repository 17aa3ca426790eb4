"""Fallback: which share of the arrivals got an old answer, and said so, where there was no new one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.measures.measure import Measure, arrived, within
from loadtests.rows import Outcome, Row

if TYPE_CHECKING:
    from benchmarks.record import Record
    from benchmarks.scenario import Scenario, Window


def fallback(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
    """Old answers / arrivals, a share from 0 to 1. It is beside availability, and no part of it.

    An old answer is worth something to whoever would see nothing without it, and nobody knows whether it is true.
    Source: Nottingham, RFC 5861 (stale-if-error): an old answer in the place of an error.
    """
    seen = within(rows, record, window)
    return sum(row.outcome is Outcome.FALLBACK for row in seen) / len(seen) if seen else None


FALLBACK = Measure("fallback", "fallback", "share", "higher", "difference", fallback, trials=arrived)
