"""What a target brings to a demonstration besides the world: the way in, and who can be asked where that ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from k8s.local.client import LocalWorld
from k8s.local.ports import HOST
from k8s.target import Beginning, World

Stats = dict[str, dict[str, int]]
"""Envoy's counters and gauges by proxy."""
SUNNY = "sunny"
"""What the server outside answers to GET /weather."""


class Outside(Protocol):
    """A server outside the mesh."""

    @property
    def endpoint(self) -> dict[str, Any]:
        """Where it is, as a ServiceEntry says it."""

    async def asked(self) -> int:
        """How many calls it has answered."""


class Stage(Protocol):
    """Where demonstrations are shown."""

    @property
    def world(self) -> World:
        """The world that is shown."""

    @property
    def beginning(self) -> Beginning:
        """What it was when it started."""

    @property
    def way_in(self) -> str:
        """What takes the place of HOST:PORT in a URL, for who enters at the gateway."""

    @property
    def headers(self) -> Mapping[str, str]:
        """What calls from outside must carry to be let in."""

    async def followed(self) -> None:
        """Return when every proxy follows the objects that were applied, and knows the pods that are ready."""

    async def mend(self) -> None:
        """Give every pod the probes of its manifest again, and a container that was never started again."""

    async def gateway_stats(self) -> Stats:
        """What the gateway has counted, where the world does not count it among its own proxies."""

    def outside(self) -> AbstractAsyncContextManager[Outside]:
        """Start a server outside the mesh, which the gateway can reach; it ends with the block."""


@dataclass(slots=True)
class LocalStage:
    """On this machine: the world applies objects until every sidecar follows, and its gateway is one of its proxies."""

    world: LocalWorld
    beginning: Beginning
    way_in: str
    headers: Mapping[str, str] = field(default_factory=dict)

    async def followed(self) -> None:
        """Do nothing: the world has waited already."""

    async def mend(self) -> None:
        """Take other probes away; how often a container was started again keeps nobody back here."""
        for deployment in self.beginning.replicas:
            await self.world.probe(deployment, {})

    async def gateway_stats(self) -> Stats:
        """Say nothing: the world's own stats have it."""
        return {}

    @asynccontextmanager
    async def outside(self) -> AsyncIterator[Outside]:
        """Start a server of this process."""
        here = _Here()
        server = web.Application()
        server.router.add_get("/weather", here.weather)
        runner = web.AppRunner(server, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, 0).start()
            here.endpoint = {"address": HOST, "ports": {"http": int(runner.addresses[0][1])}}
            yield here
        finally:
            await runner.cleanup()


@dataclass(slots=True)
class _Here:
    endpoint: dict[str, Any] = field(default_factory=dict)
    _asked: int = 0

    async def weather(self, _request: web.Request) -> web.Response:
        self._asked += 1
        return web.Response(text=SUNNY)

    async def asked(self) -> int:
        return self._asked


async def local(world: LocalWorld) -> LocalStage:
    """The stage that a local world is: its gateway is the way in, or the control panel where there is none."""
    status = await world.status()
    first = next(pod.entry for pod in status.pods if pod.deployment == "cpanel-v1")
    return LocalStage(world, world.beginning(), status.gateway.http if status.gateway else first)
