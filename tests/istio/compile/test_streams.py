"""Ports of ServiceEntries whose bytes are passed on unread: which listener, and what tells one service from another."""

from collections.abc import Mapping
from typing import Any

import pytest

from istio.objects import Refused
from tests.istio.world import compiled, destination_rule

STATIC = "STATIC, endpoints: [{address: 198.51.100.1}]"


def entry(name: str, port: str, rest: str = "") -> str:
    resolution = STATIC if "/" in rest else "DNS"
    return f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, namespace: airport}}
spec: {{hosts: [{name}.example.com], ports: [{{{port}}}], resolution: {resolution}, {rest}}}
---
"""


TLS, TCP, HTTP = (f"number: 443, name: one, protocol: {one}" for one in ("TLS", "TCP", "HTTP"))


def listener(text: str, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = compiled(text).listeners[name]
    return found


def clusters_of(found: Mapping[str, Any]) -> list[tuple[Any, str]]:
    chains = [*found["filter_chains"], *filter(None, [found.get("default_filter_chain")])]
    return [
        (one.get("filter_chain_match"), one["filters"][-1]["typed_config"].get("cluster", "by routes"))
        for one in chains
    ]


@pytest.mark.parametrize("protocol", ["TLS", "HTTPS", "https"])
def test_without_an_address_the_name_of_the_handshake_tells_the_service(protocol: str) -> None:
    found = listener(entry("a", TLS.replace("TLS", protocol)) + entry("b", TLS), "0.0.0.0_443")
    assert clusters_of(found) == [
        ({"server_names": ["a.example.com"]}, "outbound|443||a.example.com"),
        ({"server_names": ["b.example.com"]}, "outbound|443||b.example.com"),
        ({}, "PassthroughCluster"),
    ]
    assert [one["name"].rpartition(".")[2] for one in found["listener_filters"]] == ["tls_inspector"]


def test_an_address_of_its_own_is_a_listener_of_its_own() -> None:
    text = entry("a", TLS, "addresses: [192.0.2.7]") + entry("b", TCP, "addresses: [192.0.2.8/32]")
    for address, name in (("192.0.2.7", "a"), ("192.0.2.8", "b")):
        found = listener(text, f"{address}_443")
        assert clusters_of(found) == [(None, f"outbound|443||{name}.example.com")]
        assert found["address"]["socket_address"] == {"address": address, "port_value": 443}
        assert found["listener_filters"] == []


def test_a_block_of_addresses_is_matched() -> None:
    found = listener(entry("a", TCP, "addresses: [192.0.2.0/24]"), "0.0.0.0_443")
    block = {"prefix_ranges": [{"address_prefix": "192.0.2.0", "prefix_len": 24}]}
    assert clusters_of(found) == [(block, "outbound|443||a.example.com"), ({}, "PassthroughCluster")]


def test_bytes_without_an_address_take_everything_and_the_first_of_two_stays() -> None:
    found = listener(entry("b", TCP) + entry("a", TCP), "0.0.0.0_443")
    assert clusters_of(found) == [(None, "outbound|443||a.example.com")]


def test_bytes_beside_http_on_one_port_are_what_http_is_not() -> None:
    found = listener(entry("a", HTTP) + entry("b", TCP), "0.0.0.0_443")
    http, others = clusters_of(found)
    assert http[1] == "by routes"
    assert http[0]["application_protocols"] == ["http/1.1", "h2c"]
    assert others == (None, "outbound|443||b.example.com")
    assert "443" in compiled(entry("a", HTTP) + entry("b", TCP)).routes


def test_a_port_without_http_has_a_cluster_and_no_routes() -> None:
    config = compiled(entry("a", TLS))
    assert "443" not in config.routes
    assert config.clusters["outbound|443||a.example.com"]["type"] == "STRICT_DNS"


def test_a_rule_says_how_long_connections_may_last_and_that_callers_stay_where_they_are() -> None:
    rule = destination_rule(
        "a.example.com",
        "trafficPolicy: {connectionPool: {tcp: {idleTimeout: 9s, maxConnectionDuration: 90s}}, "
        "loadBalancer: {consistentHash: {useSourceIp: true}}}",
    )
    [chain] = listener(entry("a", TCP, "addresses: [192.0.2.7]") + rule, "192.0.2.7_443")["filter_chains"]
    proxy = chain["filters"][0]["typed_config"]
    assert (proxy["idle_timeout"], proxy["max_downstream_connection_duration"]) == ("9s", "90s")
    assert proxy["hash_policy"] == [{"source_ip": {}}]


def virtual_service(kind: str, rules: str) -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: v, namespace: airport}}
spec: {{hosts: [a.example.com, b.example.com], {kind}: [{rules}]}}
---
"""


def to(name: str, more: str = "") -> str:
    return f"route: [{{destination: {{host: {name}.example.com}}{more}}}]"


def test_a_rule_for_a_name_says_where_its_connections_go_and_the_first_that_is_meant_counts() -> None:
    rules = (
        f"{{match: [{{sniHosts: [a.example.com], sourceLabels: {{app: other}}}}], {to('a')}}}, "
        f"{{match: [{{sniHosts: [a.example.com], port: 443}}], {to('b')}}}, "
        f"{{match: [{{sniHosts: [a.example.com]}}], {to('a')}}}"
    )
    found = listener(entry("a", TLS) + entry("b", TLS) + virtual_service("tls", rules), "0.0.0.0_443")
    assert clusters_of(found)[:1] == [({"server_names": ["a.example.com"]}, "outbound|443||b.example.com")]


def test_shares_of_connections() -> None:
    shares = "route: [{destination: {host: a.example.com}, weight: 1}, {destination: {host: b.example.com}, weight: 3}]"
    text = entry("a", TCP, "addresses: [192.0.2.7]") + entry("b", TCP, "addresses: [192.0.2.8]")
    [chain] = listener(text + virtual_service("tcp", f"{{{shares}}}"), "192.0.2.7_443")["filter_chains"]
    proxy = chain["filters"][0]["typed_config"]
    assert [(one["name"], one["weight"]) for one in proxy["weighted_clusters"]["clusters"]] == [
        ("outbound|443||a.example.com", 1),
        ("outbound|443||b.example.com", 3),
    ]
    assert "cluster" not in proxy


def test_a_rule_for_a_block_of_addresses_leaves_the_others_to_the_service() -> None:
    rules = f"{{match: [{{destinationSubnets: [10.0.0.0/8]}}], {to('b')}}}"
    found = listener(entry("a", TCP) + virtual_service("tcp", rules), "0.0.0.0_443")
    block = {"prefix_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]}
    assert clusters_of(found) == [(block, "outbound|443||b.example.com"), (None, "outbound|443||a.example.com")]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("tls: [{match: [{sniHosts: [c.example.com]}], route: [{destination: {host: x}}]}]", "must be among hosts"),
        ("tls: [{match: [], route: [{destination: {host: x}}]}]", "tls[0].match: must not be empty"),
        ("tcp: [{route: []}]", "tcp[0].route: must not be empty"),
        ("exportTo: ['.']", "must hold http, tls or tcp"),
    ],
)
def test_a_rule_that_leads_nowhere_is_refused(spec: str, said: str) -> None:
    text = virtual_service("tcp", "").replace("tcp: []", spec)
    with pytest.raises(Refused) as caught:
        compiled(text)
    assert said in str(caught.value)
