"""What is done to a world for a while is undone at its time, whether or not anybody asks for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

RETRY_S = 5.0
_log = logging.getLogger(__name__)


class Endings:
    """Calls what undoes, at its time on the loop's clock, and again every `RETRY_S` seconds until it does not fail.

    It is told that time, and undoes what ends by then: of what was prolonged since, or is over already, nothing.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def at(self, when: float, undo: Callable[[float], Awaitable[None]]) -> None:
        """Have something undone."""
        task = asyncio.create_task(_undone(when, undo), name="ending")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _undone(when: float, undo: Callable[[float], Awaitable[None]]) -> None:
    await asyncio.sleep(when - asyncio.get_running_loop().time())
    while True:
        try:
            return await undo(when)
        except Exception:  # nobody waits for this task: what it meets is told here, or never
            _log.exception("not undone at its time; tried again in %g s", RETRY_S)
        await asyncio.sleep(RETRY_S)
