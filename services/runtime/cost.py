"""What one call costs: CPU that is really burned, and service time of which the rest is waited."""

from __future__ import annotations

import asyncio
import time

from services.runtime.settings import Settings


async def spend(settings: Settings) -> None:
    """Burn `cpu_ms` of this thread's CPU, then wait until `service_time_ms` have passed since the start.

    CPU time and not wall-clock time is burned, so that the cost of a frame is the same on a busy machine.
    """
    started = time.monotonic()
    until = time.thread_time() + settings.cpu_ms / 1000
    while time.thread_time() < until:
        pass
    await asyncio.sleep(max(0.0, settings.service_time_ms / 1000 - (time.monotonic() - started)))
