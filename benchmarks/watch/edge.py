"""What happened on each edge between two snapshots."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from benchmarks.live import live
from benchmarks.watch.snapshot import Histogram, Snapshot

Health: TypeAlias = Literal["idle", "healthy", "degraded", "failing"]
DEGRADED, FAILING = 0.001, 0.2
"""Shares of failed calls: Kiali's own thresholds for HTTP 5xx, https://kiali.io/docs/configuration/health/"""


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge during a window: per second, and what holds at its end.

    `rate` counts logical calls, `attempts` what reached the callee, both per second. `success` is the share of calls
    that ended with 2xx, None without calls; `p99_ms` is estimated within a histogram's bucket, as Prometheus does it.
    `rejects`: refused by a breaker or a limit. `ejected`: replicas left out now, summed over callers. `breakers`: such
    as "1 open", over the pods of the caller.
    """

    caller: str
    callee: str
    rate: float
    attempts: float
    success: float | None
    p99_ms: float | None
    retries: float
    rejects: float
    timeouts: float
    ejected: int
    breakers: str

    @property
    def health(self) -> Health:
        """As Kiali colours an edge."""
        if self.success is None:
            return "idle"
        if self.success <= 1 - FAILING:
            return "failing"
        return "degraded" if self.success <= 1 - DEGRADED else "healthy"


def edges(before: Snapshot, now: Snapshot) -> list[Edge]:
    """Give every edge that was ever used, in name order, with what happened on it between the two."""
    seconds = max(now.at_s - before.at_s, 1e-9)
    # counters of a pod that began again after `before` are all new; of one that was silent then, nobody can say
    pods = [pod for pod in now.pods if pod.name in before.counters]
    changed = {pod.name: _since(before.counters[pod.name], now.counters[pod.name]) for pod in pods}
    happened = {row["name"]: row for row in live(pods, changed, now.timelines, before.proxies, now.proxies)}
    known = {row["name"]: row for row in live(now.pods, now.counters, now.timelines, {}, now.proxies)}
    outcomes: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    spent: defaultdict[str, Counter[float]] = defaultdict(Counter)
    for pod in pods:
        for callee, counts in changed[pod.name].get("outcomes", {}).items():
            for ending, n in counts.items():
                outcomes[f"{pod.service}->{callee}"][ending.startswith("2")] += n
        for callee, buckets in _since(before.durations[pod.name], now.durations[pod.name]).items():
            spent[f"{pod.service}->{callee}"].update(buckets)
    return [
        _edge(name, happened.get(name, {}), known[name], outcomes[name], spent[name], seconds) for name in sorted(known)
    ]


def _edge(
    name: str,
    happened: Mapping[str, Any],
    known: Mapping[str, Any],
    outcomes: Counter[bool],
    spent: Histogram,
    seconds: float,
) -> Edge:
    caller, _, callee = name.partition("->")
    ended = outcomes.total()
    return Edge(
        caller,
        callee,
        rate=happened.get("calls", 0) / seconds,
        attempts=happened.get("attempts", 0) / seconds,
        success=outcomes[True] / ended if ended else None,
        p99_ms=quantile(spent, 0.99),
        retries=happened.get("retries", 0) / seconds,
        rejects=(happened.get("rejects", 0) + happened.get("overflows", 0)) / seconds,
        timeouts=happened.get("timeouts", 0) / seconds,
        ejected=known["ejected"],
        breakers=known["breakers"],
    )


def quantile(buckets: Histogram, q: float) -> float | None:
    """Estimate a quantile as Prometheus' histogram_quantile does: linear within the bucket; None without values.

    In the last bucket, which has no upper bound, it is that bucket's lower one.
    """
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0
    if not total:
        return None
    rank, low, below = q * total, 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= rank:
            if bound == float("inf"):
                return low
            return low + (bound - low) * (rank - below) / ((buckets[bound] - below) or 1)
        low, below = bound, buckets[bound]
    return low


def _since(before: Any, now: Any) -> Any:
    """Subtract counters, however nested; one that is smaller than before has begun again, and is all new."""
    if isinstance(now, Mapping):
        then = before if isinstance(before, Mapping) else {}
        return {key: _since(then.get(key, 0), value) for key, value in now.items()}
    was = before if isinstance(before, int | float) else 0
    return now - was if now >= was else now
