"""Clients with the real Envoy between them and the callee: mode `sidecar`, with no policy, and mode `both`."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from services.runtime import plain
from tests.istio.running import PODS, running_mesh
from tests.istio.world import virtual_service
from tests.services.runtime.scripted import CALLEE, free_address, led, serving
from tests.services.runtime.test_clients import TABLE

RETRIES_OFF = virtual_service(CALLEE, "{retries: {attempts: 0}, route: [{destination: {host: image-analysis}}]}")


@pytest.mark.parametrize(("step", "status"), [row[:2] for row in TABLE], ids=[str(row[0]) for row in TABLE])
async def test_what_the_callee_does_has_the_same_status_behind_a_sidecar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str | int, status: int
) -> None:
    # Envoy keeps a broken answer's connection for its delayed_close_timeout, 1 s, before the client sees the break.
    monkeypatch.setattr(plain, "TIMEOUT", aiohttp.ClientTimeout(total=0.5 if "hang" in str(step) else 5))
    async with (
        serving(step) as (server, address),
        running_mesh(tmp_path / "envoy") as mesh,
        led(tmp_path, "plain") as world,
    ):
        target = free_address() if step == "refused" else address
        mesh.addresses |= {(ip, 8080): target for ip, pod in PODS.items() if pod.startswith(CALLEE)}
        await mesh.apply(RETRIES_OFF)
        world.lead_to(proxy=("127.0.0.1", mesh.ports.outbound[8080]))
        reply = await world.client.post("/frame", json={"id": 1})
        assert reply.status == status
        assert reply.attempts == 1
        assert len(server.requests) == (0 if step == "refused" else 1)


@pytest.mark.parametrize(("library", "mesh_"), [(1, 1), (2, 2), (1, 3)])
async def test_behind_a_sidecar_that_retries_the_tries_of_a_library_multiply(
    tmp_path: Path, library: int, mesh_: int
) -> None:
    retry = {"attempts": library, "retry_on": "gateway-error", "backoff_s": 0.001, "max_backoff_s": 0.001}
    retries = f"{{attempts: {mesh_}, backoff: 1ms, retryOn: gateway-error}}"
    policy = f"{{retries: {retries}, route: [{{destination: {{host: image-analysis}}}}]}}"
    async with (
        serving(503) as (server, address),
        running_mesh(tmp_path / "envoy") as mesh,
        led(tmp_path, "library", policy={"retry": retry}) as world,
    ):
        mesh.addresses |= {(ip, 8080): address for ip, pod in PODS.items() if pod.startswith(CALLEE)}
        await mesh.apply(virtual_service(CALLEE, policy))
        world.lead_to(proxy=("127.0.0.1", mesh.ports.outbound[8080]))
        reply = await world.client.post("/frame", json={"id": 1})
        assert (reply.status, reply.flag, reply.attempts) == (503, "URX", library + 1)
        assert len(server.requests) == (library + 1) * (mesh_ + 1)
