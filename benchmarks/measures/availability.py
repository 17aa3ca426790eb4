"""Availability: which share of the arrivals was answered with success."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.measures.measure import Measure, arrived, within
from loadtests.rows import Outcome, Row

if TYPE_CHECKING:
    from benchmarks.record import Record
    from benchmarks.scenario import Scenario, Window


def availability(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
    """Successes / arrivals, a share from 0 to 1. An arrival that the generator dropped is one that was not served.

    Source: Google, "Site Reliability Engineering", ch. 3: availability as the request success rate.
    """
    wins, arrivals = successes(rows, record, window)
    return wins / arrivals if arrivals else None


def successes(rows: Sequence[Row], record: Record, window: Window) -> tuple[int, int]:
    """Successes and arrivals in the window: what an interval of the proportion needs."""
    seen = within(rows, record, window)
    return sum(row.outcome is Outcome.SUCCESS for row in seen), len(seen)


AVAILABILITY = Measure("availability", "availability", "share", "higher", "difference", availability, trials=arrived)
