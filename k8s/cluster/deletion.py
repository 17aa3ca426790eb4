"""When what was deleted is gone: the API server answers before, as it first sees to what an object owns."""

from __future__ import annotations

import asyncio
import time

from k8s.cluster.api import Api
from k8s.target import TargetError

GONE_S, LOOK_S = 30.0, 0.1


async def gone(api: Api, path: str) -> None:
    """Wait until an object that was deleted is gone. Raises TargetError when it stays for GONE_S."""
    deadline = time.monotonic() + GONE_S
    while time.monotonic() < deadline:
        if await asyncio.to_thread(api.find, path) is None:
            return
        await asyncio.sleep(LOOK_S)
    raise TargetError(f"{path} is deleted, and still there after {GONE_S:g} s")
