"""Which routes a sidecar is given."""

from dataclasses import replace
from typing import Any

from istio.compile import ProxyConfig, compile_proxy
from tests.istio.world import REGISTRY, compiled, objects, virtual_service

TO = "route: [{destination: {host: alerts}}]"


def host_of(config: ProxyConfig, name: str, port: str = "8080") -> Any:
    [found] = [one for one in config.routes[port]["virtual_hosts"] if one["name"].startswith(f"{name}.")]
    return found


def test_the_first_virtual_service_of_a_host_speaks_alone() -> None:
    text = virtual_service("alerts", f"{{timeout: 1s, {TO}}}")
    later = virtual_service("alerts", f"{{timeout: 9s, {TO}}}").replace("name: alerts", "name: zzz")
    [route] = host_of(compiled(later + text), "alerts")["routes"]
    assert route["route"]["timeout"] == "1s"


def test_routes_behind_one_that_takes_everything_are_left_out() -> None:
    config = compiled(virtual_service("alerts", f"{{match: [{{uri: {{prefix: /}}}}], {TO}}}, {{timeout: 9s, {TO}}}"))
    assert len(host_of(config, "alerts")["routes"]) == 1


def test_a_route_for_other_callers_leaves_the_service_its_default() -> None:
    config = compiled(virtual_service("alerts", f"{{match: [{{sourceLabels: {{app: momentum}}}}], {TO}}}"))
    assert host_of(config, "alerts")["routes"][0]["name"] == "default"


def test_a_virtual_service_of_a_gateway_says_nothing_to_a_sidecar() -> None:
    text = virtual_service("alerts", f"{{timeout: 1s, {TO}}}").replace("hosts:", "gateways: [entry], hosts:")
    assert host_of(compiled(text), "alerts")["routes"][0]["name"] == "default"


def test_the_short_name_is_a_domain_only_within_the_namespace() -> None:
    elsewhere = replace(REGISTRY.proxy("collector-0", "airport"), namespace="other")
    assert "alerts" in host_of(compiled(), "alerts")["domains"]
    assert "alerts" not in host_of(compiled("", elsewhere), "alerts")["domains"]


def test_with_a_consistent_hash_a_retry_may_meet_the_same_host() -> None:
    rule = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: alerts, namespace: airport}
spec: {host: alerts, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}}
---
"""
    [route] = host_of(compiled(rule + virtual_service("alerts", f"{{{TO}}}")), "alerts")["routes"]
    assert "retry_host_predicate" not in route["route"]["retry_policy"]
    assert route["route"]["hash_policy"] == [{"header": {"header_name": "x-user"}}]


def test_compiling_twice_gives_the_same() -> None:
    text = virtual_service("alerts", f"{{{TO}}}")
    proxy = REGISTRY.proxy("collector-0", "airport")
    assert compile_proxy(REGISTRY, objects(text), proxy) == compile_proxy(REGISTRY, objects(text), proxy)
