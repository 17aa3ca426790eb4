"""What a warden answers to whoever has the token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp import web

from k8s.cluster.warden.door import HEADER, guard
from k8s.cluster.warden.ledger import Ledger
from k8s.cluster.warden.processes import KINDS, Kind, Processes
from k8s.cluster.warden.signals import Refused, Signals

OPEN = frozenset({"/livez"})
ENVOY = "http://127.0.0.1:15000"
PASSED_ON = ("stats", "stats/prometheus", "clusters", "config_dump", "server_info")
"""What of Envoy's administration is passed on: all of it only tells."""
LONGEST_S = 600.0
PATIENCE = aiohttp.ClientTimeout(total=10)


class Warden:
    """The handlers. `envoy` is where the sidecar's administration listens."""

    def __init__(self, processes: Processes, ledger: Ledger, signals: Signals, envoy: str = ENVOY) -> None:
        self._processes, self._ledger, self._signals, self._envoy = processes, ledger, signals, envoy

    def make_app(self, token: str) -> web.Application:
        """Make the app; every path but OPEN asks for the token."""
        app = web.Application(middlewares=[guard(token, OPEN, _without_token)])
        app.add_routes(
            [
                web.get("/livez", self.livez),
                web.get("/usage", self.usage),
                web.get("/frozen", self.frozen),
                web.post("/kill", self.kill),
                web.post("/freeze", self.freeze),
                web.post("/thaw", self.thaw),
                web.get("/proxy/{path:.*}", self.proxy),
            ]
        )
        return app

    async def livez(self, _request: web.Request) -> web.Response:
        """Answer that it lives."""
        return web.Response(text="ok\n")

    async def usage(self, _request: web.Request) -> web.Response:
        """Answer CPU seconds since the ledger began, and bytes, of application and sidecar; and who stands still.

        Without a sidecar its entry is None.
        """
        now = self._processes.now()
        self._ledger.note(now)
        answer: dict[str, Any] = {}
        for kind in KINDS:
            rss, pss = self._processes.memory(one for one in now.values() if one.kind == kind)
            answer[kind] = {"cpu_s": self._ledger.cpu_s(kind), "rss": rss, "pss": pss}
        if "proxy" not in self._ledger.seen:
            answer["proxy"] = None
        return web.json_response({**answer, "frozen": self._signals.frozen(), "began": self._ledger.began})

    async def frozen(self, _request: web.Request) -> web.Response:
        """Answer whose main process stands still."""
        return web.json_response({"frozen": self._signals.frozen()})

    async def kill(self, request: web.Request) -> web.Response:
        """Kill a container's processes, and hold down what is started in their place."""
        return await self._timed(request, self._signals.kill, at_least=0)

    async def freeze(self, request: web.Request) -> web.Response:
        """Stop a container's processes for a while."""
        return await self._timed(request, self._signals.freeze, at_least=0.001)

    async def thaw(self, request: web.Request) -> web.Response:
        """Let a container's processes go on."""
        kind, errors = _container(await _json(request))
        if kind is None:
            return _refused(errors)
        return _done(lambda: self._signals.thaw(kind))

    async def proxy(self, request: web.Request) -> web.Response:
        """Answer what the sidecar's Envoy answers."""
        path = request.match_info["path"]
        if path not in PASSED_ON:
            return _refused([f"path: must be one of {', '.join(PASSED_ON)}"], 404)
        try:
            async with (
                aiohttp.ClientSession(timeout=PATIENCE) as session,
                session.get(f"{self._envoy}/{path}", params=request.query) as answer,
            ):
                return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)
        except (aiohttp.ClientError, TimeoutError) as error:
            return _refused([f"no Envoy answers at {self._envoy}: {error}"], 502)

    async def _timed(self, request: web.Request, act: Callable[[Kind, float], int], *, at_least: float) -> web.Response:
        body = await _json(request)
        kind, errors = _container(body)
        ttl_s = body.get("ttl_s", 0)
        if isinstance(ttl_s, bool) or not isinstance(ttl_s, int | float) or not at_least <= ttl_s <= LONGEST_S:
            errors.append(f"ttl_s: must be a number of seconds from {at_least:g} to {LONGEST_S:g}")
        if kind is None or errors:
            return _refused(errors)
        return _done(lambda: act(kind, float(ttl_s)))


def _done(act: Callable[[], int]) -> web.Response:
    try:
        return web.json_response({"processes": act()})
    except Refused as error:
        return _refused([str(error)], 409)


def _container(body: dict[str, Any]) -> tuple[Kind | None, list[str]]:
    """The container that a request names, and what is wrong with that."""
    wanted = body.get("container")
    kind = next((kind for kind in KINDS if kind == wanted), None)
    return kind, [] if kind else [f"container: must be one of {', '.join(KINDS)}"]


def _without_token() -> web.Response:
    return _refused([f"header {HEADER}: must be this world's token"], 401)


async def _json(request: web.Request) -> dict[str, Any]:
    """The body of a request; nothing where it is no JSON object, so that its fields are told as missing."""
    try:
        body = await request.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _refused(errors: list[str], status: int = 400) -> web.Response:
    return web.json_response({"errors": errors}, status=status)
