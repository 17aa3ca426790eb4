"""The cluster's ingress gateway: found by its label, with its pods, its port, and the ways to it from outside."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from k8s.cluster.api import Api
from k8s.cluster.ingress import find, reachable
from k8s.target import TargetError
from tests.k8s.cluster.fake import NAMESPACES, FakeCluster

SYSTEM = f"{NAMESPACES}/istio-system"
LABELS = {"istio": "ingressgateway"}


def service(http: dict[str, Any], *balancers: dict[str, str]) -> dict[str, Any]:
    return {
        "kind": "Service",
        "metadata": {"name": "istio-ingressgateway", "labels": LABELS},
        "spec": {"selector": LABELS, "ports": [{"port": 15021}, {"port": 80, **http}]},
        "status": {"loadBalancer": {"ingress": list(balancers)}},
    }


def pod(name: str, ready: str = "True") -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {"name": name, "labels": LABELS},
        "spec": {"containers": [{"name": "istio-proxy", "ports": [{"name": "http2", "containerPort": 8081}]}]},
        "status": {"podIP": "10.0.0.9", "conditions": [{"type": "Ready", "status": ready}]},
    }


def node(*addresses: tuple[str, str]) -> dict[str, Any]:
    return {
        "kind": "Node",
        "metadata": {"name": "n"},
        "status": {"addresses": [{"type": kind, "address": address} for kind, address in addresses]},
    }


def given(cluster: FakeCluster, folder: str, one: dict[str, Any]) -> None:
    cluster.objects[f"{folder}/{one['metadata']['name']}"] = one


def test_the_gateway_is_found_with_those_of_its_pods_that_are_ready(cluster: FakeCluster, api: Api) -> None:
    given(cluster, f"{SYSTEM}/services", service({"targetPort": 8080}))
    for one in (pod("gateway-b"), pod("gateway-a"), pod("gateway-c", "False")):
        given(cluster, f"{SYSTEM}/pods", one)
    found = find(api)
    assert (found.namespace, found.port, found.outside) == ("istio-system", 8080, ())
    assert found.pods == (("gateway-a", "10.0.0.9"), ("gateway-b", "10.0.0.9"))


def test_a_port_that_pods_give_a_name_is_looked_up_there(cluster: FakeCluster, api: Api) -> None:
    given(cluster, f"{SYSTEM}/services", service({"targetPort": "http2"}))
    given(cluster, f"{SYSTEM}/pods", pod("gateway-a"))
    assert find(api).port == 8081


def test_a_load_balancer_comes_before_a_nodes_port(cluster: FakeCluster, api: Api) -> None:
    http = {"targetPort": 8080, "nodePort": 30080}
    given(cluster, f"{SYSTEM}/services", service(http, {"ip": "192.0.2.1"}, {"hostname": "lb.example"}))
    given(cluster, f"{SYSTEM}/pods", pod("gateway-a"))
    given(cluster, "/api/v1/nodes", node(("InternalIP", "2001:db8::1"), ("ExternalIP", "192.0.2.2")))
    assert find(api).outside == ("192.0.2.1:80", "lb.example:80", "192.0.2.2:30080", "[2001:db8::1]:30080")


def test_nodes_that_nobody_may_list_are_no_obstacle(cluster: FakeCluster, api: Api) -> None:
    given(cluster, f"{SYSTEM}/services", service({"targetPort": 8080, "nodePort": 30080}))
    given(cluster, f"{SYSTEM}/pods", pod("gateway-a"))
    cluster.forbidden.add(("GET", "/nodes"))
    assert find(api).outside == ()


def test_a_cluster_without_a_gateway_is_one_line(api: Api) -> None:
    with pytest.raises(TargetError, match=r"no ingress gateway: .* Istio's default profile installs one"):
        find(api)


def test_a_gateway_without_a_ready_pod_is_one_line(cluster: FakeCluster, api: Api) -> None:
    given(cluster, f"{SYSTEM}/services", service({"targetPort": 8080}))
    with pytest.raises(TargetError, match="no pod of the ingress gateway istio-ingressgateway is ready"):
        find(api)


async def test_the_first_address_where_an_envoy_answers_is_taken() -> None:
    async def envoy(_request: web.BaseRequest) -> web.Response:
        return web.Response(status=404, headers={"Server": "istio-envoy"})

    async def other(_request: web.BaseRequest) -> web.Response:
        return web.Response(headers={"Server": "another"})

    ports = []
    runners = [web.ServerRunner(web.Server(handler)) for handler in (other, envoy)]
    for runner in runners:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ports.append(f"127.0.0.1:{runner.addresses[0][1]}")
    assert await reachable(["127.0.0.1:1", *ports]) == ports[1]
    assert await reachable(["127.0.0.1:1", ports[0]]) is None
    assert await reachable([]) is None
    for runner in runners:
        await runner.cleanup()
