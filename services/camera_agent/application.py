"""The camera's switch, its state, and a look through it."""

from __future__ import annotations

from datetime import UTC, datetime

from aiohttp import web

from services.airport.messages import Frame
from services.camera_agent.stream import Order, Stream, encoded_for, state_of
from services.runtime import incoming
from services.runtime.pod import Application, Pod


class CameraAgent:
    """One camera. Switched on again, it leaves its stream and begins another."""

    def __init__(self, pod: Pod) -> None:
        self._settings = pod.settings
        self._clients = pod.clients
        self._stream: Stream | None = None

    async def status(self, _request: web.Request) -> web.Response:
        """Answer who this is."""
        return web.Response(text=f"Camera Agent {self._settings.camera_id} {self._settings.service_version} : Online")

    async def state(self, _request: web.Request) -> web.Response:
        """Answer what the camera does."""
        return web.json_response(state_of(self._stream))

    async def toggle(self, request: web.Request) -> web.Response:
        """Switch the stream on, as the body says, or off; answer the state."""
        on = incoming.choice(request.query, "toggle", ("on", "off"), needed=True) == "on"
        order = Order.from_json(await incoming.body(request)) if on else None
        await self.stop()
        if order is not None:
            service, path = incoming.destination(order.destination)
            name, seed = self._settings.service_name, self._settings.seed
            self._stream = Stream(order, self._clients[service], path, name, seed)
        return web.json_response(state_of(self._stream))

    async def frame(self, _request: web.Request) -> web.Response:
        """Answer what the camera sees now; switched off, it looks as if from section 0."""
        if self._stream is not None:
            frame = self._stream.frame(self._stream.cycle)
        else:
            name = self._settings.service_name
            image = encoded_for(self._settings.seed, name, 0)
            frame = Frame(f"{name}-still", datetime.now(UTC).isoformat(), 0, "entry", image)
        return web.json_response(frame.to_json())

    async def stop(self) -> None:
        """Switch the stream off; the frame under way is waited for."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.stop()


def build(pod: Pod) -> Application:
    """Make the service."""
    camera = CameraAgent(pod)
    routes = [
        web.get("/status", camera.status),
        web.get("/state", camera.state),
        web.post("/stream", camera.toggle),
        web.get("/frame", camera.frame),
    ]
    return Application(routes, reset=camera.stop, stop=camera.stop)
