"""`python -m k8s.cluster.warden`: serves until SIGTERM or SIGINT, and lets everybody go on before it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from k8s.cluster.warden.app import Warden
from k8s.cluster.warden.door import PORT
from k8s.cluster.warden.ledger import Ledger
from k8s.cluster.warden.processes import Processes
from k8s.cluster.warden.signals import Signals

NOTE_S = 0.5
"""How often the processes are noted: what one has used since, when others than we end it, is missed."""
BAD_START = 2


def main() -> int:
    """Serve, and return the exit code: 2 when it cannot start, and stderr says why."""
    token = os.environ.get("CONTROL_TOKEN", "")
    if not token:
        return _cannot_start("CONTROL_TOKEN: must be set")
    if not Path("/proc/self/stat").exists():
        return _cannot_start("/proc: there is none, so the processes of this pod cannot be seen")
    try:
        asyncio.run(_until_signal(token, _port(os.environ)))
    except (OSError, ValueError) as error:
        return _cannot_start(str(error))
    return 0


async def _until_signal(token: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(token, port, stop)


async def serve(token: str, port: int, stop: asyncio.Event, processes: Processes | None = None) -> None:
    """Serve until `stop` is set. Raises OSError: the port cannot be had."""
    processes, ledger = processes or Processes(), Ledger()
    signals = Signals(processes, ledger)
    signals.thaw_all()
    runner = web.AppRunner(Warden(processes, ledger, signals).make_app(token), access_log=None, handle_signals=False)
    noting = asyncio.create_task(_note(processes, ledger))
    try:
        await runner.setup()
        await web.TCPSite(runner, "0.0.0.0", port).start()  # noqa: S104 - every interface of a pod is its own
        await stop.wait()
    finally:
        noting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await noting
        signals.thaw_all()
        await runner.cleanup()


async def _note(processes: Processes, ledger: Ledger) -> None:
    while True:
        ledger.note(processes.now())
        await asyncio.sleep(NOTE_S)


def _port(env: Mapping[str, str]) -> int:
    text = env.get("WARDEN_PORT") or str(PORT)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ValueError(f"WARDEN_PORT={text!r}: must be a port")
    return int(text)


def _cannot_start(why: str) -> int:
    print(f"error: {why}", file=sys.stderr)  # noqa: T201 - the container's log
    return BAD_START


if __name__ == "__main__":
    sys.exit(main())
