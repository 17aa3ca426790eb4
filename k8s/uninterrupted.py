"""Work that is waited for to its end, whoever is interrupted meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def to_its_end(work: Awaitable[T]) -> T:
    """Wait for work, and only then be cancelled: what is on its way would come after whatever undoes it.

    Raises what it raised, or CancelledError for whoever was interrupted, however it went.
    """
    made, interrupted = asyncio.ensure_future(work), None
    while not made.done():
        try:
            await asyncio.wait([made])
        except asyncio.CancelledError as error:
            interrupted = error
    if interrupted is None:
        return made.result()
    if not made.cancelled():
        made.exception()  # asked for, so that asyncio does not tell of it
    raise interrupted
