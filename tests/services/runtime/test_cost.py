"""The declared cost of a call is what it costs."""

from __future__ import annotations

import time
from pathlib import Path

from services.runtime.cost import spend
from tests.services.scripted import settings_of


async def test_cpu_is_burned_and_the_rest_of_the_service_time_waited(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, CPU_MS="20", SERVICE_TIME_MS="60")
    cpu, wall = time.thread_time(), time.monotonic()
    await spend(settings)
    assert 0.020 <= time.thread_time() - cpu < 0.035
    assert time.monotonic() - wall >= 0.059
