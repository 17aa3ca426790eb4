"""Counts per edge: callers, callees and proxies put together."""

from typing import Any

from benchmarks.edges import connections, edges, inbound_retries
from k8s.target import KindUsage, Pod


def pod(name: str, service: str, app: str = "127.0.0.1:1") -> Pod:
    return Pod(
        name=name,
        service=service,
        version="v1",
        phase="Running",
        ready=True,
        restarts=0,
        age_s=1.0,
        reason="",
        entry=app,
        app=app,
        admin="127.0.0.1:2",
        proxy_admin=None,
        app_usage=KindUsage(),
        proxy_usage=None,
    )


COLLECTORS = [pod("collector-0", "collector"), pod("collector-1", "collector")]
CALLEE = pod("image-analysis-0", "image-analysis", "127.0.0.1:7")
PODS = [*COLLECTORS, CALLEE]
EDGE = "collector->image-analysis"
CLUSTER = "cluster.outbound|8080||image-analysis.airport.svc.cluster.local;."


def counted(**changes: Any) -> dict[str, Any]:
    return {"logical": {}, "received": {}, "wasted": {}, "events": {}, "connections": {}, **changes}


def counters(**of_each_collector: Any) -> dict[str, dict[str, Any]]:
    callee = counted(received={"collector": 9, "unknown": 4}, wasted={"collector": 2, "unknown": 1})
    return {**{each.name: counted(**of_each_collector) for each in COLLECTORS}, CALLEE.name: callee}


def test_replicas_of_a_caller_add_up() -> None:
    found = edges(PODS, counters(logical={"image-analysis": 3}), {}, {})
    assert (found[EDGE]["logical"], found[EDGE]["received"], found[EDGE]["wasted"]) == (6, 9, 2)


def test_calls_from_outside_are_on_no_edge() -> None:
    assert list(edges(PODS, counters(), {}, {})) == [EDGE]


def test_what_the_library_did_is_counted_by_its_events() -> None:
    events = {"image-analysis": {"retry": 2, "open": 1, "reject": 5, "timeout": 3, "close": 8}}
    found = edges(PODS, counters(events=events), {}, {})[EDGE]
    assert [found[name] for name in ("retries", "opens", "rejects", "timeouts")] == [4, 2, 10, 6]


def test_what_a_proxy_did_before_the_cell_is_taken_off() -> None:
    before = {"collector-0": {f"{CLUSTER}upstream_rq_retry": 10}}
    after = {"collector-0": {f"{CLUSTER}upstream_rq_retry": 14, f"{CLUSTER}upstream_rq_per_try_timeout": 2}}
    found = edges(PODS, counters(), before, after)[EDGE]
    assert (found["retries"], found["timeouts"]) == (4, 2)


def test_a_cluster_that_was_replaced_counts_from_zero() -> None:
    before = {"collector-0": {f"{CLUSTER}outlier_detection.ejections_enforced_total": 10}}
    after = {"collector-0": {f"{CLUSTER}outlier_detection.ejections_enforced_total": 1}}
    assert edges(PODS, counters(), before, after)[EDGE]["ejections"] == 1


def test_connections_are_named_by_the_replica_behind_the_address() -> None:
    opened = {"image-analysis": {"127.0.0.1:7": 2, "127.0.0.1:99": 1}}
    assert connections(PODS, counters(connections=opened)) == {EDGE: {"image-analysis-0": 4, "proxy": 2}}


def test_tries_of_a_sidecar_towards_its_own_application_are_counted_by_service() -> None:
    inbound = "cluster.inbound|8080||;.upstream_rq_retry"
    before = {"collector-0": {inbound: 1}}
    after = {"collector-0": {inbound: 3}, "collector-1": {inbound: 1, f"{CLUSTER}upstream_rq_retry": 9}}
    assert inbound_retries(PODS, before, after) == {"collector": 3}
