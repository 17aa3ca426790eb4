"""What changes on the way to this machine, and what does not."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from istio.compile import compile_proxy
from istio.localise import LocalAddresses, Unplaced, localise
from tests.istio.world import COLLECTOR, GOLDEN, REGISTRY, compiled, objects

PODS = {
    (one.ip, one.port): ("127.0.0.1", 20000 + index)
    for index, one in enumerate(
        one for service in REGISTRY.services for endpoints in service.endpoints.values() for one in endpoints
    )
}
LOCAL = LocalAddresses({8080: 31000}, {8080: 31001}, {8080: 31002}, PODS)
ADDRESSING = {"type", "lb_policy", "load_assignment", "cleanup_interval", "upstream_bind_config"}


@pytest.mark.parametrize("case", sorted((GOLDEN / "cases").glob("*.yaml")), ids=lambda case: case.stem)
def test_routes_and_policies_pass_through_untouched(case: Path) -> None:
    config = compiled(case.read_text())
    local = localise(config, LOCAL)
    assert local.routes == config.routes
    assert local.clusters.keys() == config.clusters.keys()
    for name, cluster in config.clusters.items():
        changed = {
            key
            for key in cluster.keys() | local.clusters[name].keys()
            if cluster.get(key) != local.clusters[name].get(key)
        }
        assert changed <= (ADDRESSING if name.startswith("inbound|") else set())


def managers(listener: Mapping[str, Any]) -> list[Any]:
    return [one for chain in listener["filter_chains"] for one in chain["filters"] if "http_connection" in one["name"]]


def test_a_listener_keeps_its_filters_and_gets_a_port_of_this_machine() -> None:
    config = compiled()
    local = localise(config, LOCAL)
    outbound, inbound = local.listeners["0.0.0.0_8080"], local.listeners["virtualInbound_8080"]
    assert outbound["address"] == {"socket_address": {"address": "127.0.0.1", "port_value": 31000}}
    assert inbound["address"] == {"socket_address": {"address": "127.0.0.1", "port_value": 31001}}
    assert managers(outbound) == managers(config.listeners["0.0.0.0_8080"])
    assert managers(inbound)[0] in managers(config.listeners["virtualInbound"])
    assert local.listeners.keys() == {"0.0.0.0_8080", "virtualInbound_8080"}


def test_an_endpoint_changes_its_address_and_keeps_health_and_weight() -> None:
    config = compiled()
    name = "outbound|8080||alerts.airport.svc.cluster.local"
    [before], [after] = config.endpoints[name]["endpoints"], localise(config, LOCAL).endpoints[name]["endpoints"]
    was, now = before["lb_endpoints"][0], after["lb_endpoints"][0]
    assert now == {**was, "endpoint": now["endpoint"]}
    address, port = PODS["10.0.5.1", 8080]
    assert now["endpoint"]["address"]["socket_address"] == {"address": address, "port_value": port}


def test_the_inbound_cluster_leads_to_the_application() -> None:
    cluster = localise(compiled(), LOCAL).clusters["inbound|8080||"]
    [locality] = cluster["load_assignment"]["endpoints"]
    [host] = locality["lb_endpoints"]
    assert host["endpoint"]["address"]["socket_address"] == {"address": "127.0.0.1", "port_value": 31002}


def test_an_endpoint_at_a_port_that_its_pod_does_not_have_is_refused_by_its_address() -> None:
    elsewhere = {(ip, 8081): place for (ip, _), place in PODS.items()}
    with pytest.raises(Unplaced, match=r"10\.0\.\d+\.\d+:8080 is a pod's, .*; it has 8081"):
        localise(compiled(), LocalAddresses({}, {}, {}, elsewhere))


def test_the_original_is_left_as_it_was() -> None:
    config = compiled()
    before = asdict(config)
    localise(config, LOCAL)
    assert asdict(config) == before


def test_both_ways_in_and_their_certificates_pass_through_untouched() -> None:
    config = compile_proxy(REGISTRY, objects(""), COLLECTOR, mtls=True)
    inbound = localise(config, LOCAL).listeners["virtualInbound_8080"]
    virtual = config.listeners["virtualInbound"]
    theirs = [one for one in virtual["filter_chains"] if one["filter_chain_match"].get("destination_port") == 8080]
    assert len(theirs) == 2
    for was, now in zip(theirs, inbound["filter_chains"], strict=True):
        assert now["filter_chain_match"].keys() == was["filter_chain_match"].keys() - {"destination_port"}
        assert {**now, "filter_chain_match": was["filter_chain_match"]} == was


def test_what_looks_into_a_connection_stays_and_waits_as_long_as_before() -> None:
    config = compile_proxy(REGISTRY, objects(""), COLLECTOR, mtls=True)
    inbound = localise(config, LOCAL).listeners["virtualInbound_8080"]
    assert [one["name"].rpartition(".")[2] for one in inbound["listener_filters"]] == ["tls_inspector"]
    assert inbound["listener_filters_timeout"] == "0s"
    assert inbound["continue_on_listener_filters_timeout"]


def test_authorization_by_port_speaks_of_the_port_on_this_machine() -> None:
    policy = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ports, namespace: airport}
spec: {action: DENY, rules: [{to: [{operation: {ports: ["8080"]}}]}, {to: [{operation: {ports: ["9090"]}}]}]}
"""
    text = json.dumps(localise(compiled(policy), LOCAL).listeners["virtualInbound_8080"])
    assert '"destination_port": 31001' in text
    assert '"destination_port": 8080' not in text
    assert '"destination_port": 9090' in text


@pytest.mark.parametrize("host", ["outside.example.com", "outside.airport.svc.cluster.local"])
def test_what_is_no_pod_stays_where_it_is(host: str) -> None:
    entry = f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: outside, namespace: airport}}
spec:
  hosts: [{host}]
  ports: [{{number: 8080, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints: [{{address: 192.0.2.7}}]
"""
    config = compiled(entry)
    name = f"outbound|8080||{host}"
    assert "192.0.2.7" in json.dumps(config.endpoints[name])
    assert localise(config, LOCAL).endpoints[name] == config.endpoints[name]
