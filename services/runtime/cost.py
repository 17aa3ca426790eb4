"""What one call costs: CPU that is really burned, service time of which the rest is waited, and a worker meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import time

from services.runtime.settings import Settings


class Cost:
    """What the calls of one pod cost.

    With `workers`, so many calls are worked on at once, and the others wait in the order in which they came: a replica
    is then a queue with as many servers, and has a capacity of `workers / service_time` that no CPU is needed for.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._workers = asyncio.Semaphore(settings.workers) if settings.workers else contextlib.nullcontext()

    async def spend(self) -> None:
        """Wait for a worker, burn `cpu_ms` of this thread's CPU, then wait until `service_time_ms` have passed.

        CPU time and not wall-clock time is burned, so that the cost of a frame is the same on a busy machine.
        """
        async with self._workers:
            started = time.monotonic()
            until = time.thread_time() + self._settings.cpu_ms / 1000
            while time.thread_time() < until:
                pass
            await asyncio.sleep(max(0.0, self._settings.service_time_ms / 1000 - (time.monotonic() - started)))
