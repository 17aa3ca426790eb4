"""Attempts per logical call: what retries add to the load of the callee."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.measures.measure import Measure
from loadtests.rows import Row

if TYPE_CHECKING:
    from benchmarks.record import Record
    from benchmarks.scenario import Scenario, Window


def attempts(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
    """Attempts received by the callee / logical calls made, on the edges into the faulted service.

    Over all edges in a scenario without a fault.

    Below 1 when calls never reached the callee: refused by a breaker, or by a dead process.
    Source: Google, "Site Reliability Engineering", ch. 22 (retry amplification).
    """
    return ratio(record, scenario.fault.service if scenario.fault else None)


def ratio(record: Record, callee: str | None) -> float | None:
    """Received / logical, summed over the edges into `callee`, or over all edges for None."""
    edges = [edge for name, edge in record.edges.items() if callee is None or name.endswith(f"->{callee}")]
    logical = sum(edge.logical for edge in edges)
    return sum(edge.received for edge in edges) / logical if logical else None


ATTEMPTS = Measure("attempts", "attempts per call", "per call", "lower", "ratio", attempts, whole_cell=True)
