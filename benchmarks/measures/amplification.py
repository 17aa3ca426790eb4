"""Amplification: what retries add to the load of a callee, edge by edge and with the depth of the chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.measures.measure import Measure
from loadtests.rows import Row

if TYPE_CHECKING:
    from benchmarks.record import Record
    from benchmarks.scenario import Scenario, Window

ENTRY = "collector"
"""Where the load enters: depth 0."""


@dataclass(frozen=True, slots=True)
class Amplification:
    """One edge over a cell. `depth`: 1 for the edges out of ENTRY, one more with each edge.

    `per_call`: attempts received by the callee / logical calls of the caller. `from_entry`: the product of `per_call`
    along the shortest chain from ENTRY to here, which is what one frame becomes where every edge of the chain retries.
    """

    depth: int
    per_call: float
    from_entry: float


def amplification(record: Record) -> dict[str, Amplification]:
    """Each edge that was called, in order of depth and name; edges that no chain leads to are left out.

    Per call below 1: calls never reached the callee, refused by a breaker or by a dead process.
    Source: Google, "Site Reliability Engineering", ch. 22 (retry amplification).
    """
    found: dict[str, Amplification] = {}
    reached = {ENTRY: 1.0}
    depth = 0
    while reached:
        depth += 1
        beyond: dict[str, float] = {}
        for name, edge in sorted(record.edges.items()):
            caller, _, callee = name.partition("->")
            if name in found or caller not in reached or not edge.logical:
                continue
            per_call = edge.received / edge.logical
            found[name] = Amplification(depth, per_call, reached[caller] * per_call)
            beyond[callee] = max(beyond.get(callee, 0.0), found[name].from_entry)
        reached = beyond
    return found


def attempts(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
    """Attempts received by the callee / logical calls made, on the edges into the faulted service; a ratio.

    Over all edges in a scenario without a fault. Source: as above.
    """
    callee = scenario.fault.service if scenario.fault else None
    edges = [edge for name, edge in record.edges.items() if callee is None or name.endswith(f"->{callee}")]
    logical = sum(edge.logical for edge in edges)
    return sum(edge.received for edge in edges) / logical if logical else None


ATTEMPTS = Measure("attempts", "attempts per call", "per call", "lower", "ratio", attempts, whole_cell=True)
