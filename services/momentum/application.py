"""The latest analysis and the latest alert, in memory: after a restart they come with the next frame."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from services.airport.messages import Alert, Statistics, moment
from services.runtime import incoming
from services.runtime.pod import Application, Pod


class Latest:
    """The newest message of one kind, by its timestamp: a late arrival does not replace what is newer."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget it."""
        self._at = float("-inf")
        self.message: dict[str, Any] = {"persons": []}

    def offer(self, message: Statistics | Alert) -> None:
        """Keep `message`, if it is not older than what is kept."""
        at = moment(message.timestamp).timestamp()
        if at >= self._at:
            self._at, self.message = at, message.to_json()


class Momentum:
    """What the control panel shows as now."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._analysis = Latest()
        self._alert = Latest()

    async def status(self, _request: web.Request) -> web.Response:
        """Answer who this is."""
        return web.Response(text=f"Momentum {self._version} : Online")

    async def get_analysis(self, _request: web.Request) -> web.Response:
        """Answer the latest analysis; nobody, before the first."""
        return web.json_response(self._analysis.message)

    async def post_analysis(self, request: web.Request) -> web.Response:
        """Take an analysis: statistics and the image that they were read from."""
        self._analysis.offer(Statistics.from_json(await incoming.body(request)))
        return web.json_response({})

    async def get_alert(self, _request: web.Request) -> web.Response:
        """Answer the latest alert; nobody, before the first."""
        return web.json_response(self._alert.message)

    async def post_alert(self, request: web.Request) -> web.Response:
        """Take an alert."""
        self._alert.offer(Alert.from_json(await incoming.body(request)))
        return web.json_response({})

    async def reset(self) -> None:
        """Forget both."""
        self._analysis.clear()
        self._alert.clear()


def build(pod: Pod) -> Application:
    """Make the service."""
    momentum = Momentum(pod.settings.service_version)
    routes = [
        web.get("/status", momentum.status),
        web.get("/analysis", momentum.get_analysis),
        web.post("/analysis", momentum.post_analysis),
        web.get("/alert", momentum.get_alert),
        web.post("/alert", momentum.post_alert),
    ]
    return Application(routes, reset=momentum.reset)
