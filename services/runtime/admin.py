"""The admin port: metrics always; fault control, reset, counters and stored frames when the harness asks for it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.typedefs import Handler

from services.runtime.faults import BadFault, Faults
from services.runtime.pod import Application, StoreError
from services.runtime.telemetry import Telemetry
from services.runtime.token import guard

if TYPE_CHECKING:
    from services.runtime.calls import CallLog


class Admin:
    """The handlers of the admin port. `drop_clients(seed)` makes the clients as new."""

    def __init__(
        self,
        telemetry: Telemetry,
        faults: Faults,
        application: Application,
        drop_clients: Callable[[int], Awaitable[None]],
        calls: CallLog | None = None,
    ) -> None:
        self._telemetry = telemetry
        self._faults = faults
        self._application = application
        self._drop_clients = drop_clients
        self._calls = calls
        self._began = time.monotonic()

    def make_app(self, *, fault_control: bool, token: str | None = None) -> web.Application:
        """Make the admin app; without `fault_control` it has nothing but `/metrics`.

        With a `token`, whoever asks for more than that must send it.
        """
        guarded = [guard(token)] if fault_control and token is not None else []
        app = web.Application(middlewares=[*guarded, _explain])
        app.router.add_get("/metrics", self.metrics)
        if fault_control:
            app.add_routes(
                [
                    web.get("/faults", self.list_faults),
                    web.post("/faults", self.add_fault),
                    web.delete("/faults/{id}", self.remove_fault),
                    web.delete("/faults", self.clear_faults),
                    web.post("/reset", self.reset),
                    web.get("/process", self.process),
                    web.get("/counters", self.counters),
                    web.get("/timeline", self.timeline),
                    web.get("/stored", self.stored),
                    web.post("/calls", self.calls),
                ]
            )
        return app

    async def metrics(self, _request: web.Request) -> web.Response:
        """Answer in Prometheus' text format."""
        # imported when first asked for: 1.5 MB in each of 45 processes that a bench never scrapes
        from services.runtime.metrics import exposition

        return web.Response(body=exposition(self._telemetry), headers={"content-type": "text/plain; version=0.0.4"})

    async def list_faults(self, _request: web.Request) -> web.Response:
        """Answer active faults and how often each fired."""
        return web.json_response(self._faults.listing())

    async def add_fault(self, request: web.Request) -> web.Response:
        """Set a fault: 201, or 400 naming each bad field."""
        try:
            return web.json_response(self._faults.add(await _json(request)), status=201)
        except BadFault as error:
            return _refused(error.errors)

    async def remove_fault(self, request: web.Request) -> web.Response:
        """End one fault."""
        name = request.match_info["id"]
        return (
            web.Response(status=204) if await self._faults.remove(name) else _refused([f"id: no fault {name!r}"], 404)
        )

    async def clear_faults(self, _request: web.Request) -> web.Response:
        """End all faults."""
        await self._faults.clear()
        return web.Response(status=204)

    async def reset(self, request: web.Request) -> web.Response:
        """Go back to the state after the start; 409 while requests are in flight."""
        body = await _json(request)
        seed = body.get("seed") if isinstance(body, dict) else None
        if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
            return _refused(["seed: must be a whole number, 0 or more"])
        if self._telemetry.in_flight:
            return web.json_response({"in_flight": self._telemetry.in_flight}, status=409)
        await self._faults.reset()
        await self._application.reset()
        await self._drop_clients(seed)
        self._telemetry.reset()
        if self._calls is not None:
            self._calls.clear()
        return web.json_response({"in_flight": self._telemetry.in_flight})

    async def process(self, _request: web.Request) -> web.Response:
        """Answer how long this process has been there, and the conditions that it runs under."""
        told = self._telemetry.settings
        return web.json_response(
            {
                "age_s": round(time.monotonic() - self._began, 3),
                "settings": {
                    "RESILIENCE_MODE": told.resilience_mode,
                    "IDEMPOTENCY": told.idempotency,
                    "SERVICE_TIME_MS": told.service_time_ms,
                    "CPU_MS": told.cpu_ms,
                    "WORKERS": told.workers,
                },
            }
        )

    async def counters(self, _request: web.Request) -> web.Response:
        """Answer what was counted since the last reset."""
        return web.json_response(self._telemetry.counters())

    async def timeline(self, _request: web.Request) -> web.Response:
        """Answer when things happened since the last reset."""
        return web.json_response(self._telemetry.timeline.to_json())

    async def stored(self, _request: web.Request) -> web.Response:
        """Answer the stored frames."""
        frames = await self._application.stored()
        return web.json_response({"frames": frames} if frames is not None else {})

    async def calls(self, request: web.Request) -> web.Response:
        """Answer what is kept of the calls of some requests since the last reset: nothing, unless CALL_LOG is kept."""
        body = await _json(request)
        ids = body.get("request_ids") if isinstance(body, dict) else None
        if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
            return _refused(["request_ids: must be a list of request ids"])
        return web.json_response({"calls": self._calls.of(ids) if self._calls is not None else []})


@web.middleware
async def _explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except StoreError as error:
        return _refused([f"store: {error}"], 503)


async def _json(request: web.Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        return None


def _refused(errors: list[str], status: int = 400) -> web.Response:
    return web.json_response({"errors": errors}, status=status)
