"""Amplification: what retries add to the load of a callee, edge by edge and with the depth of the chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.measures.blast import EVERY, paths
from benchmarks.measures.measure import Measure, within
from loadtests.rows import Row

if TYPE_CHECKING:
    from benchmarks.record import Record
    from benchmarks.scenario import Scenario, Window

ENTRY = "collector"
"""Where the load enters."""


@dataclass(frozen=True, slots=True)
class Amplification:
    """One edge over a cell.

    `chain`: the edges from ENTRY to this one, the shortest way; their number is the depth. `per_call`: attempts
    received by the callee / logical calls of the caller. `per_frame`: attempts received / `frames`, those that need the
    edge, so that it holds what every edge of the chain has multiplied. `faulted`: how many of them came in the fault.
    """

    chain: tuple[str, ...]
    per_call: float
    per_frame: float
    frames: int
    faulted: int


def amplification(rows: Sequence[Row], record: Record, scenario: Scenario) -> dict[str, Amplification]:
    """Each edge that was called, in order of depth and name; edges that no chain leads to are left out.

    Below 1: calls were refused by a breaker or met a dead process, or the frame had failed before it came to them.
    Source: Google, "Site Reliability Engineering", ch. 22 (retry amplification).
    """
    needs = paths(scenario.arrivals(), scenario.duration_s, record.seed)
    sent = [row for row in rows if row.sent is not None and row.index < len(needs)]
    in_fault = {row.index for row in within(sent, record, "fault")}
    found: dict[str, Amplification] = {}
    reached: dict[str, tuple[str, ...]] = {ENTRY: ()}
    while reached:
        beyond: dict[str, tuple[str, ...]] = {}
        for name, edge in sorted(record.edges.items()):
            caller, _, callee = name.partition("->")
            if name in found or caller not in reached or not edge.logical:
                continue
            # only frames that need both ends come this way, and every frame needs the services of EVERY
            ends = {caller, callee} - EVERY
            frames = [row.index for row in sent if ends <= needs[row.index]]
            chain = (*reached[caller], name)
            found[name] = Amplification(
                chain,
                edge.received / edge.logical,
                edge.received / len(frames) if frames else 0.0,
                len(frames),
                sum(index in in_fault for index in frames),
            )
            beyond.setdefault(callee, chain)
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


def requests_per_frame(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
    """Attempts received by the faulted service / frames that need it, on the deepest edge into it; a ratio.

    The deepest of those that were called: a shallow edge into the same service has multiplied less, and of its own
    frames. It holds the tries of the whole chain, r^k of them where all fail, while `attempts` stays at r: the tries
    made further up are calls of their own there. Frames outside the fault count as well, with one request each.
    None without a fault, and where nothing that needs the service was sent. Source: as above.
    """
    if scenario.fault is None:
        return None
    into = f"->{scenario.fault.service}"
    edges = [edge for name, edge in amplification(rows, record, scenario).items() if name.endswith(into)]
    deepest = max(edges, key=lambda edge: len(edge.chain), default=None)
    return deepest.per_frame if deepest and deepest.frames else None


ATTEMPTS = Measure("attempts", "attempts per call", "per call", "lower", "ratio", attempts, whole_cell=True)
REQUESTS_PER_FRAME = Measure(
    "requests-per-frame", "requests per frame", "per frame", "lower", "ratio", requests_per_frame, whole_cell=True
)
