from __future__ import annotations

import asyncio

import pytest

from k8s.local.endings import Endings
from k8s.target import TargetError


async def test_it_is_undone_at_its_time_and_again_until_that_does_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("k8s.local.endings.RETRY_S", 0)
    told: list[float] = []
    over = asyncio.Event()

    async def undo(when: float) -> None:
        told.append(when)
        if len(told) < 3:
            raise TargetError("the sidecar of front-0: not now")
        over.set()

    when = asyncio.get_running_loop().time() + 0.01
    Endings().at(when, undo)
    async with asyncio.timeout(10):
        await over.wait()
    assert told == [when] * 3
