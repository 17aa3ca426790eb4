"""What happened on each edge of a cell: the callers' and callees' own counters, and the proxies'."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from istio import stats
from k8s.target import Pod

OUTSIDE = "unknown"
"""How a callee counts a caller that does not say who it is: the generator, or the harness itself."""


@dataclass(slots=True)
class Edge:
    """Counts of one cell on one edge.

    `logical`: calls that business code made; `received`: attempts that reached the callee's application;
    the rest is what the policy did, in the caller's library or in its proxy.
    """

    logical: int = 0
    received: int = 0
    retries: int = 0
    timeouts: int = 0
    opens: int = 0
    rejects: int = 0
    ejections: int = 0
    overflows: int = 0


def edges(
    pods: Iterable[Pod],
    counters: Mapping[str, Mapping[str, Any]],
    proxies_before: Mapping[str, Mapping[str, int]],
    proxies_after: Mapping[str, Mapping[str, int]],
) -> dict[str, dict[str, int]]:
    """Sum everything over replicas, keyed `caller->callee`; edges that nobody used are left out."""
    found: defaultdict[str, Edge] = defaultdict(Edge)
    for pod in pods:
        mine = counters[pod.name]
        for callee, n in mine["logical"].items():
            found[f"{pod.service}->{callee}"].logical += n
        for caller, n in mine["received"].items():
            if caller != OUTSIDE:
                found[f"{caller}->{pod.service}"].received += n
        for callee, events in mine["events"].items():
            _library(found[f"{pod.service}->{callee}"], events)
        before = stats.edges(proxies_before.get(pod.name, {}))
        for callee, edge in stats.edges(proxies_after.get(pod.name, {})).items():
            _proxy(found[f"{pod.service}->{callee}"], before.get(callee, stats.EdgeStats()), edge)
    return {name: asdict(edge) for name, edge in sorted(found.items()) if any(asdict(edge).values())}


def _library(edge: Edge, events: Mapping[str, int]) -> None:
    edge.retries += events.get("retry", 0)
    edge.timeouts += events.get("timeout", 0)
    edge.opens += events.get("open", 0)
    edge.rejects += events.get("reject", 0)


def _proxy(edge: Edge, before: stats.EdgeStats, after: stats.EdgeStats) -> None:
    def since(*names: str) -> int:
        now, then = (sum(int(getattr(counted, name)) for name in names) for counted in (after, before))
        # A cluster that was replaced counts from zero again, so less than before means "since then".
        return now - then if now >= then else now

    edge.retries += since("retries")
    edge.timeouts += since("timeouts", "per_try_timeouts")
    edge.ejections += since("ejections")
    edge.overflows += since("overflows", "retry_overflows")


def inbound_retries(
    pods: Iterable[Pod], before: Mapping[str, Mapping[str, int]], after: Mapping[str, Mapping[str, int]]
) -> dict[str, int]:
    """Tries that sidecars made again towards their own applications, by service; services without any are left out."""
    found: Counter[str] = Counter()
    for pod in pods:
        now, then = (stats.inbound_retries(each.get(pod.name, {})) for each in (after, before))
        found[pod.service] += now - then if now >= then else now
    return {service: n for service, n in sorted(found.items()) if n}


def connections(pods: Iterable[Pod], counters: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Connections that callers opened, per edge and replica; through a sidecar they all go to `proxy`."""
    pods = list(pods)
    owner = {address: pod.name for pod in pods for address in (pod.app, pod.entry)}
    found: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for pod in pods:
        for callee, opened in counters[pod.name]["connections"].items():
            for address, n in opened.items():
                found[f"{pod.service}->{callee}"][owner.get(address, "proxy")] += n
    return {edge: dict(sorted(by_pod.items())) for edge, by_pod in sorted(found.items())}
