"""Objects that are in a cluster for the duration of a block, and are gone after it however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from k8s.cluster.api import Api, ApiError, path_of
from k8s.cluster.deletion import gone
from k8s.target import Document, TargetError
from k8s.uninterrupted import to_its_end


@asynccontextmanager
async def lent(api: Api, objects: Sequence[Document]) -> AsyncIterator[None]:
    """Apply objects in their order, and delete them after the block, which ends when they are gone.

    Raises TargetError: one was refused, could not be deleted, or stays; all the others are deleted then.
    """
    try:
        # an apply on its way would come after its deletion
        await to_its_end(asyncio.to_thread(_apply, api, objects))
        yield
    finally:
        await to_its_end(_delete(api, objects))


def _apply(api: Api, objects: Sequence[Document]) -> None:
    for one in objects:
        api.apply(one)


async def _delete(api: Api, objects: Sequence[Document]) -> None:
    left: list[str] = []
    deleted: list[Document] = []
    for one in objects:
        try:
            await asyncio.to_thread(api.delete, path_of(one))
            deleted.append(one)
        except TargetError as error:
            if not (isinstance(error, ApiError) and error.status == 404):
                left.append(f"{one['kind']} {one['metadata']['name']}: {error}")
    for one in deleted:
        try:
            await gone(api, path_of(one))
        except TargetError as error:
            left.append(str(error))
    if left:
        raise TargetError(left)
