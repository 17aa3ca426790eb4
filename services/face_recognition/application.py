"""Finds persons of interest on a frame, at the declared cost, and raises the alert."""

from __future__ import annotations

from aiohttp import web

from services.airport.analysis import alert_of
from services.airport.messages import Frame
from services.runtime import incoming
from services.runtime.cost import Cost
from services.runtime.failures import failures, refusal
from services.runtime.pod import Application, Pod

ALERTS = "http://alerts:8080/"


class FaceRecognition:
    """Answers 200 only when the alert, if there is one, has been taken."""

    def __init__(self, pod: Pod) -> None:
        self._settings = pod.settings
        self._cost = Cost(pod.settings)
        self._clients = pod.clients

    async def status(self, _request: web.Request) -> web.Response:
        """Answer who this is."""
        return web.Response(text=f"Face Recognition {self._settings.service_version} : Online")

    async def frame(self, request: web.Request) -> web.Response:
        """Look at a frame; answer how many persons of interest are on it."""
        frame = Frame.from_json(await incoming.body(request))
        service, path = incoming.destination(frame.destination or ALERTS)
        await self._cost.spend()
        alert = alert_of(frame)
        if alert is None:
            return web.json_response({"persons": 0})
        failed = failures(service, await self._clients[service].post(path, json=alert.to_json()))
        return refusal(failed) if failed else web.json_response({"persons": len(alert.names)})


def build(pod: Pod) -> Application:
    """Make the service."""
    service = FaceRecognition(pod)
    return Application([web.get("/status", service.status), web.post("/frame", service.frame)])
