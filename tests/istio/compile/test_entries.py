"""Services that Kubernetes does not know."""

from typing import Any

import pytest

from istio.compile import compile_proxy
from tests.istio.world import COLLECTOR, REGISTRY, compiled, objects


def entry(spec: str, name: str = "flights") -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, namespace: airport}}
spec: {{ports: [{{number: 80, name: http, protocol: HTTP, targetPort: 8000}}], {spec}}}
---
"""


HOST = "hosts: [flights.example.test]"
NAME = "outbound|80||flights.example.test"
STATIC = "resolution: STATIC, endpoints: [{address: 192.0.2.1, weight: 3}, {address: 192.0.2.2, ports: {http: 9}}]"


def addresses(assignment: Any) -> list[tuple[str, int, int]]:
    [locality] = assignment["endpoints"]
    sockets = [(one["endpoint"]["address"]["socket_address"], one) for one in locality["lb_endpoints"]]
    return [(one["address"], one["port_value"], whole["load_balancing_weight"]) for one, whole in sockets]


def test_a_static_entry_has_its_endpoints_by_discovery_at_their_own_ports_and_weights() -> None:
    config = compiled(entry(f"{HOST}, {STATIC}"))
    assert config.clusters[NAME]["type"] == "EDS"
    assert addresses(config.endpoints[NAME]) == [("192.0.2.1", 8000, 3), ("192.0.2.2", 9, 1)]


def test_a_name_is_resolved_by_envoy_itself() -> None:
    config = compiled(entry(f"{HOST}, resolution: DNS"))
    assert config.clusters[NAME]["type"] == "STRICT_DNS"
    assert addresses(config.clusters[NAME]["load_assignment"]) == [("flights.example.test", 8000, 1)]
    assert NAME not in config.endpoints


def test_one_address_of_a_name_is_enough_in_round_robin() -> None:
    assert compiled(entry(f"{HOST}, resolution: DNS_ROUND_ROBIN")).clusters[NAME]["type"] == "LOGICAL_DNS"


def test_an_entry_is_outside_the_mesh_unless_it_says_otherwise() -> None:
    outside, inside = entry(f"{HOST}, {STATIC}"), entry(f"{HOST}, {STATIC}, location: MESH_INTERNAL")
    for text, secured in ((outside, False), (inside, True)):
        config = compile_proxy(REGISTRY, objects(text), COLLECTOR, mtls=True)
        assert ("transport_socket_matches" in config.clusters[NAME]) is secured


@pytest.mark.parametrize("address", ["192.0.2.9", "198.51.100.0/24"])
def test_an_entry_is_called_by_its_name_and_by_the_last_of_its_addresses(address: str) -> None:
    config = compiled(entry(f"{HOST}, {STATIC}, addresses: [192.0.2.1, {address}]"))
    [host] = [one for one in config.routes["80"]["virtual_hosts"] if one["name"] == "flights.example.test:80"]
    assert host["domains"] == ["flights.example.test", "flights.example.test.", address]


def test_an_address_that_two_entries_name_belongs_to_the_first() -> None:
    text = entry(f"hosts: [a.test], {STATIC}, addresses: [192.0.2.9]", "a")
    text += entry(f"hosts: [b.test], {STATIC}, addresses: [192.0.2.9]", "b")
    hosts = [one for one in compiled(text).routes["80"]["virtual_hosts"] if "192.0.2.9" in one["domains"]]
    assert [one["name"] for one in hosts] == ["a.test:80"]


def test_kubernetes_own_service_of_a_name_stays() -> None:
    host = "alerts.airport.svc.cluster.local"
    assert compiled(entry(f"hosts: [{host}], {STATIC}")).clusters.keys() == compiled().clusters.keys()


def test_entries_of_one_host_are_one_service_with_the_ports_and_endpoints_of_all() -> None:
    second = "resolution: STATIC, endpoints: [{address: 192.0.2.7}]"
    both = entry(f"{HOST}, {STATIC}", "a") + entry(f"{HOST}, {second}", "b")
    config = compiled(both + entry(f"{HOST}, resolution: DNS, endpoints: [{{address: far.test}}]", "c"))
    assert [one[0] for one in addresses(config.endpoints[NAME])] == ["192.0.2.1", "192.0.2.2", "192.0.2.7"]
    more = entry(f"{HOST}, {second}", "d").replace("number: 80, name: http", "number: 81, name: http")
    config = compiled(both + more)
    assert "outbound|81||flights.example.test" in config.clusters
    # endpoints are told apart by the name of their port alone
    assert len(addresses(config.endpoints["outbound|81||flights.example.test"])) == 4


def test_endpoints_of_one_host_in_other_namespaces_stay_apart() -> None:
    other = entry(f"{HOST}, resolution: STATIC, endpoints: [{{address: 192.0.2.7}}]", "b").replace("airport", "default")
    config = compiled(entry(f"{HOST}, {STATIC}") + other)
    assert [one[0] for one in addresses(config.endpoints[NAME])] == ["192.0.2.1", "192.0.2.2"]


def test_each_address_of_an_entry_counts_its_endpoints_once_more() -> None:
    config = compiled(entry(f"{HOST}, {STATIC}, addresses: [192.0.2.9, 192.0.2.10]"))
    assert [one[0] for one in addresses(config.endpoints[NAME])] == ["192.0.2.1", "192.0.2.2"] * 2


def test_an_entry_may_be_nobodys() -> None:
    assert NAME not in compiled(entry(f"{HOST}, {STATIC}, exportTo: ['~']")).clusters
