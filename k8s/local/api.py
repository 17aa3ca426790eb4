"""The supervisor's side of the unix socket: JSON in, JSON out; what is refused is 400 with every error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from k8s.local.workloads import Workloads
from k8s.target import TargetError

Handler = Callable[[dict[str, Any]], Awaitable[object]]
POLL_S = 0.02
# Seen this often restarting before it was ever ready, a pod will not become ready by waiting.
HOPELESS_RESTARTS = 2


class Api:
    """Routes to the workloads of a world; `down` ends the supervisor."""

    def __init__(self, workloads: Workloads, name: str, mode: str, notes: list[str], down: asyncio.Event) -> None:
        self._workloads, self._name, self._mode, self._notes, self._down = workloads, name, mode, notes, down

    def application(self) -> web.Application:
        """Make the application to serve."""
        calls: dict[str, Handler] = {
            "status": self._status,
            "ready": self._ready,
            "scale": self._scale,
            "apply": self._apply,
            "delete": self._delete,
            "get": self._get,
            "restart": self._restart,
            "probe": self._probe,
            "hold-discovery": self._hold_discovery,
            "release-discovery": self._release_discovery,
            "withdraw": self._withdraw,
            "restore": self._restore,
            "config": self._config,
            "configure": self._configure,
            "expire": self._expire,
            "renew": self._renew,
            "kill": self._kill,
            "freeze": self._freeze,
            "thaw": self._thaw,
            "usage": self._usage,
            "proxy-stats": self._proxy_stats,
            "ejections": self._ejections,
            "reset-mesh": self._reset_mesh,
            "down": self._ask_down,
        }
        app = web.Application()
        app.add_routes([web.post(f"/{name}", _answering(handler)) for name, handler in calls.items()])
        return app

    async def _status(self, _: dict[str, Any]) -> object:
        pods = [asdict(pod.view()) for pod in self._workloads.pods]
        gateway = asdict(self._workloads.gateway.view()) if self._workloads.gateway else None
        return {
            "name": self._name,
            "mode": self._mode,
            "pods": pods,
            "notes": self._notes,
            "ailing": self._workloads.ailing,
            "gateway": gateway,
        }

    async def _ready(self, body: dict[str, Any]) -> object:
        """Wait until all is ready, or until it is clear that it will not be; returns why not."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + body["timeout_s"]
        while not self._workloads.settled:
            late = [one for one in self._workloads.all() if not one.ready]
            hopeless = any(container.restarts >= HOPELESS_RESTARTS for one in late for container in one.containers())
            if hopeless or loop.time() > deadline:
                return {"late": {one.name: one.view().reason for one in late}, "settled": not late}
            await asyncio.sleep(POLL_S)
        return {"late": {}, "settled": True}

    async def _scale(self, body: dict[str, Any]) -> object:
        await self._workloads.scale(body["deployment"], body["replicas"])
        return {}

    async def _apply(self, body: dict[str, Any]) -> object:
        mesh = self._workloads.required_mesh()
        await mesh.change(lambda: mesh.add(body["objects"]))
        return {}

    async def _delete(self, body: dict[str, Any]) -> object:
        mesh = self._workloads.required_mesh()
        await mesh.change(lambda: mesh.remove(body["objects"]))
        return {}

    async def _get(self, _: dict[str, Any]) -> object:
        return {"objects": self._workloads.mesh.objects if self._workloads.mesh else []}

    async def _restart(self, body: dict[str, Any]) -> object:
        await self._workloads.restart(body["pod"], body["env"], body["ttl_s"])
        return {}

    async def _probe(self, body: dict[str, Any]) -> object:
        await self._workloads.probe(body["deployment"], body["probes"])
        return {}

    async def _hold_discovery(self, body: dict[str, Any]) -> object:
        self._workloads.readiness.hold(body["ttl_s"])
        return {}

    async def _release_discovery(self, _: dict[str, Any]) -> object:
        self._workloads.readiness.release()
        return {"withheld": self._workloads.readiness.withheld}

    async def _withdraw(self, body: dict[str, Any]) -> object:
        await self._workloads.required_mesh().withdraw(body["ttl_s"])
        return {}

    async def _restore(self, _: dict[str, Any]) -> object:
        await self._workloads.required_mesh().restore()
        return {}

    async def _config(self, body: dict[str, Any]) -> object:
        return {"entries": self._workloads.config(body["name"])}

    async def _configure(self, body: dict[str, Any]) -> object:
        self._workloads.configure(body["name"], body["entries"])
        return {}

    async def _expire(self, body: dict[str, Any]) -> object:
        await self._workloads.required_mesh().certificates.expire(body["pod"], body["ttl_s"])
        return {}

    async def _renew(self, _: dict[str, Any]) -> object:
        await self._workloads.required_mesh().certificates.renew()
        return {}

    async def _kill(self, body: dict[str, Any]) -> object:
        self._workloads.pod(body["pod"]).container(body["container"]).kill(body["ttl_s"])
        return {}

    async def _freeze(self, body: dict[str, Any]) -> object:
        self._workloads.pod(body["pod"]).container(body["container"]).freeze(body["ttl_s"])
        return {}

    async def _thaw(self, body: dict[str, Any]) -> object:
        self._workloads.pod(body["pod"]).container(body["container"]).thaw()
        return {}

    async def _usage(self, _: dict[str, Any]) -> object:
        return asdict(self._workloads.usage())

    async def _proxy_stats(self, _: dict[str, Any]) -> object:
        return await self._workloads.mesh.sidecars.stats() if self._workloads.mesh else {}

    async def _ejections(self, _: dict[str, Any]) -> object:
        found = self._workloads.mesh.sidecars.ejections() if self._workloads.mesh else {}
        return {pod: [asdict(one) for one in ejections] for pod, ejections in found.items()}

    async def _reset_mesh(self, _: dict[str, Any]) -> object:
        if self._workloads.mesh:
            await self._workloads.mesh.sidecars.reset()
        return {}

    async def _ask_down(self, _: dict[str, Any]) -> object:
        """Return at once; the supervisor ends when all is down."""
        self._down.set()
        return {}


def _answering(handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        try:
            return web.json_response(await handler(await request.json()))
        except TargetError as error:
            return web.json_response({"errors": error.errors}, status=400)

    return answer
