"""Work that is waited for to its end, whoever is interrupted meanwhile."""

from __future__ import annotations

import asyncio
from typing import TypeVar

T = TypeVar("T")


async def to_its_end(work: asyncio.Future[T]) -> T:
    """Wait for work, and only then be cancelled: what is on its way would come after whatever undoes it.

    Raises what it raised, or CancelledError for whoever was interrupted, however it went.
    """
    interrupted: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            interrupted = error
    if interrupted is not None:
        work.cancelled() or work.exception()  # told to nobody, and seen
        raise interrupted
    return work.result()
