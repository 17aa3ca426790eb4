"""The declared cost of a call is what it costs."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from services.runtime.cost import Cost
from tests.services.scripted import settings_of


async def test_cpu_is_burned_and_the_rest_of_the_service_time_waited(tmp_path: Path) -> None:
    cost = Cost(settings_of(tmp_path, CPU_MS="20", SERVICE_TIME_MS="60"))
    cpu, wall = time.thread_time(), time.monotonic()
    await cost.spend()
    assert 0.020 <= time.thread_time() - cpu < 0.035
    assert time.monotonic() - wall >= 0.059


async def test_so_many_calls_as_there_are_workers_go_on_at_once_and_the_rest_wait_their_turn(tmp_path: Path) -> None:
    cost = Cost(settings_of(tmp_path, CPU_MS="0", SERVICE_TIME_MS="30", WORKERS="2"))
    began, ended = time.monotonic(), dict[int, float]()

    async def call(number: int) -> None:
        await cost.spend()
        ended[number] = time.monotonic() - began

    await asyncio.gather(*map(call, range(6)))
    assert list(ended) == list(range(6))
    assert ended[1] < 0.06 <= ended[3] + 0.002
    assert ended[5] >= 0.088
