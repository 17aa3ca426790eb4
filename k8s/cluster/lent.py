"""Objects that are in a cluster for the duration of a block, and are gone after it however it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from k8s.cluster.api import Api, ApiError, path_of
from k8s.target import Document, TargetError


@asynccontextmanager
async def lent(api: Api, objects: Sequence[Document]) -> AsyncIterator[None]:
    """Apply objects in their order, and delete them after the block.

    Raises TargetError: one was refused, or could not be deleted; all the others are deleted then.
    """
    try:
        await _to_its_end(lambda: _apply(api, objects))
        yield
    finally:
        await _to_its_end(lambda: _delete(api, objects))


async def _to_its_end(work: Callable[[], None]) -> None:
    """Work in a thread; who is interrupted waits for it: an apply on its way would come after its deletion."""
    made = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(made)
    except asyncio.CancelledError:
        while not made.done():
            with contextlib.suppress(asyncio.CancelledError, TargetError):
                await asyncio.shield(made)
        raise


def _apply(api: Api, objects: Sequence[Document]) -> None:
    for one in objects:
        api.apply(one)


def _delete(api: Api, objects: Sequence[Document]) -> None:
    left: list[str] = []
    for one in objects:
        try:
            api.delete(path_of(one))
        except TargetError as error:
            if not (isinstance(error, ApiError) and error.status == 404):
                left.append(f"{one['kind']} {one['metadata']['name']}: {error}")
    if left:
        raise TargetError(left)
