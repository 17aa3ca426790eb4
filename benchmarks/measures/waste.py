"""Wasted work: what callees did for callers that had given up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.measures.measure import Measure
from loadtests.rows import Row

if TYPE_CHECKING:
    from benchmarks.record import Record
    from benchmarks.scenario import Scenario, Window


def waste(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
    """Attempts that a callee worked on to their end after the connection had been closed / attempts received, 0 to 1.

    Counted by the callee when the answer is ready, on all edges of the application. A caller's timeout closes the
    connection, a proxy's closes it too, so that the count means the same in every mode.
    Source: Google, "Site Reliability Engineering", ch. 22 (work for requests whose deadline has passed).
    """
    attempts = received(rows, record, scenario, window)
    return sum(edge.wasted for edge in record.edges.values()) / attempts if attempts else None


def received(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> int:
    """Number of attempts that reached a callee, on all edges."""
    return sum(edge.received for edge in record.edges.values())


WASTE = Measure("waste", "wasted attempts", "share", "lower", "difference", waste, whole_cell=True, trials=received)
