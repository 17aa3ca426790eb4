"""Envoy's flat statistics -> what happened on each edge."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

# cluster.outbound|PORT|SUBSET|HOST;.STATISTIC - the ; is where istiod ends a cluster's name.
_OUTBOUND = re.compile(r"cluster\.outbound\|\d+\|[^|]*\|(?P<host>[^;]+);\.(?P<what>.+)")
_INBOUND_RETRY = re.compile(r"cluster\.inbound\|\d+\|[^;]*;\.upstream_rq_retry")
_COUNTED = {
    "upstream_rq_total": "requests",
    "upstream_rq_retry": "retries",
    "upstream_rq_retry_success": "retry_success",
    "outlier_detection.ejections_enforced_total": "ejections",
    "outlier_detection.ejections_active": "active_ejections",
    "upstream_rq_pending_overflow": "overflows",
    "upstream_rq_retry_overflow": "retry_overflows",
    "upstream_rq_timeout": "timeouts",
    "upstream_rq_per_try_timeout": "per_try_timeouts",
    "upstream_cx_connect_fail": "connect_failures",
    "lb_healthy_panic": "panics",
}


@dataclass(frozen=True, slots=True)
class EdgeStats:
    """What one sidecar counted towards one callee, summed over ports and subsets.

    ``requests`` are attempts that were sent to a host; ``retries`` were started, ``retry_success`` of them answered
    well. ``ejections`` were enforced, ``active_ejections`` hold now. ``overflows`` are requests refused because too
    many were pending or active, ``retry_overflows`` retries refused. ``timeouts`` ended a route's time,
    ``per_try_timeouts`` one try's. ``panics`` are choices made among unhealthy hosts.
    """

    requests: int = 0
    retries: int = 0
    retry_success: int = 0
    ejections: int = 0
    active_ejections: int = 0
    overflows: int = 0
    retry_overflows: int = 0
    timeouts: int = 0
    per_try_timeouts: int = 0
    connect_failures: int = 0
    panics: int = 0

    def __add__(self, other: EdgeStats) -> EdgeStats:
        return EdgeStats(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


def edges(stats: Mapping[str, int]) -> dict[str, EdgeStats]:
    """Return the edges of one sidecar by the callee's service name (the first label of its host)."""
    counted: dict[str, dict[str, int]] = {}
    for name, value in stats.items():
        found = _OUTBOUND.fullmatch(name)
        if found is None:
            continue
        numbers = counted.setdefault(found["host"].partition(".")[0], {})
        field = _COUNTED.get(found["what"])
        if field is not None:
            numbers[field] = numbers.get(field, 0) + value
    return {callee: EdgeStats(**numbers) for callee, numbers in sorted(counted.items())}


def inbound_retries(stats: Mapping[str, int]) -> int:
    """Tries that this sidecar made again towards its own application.

    istiod gives every inbound route two retries on ``reset-before-request``, whatever the objects say.
    """
    return sum(value for name, value in stats.items() if _INBOUND_RETRY.fullmatch(name))
