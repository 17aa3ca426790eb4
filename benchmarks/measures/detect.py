"""Time to detect: how long a fault went on before a policy took anything out of service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measures.elapsed import Censored, Elapsed, Time

if TYPE_CHECKING:
    from benchmarks.record import Record
    from benchmarks.scenario import Scenario

PROTECTIVE = frozenset({"open", "ejection"})
"""A breaker opened, or a replica was ejected. A retry does not count: it would have come without the policy knowing."""


def detect(record: Record, scenario: Scenario) -> Time | None:
    """Seconds from the fault's beginning to the first protective action on an edge into the faulted service.

    Censored at the fault's end. None without a fault on a service, or without a timeline.
    The beginning is that of the phase: the injection takes some milliseconds more.
    Source: Beyer et al., "The Site Reliability Workbook", ch. 5 (detection time), here of the policy and not a pager.
    """
    phase = next((phase for phase in record.phases if phase.name == "fault"), None)
    if scenario.fault is None or record.timeline is None or phase is None:
        return None
    into = f"->{scenario.fault.service}"
    acted = (
        moment.at - phase.start
        for moment in record.timeline.moments
        if moment.kind in PROTECTIVE and moment.edge.endswith(into) and phase.start <= moment.at < phase.end
    )
    first = min(acted, default=None)
    return Censored(phase.end - phase.start) if first is None else Elapsed(first)
