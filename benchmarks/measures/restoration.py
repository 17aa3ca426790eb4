"""Time to mitigate and time to recover: when goodput is back, while the fault lasts, and after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.measures.elapsed import Censored, Elapsed, Time
from benchmarks.measures.goodput import good, goodput
from benchmarks.measures.measure import Measure
from loadtests.rows import Row

if TYPE_CHECKING:
    from benchmarks.record import Record
    from benchmarks.scenario import PhaseName, Scenario, Window

BIN_S = 0.5
"""At the scenarios' 30 arrivals a second a bin holds 15: one stray failure is no relapse."""
RESTORED = 0.9
"""Of the steady phase's goodput. Source: Huang et al., "Metastable Failures in the Wild", OSDI 2022, call a system
recovered when its goodput is back near what it was; how near is said here."""


def mitigate(rows: Sequence[Row], record: Record, scenario: Scenario) -> Time | None:
    """Seconds from the fault's beginning until goodput is back although the fault goes on.

    0 where it never fell; and where it fell after a good beginning and the phase as a whole had nine tenths of it all
    the same, as after an outage of 0.7 s in 8. `lost_goodput` has such a dent.
    """
    return _restored(rows, record, scenario, "fault")


def recover(rows: Sequence[Row], record: Record, scenario: Scenario) -> Time | None:
    """Seconds from the fault's end until goodput is back; censored when it was not by the end of the load.

    The end is that of the phase: the removal takes a moment more (the record's `removed`), which is in it.
    """
    return _restored(rows, record, scenario, "recovery")


def _restored(rows: Sequence[Row], record: Record, scenario: Scenario, name: PhaseName) -> Time | None:
    """The beginning of the first bin that is good, and from which on all that follows in the phase is good together.

    A dip that the rest outweighs is no relapse: bin by bin, chance alone would make relapses of a goodput near the
    limit. Good: goodput of at least RESTORED times the steady phase's. Bins of BIN_S seconds on the clock of intended
    times; what is left of the phase after the last whole bin belongs to it. Censored at the phase's end.
    None without such a phase, without arrivals in it, or when the steady phase had no goodput to come back to.
    Source: see RESTORED.
    """
    phase = next((phase for phase in record.phases if phase.name == name), None)
    steady = goodput(rows, record, scenario, "steady")
    if phase is None or not steady:
        return None
    seen = [(row.at - phase.start, good(row, record, scenario)) for row in rows if phase.start <= row.at < phase.end]
    if not seen:
        return None
    length = phase.end - phase.start
    enough = RESTORED * steady
    for number in range(max(1, int(length / BIN_S + 1e-9))):
        begin = number * BIN_S
        here = [right for at, right in seen if begin <= at < begin + BIN_S]
        rest = [right for at, right in seen if at >= begin]
        if here and sum(here) >= enough * len(here) and sum(rest) >= enough * len(rest):
            return Elapsed(begin)
    return Censored(length)


def unrecovered(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
    """Share of the recovery phase that passed before goodput was back, 0 to 1; 1 where it never was.

    It is the time to recover, restricted to the phase and divided by its length. A restricted mean may be compared
    where a mean may not, since every cell was watched for the same time and "never" is no number but its end. None in
    any other window, and where `recover` is.
    Source: Royston and Parmar, "Restricted mean survival time", BMC Medical Research Methodology 13 (2013).
    """
    phase = next((phase for phase in record.phases if phase.name == window == "recovery"), None)
    time = recover(rows, record, scenario) if phase else None
    if phase is None or time is None:
        return None
    return time.seconds / (phase.end - phase.start) if isinstance(time, Elapsed) else 1.0


RECOVER = Measure("recover", "time to recover / phase", "share", "lower", "difference", unrecovered)
