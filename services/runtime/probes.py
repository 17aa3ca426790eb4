"""What the kubelet asks: has it started, is it alive, may it get requests."""

from __future__ import annotations

from enum import Enum

from aiohttp import web


class Phase(Enum):
    """The life of a pod, in order."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


class Probes:
    """The pod's phase, and the probes that tell it."""

    PATHS = frozenset({"/livez", "/readyz", "/startupz"})

    def __init__(self) -> None:
        self.phase = Phase.STARTING

    def routes(self) -> list[web.RouteDef]:
        """Return the three probes: alive as long as it answers, started once and for all, ready until it drains."""
        return [
            web.get("/livez", self._alive),
            web.get("/startupz", self._started),
            web.get("/readyz", self._ready),
        ]

    async def _alive(self, _request: web.Request) -> web.Response:
        return web.Response(text="alive")

    async def _started(self, _request: web.Request) -> web.Response:
        return web.Response(text=self.phase.value, status=503 if self.phase is Phase.STARTING else 200)

    async def _ready(self, _request: web.Request) -> web.Response:
        return web.Response(text=self.phase.value, status=200 if self.phase is Phase.READY else 503)
