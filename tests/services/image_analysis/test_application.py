"""Image analysis: the statistics that the photo's bytes give."""

from __future__ import annotations

from pathlib import Path

from services.airport.analysis import statistics_of
from services.image_analysis.application import build
from tests.services.scripted import frame, serving, settings_of


async def test_the_answer_is_the_statistics_of_the_frame(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path)) as served:
        for seed in range(8):
            answer = await served.http.post("/frame", json=frame(seed).to_json())
            assert (answer.status, await answer.json()) == (200, statistics_of(frame(seed)).to_json())


async def test_the_declared_service_time_is_taken(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path, SERVICE_TIME_MS="40")) as served:
        await served.http.post("/frame", json=frame().to_json())
        (histogram,) = served.telemetry.durations.values()
        assert histogram.total >= 39


async def test_its_status(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path)) as served:
        assert await (await served.http.get("/status")).text() == "Image Analysis v1 : Online"
