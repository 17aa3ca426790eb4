"""Waiting for what real processes do, and a world that is waited for in vain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest


async def until(condition: Callable[[], object], within_s: float = 10.0) -> None:
    """Return when the condition holds; raises TimeoutError when it does not in time."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - processes tell nobody when they change
            await asyncio.sleep(0.005)


class EndlessStart:
    """A world that never becomes ready, and does not end at once: `gone` when it has."""

    name = "endless"

    def __init__(self) -> None:
        self.waiting, self.ending, self.gone = asyncio.Event(), asyncio.Event(), False

    async def wait_ready(self) -> None:
        """Wait for ever."""
        self.waiting.set()
        await asyncio.Event().wait()

    async def down(self) -> None:
        """End after a few turns of the loop."""
        self.ending.set()
        for _ in range(10):
            await asyncio.sleep(0)
        self.gone = True

    async def interrupted_twice(self, work: asyncio.Future[object]) -> None:
        """Cancel what waits for it, and again while it ends; see the work end by that."""
        await self.waiting.wait()
        work.cancel()
        await self.ending.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
