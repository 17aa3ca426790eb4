"""Calls that are made to their end, whatever becomes of one of them, or of us."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from k8s.uninterrupted import to_its_end


async def whole(calls: Iterable[Coroutine[Any, Any, Any]]) -> None:
    """Make all calls at once; returns, raises what one of them raised, or is cancelled, only when all have ended.

    A fault that is set in one call and ended in the next must not be set after it was ended, as it could be when the
    first call is given up on its way.
    """
    for result in await to_its_end(asyncio.gather(*calls, return_exceptions=True)):
        if isinstance(result, BaseException):
            raise result
