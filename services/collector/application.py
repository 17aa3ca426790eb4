"""Takes a frame, and answers 200 only when all that must be stored for it is stored.

    image-analysis, then section-N and momentum   |  at the same time
    face-recognition (alerts, momentum)           |

When one side fails the other is waited for: every failed call is named, and nothing goes on behind the answer.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from services.airport.messages import Frame, InvalidError, Statistics
from services.runtime import incoming
from services.runtime.failures import ERROR, Failure, failures, refusal
from services.runtime.pod import Application, Pod
from services.runtime.toggle import Toggle


class Collector:
    """The entrance of frames."""

    def __init__(self, pod: Pod) -> None:
        self._clients = pod.clients

    async def frame(self, request: web.Request) -> web.Response:
        """Have a frame analysed and stored; 502, 503 or 504 name what failed."""
        frame = Frame.from_json(await incoming.body(request))
        analysis, recognition = await asyncio.gather(self._analyse(frame), self._recognise(frame))
        failed = analysis + recognition
        return refusal(failed) if failed else web.json_response({"frame": frame.id})

    async def persons(self, request: web.Request) -> web.Response:
        """Forward statistics to their section."""
        statistics = Statistics.from_json(await incoming.body(request))
        failed = await self._store(statistics)
        return refusal(failed) if failed else web.json_response({"frame": statistics.frame})

    async def _analyse(self, frame: Frame) -> list[Failure]:
        reply = await self._clients["image-analysis"].post("/frame", json=frame.to_json())
        if not reply.ok:
            return failures("image-analysis", reply)
        try:
            statistics = Statistics.from_json(reply.json())
        except InvalidError as error:
            return [Failure("image-analysis", ERROR, reply.flag, f"bad answer: {error}")]
        except ValueError:
            return [Failure("image-analysis", ERROR, reply.flag, "bad answer: no JSON")]
        stored, shown = await asyncio.gather(self._store(statistics), self._show(statistics, frame.image))
        return stored + shown

    async def _recognise(self, frame: Frame) -> list[Failure]:
        reply = await self._clients["face-recognition"].post("/frame", json=frame.to_json())
        return failures("face-recognition", reply)

    async def _store(self, statistics: Statistics) -> list[Failure]:
        section = f"section-{statistics.section}"
        return failures(section, await self._clients[section].post("/persons", json=statistics.to_json()))

    async def _show(self, statistics: Statistics, image: str) -> list[Failure]:
        analysis = statistics.with_image(image).to_json()
        return failures("momentum", await self._clients["momentum"].post("/analysis", json=analysis))


def build(pod: Pod) -> Application:
    """Make the service."""
    collector = Collector(pod)
    toggle = Toggle(f"Collector {pod.settings.service_version}", pod.settings.pod_name)
    routes = [*toggle.routes(), web.post("/frame", collector.frame), web.post("/persons", collector.persons)]
    return Application(routes, reset=toggle.reset)
