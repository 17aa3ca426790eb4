"""What happened on each edge of a cell: the callers' and callees' own counters, and the proxies'."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.record import EdgeRecord
from istio import stats
from k8s.target import Pod

OUTSIDE = "unknown"
"""How a callee counts a caller that does not say who it is: the generator, or the harness itself."""


def edges(
    pods: Iterable[Pod],
    counters: Mapping[str, Mapping[str, Any]],
    proxies_before: Mapping[str, Mapping[str, int]],
    proxies_after: Mapping[str, Mapping[str, int]],
) -> dict[str, dict[str, int]]:
    """Sum everything over replicas, keyed `caller->callee`, each as an EdgeRecord; edges nobody used are left out.

    `logical`: calls that business code made; `received`: attempts that reached the callee's application;
    `wasted`: those
    that it answered to nobody, since the caller had gone; the rest is what the policy did, in the caller's library or
    in its proxy.
    """
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for pod in pods:
        mine = counters[pod.name]
        for callee, n in mine["logical"].items():
            found[f"{pod.service}->{callee}"]["logical"] += n
        for caller, n in mine["received"].items():
            if caller != OUTSIDE:
                found[f"{caller}->{pod.service}"]["received"] += n
        for caller, n in mine["wasted"].items():
            if caller != OUTSIDE:
                found[f"{caller}->{pod.service}"]["wasted"] += n
        for callee, events in mine["events"].items():
            found[f"{pod.service}->{callee}"].update(_library(events))
        before = stats.edges(proxies_before.get(pod.name, {}))
        for callee, edge in stats.edges(proxies_after.get(pod.name, {})).items():
            found[f"{pod.service}->{callee}"].update(_proxy(before.get(callee, stats.EdgeStats()), edge))
    return {name: EdgeRecord(**edge).model_dump() for name, edge in sorted(found.items()) if any(edge.values())}


def _library(events: Mapping[str, int]) -> dict[str, int]:
    named = {
        "retry": "retries",
        "timeout": "timeouts",
        "open": "opens",
        "reject": "rejects",
        "ejection": "ejections",
        "hedge": "hedges",
        "fallback": "fallbacks",
    }
    return {name: events.get(kind, 0) for kind, name in named.items()}


def _proxy(before: stats.EdgeStats, after: stats.EdgeStats) -> dict[str, int]:
    def since(*names: str) -> int:
        return _since(*(sum(int(getattr(counted, name)) for name in names) for counted in (before, after)))

    return {
        "retries": since("retries"),
        "timeouts": since("timeouts", "per_try_timeouts"),
        "ejections": since("ejections"),
        "overflows": since("overflows", "retry_overflows"),
    }


def _since(then: int, now: int) -> int:
    """A counter's increase; a cluster that was replaced counts from zero again, so less than before is all new."""
    return now - then if now >= then else now


def inbound_retries(
    pods: Iterable[Pod], before: Mapping[str, Mapping[str, int]], after: Mapping[str, Mapping[str, int]]
) -> dict[str, int]:
    """Tries that sidecars made again towards their own applications, by service; services without any are left out."""
    found: Counter[str] = Counter()
    for pod in pods:
        found[pod.service] += _since(*(stats.inbound_retries(each.get(pod.name, {})) for each in (before, after)))
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
