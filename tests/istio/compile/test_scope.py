"""What a Sidecar lets a proxy see."""

import pytest

from istio.compile import ProxyConfig
from tests.istio.world import compiled, virtual_service

UNKNOWN = "outbound|8080||{}.airport.svc.cluster.local"


def sidecar(spec: str, name: str = "own", namespace: str = "airport") -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {{name: {name}, namespace: {namespace}}}
spec: {spec}
---
"""


def seen(config: ProxyConfig) -> set[str]:
    hosts = [one["name"].partition(".")[0] for port in config.routes.values() for one in port["virtual_hosts"]]
    return set(hosts) - {"allow_any", "block_all"}


def narrowed(*hosts: str) -> str:
    return sidecar(f"{{egress: [{{hosts: [{', '.join(repr(one) for one in hosts)}]}}]}}")


ALERTS = "alerts.airport.svc.cluster.local"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (f"./{ALERTS}", {"alerts"}),
        (f"airport/{ALERTS}", {"alerts"}),
        (f"*/{ALERTS}", {"alerts"}),
        (f"elsewhere/{ALERTS}", set()),
        ("istio-system/*", {"istio-ingressgateway"}),
        ("~/*", set()),
    ],
)
def test_a_host_is_seen_in_the_namespace_that_is_named(host: str, expected: set[str]) -> None:
    assert seen(compiled(narrowed(host))) == expected


def test_a_sidecar_that_names_no_hosts_narrows_nothing() -> None:
    assert seen(compiled(sidecar("{outboundTrafficPolicy: {mode: ALLOW_ANY}}"))) == seen(compiled())


def test_the_workloads_own_sidecar_goes_before_the_namespaces_and_that_before_the_meshs() -> None:
    mesh = sidecar("{egress: [{hosts: ['*/*']}]}", namespace="istio-system")
    namespace = sidecar("{egress: [{hosts: ['~/*']}]}")
    own = sidecar(f"{{workloadSelector: {{labels: {{app: collector}}}}, egress: [{{hosts: [./{ALERTS}]}}]}}", "zzz")
    others = sidecar("{workloadSelector: {labels: {app: alerts}}, egress: [{hosts: ['*/*']}]}", "aaa")
    assert len(seen(compiled(mesh))) > 1
    assert seen(compiled(mesh + namespace + others)) == set()
    assert seen(compiled(mesh + namespace + others + own)) == {"alerts"}


def test_a_destination_of_a_seen_virtual_service_can_be_reached_though_it_has_no_routes() -> None:
    text = virtual_service("alerts", "{route: [{destination: {host: momentum}}]}")
    config = compiled(narrowed(f"./{ALERTS}") + text)
    assert seen(config) == {"alerts"}
    assert UNKNOWN.format("momentum") in config.clusters
    assert UNKNOWN.format("momentum") in config.endpoints
    assert UNKNOWN.format("collector") not in config.clusters


def test_a_virtual_service_of_a_host_that_is_not_seen_says_nothing() -> None:
    text = virtual_service("momentum", "{timeout: 1s, route: [{destination: {host: collector}}]}")
    assert UNKNOWN.format("collector") not in compiled(narrowed(f"./{ALERTS}") + text).clusters


def test_unknown_hosts_are_refused_where_only_the_registry_counts() -> None:
    config = compiled(sidecar("{outboundTrafficPolicy: {mode: REGISTRY_ONLY}}"))
    assert config.routes["8080"]["virtual_hosts"][-1]["routes"][0]["direct_response"] == {"status": 502}
    chain = config.listeners["virtualOutbound"]["filter_chains"][-1]
    assert chain["filters"][0]["typed_config"]["cluster"] == "BlackHoleCluster"


def test_the_inbound_pool_goes_before_the_services_rule() -> None:
    config = compiled(sidecar("{inboundConnectionPool: {tcp: {maxConnections: 7}}}"))
    assert config.clusters["inbound|8080||"]["circuit_breakers"]["thresholds"][0]["max_connections"] == 7
