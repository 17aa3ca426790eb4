"""What happens on each edge now, from what pods and sidecars say."""

from __future__ import annotations

from typing import Any

from benchmarks.live import live
from k8s.target import KindUsage, Pod

CLUSTER = "cluster.outbound|8080||b.airport.svc.cluster.local;."


def pod(name: str, service: str) -> Pod:
    return Pod(name, service, "v1", "Running", True, 0, 1.0, "", "h:1", "h:1", "h:2", None, KindUsage(), None)


def counted(**changed: Any) -> dict[str, Any]:
    return {"logical": {}, "received": {}, "wasted": {}, "events": {}, "connections": {}, **changed}


PODS = [pod("a-0", "a"), pod("a-1", "a"), pod("b-0", "b")]
COUNTERS = {
    "a-0": counted(logical={"b": 3}, events={"b": {"retry": 2, "open": 1}}),
    "a-1": counted(logical={"b": 2}),
    "b-0": counted(received={"a": 7}),
}
QUIET: dict[str, dict[str, Any]] = {each.name: {"events": []} for each in PODS}


def test_calls_attempts_and_events_are_summed_over_replicas() -> None:
    (row,) = live(PODS, COUNTERS, QUIET, {}, {})
    assert row["name"] == "a->b"
    assert (row["calls"], row["attempts"], row["retries"], row["opens"]) == (5, 7, 2, 1)
    assert (row["ejected"], row["breakers"]) == (0, "")


def test_a_breaker_is_in_the_state_of_its_last_change() -> None:
    events = [[1.0, "b", "open"], [2.0, "b", "half-open"], [2.1, "b", "close"], [3.0, "b", "open"]]
    changed = {"a-0": {"events": events}, "a-1": {"events": events[:3]}}
    (row,) = live(PODS, COUNTERS, {**QUIET, **changed}, {}, {})
    assert row["breakers"] == "1 closed, 1 open"


def test_a_replica_that_was_taken_back_is_ejected_no_more() -> None:
    events = [[1.0, "b", "ejection"], [1.0, "b", "ejection"], [2.0, "b", "return"]]
    (row,) = live(PODS, COUNTERS, {**QUIET, "a-0": {"events": events}}, {}, {})
    assert row["ejected"] == 1


def test_a_sidecars_ejections_that_hold_now_are_added() -> None:
    stats = {f"{CLUSTER}outlier_detection.ejections_active": 1}
    (row,) = live(PODS, COUNTERS, QUIET, {}, {"a-0": stats, "a-1": stats})
    assert row["ejected"] == 2
