"""Counts the persons on a frame, at the declared cost."""

from __future__ import annotations

from aiohttp import web

from services.airport.analysis import statistics_of
from services.airport.messages import Frame
from services.runtime import incoming
from services.runtime.cost import Cost
from services.runtime.pod import Application, Pod


class ImageAnalysis:
    """Answers the same for the same frame, on every replica."""

    def __init__(self, pod: Pod) -> None:
        self._settings = pod.settings
        self._cost = Cost(pod.settings)

    async def status(self, _request: web.Request) -> web.Response:
        """Answer who this is."""
        return web.Response(text=f"Image Analysis {self._settings.service_version} : Online")

    async def frame(self, request: web.Request) -> web.Response:
        """Answer the Statistics of a frame."""
        frame = Frame.from_json(await incoming.body(request))
        await self._cost.spend()
        return web.json_response(statistics_of(frame).to_json())


def build(pod: Pod) -> Application:
    """Make the service."""
    service = ImageAnalysis(pod)
    return Application([web.get("/status", service.status), web.post("/frame", service.frame)])
