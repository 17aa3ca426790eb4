"""What happens on each edge of a world while it is under load: a row for each, for whoever watches."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.edges import edges
from istio import stats
from k8s.target import Pod

STATES = {"open": "open", "half-open": "half-open", "close": "closed"}


def live(
    pods: Iterable[Pod],
    counters: Mapping[str, Mapping[str, Any]],
    timelines: Mapping[str, Mapping[str, Any]],
    proxies_before: Mapping[str, Mapping[str, int]],
    proxies_now: Mapping[str, Mapping[str, int]],
) -> list[dict[str, Any]]:
    """Give a row for each edge that was used: `name`, counts as in an EdgeRecord, and what holds now.

    `calls` are logical calls, `attempts` those that reached the callee. `ejected`: replicas that some caller's balancer
    leaves out now, summed over callers. `breakers`: such as "1 open, 1 closed", over the pods of the caller; empty
    where none has changed its mind yet.
    """
    pods = list(pods)
    ejected, breakers = _now(pods, timelines, proxies_now)
    return [
        {
            "name": name,
            "calls": edge["logical"],
            "attempts": edge["received"],
            **{count: edge[count] for count in ("retries", "timeouts", "rejects", "overflows", "ejections", "opens")},
            "ejected": ejected[name],
            "breakers": ", ".join(f"{n} {state}" for state, n in sorted(breakers[name].items())),
        }
        for name, edge in edges(pods, counters, proxies_before, proxies_now).items()
    ]


def _now(
    pods: Iterable[Pod], timelines: Mapping[str, Mapping[str, Any]], proxies: Mapping[str, Mapping[str, int]]
) -> tuple[Counter[str], defaultdict[str, Counter[str]]]:
    ejected: Counter[str] = Counter()
    breakers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for pod in pods:
        last: dict[str, str] = {}
        for _, callee, kind in timelines[pod.name]["events"]:
            edge = f"{pod.service}->{callee}"
            ejected[edge] += {"ejection": 1, "return": -1}.get(kind, 0)
            if kind in STATES:
                last[edge] = STATES[kind]
        for edge, state in last.items():
            breakers[edge][state] += 1
        for callee, counted in stats.edges(proxies.get(pod.name, {})).items():
            ejected[f"{pod.service}->{callee}"] += counted.active_ejections
    return ejected, breakers
