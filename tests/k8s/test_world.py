"""Whole worlds of the real application: 15 pods, and 15 Envoys in the mesh."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from istio import stats
from k8s.local.client import LocalWorld
from k8s.local.target import LocalTarget
from k8s.render import render
from k8s.target import AS_INSTALLED, MeshOptions, TargetError
from loadtests.frames import frame_of
from loadtests.schedule import Arrival

COMPRESSED = {"interval_s": 0.5, "base_ejection_s": 30.0}


@asynccontextmanager
async def running(state: Path, mode: str, mesh: MeshOptions = AS_INSTALLED) -> AsyncIterator[LocalWorld]:
    rendered = render(mode, "matched", COMPRESSED, mesh)
    world = await LocalTarget(state).up(f"t-{mode}", rendered, attached=True, seed=1)
    try:
        yield world
    finally:
        await world.down()


async def send(world: LocalWorld, index: int) -> int:
    """Send one frame to a collector from outside; returns the status."""
    entry = next(pod.entry for pod in (await world.status()).pods if pod.service == "collector")
    frame = frame_of(Arrival(index, 0.0, entry, index, 1), 1)
    async with aiohttp.ClientSession() as http, http.post(f"http://{entry}/frame", json=frame.to_json()) as answer:
        return answer.status


async def post(address: str, body: Mapping[str, Any]) -> None:
    async with aiohttp.ClientSession() as http, http.post(f"http://{address}/faults", json=body) as answer:
        assert answer.status == 201


async def until_ready(world: LocalWorld, restarts: int) -> None:
    async with asyncio.timeout(15):
        while True:
            status = await world.status()
            if status.ready and sum(pod.restarts for pod in status.pods) >= restarts:
                return
            await asyncio.sleep(0.05)


async def test_a_library_world_serves_is_killed_and_comes_back(tmp_path: Path) -> None:
    async with running(tmp_path, "library") as world:
        status = await world.status()
        assert len(status.pods) == 15
        assert status.ready
        assert {pod.proxy_admin for pod in status.pods} == {None}
        assert await send(world, 1) == 200
        await world.kill("image-analysis-0")
        await until_ready(world, restarts=1)
        assert await send(world, 2) == 200
        with pytest.raises(TargetError, match="it is not scaled"):
            await world.scale("momentum", 2)


async def test_a_mesh_world_serves_follows_istio_objects_and_forgets_ejections(tmp_path: Path) -> None:
    async with running(tmp_path, "mesh") as world:
        status = await world.status()
        assert len(status.pods) == 15
        assert all(pod.entry not in (pod.app, pod.admin, pod.proxy_admin) for pod in status.pods)
        assert await send(world, 1) == 200
        usage = await world.usage()
        assert usage.proxy.cpu_s > 0
        assert usage.proxy.rss > usage.app.rss

        broken = abort("momentum")
        await world.apply([broken])
        assert await send(world, 2) in (502, 503)
        with pytest.raises(TargetError, match=r"spec.http\[0\].retry: is no field"):
            await world.apply([misspelt(broken)])
        await world.delete([broken])
        assert await send(world, 4) == 200

        [bad] = [pod for pod in status.pods if pod.name == "image-analysis-0"]
        await post(bad.admin, {"id": "x", "kind": "abort", "status": 503, "rate": 1.0, "ttl_s": 30, "seed": 1})
        for index in range(5, 45):
            await send(world, index)
        assert await ejections(world) > 0
        await world.reset_mesh()
        assert await ejections(world) == 0

        await world.kill("alerts-0", "proxy")
        await until_ready(world, restarts=1)
        assert [pod.restarts for pod in (await world.status()).pods if pod.name == "alerts-0"] == [1]


async def test_a_world_with_mutual_tls_serves_counts_and_refuses_plaintext_where_it_is_strict(tmp_path: Path) -> None:
    async with running(tmp_path, "sidecar", MeshOptions(telemetry=True)) as world:
        assert await send(world, 1) == 200
        assert 'connection_security_policy="mutual_tls"' in await requests_received(world, "image-analysis")
        assert await handshakes(world) > 0
        callee = next(pod.entry for pod in (await world.status()).pods if pod.name == "image-analysis-0")
        assert await readiness(callee) == 200
        await world.apply([strict("image-analysis")])
        with pytest.raises(aiohttp.ClientConnectionError):
            await readiness(callee)
        assert await send(world, 2) == 200


async def test_a_certificate_that_has_expired_is_believed_by_nobody_until_it_is_renewed(tmp_path: Path) -> None:
    async with running(tmp_path, "sidecar") as world:
        assert await send(world, 1) == 200
        callees = [pod.name for pod in (await world.status()).pods if pod.service == "image-analysis"]
        for pod in callees:
            await world.expire(pod, 600)
        assert (await world.status()).ailing == ("expired-certificate",)
        assert await send(world, 2) == 503
        await world.renew()
        assert await send(world, 3) == 200
        assert (await world.status()).ailing == ()

        await world.expire(callees[0], 0.1)
        async with asyncio.timeout(15):
            while (await world.status()).ailing:
                pass


async def readiness(entry: str) -> int:
    async with aiohttp.ClientSession() as http, http.get(f"http://{entry}/readyz") as answer:
        return answer.status


async def requests_received(world: LocalWorld, service: str) -> str:
    """Return the lines of `istio_requests_total` of the pods of a service."""
    admins = [pod.proxy_admin for pod in (await world.status()).pods if pod.service == service]
    lines: list[str] = []
    async with aiohttp.ClientSession() as http:
        for admin in admins:
            async with http.get(f"http://{admin}/stats/prometheus") as answer:
                lines += (await answer.text()).splitlines()
    return "\n".join(line for line in lines if line.startswith("envoy_istio_requests_total{"))


async def handshakes(world: LocalWorld) -> int:
    """Count the mutual TLS handshakes that callers made."""
    return sum(
        value
        for flat in (await world.proxy_stats()).values()
        for name, value in flat.items()
        if name.startswith("cluster.outbound|") and name.endswith(".ssl.handshake")
    )


def strict(app: str) -> dict[str, Any]:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": app, "namespace": "airport"},
        "spec": {"selector": {"matchLabels": {"app": app}}, "mtls": {"mode": "STRICT"}},
    }


def abort(service: str) -> dict[str, Any]:
    fault = {"abort": {"httpStatus": 503, "percentage": {"value": 100}}}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        # Before the policy set's own in istiod's order, so that this one speaks for the host.
        "metadata": {"name": f"a-{service}-down", "namespace": "airport"},
        "spec": {"hosts": [service], "http": [{"fault": fault, "route": [{"destination": {"host": service}}]}]},
    }


def misspelt(virtual_service: dict[str, Any]) -> dict[str, Any]:
    spec = virtual_service["spec"]
    return {**virtual_service, "spec": {**spec, "http": [{**spec["http"][0], "retry": 1}]}}


async def ejections(world: LocalWorld) -> int:
    found = await world.proxy_stats()
    return sum(edge.active_ejections for flat in found.values() for edge in stats.edges(flat).values())
