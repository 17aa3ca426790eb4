"""Work that Ctrl-C and SIGTERM end in good order, however often they come."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def interruptible(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` as a task that SIGINT and SIGTERM cancel; gives what it gives. Raises CancelledError when they did.

    Python's own way with Ctrl-C raises KeyboardInterrupt at the second, out of whatever is being removed after the
    first.
    """
    task, loop = asyncio.ensure_future(work), asyncio.get_running_loop()
    # Not every event loop can: then a signal does what it does in any program, and attached worlds end with this one.
    with contextlib.suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
    return await task
