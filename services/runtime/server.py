"""The app port: what happens to a request before business code sees it, and to its answer.

In this order, because each must see what the one below does: counting (a faulted request has arrived too), context
(a faulted answer has a request id too), faults, business code.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.typedefs import Handler

from services.airport.messages import InvalidError
from services.runtime import context
from services.runtime.faults import Faults
from services.runtime.faults.wire import met, send
from services.runtime.pod import Application, StoreError
from services.runtime.probes import Phase, Probes
from services.runtime.telemetry import NO_FLAG, Telemetry

if TYPE_CHECKING:
    from services.runtime.calls import CallLog

log = logging.getLogger("services")

SOURCE = "x-goaround-source"
PROBE = "x-goaround-probe"
"""The id of the fault that this request is made to prove: the harness sends it, and nobody else."""
MAX_BODY = 4 * 2**20
"""Bytes. A frame of this simulation has about 3 KB."""


class Gate:
    """The middleware of the app port. `clock` gives seconds."""

    def __init__(
        self,
        telemetry: Telemetry,
        faults: Faults,
        probes: Probes,
        clock: Callable[[], float] = time.monotonic,
        calls: CallLog | None = None,
    ) -> None:
        self._telemetry = telemetry
        self._faults = faults
        self._probes = probes
        self._clock = clock
        self._calls = calls
        self._last_arrival = clock()

    def quiet_s(self) -> float:
        """Return for how many seconds nobody has called."""
        return self._clock() - self._last_arrival

    @web.middleware
    async def admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Serve one request; probes pass untouched."""
        if request.path in Probes.PATHS:
            return await handler(request)
        started = self._last_arrival = self._clock()
        caller = request.headers.get(SOURCE, "unknown")
        self._telemetry.received(caller)
        try:
            entered = context.enter(request.headers)
            strike = self._faults.strike(caller, request.headers.get(PROBE))
            faulted = await met(strike.before, request)
            response, in_time = (
                (faulted, True) if faulted else await self._within(entered.deadline, _answer(request, handler))
            )
            response = await met(strike.after, request) or response
            response.headers[context.REQUEST_ID] = entered.request_id
            gone = request.transport is None or request.transport.is_closing()
            if gone and in_time and not strike.cuts:
                self._telemetry.wasted(caller)  # it gave up, and closed the connection while this was worked on
            if self._probes.phase is Phase.DRAINING:
                response.force_close()  # the caller shall take its next request to another replica
            response = await send(strike.body, request, response)
            flag = strike.flag or NO_FLAG
            if self._calls is not None:
                begun = self._calls.clock() - (self._clock() - started)
                self._calls.served(request, begun, caller, response.status, strike.flag)
            size = response.body_length if response.prepared else len(getattr(response, "body", None) or b"")
            self._telemetry.answered(
                caller, response.status, flag, self._clock() - started, request.content_length or 0, size
            )
            return response
        finally:
            self._telemetry.finished()

    async def _within(
        self, deadline: float | None, work: Coroutine[Any, Any, web.StreamResponse]
    ) -> tuple[web.StreamResponse, bool]:
        """Do the work, and say whether it was done in time: what nobody waits for any more is not begun, or dropped.

        A fault is none of it: what hangs by itself knows no deadline. Whether a write that was under way has happened
        is as certain as it is when a caller goes away: Store sees to that.
        """
        if deadline is None:
            return await work, True
        left = deadline - self._clock()
        if left <= 0:
            work.close()
            return _given_up(), False
        try:
            async with asyncio.timeout(left):
                return await work, True
        except TimeoutError:
            return _given_up(), False


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let business code answer, and put into words what it could not do."""
    try:
        return await handler(request)
    except InvalidError as error:
        return web.json_response({"error": "bad request", "errors": error.errors}, status=400)
    except StoreError as error:
        return web.json_response({"error": f"cannot store: {error}", "failed": []}, status=503)
    except web.HTTPException as error:
        return web.json_response({"error": error.reason}, status=error.status)
    except Exception:
        log.exception("%s %s", request.method, request.path)
        return web.json_response({"error": "this service has a defect; its log says more"}, status=500)


def _given_up() -> web.Response:
    return web.json_response({"error": "the caller has stopped waiting", "failed": []}, status=504)


def make_app(application: Application, gate: Gate, probes: Probes) -> web.Application:
    """Put probes and business code behind the gate."""
    app = web.Application(middlewares=[gate.admit], client_max_size=MAX_BODY)
    app.add_routes(probes.routes())
    app.add_routes(application.routes)
    return app
