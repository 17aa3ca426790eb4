"""Real worlds of the whole application for tests, and what is done to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from k8s.local.client import LocalWorld
from k8s.local.target import LocalTarget
from k8s.render import render
from k8s.target import MeshOptions, Pod
from loadtests.frames import frame_of
from loadtests.schedule import Arrival

COMPRESSED = {"interval_s": 0.5, "base_ejection_s": 1.0}


@asynccontextmanager
async def running(state: Path, mode: str) -> AsyncIterator[LocalWorld]:
    """Run a world as `goaround up` does, its times shortened."""
    rendered = render(mode, "matched", COMPRESSED, MeshOptions(telemetry=True))
    world = await LocalTarget(state).up(f"t-{mode}", rendered, attached=True, seed=1)
    try:
        yield world
    finally:
        await world.down()


async def pods(world: LocalWorld, service: str) -> list[Pod]:
    """List the pods of a service."""
    return [pod for pod in (await world.status()).pods if pod.service == service]


async def send(http: aiohttp.ClientSession, entry: str, index: int, timeout_s: float = 20) -> int | None:
    """Send a frame to a collector; None if the answer did not come in time."""
    body = frame_of(Arrival(index, 0.0, entry, index, 1 + index % 2), 1).to_json()
    try:
        async with asyncio.timeout(timeout_s), http.post(f"http://{entry}/frame", json=body) as answer:
            return answer.status
    except TimeoutError:
        return None


async def inject(http: aiohttp.ClientSession, victims: list[Pod], **spec: Any) -> None:
    """Inject a fault into each pod."""
    for pod in victims:
        body = {"id": "test", "ttl_s": 60, "seed": 1, **spec}
        async with http.post(f"http://{pod.admin}/faults", json=body) as answer:
            assert answer.status == 201, await answer.text()


async def clear(http: aiohttp.ClientSession, victims: list[Pod]) -> None:
    """End every fault of each pod."""
    for pod in victims:
        async with http.delete(f"http://{pod.admin}/faults") as answer:
            assert answer.status == 204
