"""Runs one pod: `run(build)` is all that a service's `__main__` does.

    starting --both ports listen--> ready --SIGTERM or SIGINT--> draining --> gone (exit code 0)

Draining must lose no request that was accepted. Not being ready spreads with a delay, so the pod goes on accepting
until nobody has called for QUIET_S (or half of DRAIN_S is over), telling each caller to close its connection; then it
stops listening, lets what is in flight finish, and only then closes its clients and its store.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvloop
from aiohttp import web

from services.runtime.admin import Admin
from services.runtime.clients import make_clients
from services.runtime.door import BACKLOG, ListeningDoor
from services.runtime.faults import Faults
from services.runtime.pod import Build, Pod, StoreError
from services.runtime.probes import Phase, Probes
from services.runtime.server import Gate, make_app
from services.runtime.settings import BadSettings, Settings, read_settings
from services.runtime.telemetry import Telemetry

if TYPE_CHECKING:
    from services.runtime.calls import CallLog

QUIET_S = 0.3
"""So long without a call means that the callers have noticed. kube-proxy and our resolver need less."""
FLUSH_S = 0.5
"""For an answer that is made to leave this process, after the last request is done."""
BAD_START = 2
CUT_OFF = 1

log = logging.getLogger("services")


def run(build: Build, required: tuple[str, ...] = ()) -> None:
    """Run a pod until a signal ends it, and exit.

    Exit codes: 0 drained; 1 requests were cut off after DRAIN_S; 2 it could not start, and stderr says why.
    `required` names the variables that this service cannot do without.
    """
    try:
        settings = read_settings(os.environ, required)
        logging.basicConfig(stream=sys.stdout, level=settings.log_level.upper(), format="%(levelname)s %(message)s")
        code = uvloop.run(serve(settings, build))
    except BadSettings as error:
        code = _cannot_start(error.errors)
    except (StoreError, OSError) as error:
        code = _cannot_start([str(error)])
    raise SystemExit(code)


async def serve(settings: Settings, build: Build) -> int:
    """Serve until SIGTERM or SIGINT, drain, and return the exit code. Raises what keeps it from starting."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    telemetry, faults, probes = Telemetry(settings), Faults(settings.pod_name), Probes()
    calls = call_log(settings)
    clients = make_clients(settings, telemetry, calls)
    application = build(Pod(settings, clients))
    gate = Gate(telemetry, faults, probes, calls=calls)
    admin = Admin(telemetry, faults, application, clients.reset, calls)
    app_runner = web.AppRunner(
        make_app(application, gate, probes), access_log=None, handle_signals=False, shutdown_timeout=FLUSH_S
    )
    faults.door = door = ListeningDoor(app_runner, settings.host, settings.port)
    admin_app = admin.make_app(fault_control=settings.fault_control, token=settings.control_token)
    admin_runner = web.AppRunner(admin_app, access_log=None)
    until = time.monotonic()
    try:
        await admin_runner.setup()
        await web.TCPSite(admin_runner, settings.admin_host, settings.admin_port, backlog=BACKLOG).start()
        await app_runner.setup()
        await door.open()
        probes.phase = Phase.READY
        await stop.wait()
        probes.phase = Phase.DRAINING
        await application.stop()
        until = time.monotonic() + settings.drain_s
        await _until_quiet(gate, settings.drain_s / 2)
    finally:
        door.locked = True
        cut_off = await _finish(app_runner, lambda: telemetry.in_flight, until)
        await admin_runner.cleanup()
        await application.close()
        await clients.close()
    if cut_off:
        log.error("%d requests were cut off after %g s", cut_off, settings.drain_s)
    return CUT_OFF if cut_off else 0


def call_log(settings: Settings) -> CallLog | None:
    """Make the log of calls that CALL_LOG asks for; None when it is off."""
    if settings.call_log == "off":
        return None
    from services.runtime.calls import CallLog, KeptCalls  # imported here, so that who has none does not carry it

    return KeptCalls(settings) if settings.call_log == "kept" else CallLog(settings)


async def _until_quiet(gate: Gate, at_most_s: float) -> None:
    loop = asyncio.get_running_loop()
    begin = loop.time()
    while (waited := loop.time() - begin) < at_most_s:
        quiet = min(gate.quiet_s(), waited)
        if quiet >= QUIET_S:
            return
        await asyncio.sleep(min(QUIET_S - quiet, at_most_s - waited))


async def _finish(runner: web.AppRunner, in_flight: Callable[[], int], until: float) -> int:
    """Stop listening, wait for the requests in flight, and return how many had to be cut off."""
    for site in list(runner.sites):
        await site.stop()
    while in_flight() and time.monotonic() < until:  # noqa: ASYNC110 - an event would cost every request, to save one pod
        await asyncio.sleep(0.01)
    left = in_flight()
    await runner.cleanup()
    return left


def _cannot_start(errors: list[str]) -> int:
    for error in errors:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the pod's log, before there is a logger
    return BAD_START
