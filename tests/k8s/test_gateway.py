"""The ingress gateway of a whole world: where calls from outside enter, and what Istio objects make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from istio import policies
from istio.objects import parse
from k8s.local.gateway import without_place
from k8s.render import render
from k8s.target import Gateway, MeshOptions, TargetError
from tests.k8s.test_world import running

V2 = "outbound|8080|v2|cpanel.airport.svc.cluster.local"
WITH_GATEWAY = MeshOptions(gateway=True)


async def ask(gateway: Gateway, path: str, **headers: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.get(f"http://{gateway.http}{path}", headers=headers) as answer:
        return answer.status, await answer.text()


def to_version(version: str) -> dict[str, Any]:
    destination = {"host": "cpanel", "subset": version}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "cpanel", "namespace": "airport"},
        "spec": {
            "hosts": ["*"],
            "gateways": ["airport-gateway"],
            "http": [{"route": [{"destination": destination}]}],
        },
    }


async def test_calls_enter_by_the_gateway_and_go_where_its_virtual_services_say(tmp_path: Path) -> None:
    async with running(tmp_path, "mesh", WITH_GATEWAY) as world:
        gateway = (await world.status()).gateway
        assert gateway is not None
        assert await ask(gateway, "/status") == (200, "CPanel v1 : Online - cpanel-v1-0")
        assert (await ask(gateway, "/nothere"))[0] == 404
        await world.apply([to_version("v2")])
        assert await ask(gateway, "/status") == (200, "CPanel v2 : Online - cpanel-v2-0")
        await world.delete([to_version("v2")])
        assert (await ask(gateway, "/status"))[0] == 404
        assert (await world.proxy_stats())[gateway.name][
            "cluster.outbound|8080|v2|cpanel.airport.svc.cluster.local;.upstream_rq_200"
        ] == 1


def test_a_world_in_another_namespace_has_all_its_objects_there() -> None:
    rendered = render("mesh", mesh=WITH_GATEWAY, namespace="default")
    assert {one["metadata"].get("namespace", "default") for one in rendered.objects} == {"default"}
    assert {one["metadata"]["namespace"] for one in rendered.istio} == {"default"}
    assert [one["metadata"]["name"] for one in rendered.objects if one["kind"] == "Namespace"] == ["default"]


def test_only_a_mesh_with_a_gateway_has_the_objects_of_the_edge() -> None:
    assert "Gateway" in {one["kind"] for one in render("mesh", mesh=WITH_GATEWAY).istio}
    assert "Gateway" not in {one["kind"] for one in render("mesh").istio}


def test_a_name_that_is_no_namespace_is_refused() -> None:
    with pytest.raises(TargetError, match="namespace 'Not One': use a to z"):
        render("mesh", namespace="Not One")


def test_the_objects_of_the_edge_are_accepted() -> None:
    assert len(parse(policies.documents(policies.BASE)).gateways) == 1


def gateway(*ports: tuple[int, str], **selector: str) -> dict[str, Any]:
    servers = [{"port": {"number": port, "name": f"p{port}", "protocol": protocol}} for port, protocol in ports]
    return {"kind": "Gateway", "spec": {"selector": selector or {"istio": "ingressgateway"}, "servers": servers}}


def test_servers_that_a_local_world_has_no_place_for_are_named_with_the_reason() -> None:
    object_ = gateway((80, "HTTP"), (443, "HTTPS"), (8080, "HTTP"), (9000, "HTTP2"))
    found = list(without_place(object_, present=True))
    assert [path for path, _ in found] == [("spec", "servers", 1), ("spec", "servers", 3)]
    assert found[0][1] == (
        "takes HTTPS on port 443, and the gateway of a local world has a place only for port 80 of its Service (8080 "
        "of its own): it is configured as istiod would, and no call will reach it"
    )
    assert found[1][1].startswith("takes HTTP2 on port 9000, ")


def test_a_gateway_that_nothing_carries_is_named_as_such() -> None:
    (missing,) = without_place(gateway((80, "HTTP")), present=False)
    assert missing[1].startswith("this world has no ingress gateway")
    (elsewhere,) = without_place(gateway((80, "HTTP"), istio="egressgateway"), present=True)
    assert elsewhere == (
        ("spec", "selector"),
        "picks no gateway of this world: the only one is labelled app: istio-ingressgateway, istio: ingressgateway",
    )
    assert list(without_place(gateway((80, "HTTP"), app="istio-ingressgateway"), present=True)) == []
