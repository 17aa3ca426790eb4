"""Policy activity: what the policies of an arm did, by the counters of the library and of the proxies themselves.

Source: Envoy, "Cluster manager", statistics (retries, timeouts, overflows, outlier detection), and the library's own
events (`resilience_lib.events`), which are summed where both mean the same. Unit: events.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.record import Record


@dataclass(frozen=True, slots=True)
class Activity:
    """Events on one edge, summed over cells. Any above zero is the proof that a policy acted.

    By either side: `retries`; `timeouts`: tries or calls that were cut off; `ejections`: a replica was taken out (by
    Envoy, or by the library with endpoints). By the library: `opens`: a breaker opened; `rejects`: calls that an open
    breaker or a limit on connections refused, and retries that a limit or a budget did; `hedges`: second tries beside
    slow ones; `fallbacks`: old answers in the place of failures. By Envoy: `overflows`: what `rejects` are for a limit.
    """

    retries: int = 0
    timeouts: int = 0
    ejections: int = 0
    opens: int = 0
    rejects: int = 0
    overflows: int = 0
    hedges: int = 0
    fallbacks: int = 0

    @property
    def acted(self) -> bool:
        """Whether any policy did anything."""
        return any(getattr(self, field.name) for field in fields(self))


def activity(records: Iterable[Record]) -> dict[str, Activity]:
    """Events by edge (`caller->callee`), summed over the cells, in the order of the edges' names."""
    total: dict[str, Activity] = {}
    for record in records:
        for name, edge in record.edges.items():
            before = total.get(name, Activity())
            total[name] = Activity(
                **{f.name: getattr(before, f.name) + getattr(edge, f.name) for f in fields(Activity)}
            )
    return dict(sorted(total.items()))
