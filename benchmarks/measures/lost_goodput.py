"""Lost goodput: the area between what the steady phase promised and what was delivered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.measures.goodput import good, goodput
from benchmarks.measures.measure import Measure, within
from loadtests.rows import Row

if TYPE_CHECKING:
    from benchmarks.record import Record
    from benchmarks.scenario import Scenario, Window


def lost_goodput(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
    """Right answers in time that the window would have had at the steady phase's goodput, less those that it had.

    In frames: the integral of (steady goodput - goodput) * arrivals per second over the window. It weighs depth and
    length of an outage alike, and is not cut off at 0, which would make a loss out of noise.
    None without arrivals in the window or in the steady phase.
    Source: Bruneau et al. (2003), loss of resilience: the area above the curve of quality over time.
    """
    seen = within(rows, record, window)
    steady = goodput(rows, record, scenario, "steady")
    if not seen or steady is None:
        return None
    return steady * len(seen) - sum(good(row, record, scenario) for row in seen)


LOST_GOODPUT = Measure("lost-goodput", "goodput lost", "frames", "lower", "difference", lost_goodput)
