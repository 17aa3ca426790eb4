"""Work that Ctrl-C and SIGTERM end in good order, however often they come."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from benchmarks.errors import INTERRUPTED

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run the work of a command to its end; one that is interrupted says so, and exits with INTERRUPTED."""
    try:
        return asyncio.run(interruptible(work))
    except asyncio.CancelledError:
        # no typer here: the harness in a cluster heeds signals too, and has no command line
        sys.stderr.write("goaround: interrupted\n")
        raise SystemExit(INTERRUPTED) from None


async def interruptible(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` as a task that SIGINT and SIGTERM cancel; gives what it gives. Raises CancelledError when they did.

    Python's own way with Ctrl-C raises KeyboardInterrupt at the second, out of whatever is being removed after the
    first.
    """
    task = asyncio.ensure_future(work)
    heed(task.cancel)
    return await task


def heed(act: Callable[[], object], *numbers: signal.Signals) -> None:
    """Have the running loop act on these signals, SIGINT and SIGTERM if none is named.

    Not every event loop can: then a signal does what it does in any program, and attached worlds end with this one.
    """
    with contextlib.suppress(NotImplementedError):
        for number in numbers or (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, act)
