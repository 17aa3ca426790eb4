"""The control panel: its pages, and the ways through it to the other services."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from services.airport.messages import Alert, InvalidError, Statistics
from services.cpanel.config import Config
from services.cpanel.dashboard import SAFE, UNSNIFFED, page, static
from services.runtime import incoming
from services.runtime.clients import Reply
from services.runtime.failures import Failure, failures, refusal, staleness
from services.runtime.pod import Application, Pod
from services.runtime.settings import BadSettings
from services.runtime.toggle import Toggle

COLLECTOR = "http://collector:8080/frame"
DEFAULT_FPS = 1
NOTHING_YET: dict[str, Any] = {"persons": []}


class ControlPanel:
    """Shows what the airport knows, and switches cameras."""

    def __init__(self, pod: Pod) -> None:
        self._settings = pod.settings
        self._clients = pod.clients
        self._config = self._configured()

    def _configured(self) -> Config:
        if self._settings.config_file is None:
            raise BadSettings(["CONFIG_FILE: must be set"])
        return Config.from_file(self._settings.config_file)

    async def reset(self) -> None:
        """Return to the mounted configuration."""
        self._config = self._configured()

    async def dashboard(self, _request: web.Request) -> web.Response:
        """Show the latest statistics and the latest alert; a gateway's status where momentum did not tell both.

        What momentum told before is shown with its age, and the answer says that it is old.
        """
        momentum = self._clients["momentum"]
        analysis, alert = await asyncio.gather(momentum.get("/analysis"), momentum.get("/alert"))
        html = page(
            self._settings,
            COLLECTOR,
            _told(analysis, Statistics.from_json),
            _told(alert, Alert.from_json),
            (analysis.stale_s, alert.stale_s),
        )
        failed = failures("momentum", analysis) + failures("momentum", alert)
        status = refusal(failed).status if failed else 200
        headers = {**SAFE, **staleness(analysis, alert)}
        return web.Response(text=html, content_type="text/html", status=status, headers=headers)

    async def configure(self, request: web.Request) -> web.Response:
        """Take the configuration in the body, or read the mounted file again when there is none."""
        given = await request.read()
        self._config = Config.from_json(await incoming.body(request)) if given else self._configured()
        return web.json_response(self._config.document)

    async def cameras(self, _request: web.Request) -> web.Response:
        """List the cameras."""
        return web.json_response({"cameras": self._config.document["cameras"]})

    async def sections(self, _request: web.Request) -> web.Response:
        """List the sections."""
        return web.json_response({"sections": self._config.document["sections"]})

    async def production(self, request: web.Request) -> web.Response:
        """Switch all cameras; answer their states, or name those that could not be switched."""
        toggle = str(incoming.choice(request.query, "toggle", ("on", "off"), needed=True))
        cameras = self._config.cameras
        replies = await asyncio.gather(
            *(
                self._clients[camera.service].post(
                    "/stream",
                    params={"toggle": toggle},
                    json={
                        "destination": COLLECTOR,
                        "section": camera.section,
                        "event": camera.type,
                        "fps": DEFAULT_FPS,
                    },
                )
                for camera in cameras.values()
            )
        )
        failed: list[Failure] = []
        for camera, reply in zip(cameras.values(), replies, strict=True):
            failed += failures(camera.service, reply)
        if failed:
            return refusal(failed)
        states = [{"id": number, "state": reply.json()} for number, reply in zip(cameras, replies, strict=True)]
        return web.json_response({"cameras": states})

    async def camera(self, request: web.Request) -> web.StreamResponse:
        """Pass a request on to one camera."""
        camera = self._config.cameras.get(int(request.match_info["id"]))
        if camera is None:
            return _unknown("camera", request)
        return await self._forward(request, camera.service, f"/{request.match_info['what']}")

    async def section(self, request: web.Request) -> web.StreamResponse:
        """Pass a request on to one section."""
        service = self._config.sections.get(int(request.match_info["id"]))
        if service is None:
            return _unknown("section", request)
        return await self._forward(request, service, f"/{request.match_info['what']}")

    async def alerts(self, request: web.Request) -> web.StreamResponse:
        """Pass a request on to alerts."""
        return await self._forward(request, "alerts", f"/{request.match_info.get('what', '')}")

    async def momentum(self, request: web.Request) -> web.StreamResponse:
        """Pass a request on to momentum."""
        return await self._forward(request, "momentum", f"/{request.path.rsplit('/', 1)[-1]}")

    async def collector(self, request: web.Request) -> web.StreamResponse:
        """Pass a request on to the collector."""
        return await self._forward(request, "collector", "/status")

    async def _forward(self, request: web.Request, service: str, path: str) -> web.Response:
        """Ask `service` the same, and answer what it answers; a gateway's status if it gave no answer."""
        sent = await incoming.body(request) if request.can_read_body else None
        reply = await self._clients[service].request(request.method, path, json=sent, params=dict(request.query))
        if not reply.ok and (reply.flag is not None or not reply.body):
            return refusal(failures(service, reply))
        headers = {**UNSNIFFED, **staleness(reply)}
        return web.Response(status=reply.status, body=reply.body or None, content_type=_type_of(reply), headers=headers)


def _told(reply: Reply, check: Callable[[object], object]) -> dict[str, Any] | None:
    """Return what momentum told; None when it did not, or told what is no message. Before the first, it is nobody."""
    if not reply.ok:
        return None
    try:
        told: dict[str, Any] = reply.json()
        if told != NOTHING_YET:
            check(told)
    except ValueError:
        return None
    return told


def _type_of(reply: Reply) -> str:
    """Tell JSON from text by its first byte: a reply carries no headers, and the services speak nothing else."""
    return "application/json" if reply.body[:1] in (b"{", b"[") else "text/plain"


def _unknown(kind: str, request: web.Request) -> web.Response:
    return web.json_response({"error": f"no {kind} {request.match_info['id']}"}, status=404)


def build(pod: Pod) -> Application:
    """Make the service. Raises BadSettings for a configuration that cannot be used."""
    try:
        panel = ControlPanel(pod)
    except InvalidError as error:
        raise BadSettings(error.errors) from error
    toggle = Toggle(f"CPanel {pod.settings.service_version}", pod.settings.pod_name)
    number = r"{id:\d{1,9}}"

    async def reset() -> None:
        await toggle.reset()
        await panel.reset()

    routes = [
        *toggle.routes(),
        *static(),
        web.get("/", panel.dashboard),
        web.get("/index", panel.dashboard),
        web.put("/config", panel.configure),
        web.get("/production", panel.production),
        web.get("/cameras", panel.cameras),
        web.get(f"/cameras/{number}/{{what:state|frame}}", panel.camera),
        web.post(f"/cameras/{number}/{{what:stream}}", panel.camera),
        web.get("/sections", panel.sections),
        web.get(f"/sections/{number}/{{what:status|persons}}", panel.section),
        web.post(f"/sections/{number}/{{what:persons}}", panel.section),
        web.get("/alerts/", panel.alerts),
        web.post("/alerts/", panel.alerts),
        web.get(r"/alerts/{what:status|\d{1,18}}", panel.alerts),
        web.delete(r"/alerts/{what:\d{1,18}}", panel.alerts),
        *(web.route(method, path, panel.momentum) for path in ("/analysis", "/alert") for method in ("GET", "POST")),
        web.get("/momentum/status", panel.momentum),
        web.get("/collector/status", panel.collector),
    ]
    return Application(routes, reset=reset)
