"""What an Envoy is answered, when, and who may ask."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from istio.discovery import SERVER_CLUSTER, DiscoveryServer, Resources

NODE = "collector-0.airport"


@pytest.fixture
def socket() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "s"


@pytest.fixture
async def server(socket: Path) -> AsyncIterator[DiscoveryServer]:
    async with DiscoveryServer(socket) as started:
        yield started


@pytest.fixture
def resources(server: DiscoveryServer) -> Resources:
    return server.resources(NODE)


async def ask(socket: Path, kind: str, *names: str, node: str = NODE, **more: Any) -> tuple[int, Any]:
    body = {"node": {"id": node}, "resource_names": list(names), **more}
    connector = aiohttp.UnixConnector(str(socket))
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.post(f"http://any/v3/discovery:{kind}", json=body) as answer,
    ):
        text = await answer.text()
        return answer.status, json.loads(text) if answer.status == 200 else text


async def test_an_envoy_finds_the_server_on_a_socket_and_on_no_port(server: DiscoveryServer, socket: Path) -> None:
    cluster = server.cluster()
    [locality] = cluster["load_assignment"]["endpoints"]
    [host] = locality["lb_endpoints"]
    assert host["endpoint"]["address"] == {"pipe": {"path": str(socket)}}
    assert cluster["name"] == SERVER_CLUSTER


async def test_a_resource_is_answered_with_its_type_and_version(resources: Resources, socket: Path) -> None:
    version = resources.write("secrets", [{"name": "default"}], "default")
    status, answer = await ask(socket, "secrets", "default")
    kind = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
    assert status == 200
    assert answer == {
        "version_info": version,
        "type_url": kind,
        "resources": [{"@type": kind, "name": "default"}],
    }


async def test_a_question_is_held_until_there_is_something_new(resources: Resources, socket: Path) -> None:
    first = resources.write("routes", [{"name": "8080"}], "8080")
    asked = asyncio.create_task(ask(socket, "routes", "8080", version_info=first))
    assert resources.write("routes", [{"name": "8080"}], "8080") is None
    await resources.announce()
    done, _ = await asyncio.wait([asked], timeout=0.1)
    assert not done
    second = resources.write("routes", [{"name": "8080", "validate_clusters": False}], "8080")
    await resources.announce()
    assert (await asked)[1]["version_info"] == second != first


async def test_what_was_refused_is_not_sent_again(resources: Resources, socket: Path) -> None:
    resources.write("clusters", [{"name": "bad"}])
    asked = asyncio.create_task(ask(socket, "clusters", error_detail={"message": "no"}))
    done, _ = await asyncio.wait([asked], timeout=0.1)
    assert not done
    good = resources.write("clusters", [{"name": "good"}])
    await resources.announce()
    assert (await asked)[1]["version_info"] == good


async def test_every_source_in_a_resource_leads_here(resources: Resources, socket: Path) -> None:
    secret = {"name": "ROOTCA", "sds_config": {"api_config_source": {"api_type": "GRPC"}}}
    context = {"common_tls_context": {"combined_validation_context": {"validation_context_sds_secret_config": secret}}}
    cluster = {
        "name": "a",
        "eds_cluster_config": {"eds_config": {"ads": {}}},
        "transport_socket_matches": [{"transport_socket": {"typed_config": context}}],
    }
    resources.write("clusters", [cluster])
    text = json.dumps((await ask(socket, "clusters"))[1])
    assert text.count(SERVER_CLUSTER) == 2
    assert "GRPC" not in text
    assert "ads" not in text


@pytest.mark.parametrize(("kind", "node"), [("runtime", NODE), ("clusters", "stranger.airport")])
async def test_an_unknown_kind_or_node_is_refused(resources: Resources, socket: Path, kind: str, node: str) -> None:
    status, text = await ask(socket, kind, node=node)
    assert status == 404
    assert text == f"no {kind} for the node '{node}'"


async def test_a_node_that_is_forgotten_is_answered_no_more(server: DiscoveryServer, socket: Path) -> None:
    server.resources(NODE).write("clusters", [])
    assert (await ask(socket, "clusters"))[0] == 200
    server.forget(NODE)
    assert (await ask(socket, "clusters"))[0] == 404
