"""Parity's numbers are those that are compiled and translated, and are whose it says."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istio.compile import compile_proxy
from istio.library import endpoint_policies, policies
from istio.objects import Document, Objects, parse, read
from istio.parity import Client, Edge, Inputs, Number, parity
from istio.parity.envoy import ejectable
from istio.registry import Proxy
from resilience_lib import EdgePolicy, EndpointPolicy, OutlierPolicy
from resilience_lib.endpoint import Endpoint
from resilience_lib.outcome import Outcome
from resilience_lib.outlier import OutlierDetector
from tests.istio.compile import strategies as drawn
from tests.istio.world import COLLECTOR, REGISTRY, destination_rule, virtual_service

CLIENT = Client(300.0, 30.0, 100, 15.0)
ALERTS = "outbound|8080||alerts.airport.svc.cluster.local"


def edge(
    documents: Sequence[Document], *, version: str = "1.31", caller: Proxy = COLLECTOR, to: str = "alerts"
) -> Edge:
    given = Inputs(REGISTRY, parse(documents), documents, CLIENT, version)
    [found] = parity(given, [caller], [to], "airport")
    return found


def numbers(text: str, mode: str = "mesh", **options: Any) -> dict[str, Number]:
    found = edge(read(text, "objects.yaml"), **options)
    return {row.name: row.numbers[mode] for row in found.rows}


def whole(host: str, rest: str) -> str:
    return virtual_service(host, f"{{{rest}, route: [{{destination: {{host: {host}}}}}]}}")


def test_hidden_defaults_are_shown_with_whose_they_are() -> None:
    found = numbers(destination_rule("alerts", "trafficPolicy: {outlierDetection: {}}"))
    assert {
        name: (found[name].value, found[name].whose)
        for name in found
        if found[name].value is not None and found[name].whose in ("Istio", "Envoy")
    } == {
        "retries.attempts": (2, "Istio"),
        "retries.on": ("connect-failure,refused-stream,unavailable,cancelled", "Istio"),
        "retries.backoff": (0.025, "Envoy"),
        "retries.max-backoff": (0.25, "Envoy"),
        "retries.avoid-tried": (True, "Istio"),
        "retries.inbound": ("2 on reset-before-request", "Istio"),
        "timeout.connect": (10.0, "Istio"),
        "pool.idle": (3600.0, "Envoy"),
        "outlier.failures": (5, "Envoy"),
        "outlier.time": (30.0, "Envoy"),
        "outlier.max-time": (300.0, "Envoy"),
        "outlier.interval": (10.0, "Envoy"),
        "outlier.percent": (10, "Envoy"),
        "outlier.replicas": ("0 of 1", "Envoy"),
        "outlier.panic": (0, "Istio"),
        "balancer.kind": ("LEAST_REQUEST", "Istio"),
    }
    assert all(found[name].value is None for name in ("timeout.call", "pool.connections", "pool.retries"))


def test_defaults_are_those_of_the_release() -> None:
    assert (numbers("")["outlier.panic"].value, numbers("")["outlier.panic"].whose) == (0, "Istio")
    older = numbers("", version="1.30")["outlier.panic"]
    assert (older.value, older.whose) == (50.0, "Envoy")


def test_a_number_that_is_written_says_where_to_the_line() -> None:
    text = "\n" + whole("alerts", "timeout: 2s")
    found = numbers(text)["timeout.call"]
    assert found == Number(2.0, "VirtualService airport/alerts", "spec.http[0].timeout", "objects.yaml", 6)
    assert numbers(text, "library")["timeout.call"] == found


def test_retries_that_are_off_are_off_by_the_object_that_says_so() -> None:
    found = numbers(whole("alerts", "retries: {attempts: 0}"))
    assert (found["retries.attempts"].value, found["retries.attempts"].path) == (None, "spec.http[0].retries.attempts")
    assert found["retries.inbound"].value == "2 on reset-before-request"


def test_a_port_or_a_subset_that_overrides_is_what_is_named() -> None:
    rule = """trafficPolicy: {outlierDetection: {interval: 9s},
      portLevelSettings: [{port: {number: 8080}, outlierDetection: {interval: 1s}}]}"""
    found = numbers(destination_rule("alerts", rule))["outlier.interval"]
    assert (found.value, found.path) == (1.0, "spec.trafficPolicy.portLevelSettings[0].outlierDetection.interval")
    subsets = """trafficPolicy: {outlierDetection: {interval: 9s}},
      subsets: [{name: v1}, {name: v2, trafficPolicy: {outlierDetection: {interval: 2s}}}]"""
    shares = ", ".join(f"{{destination: {{host: cpanel, subset: {name}}}, weight: 1}}" for name in ("v1", "v2"))
    both = destination_rule("cpanel", subsets) + virtual_service("cpanel", f"{{route: [{shares}]}}")
    assert numbers(both, to="cpanel")["outlier.interval"].value == "v1: 9.0, v2: 2.0"


def test_what_holds_for_one_caller_alone_is_the_meshs_and_not_the_librarys() -> None:
    text = virtual_service(
        "alerts",
        "{match: [{sourceLabels: {app: collector}}], timeout: 1s, route: [{destination: {host: alerts}}]}, "
        "{timeout: 2s, route: [{destination: {host: alerts}}]}",
    )
    row = next(row for row in edge(read(text, "a.yaml")).rows if row.name == "timeout.call")
    assert {mode: number.value for mode, number in row.numbers.items()} == {
        "library": 2.0,
        "library-endpoints": 2.0,
        "mesh": 1.0,
    }
    assert row.apart["library"] == "the library has one policy for a whole service"
    cpanel = REGISTRY.proxy("cpanel-v1-0", "airport")
    assert numbers(text, caller=cpanel)["timeout.call"].value == 2.0


def test_callers_for_whom_all_is_equal_are_one_edge_and_a_service_is_no_caller_of_itself() -> None:
    callers = [REGISTRY.proxy(name, "airport") for name in ("collector-0", "cpanel-v1-0", "alerts-0")]
    [found] = parity(Inputs(REGISTRY, Objects(), (), CLIENT), callers, ["alerts"], "airport")
    assert found.callers == ("collector-0", "cpanel-v1-0")


def test_the_callees_own_proxy_limits_too_and_the_sidecar_of_its_workload_says_by_how_much() -> None:
    rule = destination_rule("alerts", "trafficPolicy: {connectionPool: {tcp: {maxConnections: 7}}}")
    assert numbers(rule)["inbound.connections"].value == 7
    sidecar = """
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: own, namespace: airport}
spec: {workloadSelector: {labels: {app: alerts}}, inboundConnectionPool: {tcp: {maxConnections: 3}}}
---
"""
    found = numbers(rule + sidecar)
    assert (found["inbound.connections"].value, found["inbound.connections"].whose) == (3, "Sidecar airport/own")
    assert found["pool.connections"].value == 7


def test_requests_that_find_no_route_are_told() -> None:
    some = virtual_service("alerts", "{match: [{uri: {prefix: /x}}], route: [{destination: {host: alerts}}]}")
    assert "find no route (404)" in edge(read(some, "a.yaml")).notes[0]


def test_a_subset_that_no_rule_names_is_told_and_has_no_numbers() -> None:
    text = virtual_service("alerts", "{timeout: 1s, route: [{destination: {host: alerts, subset: gone}}]}")
    found = edge(read(text, "a.yaml"))
    assert "a route leads to a subset that no rule names" in found.notes[0]
    assert {row.numbers["mesh"].value for row in found.rows if row.name.startswith("pool.con")} == {None}


def named(kind: str, spec: Mapping[str, Any]) -> Document:
    text = json.dumps(spec).replace(drawn.HOST, "alerts")
    data = {
        "apiVersion": "networking.istio.io/v1",
        "kind": kind,
        "metadata": {"name": "alerts", "namespace": "airport"},
    }
    return Document({**data, "spec": json.loads(text)}, "drawn.yaml", {("spec",): 4})


documents = st.tuples(drawn.virtual_service, drawn.destination_rule).map(
    lambda specs: [named("VirtualService", specs[0]), named("DestinationRule", specs[1])]
)


@given(documents)
@settings(max_examples=100, deadline=None)
def test_what_is_told_of_drawn_objects_is_what_the_library_is_given(read_documents: list[Document]) -> None:
    found, objects = edge(read_documents), parse(read_documents)
    by_mode: tuple[tuple[str, EdgePolicy | EndpointPolicy, str], ...] = (
        ("library", policies(objects, ["alerts"])[0]["alerts"], "edge"),
        ("library-endpoints", endpoint_policies(objects, ["alerts"])[0]["alerts"], "endpoint"),
    )
    told = {row.name: row.numbers for row in found.rows}
    fields = {
        "retries.attempts": "retry.attempts",
        "retries.backoff": "retry.backoff_s",
        "retries.max-backoff": "retry.max_backoff_s",
        "timeout.try": "timeout.per_try_s",
        "timeout.call": "timeout.overall_s",
        "pool.connections": "limits.connections",
        "pool.pending": "limits.pending",
    }
    for mode, policy, _ in by_mode:
        data = policy.to_json()
        for name, path in fields.items():
            part, _, field = path.partition(".")
            assert told[name][mode].value == data.get(part, {}).get(field), (mode, name)
        assert told["outlier.time"][mode].value == (
            data.get("breaker", {}).get("reset_s") or data.get("outlier", {}).get("base_ejection_s")
        )


one_for_all = st.tuples(drawn.forward, drawn.destination_rule).map(
    lambda specs: [
        named(
            "VirtualService",
            {
                "hosts": [drawn.HOST],
                "http": [{**specs[0], "match": [], "route": [{"destination": {"host": "alerts"}}]}],
            },
        ),
        named("DestinationRule", specs[1]),
    ]
)


@given(one_for_all)
@settings(max_examples=100, deadline=None)
def test_what_is_told_of_drawn_objects_is_what_is_compiled(read_documents: list[Document]) -> None:
    found = {row.name: row.numbers["mesh"].value for row in edge(read_documents).rows}
    config = compile_proxy(REGISTRY, parse(read_documents), COLLECTOR, mtls=True)
    [host] = [one for one in config.routes["8080"]["virtual_hosts"] if one["name"].startswith("alerts.")]
    [route] = host["routes"]
    action, cluster = route["route"], config.clusters[ALERTS]
    [limits] = cluster["circuit_breakers"]["thresholds"]
    assert found["retries.attempts"] == action.get("retry_policy", {}).get("num_retries")
    assert (found["timeout.call"] or 0) == float(action["timeout"].removesuffix("s"))
    assert found["timeout.connect"] == float(cluster["connect_timeout"].removesuffix("s"))
    for name, field in (("connections", "max_connections"), ("pending", "max_pending_requests")):
        assert (found[f"pool.{name}"] or 4294967295) == limits[field]
    outlier = cluster.get("outlier_detection")
    assert found["outlier.time"] == (
        None if outlier is None else float(outlier.get("base_ejection_time", "30s").removesuffix("s"))
    )
    assert found["outlier.percent"] == (None if outlier is None else outlier.get("max_ejection_percent", 10))
    assert found["balancer.kind"] == cluster.get("lb_policy", "ROUND_ROBIN")


@given(documents)
@settings(max_examples=100, deadline=None)
def test_where_a_number_is_said_to_be_written_there_is_one_of_that_value(read_documents: list[Document]) -> None:
    data = {f"{one.kind} airport/alerts": one.data for one in read_documents}
    plain = {"retries.attempts", "pool.connections", "pool.pending", "outlier.failures", "outlier.percent"}
    for row in edge(read_documents).rows:
        for number in row.numbers.values():
            if number.path:
                value: Any = data[number.whose]
                for step in number.path.replace("[", ".").replace("]", "").split("."):
                    value = value[int(step)] if step.isdigit() else value[step]
                assert (number.file, number.line) == ("drawn.yaml", 4)
                if row.name in plain and isinstance(number.value, int):
                    assert value == number.value


@pytest.mark.parametrize("percent", [0, 10, 33, 34, 50, 66, 67, 100])
@pytest.mark.parametrize("hosts", [1, 2, 3, 10])
def test_as_many_replicas_may_be_ejected_as_are(percent: int, hosts: int) -> None:
    policy = OutlierPolicy(consecutive_5xx=1, max_ejection_percent=percent)
    detector = OutlierDetector(policy, clock=lambda: 0.0, listener=None)
    endpoints = [Endpoint(("10.0.0.1", number)) for number in range(hosts)]
    ejected = sum(detector.report(one, Outcome(503, attempts=1), endpoints) for one in endpoints)
    assert ejectable(percent, hosts) == f"{ejected} of {hosts}"


def test_what_only_a_client_is_told_stands_in_its_columns_and_the_mesh_has_none() -> None:
    own = {"*": {"retry": {"retry_after_s": 1.0}}, "alerts": {"hedge": {"delay_s": 0.05}}, "momentum": {"fallback": {}}}
    given = Inputs(REGISTRY, Objects(), (), CLIENT, strengths=own)
    callers = [REGISTRY.proxy("collector-0", "airport")]
    [found] = parity(given, callers, ["alerts"], "airport")
    rows = {row.name: row for row in found.rows}
    for mode, told in (("library", (1.0, 0.05, None)), ("library-endpoints", (1.0, 0.05, None)), ("mesh", (None,) * 3)):
        names = ("retries.retry-after", "hedge.delay", "fallback.age")
        assert tuple(rows[name].numbers[mode].value for name in names) == told
    assert rows["hedge.delay"].apart["library"] == "Istio has no field for it"
    assert not rows["fallback.age"].apart
