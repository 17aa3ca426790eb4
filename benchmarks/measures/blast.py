"""Blast radius: what a fault does to frames that have nothing to do with it, or a version to all of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from benchmarks.measures.goodput import good
from benchmarks.measures.measure import Measure, within
from loadtests.frames import frame_of
from loadtests.rows import Outcome, Row
from loadtests.schedule import Load, arrivals
from services.airport.analysis import interest_on

if TYPE_CHECKING:
    from benchmarks.record import Record
    from benchmarks.scenario import Scenario, Window

EVERY = frozenset({"collector", "image-analysis", "face-recognition", "momentum"})
"""Services that every frame needs."""


def blast(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
    """Share of the frames whose path does not touch the faulted service and that failed all the same, 0 to 1.

    Of a fault on one version (a canary) it is the share of all frames that failed: each could have met the other
    version. The weight of that version is what it comes to, where nobody tries again. None where `off_path` has none.
    Source: Basiri et al., "Chaos Engineering", IEEE Software 2016 (minimise blast radius).
    """
    seen = off_path(rows, record, scenario, window)
    return sum(row.outcome is not Outcome.SUCCESS for row in seen) / len(seen) if seen else None


def blast_slo(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
    """Share of the same frames that were no right answer within the SLO, 0 to 1: slowness that spreads fails nothing.

    None where `off_path` has none. Source: as above; and Dean and Barroso, "The Tail at Scale", CACM 2013.
    """
    seen = off_path(rows, record, scenario, window)
    return sum(not good(row, record, scenario) for row in seen) / len(seen) if seen else None


def off_path(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> list[Row]:
    """Frames of the window that did not have to meet the fault: whatever became of them, it was not done to them.

    A frame needs the services of EVERY, the section that its camera belongs to, and `alerts` when a person of interest
    is on it; which it was, follows from the cell's seed. Nothing where the fault is on every path, or on none, and for
    a load that is no frames. All of them where the fault is on one version.
    """
    seen = within(rows, record, window)
    if scenario.fault is not None and scenario.fault.version:
        return seen
    if scenario.fault is None or scenario.fault.service in EVERY or scenario.load.what != "frames":
        return []
    needs = paths(scenario.arrivals(), scenario.duration_s, record.seed)
    spared = [row for row in seen if row.index < len(needs) and scenario.fault.service not in needs[row.index]]
    return spared if len(spared) < len(seen) else []


@lru_cache(maxsize=64)
def paths(load: Load, duration_s: float, seed: int) -> tuple[frozenset[str], ...]:
    """The services beyond EVERY that each arrival of a run needs, by index."""
    # which entry it takes is drawn apart from all else, so that any will do
    frames = (frame_of(arrival, seed) for arrival in arrivals(load, duration_s, seed, ["any"]))
    return tuple(
        frozenset({f"section-{frame.section}", *(("alerts",) if interest_on(frame.photo()) else ())})
        for frame in frames
    )


def apart(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> int:
    """Number of frames that a blast radius is a share of."""
    return len(off_path(rows, record, scenario, window))


BLAST = Measure("blast", "blast radius", "share", "lower", "difference", blast, trials=apart)
BLAST_SLO = Measure("blast-slo", "blast radius by the SLO", "share", "lower", "difference", blast_slo, trials=apart)
